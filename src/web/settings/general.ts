import { html, type TemplateResult } from 'lit';
import {
  type GeneralSettings,
  GeneralSettings as GeneralSettingsSchema,
  LANGUAGES,
  PATHS,
} from '../../contract/index.ts';
import { choice, field } from '../kit/field.ts';
import { Form } from '../kit/form.ts';
import { t } from '../words/index.ts';
import { SettingsPage, top } from './page.ts';

/** A web page that may use the API, for example. */
const ORIGIN = 'https://dash.example.org';

/** A language as those call it who speak it. */
const endonym = (language: string) =>
  new Intl.DisplayNames(language, { type: 'language' }).of(language) ?? language;

const toValues = ({ name, language, overdue_days, cors_origins }: GeneralSettings) => ({
  name,
  language: language as string,
  overdue_days: String(overdue_days),
  cors_origins: cors_origins.join('\n'),
});
type Values = ReturnType<typeof toValues>;

const toBody = ({ name, language, overdue_days, cors_origins }: Values) => ({
  name,
  language,
  overdue_days: overdue_days.trim() === '' ? undefined : Number(overdue_days),
  cors_origins: cors_origins.split(/\s+/).filter((origin) => origin !== ''),
});

/** The name, when a person is told that backups are overdue, and who may use the API from other pages. */
class GeneralPage extends SettingsPage<GeneralSettings> {
  protected override readonly name = 'settings.general.name';
  #form: Form<Values, GeneralSettings> | undefined;

  protected override get shown() {
    return this.app.data.settings;
  }

  protected override head({ name, overdue_days: count }: GeneralSettings): TemplateResult {
    const lead = count === 0 ? t('settings.general.lead_home') : t('settings.general.lead', { count });
    return top(t('settings.general.title', { name }), lead);
  }

  protected override draw(settings: GeneralSettings): TemplateResult {
    this.#form ??= new Form({
      host: this,
      schema: GeneralSettingsSchema,
      values: toValues(settings),
      body: toBody,
    });
    this.#form.fresh(toValues(settings));
    return html`<section class="card">${this.#draw(this.#form)}</section>`;
  }

  #draw(form: Form<Values, GeneralSettings>): TemplateResult {
    const error = (name: Exclude<keyof Values, 'language'>) =>
      form.wrong(name) ? t(`settings.general.wrong.${name}`, { example: ORIGIN }) : undefined;
    const content = html`
      ${field({
        id: 'name',
        label: t('settings.general.name_label'),
        help: t('settings.general.name_help'),
        error: error('name'),
        value: form.values.name,
        required: true,
        input: (name) => form.set({ name }),
      })}
      ${choice({
        id: 'language',
        label: t('settings.general.language'),
        help: t('settings.general.language_help'),
        value: form.values.language,
        choices: [
          { value: 'auto', label: t('settings.general.language_auto') },
          ...LANGUAGES.map((value) => ({ value, label: endonym(value) })),
        ],
        change: (language) => form.set({ language }),
      })}
      ${field({
        id: 'overdue',
        label: t('settings.general.overdue'),
        help: t('settings.general.overdue_help'),
        error: error('overdue_days'),
        value: form.values.overdue_days,
        type: 'number',
        unit: t('settings.general.days'),
        required: true,
        input: (overdue_days) => form.set({ overdue_days }),
      })}
      <details class="more">
        <summary>${t('settings.more')}</summary>
        ${field({
          id: 'cors',
          label: t('settings.general.cors'),
          help: t('settings.general.cors_help'),
          error: error('cors_origins'),
          value: form.values.cors_origins,
          type: 'multiline',
          placeholder: ORIGIN,
          input: (cors_origins) => form.set({ cors_origins }),
        })}
      </details>
    `;
    return form.render({ content, verb: t('act.save'), act: (body) => this.#save(body) });
  }

  async #save(body: GeneralSettings): Promise<void> {
    await this.app.api.patch(PATHS.settings, { body });
    await this.app.data.settings.refresh();
    this.app.toasts.say(t('settings.saved'));
  }
}

customElements.define('hs-general', GeneralPage);
