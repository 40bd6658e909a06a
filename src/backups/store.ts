import { type Kysely, sql } from 'kysely';
import * as v from 'valibot';
import {
  AgentBackup,
  type Backup,
  type BackupDescription,
  PROBLEMS,
  type ProblemCode,
} from '../contract/index.ts';
import type { Migration } from '../kernel/database.ts';
import { Problem, toProblem } from '../kernel/errors.ts';
import { keepProblem, keptProblem } from '../kernel/kept-problem.ts';

interface BackupTables {
  targets: {
    id: string;
    unique_id: string;
    name: string;
    kind: string;
    /** Settings without secrets, as JSON. */
    settings: string;
    /** Sealed JSON of the secrets. */
    secrets: string;
    created_at: number;
    refreshed_at: number | null;
    /** Code and params as JSON. */
    problem: string | null;
    /** Since when there has been a problem of this kind. */
    problem_since: number | null;
    /** When it was last looked at, however that went. */
    checked_at: number | null;
    /** `Capabilities` as JSON. */
    capabilities: string | null;
    /** The id that the place itself carries, whatever it is called. */
    place_id: string | null;
    /** 1 where it was added without being tried: its place is made ready with the first look that succeeds. */
    unprepared: 1 | null;
  };
  catalogue: {
    target_id: string;
    sidecar_key: string;
    sidecar_version: string;
    /** Null: the sidecar describes no backup, and is not read again until it changes. */
    backup_id: string | null;
    archive_key: string | null;
    archive_size: number | null;
    archive_class: string | null;
    /** 1 where the archive must be restored out of its class before it can be read. */
    archived: 0 | 1;
    /** `BackupDescription` as JSON. */
    description: string | null;
    /** When the backup was made. */
    backup_date: number | null;
    modified: number;
  };
  /** Work on a target that a crash must not leave half done; a row exists while it is under way. */
  unfinished: {
    id: string;
    target_id: string;
    archive_key: string;
    sidecar_key: string;
    /**
     * `uploading`: nothing may become visible. `committing`: both sums agreed, it is carried through.
     * `deleting`: the archive goes once its description is gone.
     */
    state: 'uploading' | 'committing' | 'deleting';
    /** `BackupDescription` as JSON, once it is committing. */
    description: string | null;
    /** The version of an archive whose place is taken: while it is there, the commit has not happened. */
    replaces: string | null;
    created_at: number;
  };
  /** Home Assistants, by the id that each puts into its backups. */
  own_homes: { home: string };
}

/** The home that made a backup, as it says itself. */
const HOME = sql<string | null>`json_extract(description, '$.backup.extra_metadata.instance_id')`;

/** Whether a backup is one of a home of ours; as long as nobody has sent one, all are: on a new machine, for instance. */
const IS_OWN = sql<boolean>`(NOT EXISTS (SELECT 1 FROM own_homes) OR ${HOME} IS NULL
  OR ${HOME} IN (SELECT home FROM own_homes))`;

/** The tables of targets, of what is stored there and of unfinished work. */
export const backupsMigration: Migration = {
  number: 4,
  sql: `
    CREATE TABLE targets (
      id TEXT PRIMARY KEY, unique_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, kind TEXT NOT NULL,
      settings TEXT NOT NULL, secrets TEXT NOT NULL, created_at INTEGER NOT NULL,
      refreshed_at INTEGER, problem TEXT
    ) STRICT;
    CREATE TABLE catalogue (
      target_id TEXT NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
      sidecar_key TEXT NOT NULL, sidecar_version TEXT NOT NULL, backup_id TEXT, archive_key TEXT,
      archive_size INTEGER, description TEXT, modified INTEGER NOT NULL,
      PRIMARY KEY (target_id, sidecar_key)
    ) STRICT;
    CREATE INDEX catalogue_by_backup ON catalogue (target_id, backup_id);
    CREATE TABLE unfinished (
      id TEXT PRIMARY KEY, target_id TEXT NOT NULL REFERENCES targets (id) ON DELETE CASCADE,
      archive_key TEXT NOT NULL, sidecar_key TEXT NOT NULL, state TEXT NOT NULL, description TEXT,
      replaces TEXT, created_at INTEGER NOT NULL
    ) STRICT;`,
};

