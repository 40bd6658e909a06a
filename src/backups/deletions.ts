import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Catalogue } from './catalogue.ts';
import type { BackupStore } from './store.ts';
import type { Targets } from './targets.ts';

interface DeletionsOptions {
  readonly store: BackupStore;
  readonly targets: Targets;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly log: Log;
}

/** Deletes backups: first what lists them, so that nothing that is listed ever misses its archive. */
export class Deletions {
  readonly #options: DeletionsOptions;

  constructor(options: DeletionsOptions) {
    this.#options = options;
  }

  /**
   * Deletes a backup. Once its description is gone the rest is only a matter of time: an archive that cannot be
   * deleted now is deleted with the next listing.
   * @throws Problem `backup_not_found`, or what the target met before anything was deleted
   */
  async delete(targetId: string, backupId: string): Promise<void> {
    const { store, targets, catalogue, clock, log } = this.#options;
    const entry = await catalogue.find(targetId, backupId);
    const storage = await targets.storage(targetId);
    const id = newId();
    await store.beginUnfinished({
      id,
      target_id: targetId,
      archive_key: entry.archiveKey,
      sidecar_key: entry.sidecarKey,
      state: 'deleting',
      description: null,
      replaces: null,
      created_at: clock.now(),
    });
    try {
      await storage.delete(entry.sidecarKey);
    } catch (error) {
      await store.endUnfinished(id);
      throw error;
    }
    await catalogue.drop(targetId, entry.sidecarKey);
    try {
      await storage.delete(entry.archiveKey);
      await store.endUnfinished(id);
    } catch (error) {
      log.warning('an archive will be deleted with the next listing', {
        target: targetId,
        reason: describeError(error),
      });
    }
  }
}
