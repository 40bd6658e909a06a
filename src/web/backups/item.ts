import { mdiDownload } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import { PATHS, type StoredBackup, type Target } from '../../contract/index.ts';
import '../activity/under-way.ts';
import { address } from '../api/client.ts';
import { button } from '../kit/button.ts';
import { back, heading } from '../kit/heading.ts';
import { icon } from '../kit/icon.ts';
import { problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { status } from '../kit/status.ts';
import { ago } from '../kit/time.ts';
import { Page } from '../shell/page.ts';
import { bytes, exact } from '../words/format.ts';
import { t } from '../words/index.ts';
import { deleteBackup } from './delete.ts';
import { contents } from './words.ts';

type Place = StoredBackup['places'][number];

/** A backup: what it holds, where it lies, and how to get it back. */
class BackupPage extends Page {
  static override properties = { app: { attribute: false }, backup: {} };
  declare backup: string;

  protected override watched() {
    return [this.app.data.targets, this.app.data.backups];
  }

  protected override render(): TemplateResult {
    const { targets, backups } = this.app.data;
    const up = back(t('backups.name'), '#/backups');
    if (!backups.value || !targets.value) {
      const trouble = backups.trouble ?? targets.trouble;
      return html`${up}${heading(t('item.name'))}${trouble ? problemCard(trouble, { retry: () => backups.refresh() }) : skeleton(16)}`;
    }
    const stored = backups.value.backups.find((each) => each.backup.backup_id === this.backup);
    if (!stored) return html`${up}${heading(t('item.none'))}`;
    return html`${up}${this.#stored(stored, targets.value.targets)}`;
  }

  #stored(stored: StoredBackup, targets: readonly Target[]): TemplateResult {
    const { backup, places } = stored;
    return html`
      ${heading(t('item.title', { date: exact(new Date(backup.date)) }), backup.name)}
      <section class="card" aria-label=${t('item.contents')}>
        <dl class="facts">
          <dt>${t('item.made')}</dt>
          <dd>${ago(backup.date)}</dd>
          <dt>${t('item.contents')}</dt>
          <dd>${contents(backup)}</dd>
          <dt>${t('backup.size')}</dt>
          <dd>${bytes(backup.size)}</dd>
          <dt>${t('item.encryption')}</dt>
          <dd>${t(backup.protected ? 'item.encrypted' : 'item.open')}</dd>
        </dl>
        ${
          backup.addons.length > 0
            ? html`<details class="more">
                <summary>${t('backup.apps', { count: backup.addons.length })}</summary>
                <ul>
                  ${backup.addons.map(({ name, slug, version }) => html`<li>${name ?? slug} <span class="quiet">${version}</span></li>`)}
                </ul>
              </details>`
            : nothing
        }
        <p class="quiet">${t('item.restore')}</p>
      </section>
      <hs-under-way .app=${this.app}></hs-under-way>
      <section class="section" aria-labelledby="places">
        <h2 id="places">${t('overview.places_title', { count: places.length })}</h2>
        <ul class="card stack">
          ${places.map((place) => this.#place(stored, place, targets))}
        </ul>
        ${
          places.length > 1
            ? html`<div class="actions start">
                ${button({
                  label: t('item.delete_everywhere'),
                  danger: true,
                  act: () =>
                    void this.#delete(
                      stored,
                      targets,
                      places.map(({ target_id }) => target_id),
                    ),
                })}
              </div>`
            : nothing
        }
      </section>
    `;
  }

  #place(stored: StoredBackup, place: Place, targets: readonly Target[]): TemplateResult {
    const { target_id, suspect, crc32, stored_at, archived, storage_class } = place;
    const name = targets.find(({ id }) => id === target_id)?.name ?? target_id;
    const params = { target_id, backup_id: stored.backup.backup_id };
    return html`
      <li class="row place">
        <div>
          <a class="strong" href="#/backups/targets/${target_id}">${name}</a>
          <p>
            ${
              suspect !== null
                ? status('warn', t('item.suspect'))
                : crc32 === null
                  ? status('off', t('item.unverified'))
                  : status('ok', t('item.sound'))
            }
          </p>
          ${stored_at ? html`<p class="quiet small">${t('item.stored')} ${ago(stored_at)}</p>` : nothing}
          ${storage_class ? html`<p class="quiet small">${t('item.class', { name: storage_class })}</p>` : nothing}
          ${archived ? html`<p class="small">${t('item.archived')}</p>` : nothing}
        </div>
        <div class="actions">
          ${
            archived
              ? nothing
              : html`<a
                  class="button"
                  download
                  href=${address(PATHS.archive, params)}
                  aria-label=${t('item.download_from', { name })}
                  >${icon(mdiDownload)}<span>${t('item.download')}</span></a
                >`
          }
          ${button({
            label: t('act.delete'),
            name: t('item.delete_from', { name }),
            danger: true,
            act: () => void this.#delete(stored, targets, [target_id]),
          })}
        </div>
      </li>
    `;
  }

  async #delete(stored: StoredBackup, targets: readonly Target[], from: readonly string[]): Promise<void> {
    await deleteBackup(this.app, stored, targets, from);
    const left = this.app.data.backups.value?.backups.some((each) => each.backup.backup_id === this.backup);
    if (!left) this.app.router.replace('/backups');
  }
}

customElements.define('hs-backup', BackupPage);