/** What a store can do, which place it is, and in which class an archive lies. */
export const capabilitiesMigration: Migration = {
  number: 5,
  sql: `
    ALTER TABLE targets ADD COLUMN capabilities TEXT;
    ALTER TABLE targets ADD COLUMN place_id TEXT;
    ALTER TABLE catalogue ADD COLUMN archive_class TEXT;
    ALTER TABLE catalogue ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;`,
};

/** Since when a target has its problem, when it was last looked at, and when each backup was made. */
export const looksMigration: Migration = {
  number: 7,
  sql: `
    ALTER TABLE targets ADD COLUMN problem_since INTEGER;
    ALTER TABLE targets ADD COLUMN checked_at INTEGER;
    ALTER TABLE catalogue ADD COLUMN backup_date INTEGER;
    UPDATE catalogue SET backup_date =
      coalesce(unixepoch(json_extract(description, '$.backup.date')) * 1000, modified)
      WHERE backup_id IS NOT NULL;`,
};

/** Which targets were added without being tried. */
export const unpreparedMigration: Migration = {
  number: 8,
  sql: 'ALTER TABLE targets ADD COLUMN unprepared INTEGER;',
};

/** Whose backups came through this core: in a bucket that several homes share, those of others are none of ours. */
export const ownHomesMigration: Migration = {
  number: 11,
  sql: 'CREATE TABLE own_homes (home TEXT PRIMARY KEY) STRICT',
};

/** A target as the database has it. */
export type TargetRow = BackupTables['targets'];
/** A sidecar of a target as the database has it. */
export type CatalogueRow = BackupTables['catalogue'];
/** Unfinished work as the database has it. */
export type UnfinishedRow = BackupTables['unfinished'];

/** A backup in the catalogue, and where its parts lie. */
export interface CatalogueEntry extends Backup {
  readonly archiveKey: string;
  readonly sidecarKey: string;
}

/** What a target holds, in short. */
export interface Stock {
  readonly backups: number;
  readonly bytes: number;
  /** When the newest backup there of a home of ours was made, and its `BackupDescription` as JSON. */
  readonly newest: number | null;
  readonly description: string | null;
}

/** A backup in the catalogue, and the target where it lies. */
export interface PlacedEntry extends CatalogueEntry {
  readonly targetId: string;
}

const newestFirst = (a: CatalogueEntry, b: CatalogueEntry): number =>
  Date.parse(b.backup.date) - Date.parse(a.backup.date);

const Description = v.looseObject({ backup: AgentBackup });

function entryOf(row: CatalogueRow): CatalogueEntry[] {
  if (row.description === null || row.archive_key === null) return [];
  const backup = JSON.parse(row.description) as BackupDescription;
  if (!v.is(Description, backup)) return [];
  return [
    {
      ...backup,
      storage_class: row.archive_class,
      archived: row.archived === 1,
      backup: { ...backup.backup, size: row.archive_size ?? backup.backup.size },
      archiveKey: row.archive_key,
      sidecarKey: row.sidecar_key,
    },
  ];
}

/** A row of a target that was removed a moment ago. @throws Problem `target_not_found` */
async function ofTarget(writing: Promise<unknown>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'SQLITE_CONSTRAINT_FOREIGNKEY') throw error;
    throw new Problem('target_not_found', { cause: error });
  }
}

/** The tables of this feature. */
export class BackupStore {
  readonly #query: Kysely<BackupTables>;

  constructor(query: Kysely<BackupTables>) {
    this.#query = query;
  }

  targets(): Promise<TargetRow[]> {
    return this.#query.selectFrom('targets').selectAll().orderBy('created_at').orderBy('id').execute();
  }

