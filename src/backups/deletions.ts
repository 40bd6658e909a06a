import type { Clock } from '../kernel/clock.ts';
import { isProblem, toProblem } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Catalogue } from './catalogue.ts';
import type { BackupStore, CatalogueEntry } from './store.ts';
import type { Targets } from './targets.ts';
import type { Uploads } from './uploads.ts';

interface DeletionsOptions {
  readonly store: BackupStore;
  readonly targets: Targets;
  readonly catalogue: Catalogue;
  readonly uploads: Pick<Uploads, 'alone'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onDeleted: (targetId: string, entry: CatalogueEntry) => void;
}

/** The target may have done it all the same. */
const UNCLEAR = ['target_timeout', 'target_cut', 'target_unavailable', 'target_proxy'] as const;

/** Deletes backups: first what lists them, so that nothing that is listed ever misses its archive. */
export class Deletions {
  readonly #options: DeletionsOptions;

  constructor(options: DeletionsOptions) {
    this.#options = options;
  }

  /**
   * Deletes a backup, and older copies of it that a list does not show beside it. Once its description is gone the
   * rest is only a matter of time: an archive that cannot be deleted now is deleted with the next listing.
   * @throws Problem `backup_not_found`, `upload_busy`, or what the target met before anything was deleted
   */
  async delete(targetId: string, backupId: string): Promise<void> {
    const { catalogue, store, uploads, onDeleted } = this.#options;
    const found = await catalogue.find(targetId, backupId);
    let entry: CatalogueEntry | undefined = found;
    while (entry) {
      const copy: CatalogueEntry = entry;
      await uploads.alone(targetId, copy.archiveKey, () => this.#delete(targetId, copy));
      entry = await store.backup(targetId, backupId);
    }
    onDeleted(targetId, found);
  }

  async #delete(targetId: string, entry: CatalogueEntry): Promise<void> {
    const { store, targets, catalogue, log } = this.#options;
    const storage = await targets.storage(targetId);
    // all or nothing: a backup of which a part is protected stays whole
    await storage.checkDeletable?.([entry.sidecarKey, entry.archiveKey]);
    const id = await this.#note(targetId, entry);
    if (id === undefined) {
      await storage.delete(entry.sidecarKey);
      await storage.delete(entry.archiveKey);
      await catalogue.drop(targetId, entry.sidecarKey);
      return;
    }
    try {
      await storage.delete(entry.sidecarKey);
    } catch (error) {
      // where the description may be gone all the same, the next listing finds out what became of it
      if (!UNCLEAR.some((code) => isProblem(error, code))) await store.endUnfinished(id);
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

  /** Notes what is about to go, for the mending. A full disk must not keep a person from making room: then there is no note. */
  async #note(targetId: string, entry: CatalogueEntry): Promise<string | undefined> {
    const id = newId();
    try {
      await this.#options.store.beginUnfinished({
        id,
        target_id: targetId,
        archive_key: entry.archiveKey,
        sidecar_key: entry.sidecarKey,
        state: 'deleting',
        description: null,
        replaces: null,
        created_at: this.#options.clock.now(),
      });
      return id;
    } catch (error) {
      if (toProblem(error).code !== 'disk_full') throw error;
      return undefined;
    }
  }
}
