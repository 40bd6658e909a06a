import { html, nothing, type TemplateResult } from 'lit';
import type { Notice, Overview } from '../../contract/index.ts';
import { shape, type Tone } from '../kit/status.ts';
import { ago } from '../kit/time.ts';
import type { App } from '../shell/app.ts';
import { t } from '../words/index.ts';
import { noticeAction, since } from './notice.ts';

const TONES: Readonly<Record<Overview['verdict'], Tone>> = {
  safe: 'ok',
  attention: 'warn',
  unsafe: 'bad',
  unknown: 'busy',
};

/** The notice that the sentence is made of; the others stand below. */
export function foremost({ verdict, notices }: Overview): Notice | undefined {
  return verdict === 'attention' || verdict === 'unsafe' ? notices[0] : undefined;
}

function lastBackup({ last_backup: last, next_backup: next }: Overview, notice?: Notice): TemplateResult {
  return html`
    <p class="lead">
      ${
        last
          ? html`${t('overview.last')} ${ago(last.at)}, ${t('overview.places', { count: last.places })}.`
          : notice?.code === 'no_backup'
            ? nothing
            : t('overview.none')
      }
      ${next ? html` ${t('overview.next')} ${ago(next)}.` : nothing}
    </p>
  `;
}

/** Is everything safe? In one sentence, with what mends it where something must be mended. */
export function verdictCard(app: App, overview: Overview): TemplateResult {
  const notice = foremost(overview);
  const sentence = notice
    ? `${notice.title}.`
    : t(overview.verdict === 'unknown' ? 'overview.unknown' : 'overview.safe');
  const backsUp = notice?.action === 'back_up';
  return html`
    <header class="card verdict ${overview.verdict}">
      ${shape(TONES[overview.verdict])}
      <div class="heading">
        <h1 tabindex="-1">${sentence}</h1>
        ${notice ? html`<p>${notice.text}</p>${since(notice)}` : nothing} ${lastBackup(overview, notice)}
      </div>
      <div class="actions start">
        ${notice ? noticeAction(app, notice, true) : nothing}
        ${backsUp ? nothing : html`<hs-back-up .app=${app} ?primary=${!notice} ?modest=${notice !== undefined}></hs-back-up>`}
      </div>
    </header>
  `;
}
