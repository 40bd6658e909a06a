import { html, type TemplateResult } from 'lit';
import { PATHS, PasswordChange } from '../../contract/index.ts';
import { button } from '../kit/button.ts';
import { field } from '../kit/field.ts';
import { Form } from '../kit/form.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { top } from './page.ts';

/** How people come in: with a password, which is changed here, or through Home Assistant, which looks after that. */
class AccessPage extends Page {
  #form = this.#empty();

  protected override watched() {
    return [];
  }

  protected override render(): TemplateResult {
    const { via, user } = this.app.session ?? {};
    if (via === 'home_assistant') {
      return html`
        ${top(t('settings.access.home'), t('settings.access.home_lead'))}
        <section class="card">
          <p>${user ? t('settings.access.home_user', { user }) : t('settings.access.home_text')}</p>
        </section>
      `;
    }
    return html`
      ${top(t('settings.access.title'), t('settings.access.lead'))}
      <section class="card">
        <h2>${t('settings.access.change')}</h2>
        ${this.#draw()}
      </section>
      <section class="card">
        <h2>${t('settings.access.out_title')}</h2>
        <p>${t('settings.access.out_text')}</p>
        <div class="actions start">${button({ label: t('settings.access.out'), act: () => this.#signOut() })}</div>
      </section>
    `;
  }

  #draw(): TemplateResult {
    const form = this.#form;
    const content = html`
      <input class="hidden" autocomplete="username" value="homestash" readonly tabindex="-1" aria-hidden="true" />
      ${field({
        id: 'current',
        label: t('settings.access.current'),
        error: form.wrong('current') ? t('settings.access.current_wrong') : undefined,
        value: form.values.current,
        type: 'secret',
        required: true,
        autocomplete: 'current-password',
        input: (current) => form.set({ current }),
      })}
      ${field({
        id: 'new-password',
        label: t('session.first.password'),
        help: t('session.first.password_help'),
        error: form.wrong('password') ? t('session.first.short') : undefined,
        value: form.values.password,
        type: 'secret',
        required: true,
        autocomplete: 'new-password',
        input: (password) => form.set({ password }),
      })}
    `;
    return form.render({
      content,
      verb: t('settings.access.change'),
      act: async (body) => {
        await this.app.api.put(PATHS.session_password, { body });
        this.#form = this.#empty();
        this.app.toasts.say(t('settings.access.changed'));
      },
    });
  }

  #empty() {
    return new Form({ host: this, schema: PasswordChange, values: { current: '', password: '' } });
  }

  async #signOut(): Promise<void> {
    try {
      await this.app.api.delete(PATHS.session);
      await this.app.start();
    } catch (error) {
      this.app.toasts.fail(error);
    }
  }
}

customElements.define('hs-access', AccessPage);
