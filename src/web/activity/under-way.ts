import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { type Operation, PATHS } from '../../contract/index.ts';
import { button } from '../kit/button.ts';
import { progress } from '../kit/progress.ts';
import { Page } from '../shell/page.ts';
import { bytes, duration, speed } from '../words/format.ts';
import { maybe, t } from '../words/index.ts';
import { Pace } from './pace.ts';

const KINDS = ['upload', 'download', 'device_backup', 'device_restore'] as const;
type Kind = (typeof KINDS)[number];

const isShown = ({ kind, state }: Operation): boolean =>
  state === 'running' && (KINDS as readonly string[]).includes(kind);

/** What is on its way at this moment: a backup that Home Assistant makes, uploads and downloads. Nothing where that is nothing. */
class UnderWay extends Page {
  readonly #pace = new Pace();

  protected override watched() {
    return [this.app.data.home, this.app.data.operations, this.app.data.targets];
  }

  protected override render(): TemplateResult | typeof nothing {
    const running = (this.app.data.operations.value?.operations ?? []).filter(isShown);
    const making = this.#making();
    for (const operation of running) this.#pace.see(operation, performance.now());
    if (running.length === 0 && making === nothing) return nothing;
    return html`
      <section class="card" aria-labelledby="under-way">
        <h2 id="under-way">${t('under_way.title')}</h2>
        ${making}
        ${repeat(
          running,
          ({ id }) => id,
          (operation) => this.#operation(operation),
        )}
      </section>
    `;
  }

  #making(): TemplateResult | typeof nothing {
    const backups = this.app.data.home.value?.backups;
    if (!backups || !/^(create|receive|restore)_backup$/.test(backups.state)) return nothing;
    const label = maybe(`under_way.${backups.state}`) ?? backups.state;
    return progress({ label, detail: maybe(`under_way.stage.${backups.stage}`) ?? '' });
  }

  #operation(operation: Operation): TemplateResult {
    const { id, kind, subject, done, total } = operation;
    const target = this.app.data.targets.value?.targets.find((other) => other.id === subject.target_id);
    const words = { name: subject.name ?? '', target: target?.name ?? '', device: subject.device ?? '' };
    const label = t(`under_way.${kind as Kind}`, words);
    const rate = this.#pace.speed(id);
    const sizes = [
      total ? t('under_way.of', { done: bytes(done), total: bytes(total) }) : bytes(done),
      ...(rate ? [speed(rate)] : []),
      ...(rate && total && total > done
        ? [t('under_way.left', { time: duration((total - done) / rate) })]
        : []),
    ];
    return html`
      <div class="under-way">
        ${progress({ label, done, total, detail: done > 0 || total ? sizes.join(' · ') : '' })}
        ${
          // half a configuration could make a device unusable
          kind === 'device_restore'
            ? nothing
            : button({
                label: t('act.cancel'),
                name: t('under_way.cancel', { what: label }),
                act: () => this.#cancel(id),
              })
        }
      </div>
    `;
  }

  async #cancel(operation_id: string): Promise<void> {
    try {
      await this.app.api.post(PATHS.operation_cancel, { params: { operation_id } });
    } catch (error) {
      this.app.toasts.fail(error);
    }
  }
}

customElements.define('hs-under-way', UnderWay);
