import type { AllBackups, StoredBackup } from '../contract/index.ts';
import type { BackupStore, PlacedEntry } from './store.ts';

/** Whether two places hold the same archive. An id alone does not say so: one may be encrypted, or of another try. */
export function sameArchive(one: PlacedEntry, other: PlacedEntry): boolean {
  return (
    one.backup.backup_id === other.backup.backup_id &&
    Date.parse(one.backup.date) === Date.parse(other.backup.date) &&
    one.backup.size === other.backup.size &&
    one.backup.protected === other.backup.protected &&
    (one.crc32 === null || other.crc32 === null || one.crc32 === other.crc32)
  );
}

/** Those of one id, sorted by archive. */
function archivesOf(entries: readonly PlacedEntry[]): PlacedEntry[][] {
  const archives: PlacedEntry[][] = [];
  for (const entry of entries) {
    // with all of them: one without a sum must not bring two together whose sums differ
    const known = archives.find((places) => places.every((place) => sameArchive(place, entry)));
    if (known) known.push(entry);
    else archives.push([entry]);
  }
  return archives;
}

function placeOf(entry: PlacedEntry): StoredBackup['places'][number] {
  const { targetId, crc32, stored_at, suspect, storage_class, archived } = entry;
  return { target_id: targetId, crc32, stored_at, suspect, storage_class, archived };
}

/** The backups of all targets, each once with all its places, newest first; from the catalogue and nothing else. */
export async function mergedBackups(store: BackupStore): Promise<AllBackups> {
  const [entries, targets] = await Promise.all([store.allBackups(), store.targets()]);
  const order = new Map(targets.map(({ id }, at) => [id, at]));
  const byId = Map.groupBy(entries, ({ backup }) => backup.backup_id);
  const backups = [...byId.values()].flatMap(archivesOf).map((places) => {
    places.sort((a, b) => (order.get(a.targetId) ?? 0) - (order.get(b.targetId) ?? 0));
    return { backup: (places[0] as PlacedEntry).backup, places: places.map(placeOf) };
  });
  return {
    backups: backups.sort((a, b) => Date.parse(b.backup.date) - Date.parse(a.backup.date)),
    targets_unread: targets.filter(({ refreshed_at }) => refreshed_at === null).map(({ id }) => id),
  };
}
