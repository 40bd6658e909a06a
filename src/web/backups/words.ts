import type { AgentBackup, StoredBackup, Target } from '../../contract/index.ts';
import { bytes, short } from '../words/format.ts';
import { t } from '../words/index.ts';

/** What a backup holds, in a line. */
export function contents({
  homeassistant_included,
  homeassistant_version,
  database_included,
  addons,
  folders,
}: AgentBackup): string {
  const parts = [
    ...(homeassistant_included ? [`Home Assistant ${homeassistant_version ?? ''}`.trim()] : []),
    ...(database_included ? [t('backup.database')] : []),
    ...(addons.length > 0 ? [t('backup.apps', { count: addons.length })] : []),
    ...(folders.length > 0 ? [t('backup.folders', { count: folders.length })] : []),
  ];
  return parts.join(', ');
}

/** Why a backup is not to be relied on, anywhere. */
export const isSuspect = ({ places }: StoredBackup): boolean =>
  places.some(({ suspect }) => suspect !== null);

/** The names of the targets where it lies. */
export function whereOf({ places }: StoredBackup, targets: readonly Target[]): readonly string[] {
  return places.map(({ target_id }) => targets.find(({ id }) => id === target_id)?.name ?? target_id);
}

/** Whether a backup has what somebody looks for, in what is read of it. */
export function fits(stored: StoredBackup, targets: readonly Target[], wanted: string): boolean {
  const { backup } = stored;
  const text = [
    backup.name,
    short(new Date(backup.date)),
    backup.date,
    contents(backup),
    bytes(backup.size),
    ...backup.addons.map(({ name, slug }) => name ?? slug),
    ...whereOf(stored, targets),
  ].join(' ');
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.toLowerCase().includes(word));
}