  target(id: string): Promise<TargetRow | undefined> {
    return this.#query.selectFrom('targets').selectAll().where('id', '=', id).executeTakeFirst();
  }

  async targetIds(): Promise<string[]> {
    return (await this.#query.selectFrom('targets').select('id').execute()).map(({ id }) => id);
  }

  async insertTarget(row: TargetRow): Promise<void> {
    await this.#query.insertInto('targets').values(row).execute();
  }

  async updateTarget(id: string, change: Partial<Omit<TargetRow, 'id'>>): Promise<void> {
    await this.#query.updateTable('targets').set(change).where('id', '=', id).execute();
  }

  async deleteTarget(id: string): Promise<void> {
    await this.#query.deleteFrom('targets').where('id', '=', id).execute();
  }

  /** Notes what a look at a target met. Who is not reached is not reached, by whatever name that shows itself. */
  async noteProblem(id: string, error: unknown, now: number): Promise<void> {
    const row = await this.target(id);
    const before = keptProblem(row?.problem ?? null);
    const { code } = toProblem(error);
    const away = (known: ProblemCode) => PROBLEMS[known].kind === 'unreachable';
    const lasts = before && (before.code === code || (away(before.code) && away(code)));
    // a clock that was set back: nobody knows for how long
    const since = lasts && row?.problem_since && row.problem_since <= now ? row.problem_since : now;
    await this.updateTarget(id, { problem: keepProblem(error), problem_since: since, checked_at: now });
  }

  catalogueRows(targetId: string): Promise<CatalogueRow[]> {
    return this.#query.selectFrom('catalogue').selectAll().where('target_id', '=', targetId).execute();
  }

  /** The backups of a target, newest first; of two descriptions of one backup the newer counts. */
  async backups(targetId: string): Promise<CatalogueEntry[]> {
    const rows = await this.#query
      .selectFrom('catalogue')
      .selectAll()
      .where('target_id', '=', targetId)
      .where('backup_id', 'is not', null)
      .orderBy('modified', 'asc')
      .execute();
    const byId = new Map(rows.flatMap(entryOf).map((entry) => [entry.backup.backup_id, entry]));
    return [...byId.values()].sort(newestFirst);
  }

  async backup(targetId: string, backupId: string): Promise<CatalogueEntry | undefined> {
    const rows = await this.#query
      .selectFrom('catalogue')
      .selectAll()
      .where('target_id', '=', targetId)
      .where('backup_id', '=', backupId)
      .orderBy('modified', 'desc')
      .execute();
    return rows.flatMap(entryOf)[0];
  }

  /** The Home Assistants whose backups lie in targets, but for one. */
  async homes(exceptTargetId = ''): Promise<string[]> {
    const rows = await this.#query
      .selectFrom('catalogue')
      .select(HOME.as('home'))
      .distinct()
      .where('target_id', '!=', exceptTargetId)
      .where('description', 'is not', null)
      .execute();
    return rows.flatMap((row) => row.home ?? []);
  }

  /** Backups of this home have come through this core. */
  async noteHome(home: string): Promise<void> {
    await this.#query
      .insertInto('own_homes')
      .values({ home })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** What each target holds, by its id, and the newest backup of a home of ours there; of one that holds nothing nothing is said. */
  async stocks(): Promise<Map<string, Stock>> {
    const rows = await this.#query
      .selectFrom('catalogue')
      .select(({ fn }) => [
        'target_id',
        fn.count<number>('backup_id').distinct().as('backups'),
        fn.sum<number | null>('archive_size').as('bytes'),
        // beside a maximum, SQLite takes the other columns from the row that has it
        sql<number | null>`max(CASE WHEN ${IS_OWN} THEN backup_date END)`.as('newest'),
        'description',
      ])
      .where('backup_id', 'is not', null)
      .groupBy('target_id')
      .execute();
    return new Map(
      rows.map(({ target_id, bytes, description, ...row }) => [
        target_id,
        { ...row, bytes: bytes ?? 0, description: row.newest === null ? null : description },
      ]),
    );
  }

  /** The backups of all targets, or those of one id, newest first; see `backups`. */
  async allBackups(backupId?: string): Promise<PlacedEntry[]> {
    let query = this.#query.selectFrom('catalogue').selectAll().where('backup_id', 'is not', null);
    if (backupId !== undefined) query = query.where('backup_id', '=', backupId);
    const rows = await query.orderBy('modified', 'asc').execute();
    const entries = rows.flatMap((row) =>
      entryOf(row).map((entry) => ({ ...entry, targetId: row.target_id })),
    );
    const byPlace = new Map(entries.map((entry) => [`${entry.targetId} ${entry.backup.backup_id}`, entry]));
    return [...byPlace.values()].sort(newestFirst);
  }

  /**
   * Replaces what is known of a target by what was just read from it, in one step.
   * @param except sidecars of which more is known than was read; may grow until the step is begun
   */
  async replaceCatalogue(
    targetId: string,
    rows: readonly CatalogueRow[],
    refreshedAt: number,
    except: ReadonlySet<string>,
  ): Promise<void> {
    const replacing = this.#query.transaction().execute(async (transaction) => {
      // nobody else writes before the end of the step: who changes something now does it afterwards
      const kept = [...except];
      await transaction
        .deleteFrom('catalogue')
        .where('target_id', '=', targetId)
        .where('sidecar_key', 'not in', kept)
        .execute();
      for (const row of rows) {
        if (kept.includes(row.sidecar_key)) continue;
        await transaction.insertInto('catalogue').values(row).execute();
      }
      await transaction
        .updateTable('targets')
        .set({ refreshed_at: refreshedAt, checked_at: refreshedAt, problem: null, problem_since: null })
        .where('id', '=', targetId)
        .execute();
    });
    await ofTarget(replacing);
  }

