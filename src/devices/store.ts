import { type Kysely, sql } from 'kysely';
import type { Migration } from '../kernel/database.ts';
import { Problem } from '../kernel/errors.ts';

interface DeviceTables {
  devices: {
    id: string;
    kind: string;
    name: string;
    /** Settings without secrets, as JSON. */
    settings: string;
    /** Sealed JSON of the secrets. */
    secrets: string;
    /** Where it is, in words of its kind: two of a kind at one place are one. */
    place: string;
    /** Schedule, hours, retry and what is kept, as JSON. */
    plan: string;
    /** What it said of itself last, as JSON. */
    identity: string;
    /** The fingerprint that was met when it was added. */
    trust: string | null;
    created_at: number;
    tried_at: number | null;
    backed_up_at: number | null;
    changed_at: number | null;
    /** When it is backed up next; null: not by itself. */
    due_at: number | null;
    /** Code and params as JSON. */
    problem: string | null;
    problem_since: number | null;
    failures: number;
    given_up: 0 | 1;
  };
  device_artefacts: {
    id: string;
    device_id: string;
    made_at: number;
    seen_at: number;
    good: 0 | 1;
    problem: string | null;
    pinned: 0 | 1;
    identity: string;
    added: number | null;
    removed: number | null;
  };
  device_files: {
    artefact_id: string;
    number: number;
    name: string;
    /** Its file in the folder of the device; several artefacts may share one. */
    stored_as: string;
    size: number;
    sha256: string;
  };
  /** The sealed copies of newest configurations in targets. */
  device_copies: {
    device_id: string;
    place_id: string;
    artefact_id: string;
    /** With whose key it is sealed. */
    recipient: string;
    stored_at: number;
  };
}

/** The tables of devices, of their saved configurations and of the files of these. */
export const devicesMigration: Migration = {
  number: 12,
  sql: `
    CREATE TABLE devices (
      id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, settings TEXT NOT NULL, secrets TEXT NOT NULL,
      place TEXT NOT NULL, plan TEXT NOT NULL, identity TEXT NOT NULL, trust TEXT, created_at INTEGER NOT NULL,
      tried_at INTEGER, backed_up_at INTEGER, changed_at INTEGER, due_at INTEGER, problem TEXT, problem_since INTEGER,
      failures INTEGER NOT NULL, given_up INTEGER NOT NULL, UNIQUE (kind, place)
    ) STRICT;
    CREATE TABLE device_artefacts (
      id TEXT PRIMARY KEY, device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
      made_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, good INTEGER NOT NULL, problem TEXT,
      pinned INTEGER NOT NULL, identity TEXT NOT NULL, added INTEGER, removed INTEGER
    ) STRICT;
    CREATE INDEX device_artefacts_by_device ON device_artefacts (device_id, made_at);
    CREATE TABLE device_files (
      artefact_id TEXT NOT NULL REFERENCES device_artefacts (id) ON DELETE CASCADE,
      number INTEGER NOT NULL, name TEXT NOT NULL, stored_as TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL,
      PRIMARY KEY (artefact_id, number)
    ) STRICT;`,
};

/** Which configurations lie sealed in which targets. */
export const copiesMigration: Migration = {
  number: 13,
  sql: `
    CREATE TABLE device_copies (
      device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE, place_id TEXT NOT NULL,
      artefact_id TEXT NOT NULL, recipient TEXT NOT NULL, stored_at INTEGER NOT NULL,
      PRIMARY KEY (device_id, place_id)
    ) STRICT;`,
};

/** A device as it is kept. */
export type DeviceRow = DeviceTables['devices'];
/** A sealed copy in a target. */
export type CopyRow = DeviceTables['device_copies'];
/** A saved configuration without its files. */
export type ArtefactRow = DeviceTables['device_artefacts'];
/** A file of a saved configuration. */
export type FileRow = DeviceTables['device_files'];

/** A saved configuration with its files. */
export interface StoredArtefact extends ArtefactRow {
  readonly files: readonly FileRow[];
}

/** What of a device is kept. */
export interface DeviceStock {
  readonly artefacts: number;
  /** Of the newest good one. */
  readonly bytes: number;
  readonly keptBytes: number;
  /** In how many targets its newest configuration lies, sealed. */
  readonly copies: number;
}

/** The queries of devices. */
export class DeviceStore {
  readonly #query: Kysely<DeviceTables>;

  constructor(query: Kysely<DeviceTables>) {
    this.#query = query;
  }

  devices(): Promise<DeviceRow[]> {
    return this.#query.selectFrom('devices').selectAll().orderBy('name').orderBy('id').execute();
  }

