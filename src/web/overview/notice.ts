import { html, nothing, type TemplateResult } from 'lit';
import type { Notice } from '../../contract/index.ts';
import { useAutomatic } from '../home/automatic.ts';
import { LINKS } from '../home/links.ts';
import { known } from '../home/plan.ts';
import '../home/back-up.ts';
import { button, linkButton } from '../kit/button.ts';
import { shape, type Tone } from '../kit/status.ts';
import { sinceDay } from '../kit/time.ts';
import type { App } from '../shell/app.ts';
import { t } from '../words/index.ts';

export const TONES: Readonly<Record<Notice['severity'], Tone>> = {
  error: 'bad',
  warning: 'warn',
  info: 'info',
};

/** Where a notice leads, for those that lead somewhere. */
function leadsTo({ action, target_id }: Notice): string | undefined {
  switch (action) {
    case 'edit_target':
      return `#/backups/targets/${target_id}/edit`;
    case 'check_target':
      return `#/backups/targets/${target_id}/check`;
    case 'add_target':
      return '#/backups/targets/new';
    case 'open_devices':
      return '#/devices';
    case 'open_backups':
      return '#/backups';
    case 'connect_home_assistant':
      return LINKS.connect;
    case 'pair':
      return LINKS.pair;
    case 'keep_recovery_key':
      return LINKS.recovery_key;
    case 'open_notifications':
      return LINKS.notifications;
    case 'open_about':
      return LINKS.about;
    default:
      return undefined;
  }
}

/** The one thing to do about a notice. */
export function noticeAction(app: App, notice: Notice, primary = false): TemplateResult {
  const { action } = notice;
  const href = leadsTo(notice);
  if (href !== undefined) return linkButton(t(`notice.${action}`), href, primary);
  if (action === 'back_up') return html`<hs-back-up .app=${app} ?primary=${primary}></hs-back-up>`;
  const home = app.data.home.value;
  const targets = app.data.targets.value?.targets ?? [];
  return button({
    label: t(`notice.${action}`),
    primary,
    act: () => {
      void useAutomatic(app, home && known(home, targets).length > 0 ? known(home, targets) : targets);
    },
  });
}

/** What needs a person: the matter, since when, what is still safe, and the button that mends it. */
export const noticeCard = (app: App, notice: Notice): TemplateResult => html`
  <li class="card notice">
    ${shape(TONES[notice.severity])}
    <div>
      <h3>${notice.title}</h3>
      <p>${notice.text}</p>
      ${since(notice)}
    </div>
    <div class="actions">${noticeAction(app, notice)}</div>
  </li>
`;

export const since = (notice: Notice): TemplateResult | typeof nothing =>
  notice.since ? html`<p class="quiet small">${t('notice.since')} ${sinceDay(notice.since)}</p>` : nothing;
