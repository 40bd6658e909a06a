import { type Clock, within } from '../kernel/clock.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { describeError, type Log } from '../kernel/log.ts';
import { archiveOf, sidecarsIn } from './names.ts';
import { decodeSidecar, MAX_SIDECAR_BYTES } from './sidecar.ts';
import type { BackupStore, CatalogueEntry, CatalogueRow } from './store.ts';
import type { StorageTarget, StoredObject } from './targets/target.ts';
import type { Targets } from './targets.ts';

interface CatalogueOptions {
  readonly store: BackupStore;
  readonly targets: Targets;
  readonly clock: Clock;
  readonly log: Log;
  /** Runs before each listing: mends what a crash left behind. */
  readonly mend: (targetId: string, storage: StorageTarget, signal: AbortSignal) => Promise<void>;
  readonly onChange: (targetId: string) => void;
}

/** A list this young is not read again: the Backups page asks several times in a row (milliseconds). */
const FRESH_MS = 10_000;

/** How long a page waits for a list that it cannot have from the catalogue; below the two seconds that people accept (milliseconds). */
const WAIT_MS = 1_700;

/** What readings that are under way get when the core stops (milliseconds); containers are killed after ten seconds. */
const STOP_GRACE_MS = 2_000;

/** What probes left behind is looked for so often (milliseconds). */
const TIDY_EVERY_MS = 3_600_000;

/** Descriptions read at once: an unknown bucket with 1,000 of them must not take 1,000 round trips in a row. */
const PARALLEL_READS = 16;

/** A target that is moved while it is read is read again, though not for ever. */
const MAX_ROUNDS = 3;

/** What is wrong with one description and not with the target: it may be in an archive class, or somebody else's. */
const OF_ONE_OBJECT = [
  'target_forbidden',
  'target_archived',
  'target_customer_key',
  'target_corrupt',
  'target_unexpected',
  'target_folder_not_writable',
] as const;

interface CatalogueList {
  readonly entries: CatalogueEntry[];
  readonly refreshedAt: number | null;
}

async function mapParallel<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as Item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** The class that an archive lies in now: a lifecycle rule may move it without touching its description. */
export function classOf(archive: StoredObject | undefined): Pick<CatalogueRow, 'archive_class' | 'archived'> {
  return { archive_class: archive?.storageClass ?? null, archived: archive?.archived ? 1 : 0 };
}

/** What is known to be stored where. It answers at once and is refreshed behind. */
export class Catalogue {
  readonly #options: CatalogueOptions;
  readonly #refreshing = new Map<string, Promise<void>>();
  /** What we changed in a target since its reading began: there the list that is read is older than what we know. */
  readonly #overtaken = new Map<string, Set<string>>();
  /** When each target was last tidied (monotonic milliseconds). */
  readonly #tidied = new Map<string, number>();
  readonly #stopping = new AbortController();

  constructor(options: CatalogueOptions) {
    this.#options = options;
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Problem('shutting_down'));
    // a share that hangs cannot be told to stop, and must not keep the core from ending
    await within(this.#options.clock, STOP_GRACE_MS, Promise.allSettled(this.#refreshing.values()));
  }

  /**
   * The backups of a target. With `maxAgeMs` a list that is older is not given: it is read anew, and when that takes
   * too long or fails, the problem is thrown.
   */
  async list(targetId: string, maxAgeMs?: number): Promise<CatalogueList> {
    const age = await this.#age(targetId);
    if (age >= Math.min(FRESH_MS, maxAgeMs ?? FRESH_MS)) {
      const refresh = this.refresh(targetId);
      const acceptable = maxAgeMs === undefined ? Number.isFinite(age) : age < maxAgeMs;
      if (acceptable) refresh.catch(() => undefined);
      else await this.#within(refresh);
    }
    const row = await this.#options.store.target(targetId);
    if (!row) throw new Problem('target_not_found');
    return { entries: await this.#options.store.backups(targetId), refreshedAt: row.refreshed_at };
  }

  /** One backup. Says "not found" only on the word of a young list. @throws Problem `backup_not_found` */
  async find(targetId: string, backupId: string, maxAgeMs?: number): Promise<CatalogueEntry> {
    const known = await this.#options.store.backup(targetId, backupId);
    const age = await this.#age(targetId);
    if (known && (maxAgeMs === undefined || age <= maxAgeMs)) return known;
    if (age > FRESH_MS) await this.#within(this.refresh(targetId));
    const found = await this.#options.store.backup(targetId, backupId);
    if (!found) throw new Problem('backup_not_found');
    return found;
  }

  /** Reads the target's list anew; calls that come meanwhile share the one reading. */
  refresh(targetId: string): Promise<void> {
    const running = this.#refreshing.get(targetId);
    if (running) return running;
    const refresh = this.#refresh(targetId).finally(() => this.#refreshing.delete(targetId));
    this.#refreshing.set(targetId, refresh);
    return refresh;
  }

  /** Enters what was just stored. */
  async add(row: CatalogueRow): Promise<void> {
    this.#changed(row.target_id, row.sidecar_key);
    await this.#options.store.putCatalogueRow(row);
    this.#options.onChange(row.target_id);
  }

  /** Takes out what was just deleted. */
  async drop(targetId: string, sidecarKey: string): Promise<void> {
    this.#changed(targetId, sidecarKey);
    await this.#options.store.deleteCatalogueRow(targetId, sidecarKey);
    this.#options.onChange(targetId);
  }

  async #age(targetId: string): Promise<number> {
    const row = await this.#options.store.target(targetId);
    if (!row) throw new Problem('target_not_found');
    const age =
      row.refreshed_at === null ? Number.POSITIVE_INFINITY : this.#options.clock.now() - row.refreshed_at;
    // a clock that was set back: nobody knows how old the list is
    return age < 0 ? Number.POSITIVE_INFINITY : age;
  }

