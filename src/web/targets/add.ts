import { html, nothing, type TemplateResult } from 'lit';
import { PATHS, type Provider } from '../../contract/index.ts';
import { busy, button } from '../kit/button.ts';
import { type FieldValue, field } from '../kit/field.ts';
import { back, heading } from '../kit/heading.ts';
import { problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { Check } from './check.ts';
import { targetFields } from './form.ts';
import { elsewhere, foundCard } from './found.ts';
import { addressFrom, entered, FOLDER, fieldsFor, OTHER, type Values, whereOf } from './preset.ts';
import { rights } from './rights.ts';
import { faults } from './validate.ts';

/** The form of a new target: only what its provider needs, checked step by step, and saved when all goes well. */
class AddTarget extends Page {
  static override properties = { app: { attribute: false }, provider: {} };
  /** `folder`, or the id of a provider. */
  declare provider: string;
  #name = '';
  #values: Record<string, FieldValue> = {};
  /** What was typed of the address, where a part of it is enough. */
  #where = '';
  /** Fields that were touched, or all once somebody wanted to save: before that nobody is told what is missing. */
  readonly #touched = new Set<string>();
  #tried = false;
  #check: Check | undefined;

  protected override watched() {
    return [this.app.data.providers];
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#check?.stop();
  }

  get #preset(): Provider | undefined {
    return this.app.data.providers.value?.providers.find(({ id }) => id === this.provider);
  }

  get #kind(): 's3' | 'folder' {
    return this.provider === FOLDER ? 'folder' : 's3';
  }

  protected override render(): TemplateResult {
    const { providers } = this.app.data;
    const up = back(t('add.all'), '#/backups/targets/new');
    const preset = this.#preset;
    if (this.#kind === 's3' && !preset) {
      const missing = providers.trouble
        ? problemCard(providers.trouble, { retry: () => providers.refresh() })
        : providers.value
          ? nothing
          : skeleton(16);
      return html`${up}${heading(t('add.title'))}${missing}`;
    }
    const title = preset ? (preset.id === OTHER ? t('add.other') : preset.name) : t('add.folder');
    if (this.#check?.saved && this.#check.report) return this.#found(this.#check);
    return html`
      ${up} ${heading(title, t(preset ? 'add.form_lead' : 'add.folder_lead'))}
      <form class="card" novalidate @submit=${busy((event: Event) => this.#submit(event))}>
        ${preset ? rights(this.app, preset, String(this.#values.bucket ?? '')) : nothing}
        ${field({
          id: 'target-name',
          label: t('form.name'),
          help: t('form.name_help'),
          value: this.#name,
          placeholder: title,
          input: (text) => {
            this.#name = text;
          },
        })}
        ${preset ? this.#address(preset) : nothing}
        ${targetFields({
          kind: this.#kind,
          fields: fieldsFor(this.#kind, preset),
          provider: preset,
          values: this.#values,
          change: (name, value) => this.#changed(name, value),
          faults: this.#shownFaults(),
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

  #address(preset: Provider): TemplateResult | typeof nothing {
    const where = whereOf(preset);
    if (where === 'nothing') return nothing;
    const shown = this.#shownFaults();
    return field({
      id: 'field-where',
      label: t(`form.where.${where}`),
      help: t(`form.where.${where}_help`, {
        example: where === 'region' ? (preset.regions[0] ?? preset.example) : preset.example,
      }),
      value: this.#where,
      required: true,
      type: where === 'address' ? 'url' : 'text',
      suggestions: where === 'region' ? preset.regions : [],
      error: shown.where ?? shown.endpoint ?? (where === 'region' ? shown.region : undefined),
      input: (text) => {
        this.#where = text;
        this.#touched.add('endpoint').add('region');
        this.requestUpdate();
      },
    });
  }

  get #settings(): Values {
    const preset = this.#preset;
    const values = entered(fieldsFor(this.#kind, preset), this.#values, this.#values);
    return preset ? { ...values, ...addressFrom(preset, this.#where) } : values;
  }

  #changed(name: string, value: FieldValue): void {
    this.#values = { ...this.#values, [name]: value };
    this.#touched.add(name);
    this.requestUpdate();
  }

  #faults(): Readonly<Record<string, string>> {
    const preset = this.#preset;
    const missing = preset && whereOf(preset) !== 'nothing' && this.#where.trim() === '';
    return { ...faults(this.#kind, this.#settings), ...(missing ? { where: t('invalid.missing') } : {}) };
  }

  #shownFaults(): Readonly<Record<string, string>> {
    const shown = ([name]: [string, string]) =>
      this.#tried || (this.#touched.has(name) && (this.#values[name] ?? this.#where) !== '');
    return Object.fromEntries(Object.entries(this.#faults()).filter(shown));
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    this.#tried = true;
    this.requestUpdate();
    await this.updateComplete;
    if (Object.keys(this.#faults()).length > 0) {
      this.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
      return;
    }
    await this.#save();
  }

  async #save(): Promise<void> {
    this.#check ??= new Check(this.app.api, () => this.requestUpdate());
    const name = this.#name.trim() || this.#preset?.name || t('add.folder');
    await this.#check.run({ name, settings: { kind: this.#kind, ...this.#settings }, save: true });
    const { saved, report } = this.#check;
    if (!saved || !report) {
      await this.updateComplete;
      this.querySelector('.problem')?.scrollIntoView({ block: 'nearest' });
      return;
    }
    void this.app.data.targets.refresh();
    if (elsewhere(report).length === 0) this.app.router.replace(`/backups/targets/${saved.id}/added`);
    else this.querySelector<HTMLElement>('#found')?.focus();
  }

  /** What is saved already is only taken for good once the person has seen where backups lie. */
  #found({ report, saved }: Check): TemplateResult {
    if (!report || !saved || elsewhere(report).length === 0) return skeleton(12);
    return html`
      ${heading(t('found.heading'))}
      ${foundCard(
        report,
        (folder) => this.#adopt(saved.id, folder),
        html`<div class="actions">
          ${button({
            label: t('found.stay'),
            act: () => this.app.router.replace(`/backups/targets/${saved.id}/added`),
          })}
        </div>`,
      )}
    `;
  }

  /** A place is known to Home Assistant by bucket and folder: the one with the other folder is another one. */
  async #adopt(target_id: string, folder: string): Promise<void> {
    try {
      await this.app.api.delete(PATHS.target, { params: { target_id } });
      this.#values = { ...this.#values, folder };
      await this.#save();
    } catch (error) {
      this.app.toasts.fail(error);
    }
  }
}

customElements.define('hs-add-target', AddTarget);
