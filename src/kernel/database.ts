import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { Kysely, SqliteDialect, sql } from 'kysely';
import { Problem } from './errors.ts';

/** A step of the schema; its number is its place in the one order of all features, and never changes. */
export interface Migration {
  readonly number: number;
  readonly sql: string;
}

/** The database in a data folder. */
export const DATABASE_FILE = 'homestash.db';
const COPY = /^homestash\.before-(\d+)\.db$/;

/** Two copies: the one before this update, and the one before the last, should that one have been the mistake. */
const KEPT_COPIES = 2;

/** `pair` and `serve` share the file; each waits so long for the other (milliseconds). */
const BUSY_TIMEOUT_MS = 5_000;

/** What SQLite says of a file that is none of its own, or was one. */
const DAMAGED = ['SQLITE_NOTADB', 'SQLITE_CORRUPT'];

/** The queries of one feature, which sees its own tables only. */
export type Tables = <Own>() => Kysely<Own>;

/** The open database of a data folder. */
export interface Database {
  readonly tables: Tables;
  /** All of the work, or nothing of it. Within it nobody may ask but through its own tables: others wait for its end. */
  transaction<Result>(work: (tables: Tables) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

function copyName(version: number): string {
  return `homestash.before-${version}.db`;
}

/** The copies that were laid beside the database before its schema changed, the newest first. */
export function copiesIn(dataDir: string): { path: string; version: number }[] {
  return readdirSync(dataDir)
    .flatMap((name) => {
      const version = COPY.exec(name)?.[1];
      return version === undefined ? [] : [{ path: join(dataDir, name), version: Number(version) }];
    })
    .sort((a, b) => b.version - a.version);
}

/** Reads a database through. @throws Error where it is damaged */
export function checkDatabase(path: string): void {
  const copy = new SQLite(path, { readonly: true });
  try {
    const result = copy.pragma('integrity_check', { simple: true });
    if (result !== 'ok') throw new Error(`the copy ${path} of the database is damaged: ${String(result)}`);
  } finally {
    copy.close();
  }
}

/** Copies a database, whoever writes to it meanwhile, into a file that is not there yet. */
export function copyDatabase(from: string, to: string): void {
  const raw = new SQLite(from, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    raw.prepare('VACUUM INTO ?').run(to);
  } finally {
    raw.close();
  }
}

/** Lays a checked copy beside the database before its schema changes. */
function copyBefore(raw: SQLite.Database, dataDir: string, target: number): void {
  const path = join(dataDir, copyName(target));
  rmSync(path, { force: true });
  raw.prepare('VACUUM INTO ?').run(path);
  checkDatabase(path);
  for (const old of copiesIn(dataDir).slice(KEPT_COPIES)) rmSync(old.path, { force: true });
}

function migrate(raw: SQLite.Database, dataDir: string, migrations: readonly Migration[]): void {
  const ordered = migrations.toSorted((a, b) => a.number - b.number);
  const newest = ordered.at(-1)?.number ?? 0;
  const version = raw.pragma('user_version', { simple: true }) as number;
  if (version > newest) {
    const copy = copiesIn(dataDir).find((candidate) => candidate.version > newest);
    throw new Problem('database_newer', { params: { path: copy?.path ?? join(dataDir, DATABASE_FILE) } });
  }
  if (version === newest) return;
  if (version > 0) copyBefore(raw, dataDir, newest);
  raw
    .transaction(() => {
      // another program may have come first while we waited for the lock
      const current = raw.pragma('user_version', { simple: true }) as number;
      for (const step of ordered.filter((candidate) => candidate.number > current)) raw.exec(step.sql);
      raw.pragma(`user_version = ${newest}`);
    })
    .immediate();
}

/**
 * Opens the one precious database of a data folder and brings it to the newest schema.
 * @throws Problem `database_newer` when a newer program wrote it; the copy to go back to is named.
 */
export function openDatabase(dataDir: string, migrations: readonly Migration[]): Database {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, DATABASE_FILE);
  const raw = new SQLite(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    raw.pragma('journal_mode = WAL');
    // a home's list of backups is small and precious: every commit reaches the disk
    raw.pragma('synchronous = FULL');
    raw.pragma('foreign_keys = ON');
    migrate(raw, dataDir, migrations);
  } catch (error) {
    raw.close();
    if (DAMAGED.includes(String((error as { code?: unknown }).code))) {
      const mend =
        'put it back from a copy, or move it away and add the targets again: they hold all backups';
      throw new Error(`the database ${path} is damaged: ${mend}`, { cause: error });
    }
    throw error;
  }
  const query = new Kysely<unknown>({ dialect: new SqliteDialect({ database: raw }) });
  return {
    tables: <Own>() => query as unknown as Kysely<Own>,
    transaction: (work) =>
      query.connection().execute(async (connection) => {
        await sql`BEGIN IMMEDIATE`.execute(connection);
        try {
          const result = await work(<Own>() => connection as unknown as Kysely<Own>);
          await sql`COMMIT`.execute(connection);
          return result;
        } catch (error) {
          // a full disk ends a transaction by itself; that there is none any more must not hide why
          if (raw.inTransaction) await sql`ROLLBACK`.execute(connection);
          throw error;
        }
      }),
    close: async () => {
      await query.destroy();
      // kysely closes only what it has used; an open file keeps its journal, which would spoil a copy put in its place
      raw.close();
    },
  };
}

/**
 * Claims a data folder for one serving process; the operating system gives it back even after a kill -9.
 * Returns undefined when another process holds it.
 */
export function claim(dataDir: string): { release(): void } | undefined {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, 'serve.lock');
  const lock = new SQLite(path, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    const { code } = error as { code?: string };
    if (code === 'SQLITE_BUSY') return undefined;
    if (code !== 'SQLITE_NOTADB') throw error;
    // nothing is kept in it: a damaged one is made anew
    rmSync(path);
    return claim(dataDir);
  }
  return { release: () => lock.close() };
}

/**
 * Moves what the journal holds into the database of a data folder, so that the one file has it all; a core that
 * serves it goes on. Returns whether all of it came over: not while somebody reads for a long time.
 */
export function checkpoint(dataDir: string): boolean {
  const path = join(dataDir, DATABASE_FILE);
  if (!existsSync(path)) return true;
  const raw = new SQLite(path, { timeout: BUSY_TIMEOUT_MS, fileMustExist: true });
  try {
    const [row] = raw.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
    return row?.busy === 0;
  } finally {
    raw.close();
  }
}
