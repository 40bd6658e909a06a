import { type BackupDescription, PROBLEMS } from '../contract/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { isProblem } from '../kernel/errors.ts';
import { describeError, type Log } from '../kernel/log.ts';
import { type Catalogue, classOf } from './catalogue.ts';
import type { ObjectNames } from './names.ts';
import { encodeSidecar } from './sidecar.ts';
import type { BackupStore, UnfinishedRow } from './store.ts';
import type { StorageTarget } from './targets/target.ts';

/** A backup whose archive is stored and summed. */
export type StoredBackup = BackupDescription & { readonly crc32: string; readonly stored_at: string };

interface MendingOptions {
  readonly store: BackupStore;
  readonly catalogue: () => Catalogue;
  readonly clock: Clock;
  readonly log: Log;
}

/** The last step of an upload, and what carries it, or its opposite, through after a crash. */
export class Mending {
  readonly #options: MendingOptions;

  constructor(options: MendingOptions) {
    this.#options = options;
  }

  /** Writes the description beside an archive and enters the backup into the catalogue: now it is listed. */
  async describe(
    targetId: string,
    storage: StorageTarget,
    names: ObjectNames,
    stored: StoredBackup,
    signal?: AbortSignal,
  ): Promise<void> {
    await storage.put(names.sidecar, Buffer.from(encodeSidecar(stored)), signal);
    const [sidecar, archive] = await Promise.all(
      [names.sidecar, names.archive].map((key) => storage.stat(key, signal).catch(() => undefined)),
    );
    await this.#options.catalogue().add({
      target_id: targetId,
      sidecar_key: names.sidecar,
      // unknown: then the next listing reads it once more
      sidecar_version: sidecar?.version ?? '',
      backup_id: stored.backup.backup_id,
      archive_key: names.archive,
      archive_size: stored.backup.size,
      ...classOf(archive),
      description: JSON.stringify(stored),
      backup_date: Date.parse(stored.backup.date),
      modified: sidecar?.modified ?? this.#options.clock.now(),
    });
  }

  /**
   * After a crash: parts and temporary files of uploads that were under way are removed; an upload whose sums had
   * already agreed, and a deletion that had begun, are carried through.
   * @param alone does it unless somebody is working there, and holds off whoever comes meanwhile
   */
  async mend(
    targetId: string,
    storage: StorageTarget,
    alone: (row: UnfinishedRow, work: () => Promise<void>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, log } = this.#options;
    for (const found of await store.unfinished(targetId)) {
      const mending = alone(found, async () => {
        // the work may have ended, or another have taken its place, since the rows were read
        const row = await store.unfinishedRow(found.id);
        if (!row) return;
        await this.#mendOne(row, storage, signal);
        await store.endUnfinished(row.id);
        log.info('interrupted work was cleaned up', { target: targetId, state: row.state });
      });
      await mending.catch((error: unknown) => {
        // a target that answers is listed, whatever it refuses; the row stays for the next time
        if (!isProblem(error) || PROBLEMS[error.code].kind === 'unreachable') throw error;
        log.warning('interrupted work could not be cleaned up', {
          target: targetId,
          reason: describeError(error),
        });
      });
    }
  }

  async #mendOne(row: UnfinishedRow, storage: StorageTarget, signal: AbortSignal): Promise<void> {
    const names = { archive: row.archive_key, sidecar: row.sidecar_key };
    if (row.state === 'deleting') {
      if (!(await storage.stat(names.sidecar, signal))) await storage.delete(names.archive, signal);
      return;
    }
    if (row.state === 'committing' && row.description !== null) {
      const stored = JSON.parse(row.description) as StoredBackup;
      const archive = await storage.stat(names.archive, signal);
      // the archive that was to be replaced may still be there: the new description would lie about it
      if (archive?.size === stored.backup.size && archive.version !== row.replaces) {
        await this.describe(row.target_id, storage, names, stored, signal);
      }
    }
    // also beside an archive that is whole: an answer that was lost may have begun its upload twice
    await storage.sweep(names.archive, signal);
  }
}
