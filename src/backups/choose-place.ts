import type { AgentBackup } from '../contract/index.ts';
import { Problem } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { namesOf, type ObjectNames, suggestedStem } from './names.ts';
import { decodeSidecar, MAX_SIDECAR_BYTES } from './sidecar.ts';
import type { StorageTarget } from './targets/target.ts';

/** Where a new archive goes in a target. */
export interface Place {
  readonly names: ObjectNames;
  /** The version of the archive whose place it takes: an older upload of the same backup; null when the place is free. */
  readonly replaces: string | null;
}

/**
 * Finds the names for a backup: those that Home Assistant's own integrations would use, unless something else lies
 * there. Nothing that belongs to another backup, or to somebody else, is ever overwritten.
 */
export async function choosePlace(storage: StorageTarget, backup: AgentBackup): Promise<Place> {
  const stem = suggestedStem(backup, storage.slashes);
  for (const candidate of [stem, `${stem}_${backup.backup_id}`, `${stem}_${newId()}`]) {
    const names = namesOf(candidate);
    const sidecar = await storage.read(names.sidecar, MAX_SIDECAR_BYTES);
    const archive = await storage.stat(names.archive);
    if (!sidecar && !archive) return { names, replaces: null };
    if (sidecar && decodeSidecar(sidecar)?.backup.backup_id === backup.backup_id) {
      return { names, replaces: archive?.version ?? null };
    }
  }
  throw new Problem('upload_busy');
}