  async putCatalogueRow(row: CatalogueRow): Promise<void> {
    await ofTarget(
      this.#query
        .insertInto('catalogue')
        .values(row)
        .onConflict((conflict) => conflict.columns(['target_id', 'sidecar_key']).doUpdateSet(row))
        .execute(),
    );
  }

  async deleteCatalogueRow(targetId: string, sidecarKey: string): Promise<void> {
    await this.#query
      .deleteFrom('catalogue')
      .where('target_id', '=', targetId)
      .where('sidecar_key', '=', sidecarKey)
      .execute();
  }

  unfinished(targetId: string): Promise<UnfinishedRow[]> {
    return this.#query.selectFrom('unfinished').selectAll().where('target_id', '=', targetId).execute();
  }

  async beginUnfinished(row: UnfinishedRow): Promise<void> {
    await ofTarget(this.#query.insertInto('unfinished').values(row).execute());
  }

  /** The row as it is now; undefined once somebody has ended that work. */
  unfinishedRow(id: string): Promise<UnfinishedRow | undefined> {
    return this.#query.selectFrom('unfinished').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /**
   * From now on this upload is carried through. What earlier work has left to do at its place no longer counts: its
   * description would lie about the new archive, and a deletion would take it.
   * @throws Problem `target_not_found`
   */
  async commitUpload(
    row: Pick<UnfinishedRow, 'id' | 'target_id' | 'archive_key'>,
    description: BackupDescription,
  ): Promise<void> {
    await this.#query.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('unfinished')
        .set({ state: 'committing', description: JSON.stringify(description) })
        .where('id', '=', row.id)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) throw new Problem('target_not_found');
      await transaction
        .updateTable('unfinished')
        .set({ state: 'uploading', description: null })
        .where('target_id', '=', row.target_id)
        .where('archive_key', '=', row.archive_key)
        .where('id', '!=', row.id)
        .execute();
    });
  }

  async endUnfinished(id: string): Promise<void> {
    await this.#query.deleteFrom('unfinished').where('id', '=', id).execute();
  }
}