  #changed(targetId: string, sidecarKey: string): void {
    this.#overtaken.get(targetId)?.add(sidecarKey);
  }

  async #within(refresh: Promise<void>): Promise<void> {
    const ended = await within(this.#options.clock, WAIT_MS, Promise.allSettled([refresh]));
    if (!ended) throw new Problem('target_list_stale');
    await refresh;
  }

  async #refresh(targetId: string): Promise<void> {
    const { store, clock, log } = this.#options;
    try {
      const { targets, mend } = this.#options;
      await mend(targetId, await targets.storage(targetId), this.#stopping.signal);
      for (let round = 1; ; round += 1) {
        const storage = await targets.storage(targetId);
        const overtaken = new Set<string>();
        this.#overtaken.set(targetId, overtaken);
        const startedAt = clock.now();
        const rows = await this.#read(targetId, storage);
        // this is the list of where it was
        const moved = (await targets.storage(targetId)) !== storage;
        if (moved && round < MAX_ROUNDS) continue;
        await store.replaceCatalogue(targetId, rows, startedAt, overtaken);
        this.#tidy(targetId, storage);
        break;
      }
    } catch (error) {
      if (this.#stopping.signal.aborted) throw this.#stopping.signal.reason;
      if (isProblem(error, 'target_not_found')) throw error;
      if (isProblem(error))
        log.warning('a target could not be read', { target: targetId, reason: describeError(error) });
      else log.error('reading a target met a defect', { target: targetId, error });
      await store.noteProblem(targetId, error, clock.now());
      this.#options.onChange(targetId);
      throw error;
    } finally {
      this.#overtaken.delete(targetId);
    }
    this.#options.onChange(targetId);
  }

  /** Behind the list, which does not wait for it. */
  #tidy(targetId: string, storage: StorageTarget): void {
    const { clock, log } = this.#options;
    if (clock.monotonic() - (this.#tidied.get(targetId) ?? Number.NEGATIVE_INFINITY) < TIDY_EVERY_MS) return;
    this.#tidied.set(targetId, clock.monotonic());
    storage.tidy?.(this.#stopping.signal).catch((error: unknown) => {
      if (this.#stopping.signal.aborted) return;
      log.info('a target could not be tidied', { target: targetId, reason: describeError(error) });
    });
  }

  async #read(targetId: string, storage: StorageTarget): Promise<CatalogueRow[]> {
    const signal = this.#stopping.signal;
    const listed = await storage.list(signal);
    const objects = new Map(listed.map((object) => [object.key, object]));
    const known = new Map(
      (await this.#options.store.catalogueRows(targetId)).map((row) => [row.sidecar_key, row]),
    );
    // nothing is listed whose archive is missing
    const sidecars = sidecarsIn(listed);
    const unreadable: unknown[] = [];
    const rows = await mapParallel(sidecars, PARALLEL_READS, async (sidecar): Promise<CatalogueRow[]> => {
      const archive = objects.get(archiveOf(sidecar.key)) as StoredObject;
      const before = known.get(sidecar.key);
      if (
        before?.sidecar_version === sidecar.version &&
        (before.archive_size === null || before.archive_size === archive.size)
      ) {
        return [{ ...before, ...classOf(archive) }];
      }
      try {
        return await this.#describe(targetId, storage, sidecar, archive, signal);
      } catch (error) {
        if (!OF_ONE_OBJECT.some((code) => isProblem(error, code))) throw error;
        unreadable.push(error);
        return before ? [before] : [];
      }
    });
    const found = rows.flat();
    if (unreadable.length > 0) {
      // where nothing at all can be read, an empty list would be believed
      if (found.length === 0) throw unreadable[0];
      this.#options.log.warning('descriptions of backups could not be read', {
        target: targetId,
        number: unreadable.length,
        reason: describeError(unreadable[0]),
      });
    }
    return found;
  }

  async #describe(
    targetId: string,
    storage: StorageTarget,
    sidecar: StoredObject,
    archive: StoredObject,
    signal: AbortSignal,
  ): Promise<CatalogueRow[]> {
    const foreign = {
      backup_id: null,
      archive_key: null,
      archive_size: null,
      archive_class: null,
      archived: 0 as const,
      description: null,
      backup_date: null,
    };
    const row = {
      target_id: targetId,
      sidecar_key: sidecar.key,
      sidecar_version: sidecar.version,
      modified: sidecar.modified,
    };
    if (sidecar.size > MAX_SIDECAR_BYTES) return [{ ...row, ...foreign }];
    const data = await storage.read(sidecar.key, MAX_SIDECAR_BYTES, signal);
    if (!data) return [];
    const described = decodeSidecar(data);
    if (!described) return [{ ...row, ...foreign }];
    // an archive of another size than was stored here has been replaced or cut: its sum no longer speaks for it
    const replaced = described.crc32 !== null && described.backup.size !== archive.size;
    return [
      {
        ...row,
        backup_id: described.backup.backup_id,
        archive_key: archive.key,
        archive_size: archive.size,
        ...classOf(archive),
        description: JSON.stringify(replaced ? { ...described, suspect: 'other_size' } : described),
        backup_date: Date.parse(described.backup.date),
      },
    ];
  }
}