  device(id: string): Promise<DeviceRow | undefined> {
    return this.#query.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /** @throws Problem `device_exists` */
  async insert(row: DeviceRow): Promise<void> {
    try {
      await this.#query.insertInto('devices').values(row).execute();
    } catch (error) {
      throw taken(error, row.name);
    }
  }

  /** @throws Problem `device_exists` */
  async update(id: string, change: Partial<DeviceRow>): Promise<void> {
    try {
      await this.#query.updateTable('devices').set(change).where('id', '=', id).execute();
    } catch (error) {
      throw taken(error, change.name ?? '?');
    }
  }

  async delete(id: string): Promise<void> {
    await this.#query.deleteFrom('devices').where('id', '=', id).execute();
  }

  /** What is kept of each device, by its id. */
  async stocks(): Promise<ReadonlyMap<string, DeviceStock>> {
    const rows = await this.#query
      .selectFrom('device_artefacts as a')
      .leftJoin('device_files as f', 'f.artefact_id', 'a.id')
      .select(({ fn }) => [
        'a.device_id',
        'a.id',
        'a.made_at',
        'a.good',
        fn.sum<number>('f.size').as('bytes'),
      ])
      .groupBy('a.id')
      .orderBy('a.made_at')
      .orderBy('a.id')
      .execute();
    const kept = await this.#query
      .selectFrom(({ selectFrom }) =>
        selectFrom('device_files as f')
          .innerJoin('device_artefacts as a', 'a.id', 'f.artefact_id')
          .select(['a.device_id', 'f.stored_as', 'f.size'])
          .distinct()
          .as('stored'),
      )
      .select(({ fn }) => ['device_id', fn.sum<number>('size').as('bytes')])
      .groupBy('device_id')
      .execute();
    const keptBytes = new Map(kept.map(({ device_id, bytes }) => [device_id, Number(bytes ?? 0)]));
    const copies = Map.groupBy(await this.copies(), ({ device_id }) => device_id);
    const stocks = new Map<string, DeviceStock>();
    for (const { device_id, id, good, bytes } of rows) {
      const before = stocks.get(device_id);
      stocks.set(device_id, {
        artefacts: (before?.artefacts ?? 0) + good,
        bytes: good ? Number(bytes ?? 0) : (before?.bytes ?? 0),
        keptBytes: keptBytes.get(device_id) ?? 0,
        copies: good
          ? (copies.get(device_id) ?? []).filter(({ artefact_id }) => artefact_id === id).length
          : (before?.copies ?? 0),
      });
    }
    return stocks;
  }

  /** The saved configurations of a device, newest first. */
  async artefacts(deviceId: string): Promise<StoredArtefact[]> {
    const rows = await this.#query
      .selectFrom('device_artefacts')
      .selectAll()
      .where('device_id', '=', deviceId)
      .orderBy('made_at', 'desc')
      .orderBy('id', 'desc')
      .execute();
    const files = await this.#query
      .selectFrom('device_files as f')
      .innerJoin('device_artefacts as a', 'a.id', 'f.artefact_id')
      .selectAll('f')
      .where('a.device_id', '=', deviceId)
      .orderBy('f.number')
      .execute();
    const byArtefact = Map.groupBy(files, ({ artefact_id }) => artefact_id);
    return rows.map((row) => ({ ...row, files: byArtefact.get(row.id) ?? [] }));
  }

  /** @throws Problem `artefact_not_found` */
  async artefact(deviceId: string, id: string): Promise<StoredArtefact> {
    const row = await this.#query
      .selectFrom('device_artefacts')
      .selectAll()
      .where('id', '=', id)
      .where('device_id', '=', deviceId)
      .executeTakeFirst();
    if (!row) throw new Problem('artefact_not_found');
    return { ...row, files: await this.#files(id) };
  }

  /** The newest good one; undefined where there is none. */
  async newest(deviceId: string): Promise<StoredArtefact | undefined> {
    const row = await this.#query
      .selectFrom('device_artefacts')
      .selectAll()
      .where('device_id', '=', deviceId)
      .where('good', '=', 1)
      .orderBy('made_at', 'desc')
      .orderBy('id', 'desc')
      .executeTakeFirst();
    return row && { ...row, files: await this.#files(row.id) };
  }

  /** The newest good one of every device. */
  async newestOfAll(): Promise<StoredArtefact[]> {
    const rows = await this.#query
      .selectFrom('device_artefacts')
      .selectAll()
      // beside a maximum, SQLite takes the other columns from the row that has it
      .select(({ fn }) => fn.max('made_at').as('newest'))
      .where('good', '=', 1)
      .groupBy('device_id')
      .execute();
    const files = await this.#query
      .selectFrom('device_files')
      .selectAll()
      .where(
        'artefact_id',
        'in',
        rows.map(({ id }) => id),
      )
      .orderBy('number')
      .execute();
    const byArtefact = Map.groupBy(files, ({ artefact_id }) => artefact_id);
    return rows.map(({ newest: _, ...row }) => ({ ...row, files: byArtefact.get(row.id) ?? [] }));
  }

  /** Keeps a saved configuration with its files, and what that makes of the device: all of it or nothing. */
  async keep(artefact: ArtefactRow, files: readonly FileRow[], change: Partial<DeviceRow>): Promise<void> {
    await this.#query.transaction().execute(async (all) => {
      await all.insertInto('device_artefacts').values(artefact).execute();
      if (files.length > 0) await all.insertInto('device_files').values(files).execute();
      if (Object.keys(change).length > 0)
        await all.updateTable('devices').set(change).where('id', '=', artefact.device_id).execute();
    });
  }

  /** The newest one is still what the device has. */
  async seen({ id, device_id }: ArtefactRow, at: number, change: Partial<DeviceRow>): Promise<void> {
    await this.#query.transaction().execute(async (all) => {
      await all.updateTable('device_artefacts').set({ seen_at: at }).where('id', '=', id).execute();
      await all.updateTable('devices').set(change).where('id', '=', device_id).execute();
    });
  }

  async updateArtefact(id: string, change: Partial<ArtefactRow>): Promise<void> {
    await this.#query.updateTable('device_artefacts').set(change).where('id', '=', id).execute();
  }

  /** Forgets saved configurations of a device. Returns which files nobody needs any more. */
  async forget(deviceId: string, ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const before = await this.storedNames(deviceId);
    await this.#query
      .deleteFrom('device_artefacts')
      .where('device_id', '=', deviceId)
      .where('id', 'in', ids)
      .execute();
    const after = await this.storedNames(deviceId);
    return [...before].filter((name) => !after.has(name));
  }

  /** The files that the saved configurations of a device consist of. */
  async storedNames(deviceId: string): Promise<Set<string>> {
    const rows = await this.#query
      .selectFrom('device_files as f')
      .innerJoin('device_artefacts as a', 'a.id', 'f.artefact_id')
      .select('f.stored_as')
      .where('a.device_id', '=', deviceId)
      .execute();
    return new Set(rows.map(({ stored_as }) => stored_as));
  }

  /** A file of a device with this content; undefined where there is none. */
  async stored(deviceId: string, sha256: string, good: 0 | 1): Promise<FileRow | undefined> {
    return this.#query
      .selectFrom('device_files as f')
      .innerJoin('device_artefacts as a', 'a.id', 'f.artefact_id')
      .selectAll('f')
      .where('a.device_id', '=', deviceId)
      .where('a.good', '=', good)
      .where('f.sha256', '=', sha256)
      .executeTakeFirst();
  }

  copies(): Promise<CopyRow[]> {
    return this.#query.selectFrom('device_copies').selectAll().execute();
  }

  /** Notes that a copy lies in a target. One of a device that is gone is forgotten. */
  async noteCopy(row: CopyRow): Promise<void> {
    if (!(await this.device(row.device_id))) return;
    await this.#query
      .insertInto('device_copies')
      .values(row)
      .onConflict((conflict) => conflict.columns(['device_id', 'place_id']).doUpdateSet(row))
      .execute();
  }

  /** Forgets copies that lie in none of these places. Returns whether there were any. */
  async forgetCopies(places: readonly string[]): Promise<boolean> {
    const gone = (await this.copies()).filter(({ place_id }) => !places.includes(place_id));
    for (const { device_id, place_id } of gone) {
      await this.#query
        .deleteFrom('device_copies')
        .where('device_id', '=', device_id)
        .where('place_id', '=', place_id)
        .execute();
    }
    return gone.length > 0;
  }

  /** How many devices there are. */
  async count(): Promise<number> {
    const row = await this.#query
      .selectFrom('devices')
      .select(sql<number>`count(*)`.as('count'))
      .executeTakeFirst();
    return row?.count ?? 0;
  }

  #files(artefactId: string): Promise<FileRow[]> {
    return this.#query
      .selectFrom('device_files')
      .selectAll()
      .where('artefact_id', '=', artefactId)
      .orderBy('number')
      .execute();
  }
}

/** Two that add the same device at once: the database lets one of them in. */
function taken(error: unknown, name: string): unknown {
  if ((error as { code?: string }).code !== 'SQLITE_CONSTRAINT_UNIQUE') return error;
  return new Problem('device_exists', { params: { name }, cause: error });
}
