import { html, nothing, type TemplateResult } from 'lit';
import { PATHS, type StoredBackup, type Target } from '../../contract/index.ts';
import { confirm } from '../kit/dialog.ts';
import { toggle } from '../kit/field.ts';
import type { App } from '../shell/app.ts';
import { bytes, short } from '../words/format.ts';
import { t } from '../words/index.ts';

/** Asks from where a backup shall be deleted, says what goes and what stays, and does it; says whether all of it is done. */
export function deleteBackup(
  app: App,
  stored: StoredBackup,
  targets: readonly Target[],
  from: readonly string[],
): Promise<boolean> {
  const { backup, places } = stored;
  const chosen = new Set(from);
  const nameOf = (target_id: string) => targets.find(({ id }) => id === target_id)?.name ?? target_id;
  const staying = () =>
    places.filter(({ target_id }) => !chosen.has(target_id)).map(({ target_id }) => nameOf(target_id));
  const content = (): TemplateResult => html`
    <p>${t('delete.what', { name: backup.name, date: short(new Date(backup.date)), size: bytes(backup.size) })}</p>
    ${
      places.length > 1
        ? places.map(({ target_id }) =>
            toggle({
              id: `delete-${target_id}`,
              label: t('delete.from', { name: nameOf(target_id), size: bytes(backup.size) }),
              on: chosen.has(target_id),
              change: (on) => {
                if (on) chosen.add(target_id);
                else chosen.delete(target_id);
              },
            }),
          )
        : html`<p>${t('delete.from', { name: nameOf(places[0]?.target_id ?? ''), size: bytes(backup.size) })}</p>`
    }
    <p class="strong" role="status">
      ${staying().length > 0 ? t('delete.stays', { names: staying().join(', ') }) : t('delete.nowhere')}
    </p>
    ${nothing}
  `;
  return confirm({
    title: t('delete.title'),
    content,
    verb: t('act.delete'),
    danger: true,
    ready: () => chosen.size > 0,
    act: async () => {
      for (const target_id of [...chosen]) {
        await app.api.delete(PATHS.backup, { params: { target_id, backup_id: backup.backup_id } });
        // what is done need not be done again when another one fails
        chosen.delete(target_id);
      }
      app.toasts.say(t('delete.done'));
      void app.data.targets.refresh();
      await app.data.backups.refresh();
    },
  });
}
