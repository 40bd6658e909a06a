import { html, type TemplateResult } from 'lit';
import type { Target } from '../../contract/index.ts';
import { status, type Tone } from '../kit/status.ts';
import { ago } from '../kit/time.ts';
import { bytes } from '../words/format.ts';
import { t } from '../words/index.ts';

/** How a target is, in a word. */
export function health(target: Target): { readonly tone: Tone; readonly word: string } {
  if (target.problem) return { tone: 'bad', word: target.problem.title };
  if (!target.refreshed_at) return { tone: 'busy', word: t('target.unread') };
  if (target.same_disk) return { tone: 'warn', word: t('target.same_disk') };
  return { tone: 'ok', word: t('target.ok') };
}

/** Where it is: the bucket, or the folder. */
export function place({ settings }: Target): string {
  if (settings.kind === 's3') return t('target.s3', { bucket: settings.bucket });
  return settings.path || t('target.folder');
}

/** A target at a glance. */
export function targetCard(target: Target): TemplateResult {
  const { tone, word } = health(target);
  return html`
    <article class="card target">
      <div>
        <h3><a href="#/backups/targets/${target.id}">${target.name}</a></h3>
        <p class="quiet small">${place(target)}</p>
      </div>
      <p>${status(tone, word)}</p>
      <dl class="facts small">
        <dt>${t('target.used')}</dt>
        <dd>${bytes(target.bytes)}, ${t('target.backups', { count: target.backups })}</dd>
        <dt>${t('target.newest')}</dt>
        <dd>${target.newest_backup ? ago(target.newest_backup) : t('target.none')}</dd>
      </dl>
    </article>
  `;
}
