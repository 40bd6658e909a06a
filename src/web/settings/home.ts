import { html, nothing, type TemplateResult } from 'lit';
import { type HomeAssistant, HomeAssistantAccess, PATHS } from '../../contract/index.ts';
import { button } from '../kit/button.ts';
import { confirm } from '../kit/dialog.ts';
import { field } from '../kit/field.ts';
import { Form } from '../kit/form.ts';
import { problem } from '../kit/problem.ts';
import { ago } from '../kit/time.ts';
import { t } from '../words/index.ts';
import { homeBackups } from './home-backups.ts';
import { SettingsPage, top } from './page.ts';

/** Where Home Assistant is found, unless somebody changed that. */
const EXAMPLE = 'http://homeassistant.local:8123';

/** The way back into Home Assistant: how it stands, what sets it up, and what Home Assistant says of its backups. */
class HomePage extends SettingsPage<HomeAssistant> {
  protected override readonly name = 'settings.home.name';
  readonly #form = new Form<{ url: string; token: string }, HomeAssistantAccess>({
    host: this,
    schema: HomeAssistantAccess,
    values: { url: '', token: '' },
  });
  /** The form stands open though there is an access already. */
  #changing = false;

  protected override get shown() {
    return this.app.data.home;
  }

  protected override watched() {
    return [...super.watched(), this.app.data.targets];
  }

  protected override head({ state, via, home }: HomeAssistant): TemplateResult {
    const sentence =
      home && state === 'connected'
        ? t('settings.home.connected', { name: home.name })
        : t(`settings.home.state.${state}`);
    return top(sentence, t(via ? `settings.home.via.${via}` : 'settings.home.lead'));
  }

  protected override draw(document: HomeAssistant): TemplateResult {
    return html`
      <section class="card">${this.#connection(document)}</section>
      ${document.via ? homeBackups(this.app, document) : nothing}
    `;
  }

  #connection({ state, via, url, home, since, problem: trouble }: HomeAssistant): TemplateResult {
    return html`
      <h2>${t('settings.home.connection')}</h2>
      ${trouble ? problem(trouble) : nothing}
      ${
        via
          ? html`<dl class="facts">
              ${url ? html`<dt>${t('settings.home.url')}</dt><dd>${url}</dd>` : nothing}
              <dt>${t('settings.home.since')}</dt>
              <dd>${ago(since)}</dd>
              ${home ? html`<dt>${t('settings.home.version')}</dt><dd>${home.version}</dd>` : nothing}
            </dl>`
          : nothing
      }
      ${state === 'off' || this.#changing ? this.#draw() : via === 'token' ? this.#acts() : nothing}
    `;
  }

  #acts(): TemplateResult {
    return html`<div class="actions start">
      ${button({ label: t('settings.home.change'), act: () => this.#open(true) })}
      ${button({ label: t('settings.home.disconnect'), danger: true, act: () => this.#disconnect() })}
    </div>`;
  }

  #draw(): TemplateResult {
    const form = this.#form;
    const content = html`
      ${field({
        id: 'url',
        label: t('settings.home.url'),
        help: t('settings.home.url_help'),
        error: form.wrong('url') ? t('settings.home.url_wrong', { example: EXAMPLE }) : undefined,
        value: form.values.url,
        type: 'url',
        placeholder: EXAMPLE,
        required: true,
        input: (url) => form.set({ url }),
      })}
      ${field({
        id: 'token',
        label: t('settings.home.token'),
        help: t('settings.home.token_help'),
        error: form.wrong('token') ? t('settings.home.token_wrong') : undefined,
        value: form.values.token,
        type: 'secret',
        required: true,
        input: (token) => form.set({ token }),
      })}
    `;
    const more = this.#changing ? button({ label: t('act.cancel'), act: () => this.#open(false) }) : html``;
    return form.render({
      content,
      more,
      verb: t('settings.home.connect'),
      meanwhile: t('settings.trying'),
      act: (body) => this.#connect(body),
    });
  }

  #open(changing: boolean): void {
    this.#changing = changing;
    const url = this.shown.value?.url;
    if (changing && url) this.#form.fresh({ url, token: '' });
    this.requestUpdate();
  }

  async #connect(body: HomeAssistantAccess): Promise<void> {
    await this.app.api.put(PATHS.home_assistant, { body });
    this.#form.values = { ...body, token: '' };
    this.#changing = false;
    await this.shown.refresh();
    this.app.toasts.say(t('settings.home.done'));
  }

  #disconnect(): Promise<boolean> {
    return confirm({
      title: t('settings.home.disconnect_title'),
      content: t('settings.home.disconnect_text'),
      verb: t('settings.home.disconnect'),
      danger: true,
      act: async () => {
        await this.app.api.delete(PATHS.home_assistant);
        await this.shown.refresh();
      },
    });
  }
}

customElements.define('hs-home', HomePage);
