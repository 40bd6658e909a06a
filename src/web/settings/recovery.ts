import { mdiEyeOutline, mdiPrinterOutline } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import { PATHS, type RecoveryKey, type RecoveryKeyState } from '../../contract/index.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { button } from '../kit/button.ts';
import { copyButton } from '../kit/copy.ts';
import { problem } from '../kit/problem.ts';
import { saveButton } from '../kit/save-file.ts';
import { ago } from '../kit/time.ts';
import { exact } from '../words/format.ts';
import { t } from '../words/index.ts';
import { SettingsPage, top } from './page.ts';

/** The recovery key: shown when it is asked for, until a person says that it is kept. */
class RecoveryPage extends SettingsPage<RecoveryKeyState> {
  protected override readonly name = 'settings.recovery.name';
  #identity: string | undefined;
  #trouble: Trouble | undefined;

  protected override get shown() {
    return this.app.data.recovery;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // who comes back asks for it again
    this.#identity = undefined;
  }

  protected override head({ kept_at }: RecoveryKeyState): TemplateResult {
    return top(
      t(kept_at ? 'settings.recovery.kept' : 'settings.recovery.title'),
      t('settings.recovery.lead'),
    );
  }

  protected override draw(state: RecoveryKeyState): TemplateResult {
    const { kept_at, created_at, recipient } = state;
    return html`
      <section class="card">
        <h2>${t('settings.recovery.name')}</h2>
        <p>${t('settings.recovery.text')}</p>
        <div class="dialog-text" role="status">
          ${this.#identity ? this.#show(this.#identity, state) : nothing}
        </div>
        ${this.#trouble ? problem(this.#trouble) : nothing}
        <div class="actions start">
          ${
            this.#identity
              ? nothing
              : button({
                  label: t('settings.recovery.reveal'),
                  icon: mdiEyeOutline,
                  primary: !kept_at,
                  act: () => this.#try(() => this.#reveal()),
                })
          }
          ${
            this.#identity && !kept_at
              ? button({
                  label: t('settings.recovery.keep'),
                  primary: true,
                  act: () => this.#try(() => this.#keep()),
                })
              : nothing
          }
        </div>
        <dl class="facts small">
          <dt>${t('settings.recovery.made')}</dt>
          <dd>${ago(created_at)}</dd>
          <dt>${t('settings.recovery.kept_at')}</dt>
          <dd>${kept_at ? ago(kept_at) : t('settings.recovery.not_kept')}</dd>
          <dt>${t('settings.recovery.recipient')}</dt>
          <dd class="code">${recipient}</dd>
        </dl>
      </section>
    `;
  }

  #show(identity: string, state: RecoveryKeyState): TemplateResult {
    return html`
      <p class="secret">${identity}</p>
      <div class="actions start">
        ${copyButton(this.app, () => identity)}
        ${saveButton('homestash-recovery-key.txt', () => this.#file(identity, state))}
        ${button({ label: t('settings.recovery.print'), icon: mdiPrinterOutline, act: () => print() })}
      </div>
    `;
  }

  /** What a file says that is found years later. */
  #file(identity: string, { created_at, recipient }: RecoveryKeyState): string {
    return [
      `${t('settings.recovery.name')} · ${this.app.session?.name ?? t('name')}`,
      t('settings.recovery.text'),
      identity,
      `${t('settings.recovery.made')}: ${exact(new Date(created_at))}`,
      `${t('settings.recovery.recipient')}: ${recipient}`,
      '',
    ]
      .join('\n\n')
      .replaceAll('\u00ad', '');
  }

  async #try(act: () => Promise<void>): Promise<void> {
    this.#trouble = undefined;
    try {
      await act();
    } catch (error) {
      this.#trouble = toTrouble(error);
    }
    this.requestUpdate();
  }

  async #reveal(): Promise<void> {
    this.#identity = (await this.app.api.post<RecoveryKey>(PATHS.recovery_key_reveal)).identity;
  }

  async #keep(): Promise<void> {
    await this.app.api.post(PATHS.recovery_key_kept);
    this.#identity = undefined;
    await this.shown.refresh();
    this.app.toasts.say(t('settings.recovery.thanks'));
  }
}

customElements.define('hs-recovery', RecoveryPage);
