import { mdiArchiveOutline } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import * as v from 'valibot';
import { NewPassword, PATHS, type Session } from '../../contract/index.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { field } from '../kit/field.ts';
import { icon } from '../kit/icon.ts';
import { problem } from '../kit/problem.ts';
import type { App } from '../shell/app.ts';
import { Element } from '../shell/page.ts';
import { t } from '../words/index.ts';

/** The way in without Home Assistant: the first password with the code from the log, then the password. */
class SessionPage extends Element {
  static override properties = { app: { attribute: false } };
  declare app: App;
  #code = '';
  #password = '';
  #trouble: Trouble | undefined;
  #busy = false;
  /** The password was forgotten: another is chosen, with a new code. */
  #forgotten = false;

  get #first(): boolean {
    return this.app.session?.state === 'setup' || this.#forgotten;
  }

  override async firstUpdated(): Promise<void> {
    this.querySelector<HTMLElement>('input')?.focus();
  }

  protected override render(): TemplateResult {
    const first = this.#first;
    document.title = `${t(first ? 'session.first.name' : 'session.sign_in.name')} · ${t('name')}`;
    return html`
      <main class="alone">
        <form class="card" novalidate @submit=${(event: Event) => void this.#submit(event)}>
          <p class="brand">${icon(mdiArchiveOutline)}<span>${this.app.session?.name ?? t('name')}</span></p>
          ${first ? this.#choose() : this.#enter()} ${this.#trouble ? problem(this.#trouble) : nothing}
          <div class="actions">
            ${this.#forgotten ? this.#turn(t('act.cancel'), false) : nothing}
            ${first ? nothing : this.#turn(t('session.sign_in.forgotten'), true)}
            <button type="submit" class="button primary" aria-busy=${this.#busy ? 'true' : 'false'}>
              <span>${t(first ? 'session.first.act' : 'session.sign_in.act')}</span>
            </button>
          </div>
        </form>
      </main>
    `;
  }

  #choose(): TemplateResult {
    const short = this.#password !== '' && !v.safeParse(NewPassword, this.#password).success;
    return html`
      <h1 tabindex="-1">${t(this.#forgotten ? 'session.first.again' : 'session.first.title')}</h1>
      <p>${t(this.#forgotten ? 'session.first.again_text' : 'session.first.text')}</p>
      ${field({
        id: 'setup-code',
        label: t('session.first.code'),
        help: t('session.first.code_help'),
        value: this.#code,
        required: true,
        autocomplete: 'one-time-code',
        input: (text) => {
          this.#code = text;
        },
      })}
      ${this.#user()}
      ${field({
        id: 'new-password',
        label: t('session.first.password'),
        help: t('session.first.password_help'),
        error: short ? t('session.first.short') : undefined,
        value: this.#password,
        type: 'secret',
        required: true,
        autocomplete: 'new-password',
        input: (text) => this.#typed(text),
      })}
    `;
  }

  #enter(): TemplateResult {
    return html`
      <h1 tabindex="-1">${t('session.sign_in.title')}</h1>
      ${this.#user()}
      ${field({
        id: 'password',
        label: t('session.sign_in.password'),
        value: this.#password,
        type: 'secret',
        required: true,
        autocomplete: 'current-password',
        input: (text) => this.#typed(text),
      })}
    `;
  }

  /** Password managers keep a password under a name. */
  #user(): TemplateResult {
    return html`<input class="hidden" autocomplete="username" value="homestash" readonly tabindex="-1" aria-hidden="true" />`;
  }

  #turn(label: string, forgotten: boolean): TemplateResult {
    const act = async () => {
      this.#forgotten = forgotten;
      this.#trouble = undefined;
      this.#password = '';
      this.requestUpdate();
      await this.updateComplete;
      this.querySelector<HTMLElement>('h1')?.focus();
    };
    return html`<button type="button" class="button" @click=${act}><span>${label}</span></button>`;
  }

  #typed(text: string): void {
    this.#password = text;
    this.requestUpdate();
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    if (this.#busy) return;
    this.#busy = true;
    this.#trouble = undefined;
    this.requestUpdate();
    try {
      const password = this.#password;
      const session = this.#first
        ? await this.app.api.post<Session>(PATHS.session_setup, {
            body: { code: this.#code.trim(), password },
          })
        : await this.app.api.post<Session>(PATHS.session, { body: { password } });
      this.app.enter(session);
    } catch (error) {
      this.#trouble = toTrouble(error);
    }
    this.#busy = false;
    this.requestUpdate();
  }
}

customElements.define('hs-session', SessionPage);
