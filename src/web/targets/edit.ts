import { html, nothing, type TemplateResult } from 'lit';
import { TARGET_FIELDS, type Target } from '../../contract/index.ts';
import { busy } from '../kit/button.ts';
import { type FieldValue, field } from '../kit/field.ts';
import { back, heading } from '../kit/heading.ts';
import { problem } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { Check } from './check.ts';
import { targetFields } from './form.ts';
import { entered, type Values } from './preset.ts';
import { faults } from './validate.ts';

/** In place of a secret that stays: only that it is there is known here. */
const KEPT = `${'A'.repeat(43)}=`;

/** The settings of a target: a change is checked step by step, and saved when all goes well. */
class EditTarget extends Page {
  static override properties = { app: { attribute: false }, target: {} };
  declare target: string;
  #name: string | undefined;
  #changes: Record<string, FieldValue> = {};
  #check: Check | undefined;

  protected override watched() {
    return [this.app.data.targets, this.app.data.providers];
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#check?.stop();
  }

  protected override render(): TemplateResult {
    const { targets, providers } = this.app.data;
    const target = targets.value?.targets.find(({ id }) => id === this.target);
    if (!target) return html`${heading(t('added.none'))}${targets.value ? nothing : skeleton(16)}`;
    const { kind } = target.settings;
    const provider = providers.value?.providers.find(({ id }) => id === target.capabilities?.provider);
    return html`
      ${back(target.name, `#/backups/targets/${target.id}`)} ${heading(t('edit.title', { name: target.name }))}
      <form class="card" novalidate @submit=${busy((event: Event) => this.#submit(event, target))}>
        ${target.problem && !this.#check ? problem(target.problem) : nothing}
        ${field({
          id: 'target-name',
          label: t('form.name'),
          help: t('form.name_help'),
          required: true,
          value: this.#name ?? target.name,
          input: (text) => {
            this.#name = text;
          },
        })}
        ${targetFields({
          kind,
          fields: TARGET_FIELDS[kind],
          provider,
          values: { ...(target.settings as Values), ...this.#changes },
          change: (name, value) => {
            this.#changes = { ...this.#changes, [name]: value };
            this.requestUpdate();
          },
          faults: this.#faults(target),
          existing: true,
        })}
        ${this.#check?.render() ?? nothing}
        <div class="actions">
          <button type="submit" class="button primary" aria-busy=${this.#check?.running ? 'true' : 'false'}>
            <span>${t('form.check_and_save')}</span>
          </button>
        </div>
      </form>
    `;
  }

  /** Secrets that were emptied again stay as they are. */
  #patch({ settings }: Target): Values {
    const fields = TARGET_FIELDS[settings.kind];
    const all = { ...(settings as Values), ...this.#changes };
    const secrets = fields.filter(({ type }) => type === 'secret').map(({ name }) => name);
    return Object.fromEntries(
      Object.entries(entered(fields, this.#changes, all)).filter(
        ([name, value]) => value !== '' || !secrets.includes(name),
      ),
    );
  }

  #faults(target: Target): Readonly<Record<string, string>> {
    const { kind, ...known } = target.settings;
    const secrets = TARGET_FIELDS[kind].filter(({ type }) => type === 'secret');
    const kept = Object.fromEntries(secrets.map(({ name }) => [name, KEPT]));
    return faults(kind, { ...kept, ...(known as Values), ...this.#patch(target) });
  }

  async #submit(event: Event, target: Target): Promise<void> {
    event.preventDefault();
    if (Object.keys(this.#faults(target)).length > 0) {
      this.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
      return;
    }
    this.#check ??= new Check(this.app.api, () => this.requestUpdate());
    const name = this.#name?.trim();
    await this.#check.run({
      target_id: target.id,
      settings: this.#patch(target),
      save: true,
      ...(name ? { name } : {}),
    });
    if (!this.#check.saved) {
      await this.updateComplete;
      this.querySelector('.problem')?.scrollIntoView({ block: 'nearest' });
      return;
    }
    void this.app.data.targets.refresh();
    this.app.toasts.say(t('edit.saved'));
    this.app.router.go(`/backups/targets/${target.id}`);
  }
}

customElements.define('hs-edit-target', EditTarget);
