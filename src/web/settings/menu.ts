import {
  mdiArchiveLockOutline,
  mdiBellOutline,
  mdiChevronRight,
  mdiHomeOutline,
  mdiInformationOutline,
  mdiKeyOutline,
  mdiLockOutline,
  mdiPuzzleOutline,
  mdiTextBoxOutline,
  mdiTransitConnectionVariant,
  mdiTuneVariant,
} from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import type { HomeAssistant, WebhookList } from '../../contract/index.ts';
import { heading } from '../kit/heading.ts';
import { icon } from '../kit/icon.ts';
import { status, type Tone } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { MQTT_TONES } from './mqtt.ts';

/** What stands below the name of a page: how it is there, or what it is for. */
type Line = TemplateResult | string | undefined;

const HOME_TONES: Readonly<Record<HomeAssistant['state'], Tone>> = {
  off: 'warn',
  connecting: 'busy',
  connected: 'ok',
  refused: 'bad',
  away: 'warn',
};

/** All that can be set, and how it stands. */
class SettingsMenu extends Page {
  protected override watched() {
    const { home, mqtt, tokens, recovery, webhooks } = this.app.data;
    return [home, mqtt, tokens, recovery, webhooks];
  }

  protected override render(): TemplateResult {
    const { home, mqtt, tokens, recovery, webhooks } = this.app.data;
    const byHome = this.app.session?.via === 'home_assistant';
    return html`
      ${heading(this.#sentence(), t('settings.lead'))}
      <div class="groups">
        ${this.#group(t('settings.connections'), [
          this.#row('home-assistant', mdiHomeOutline, t('settings.home.name'), this.#home(home.value)),
          this.#row(
            'pairing',
            mdiPuzzleOutline,
            t('settings.pairing.name'),
            this.#tokens(tokens.value?.tokens.length),
          ),
          this.#row(
            'mqtt',
            mdiTransitConnectionVariant,
            t('settings.mqtt.name'),
            mqtt.value && status(MQTT_TONES[mqtt.value.state], t(`settings.mqtt.${mqtt.value.state}`)),
          ),
          this.#row(
            'notifications',
            mdiBellOutline,
            t('settings.webhooks.name'),
            this.#webhooks(webhooks.value),
          ),
        ])}
        ${this.#group(t('settings.safety'), [
          this.#row(
            'recovery-key',
            mdiKeyOutline,
            t('settings.recovery.name'),
            this.#recovery(recovery.value?.kept_at),
          ),
          this.#row(
            'access',
            mdiLockOutline,
            t('settings.access.name'),
            t(byHome ? 'settings.access.line_home' : 'settings.access.line'),
          ),
          this.#row('move', mdiArchiveLockOutline, t('settings.move.name'), t('settings.move.line')),
        ])}
        ${this.#group(t('settings.device'), [
          this.#row('general', mdiTuneVariant, t('settings.general.name'), t('settings.general.line')),
          this.#row('log', mdiTextBoxOutline, t('settings.log.name'), t('settings.log.line')),
          this.#row('about', mdiInformationOutline, t('settings.about.name'), t('settings.about.line')),
        ])}
      </div>
    `;
  }

  /** What is most worth knowing of all below. */
  #sentence(): string {
    const { home, tokens, recovery } = this.app.data;
    if (!home.value || !tokens.value || !recovery.value) return t('settings.name');
    if (tokens.value.tokens.length === 0) return t('settings.not_paired');
    if (home.value.state !== 'connected') return t(`settings.home.state.${home.value.state}`);
    if (!recovery.value.kept_at) return t('settings.recovery.title');
    return t('settings.fine');
  }

  #home(home: HomeAssistant | undefined): Line {
    return home && status(HOME_TONES[home.state], t(`settings.home.word.${home.state}`));
  }

  #tokens(count: number | undefined): Line {
    if (count === undefined) return undefined;
    return count === 0
      ? status('warn', t('settings.pairing.nobody'))
      : status('ok', t('settings.pairing.count', { count }));
  }

  #recovery(kept: string | null | undefined): Line {
    if (kept === undefined) return undefined;
    return kept
      ? status('ok', t('settings.recovery.is_kept'))
      : status('warn', t('settings.recovery.not_kept'));
  }

  #webhooks(list: WebhookList | undefined): Line {
    if (!list) return undefined;
    const failing = list.webhooks.find(({ enabled, problem }) => enabled && problem);
    if (failing) return status('bad', t('settings.webhooks.unreached', { name: failing.name }));
    const count = list.webhooks.length;
    return count === 0 ? t('settings.webhooks.line') : status('ok', t('settings.webhooks.count', { count }));
  }

  #group(title: string, rows: readonly TemplateResult[]): TemplateResult {
    return html`<section class="card"><h2>${title}</h2><ul class="rows">${rows}</ul></section>`;
  }

  #row(path: string, shape: string, title: string, line: Line): TemplateResult {
    return html`<li>
      <a href="#/settings/${path}">
        ${icon(shape)}<span><span class="strong">${title}</span><span class="quiet small">${line ?? nothing}</span></span
        >${icon(mdiChevronRight)}
      </a>
    </li>`;
  }
}

customElements.define('hs-settings', SettingsMenu);
