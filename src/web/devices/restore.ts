import { html, nothing, type TemplateResult } from 'lit';
import { type Operation, PATHS, type RestorePlan } from '../../contract/index.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { button, linkButton } from '../kit/button.ts';
import { toggle } from '../kit/field.ts';
import { back, heading } from '../kit/heading.ts';
import { problem, problemCard } from '../kit/problem.ts';
import { progress } from '../kit/progress.ts';
import { skeleton } from '../kit/skeleton.ts';
import { shape, status } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { identityComparison } from './identity.ts';

/** Writes a saved configuration back: which device it is, what to know, and then what becomes of it. */
class RestorePage extends Page {
  static override properties = { app: { attribute: false }, device: {}, artefact: {} };
  declare device: string;
  declare artefact: string;
  #plan: RestorePlan | undefined;
  #trouble: Trouble | undefined;
  #asked = false;
  #understood = false;
  #operation: string | undefined;

  protected override watched() {
    return [this.app.data.devices, this.app.data.operations];
  }

  protected override render(): TemplateResult {
    const { value, trouble } = this.app.data.operations;
    const operations = value?.operations;
    // whoever comes back to the page sees what is under way, however it was begun
    this.#operation ??= operations?.find(
      ({ kind, state, subject }) =>
        kind === 'device_restore' && state === 'running' && subject.artefact_id === this.artefact,
    )?.id;
    if (!this.#asked && !this.#operation && (operations || trouble)) void this.#ask();
    const device = this.app.data.devices.value?.devices.find(({ id }) => id === this.device);
    const operation = operations?.find(({ id }) => id === this.#operation);
    return html`
      ${back(device?.name ?? t('devices.one'), `#/devices/${this.device}/saved/${this.artefact}`)}
      ${heading(t('devices.restore.title', { name: device?.name ?? '' }), this.#operation ? undefined : t('devices.restore.lead'))}
      ${
        this.#operation
          ? this.#outcome(operation)
          : this.#trouble
            ? problemCard(this.#trouble, { retry: () => this.#ask() })
            : this.#plan
              ? this.#decide(this.#plan)
              : html`<div class="card" role="status"><p>${t('devices.restore.asking')}</p>${skeleton(4)}</div>`
      }
    `;
  }

  #decide({ problem: blocked, saved, now, warnings }: RestorePlan): TemplateResult {
    const known = warnings.length === 0 || this.#understood;
    return html`
      <section class="card">
        ${identityComparison(saved, now)}
        ${
          blocked
            ? problem(blocked)
            : html`
                <p>${status('ok', t('devices.restore.fits'))}</p>
                ${warnings.map((warning) => html`<div class="problem">${shape('warn')}<p>${warning}</p></div>`)}
                ${
                  warnings.length > 0
                    ? toggle({
                        id: 'understood',
                        label: t('devices.restore.understood'),
                        on: this.#understood,
                        change: (on) => {
                          this.#understood = on;
                          this.requestUpdate();
                        },
                      })
                    : nothing
                }
              `
        }
        <div class="actions start">
          ${
            blocked
              ? button({ label: t('act.again'), act: () => this.#ask() })
              : button({
                  label: t('devices.restore.do'),
                  primary: true,
                  danger: true,
                  disabled: !known,
                  act: () => this.#begin(),
                })
          }
          ${linkButton(t('act.cancel'), `#/devices/${this.device}/saved/${this.artefact}`)}
        </div>
      </section>
    `;
  }

  #outcome(operation: Operation | undefined): TemplateResult {
    const done = operation && operation.state !== 'running';
    return html`
      <section class="card" role="status">
        ${done ? nothing : progress({ label: t('devices.restore.running') })}
        ${operation?.state === 'succeeded' ? html`<p>${status('ok', t('devices.restore.done'))}</p>` : nothing}
        ${done && operation.problem ? problem(operation.problem) : nothing}
        ${done ? html`<div class="actions start">${linkButton(t('devices.restore.back'), `#/devices/${this.device}`, true)}</div>` : nothing}
      </section>
    `;
  }

  get #params() {
    return { device_id: this.device, artefact_id: this.artefact };
  }

  async #ask(): Promise<void> {
    this.#asked = true;
    this.#trouble = undefined;
    try {
      this.#plan = await this.app.api.get<RestorePlan>(PATHS.device_restore, { params: this.#params });
    } catch (error) {
      this.#trouble = toTrouble(error);
    }
    this.requestUpdate();
  }

  async #begin(): Promise<void> {
    try {
      const { operation_id } = await this.app.api.post<{ operation_id: string }>(PATHS.device_restore, {
        params: this.#params,
        body: {},
      });
      this.#operation = operation_id;
      await this.app.data.operations.refresh();
    } catch (error) {
      this.app.toasts.fail(error);
    }
    this.requestUpdate();
  }
}

customElements.define('hs-restore-device', RestorePage);
