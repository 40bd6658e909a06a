import { mdiArchiveOutline, mdiLockOpenVariantOutline, mdiLockOutline, mdiPlus } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { AllBackups, StoredBackup, Target } from '../../contract/index.ts';
import '../activity/under-way.ts';
import '../home/back-up.ts';
import { button, linkButton } from '../kit/button.ts';
import { empty } from '../kit/empty.ts';
import { field } from '../kit/field.ts';
import { heading } from '../kit/heading.ts';
import { icon } from '../kit/icon.ts';
import { problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { status } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { targetCard } from '../targets/card.ts';
import { bytes, short } from '../words/format.ts';
import { t } from '../words/index.ts';
import { contents, fits, isSuspect, whereOf } from './words.ts';

/** Longer lists can be searched. */
const SEARCHED_FROM = 20;

/** So many stand there at once: a phone draws them without a stutter. */
const AT_ONCE = 50;

/** All targets, and the backups of all of them. */
class BackupsPage extends Page {
  #wanted = '';
  #shown = AT_ONCE;

  protected override watched() {
    return [this.app.data.targets, this.app.data.backups];
  }

  protected override render(): TemplateResult {
    const { targets, backups } = this.app.data;
    return html`
      ${heading(this.#sentence())}
      <section class="section" aria-labelledby="targets">
        <h2 id="targets">${t('overview.targets')}</h2>
        ${targets.value ? nothing : targets.trouble ? problemCard(targets.trouble, { retry: () => targets.refresh() }) : skeleton(8)}
        <div class="cards">
          ${(targets.value?.targets ?? []).map(targetCard)}
          ${
            targets.value
              ? html`<a class="card add" href="#/backups/targets/new">${icon(mdiPlus)}<span>${t('target.add')}</span></a>`
              : nothing
          }
        </div>
      </section>
      <hs-under-way .app=${this.app}></hs-under-way>
      <section class="section" aria-labelledby="all">
        <h2 id="all">${t('backups.name')}</h2>
        ${
          backups.value && targets.value
            ? this.#all(backups.value, targets.value.targets)
            : backups.trouble
              ? problemCard(backups.trouble, { retry: () => backups.refresh() })
              : skeleton(16)
        }
      </section>
    `;
  }

  #sentence(): string {
    const { backups, targets } = this.app.data;
    if (!backups.value || !targets.value) return t('backups.name');
    const count = backups.value.backups.length;
    if (count === 0) return t('backups.none');
    const size = targets.value.targets.reduce((sum, target) => sum + target.bytes, 0);
    return t('backups.sentence', { count, size: bytes(size) });
  }

  #all({ backups, targets_unread }: AllBackups, targets: readonly Target[]): TemplateResult {
    const unread = targets.filter(({ id }) => targets_unread.includes(id));
    const note =
      unread.length > 0
        ? html`<p>${status('busy', t('backups.unread', { names: unread.map(({ name }) => name).join(', ') }))}</p>`
        : nothing;
    if (backups.length === 0) return html`${note}${this.#empty(targets)}`;
    const found = this.#wanted ? backups.filter((stored) => fits(stored, targets, this.#wanted)) : backups;
    return html`
      ${note} ${backups.length > SEARCHED_FROM ? this.#search(found.length) : nothing}
      <ul class="card stack">
        ${repeat(
          found.slice(0, this.#shown),
          ({ backup, places }) => `${backup.backup_id} ${places[0]?.target_id}`,
          (stored) => this.#row(stored, targets),
        )}
      </ul>
      ${
        found.length > this.#shown
          ? html`<div class="actions start">
              ${button({
                label: t('backups.more', { count: found.length - this.#shown }),
                act: () => {
                  this.#shown += AT_ONCE;
                  this.requestUpdate();
                },
              })}
            </div>`
          : nothing
      }
    `;
  }

  #empty(targets: readonly Target[]): TemplateResult {
    return empty({
      icon: mdiArchiveOutline,
      title: t('backups.none'),
      text: t(targets.length > 0 ? 'backups.empty' : 'backups.no_targets'),
      action:
        targets.length > 0
          ? html`<hs-back-up .app=${this.app} primary></hs-back-up>`
          : linkButton(t('target.add'), '#/backups/targets/new', true),
    });
  }

  #search(found: number): TemplateResult {
    return html`
      <search>
        ${field({
          id: 'search',
          label: t('backups.search'),
          value: this.#wanted,
          type: 'search',
          input: (text) => {
            this.#wanted = text.trim();
            this.#shown = AT_ONCE;
            this.requestUpdate();
          },
        })}
        <p class="quiet small" role="status">${this.#wanted ? t('backups.found', { count: found }) : nothing}</p>
      </search>
    `;
  }

  #row(stored: StoredBackup, targets: readonly Target[]): TemplateResult {
    const { backup } = stored;
    return html`
      <li class="row backup">
        <div>
          <a class="strong" href="#/backups/item/${backup.backup_id}">${short(new Date(backup.date))}</a>
          <p class="small">${backup.name}</p>
          <p class="quiet small">${contents(backup)}</p>
        </div>
        <div>
          <p>${bytes(backup.size)}</p>
          <p class="quiet small">${whereOf(stored, targets).join(', ')}</p>
        </div>
        <p class="marks small">
          <span class="mark-word">
            ${icon(backup.protected ? mdiLockOutline : mdiLockOpenVariantOutline)}
            ${t(backup.protected ? 'backup.encrypted' : 'backup.open')}
          </span>
          ${isSuspect(stored) ? status('warn', t('backup.suspect')) : nothing}
        </p>
      </li>
    `;
  }
}

customElements.define('hs-backups', BackupsPage);
