import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Migration } from '../kernel/database.ts';
import { newId } from '../kernel/ids.ts';
import type { StoredPassword } from './password.ts';

/** A session of a person, as it is kept: of its secrets only the SHA-256. */
export interface SessionRow {
  readonly id: string;
  readonly hash: string;
  /** Of the secret that was offered in place of this one, and was not seen yet. */
  readonly next_hash: string | null;
  /** Of the secret before this one. */
  readonly previous_hash: string | null;
  /** With it the next secret is made from this one. */
  readonly salt: string;
  readonly created_at: number;
  readonly rotated_at: number;
  readonly seen_at: number;
}

interface SignInTables {
  password: StoredPassword & { one: number };
  setup_codes: { hash: string; expires_at: number | null };
  sessions: SessionRow;
}

/** The tables of who signs in without Home Assistant. */
export const signInMigration: Migration = {
  number: 6,
  sql: `
    CREATE TABLE password (
      one INTEGER PRIMARY KEY CHECK (one = 1), salt TEXT NOT NULL, hash TEXT NOT NULL, cost INTEGER NOT NULL,
      block_size INTEGER NOT NULL, parallelism INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE setup_codes (hash TEXT PRIMARY KEY, expires_at INTEGER) STRICT;
    CREATE TABLE sessions (
      id TEXT PRIMARY KEY, hash TEXT NOT NULL, next_hash TEXT, previous_hash TEXT, salt TEXT NOT NULL,
      created_at INTEGER NOT NULL, rotated_at INTEGER NOT NULL, seen_at INTEGER NOT NULL
    ) STRICT;`,
};

const ONLY = 1;

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** People type a code from a screen: how they write and part its letters does not matter. */
function plainCode(code: string): string {
  return code.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** The password, setup codes and sessions in the database. */
export class SessionStore {
  readonly #query: Kysely<SignInTables>;

  constructor(query: Kysely<SignInTables>) {
    this.#query = query;
  }

  /** The password; undefined while nobody has chosen one. */
  password(): Promise<StoredPassword | undefined> {
    return this.#query
      .selectFrom('password')
      .select(['salt', 'hash', 'cost', 'block_size', 'parallelism'])
      .executeTakeFirst();
  }

  /** Keeps another password; all sessions but this one end. Returns those that did. */
  changePassword(password: StoredPassword, except: string): Promise<string[]> {
    return this.#query.transaction().execute(async (transaction) => {
      await transaction.updateTable('password').set(password).execute();
      const ended = transaction.deleteFrom('sessions').where('id', '!=', except).returning('id');
      return (await ended.execute()).map(({ id }) => id);
    });
  }

  /** A fresh setup code: 80 bits, in groups that can be typed. One without an end takes the place of its kind. */
  async createSetupCode(now: number, expiresAt: number | null): Promise<string> {
    const code = newId();
    await this.#query
      .deleteFrom('setup_codes')
      .where((where) =>
        expiresAt === null ? where('expires_at', 'is', null) : where('expires_at', '<=', now),
      )
      .execute();
    await this.#query
      .insertInto('setup_codes')
      .values({ hash: sha256(code), expires_at: expiresAt })
      .execute();
    return (code.match(/.{4}/g) as string[]).join('-');
  }

  /** Whether a setup code is good: until its end, and no longer because the clock was set back. */
  async isSetupCode(code: string, now: number, lifetime: number): Promise<boolean> {
    const row = await this.#query
      .selectFrom('setup_codes')
      .select('expires_at')
      .where('hash', '=', sha256(plainCode(code)))
      .executeTakeFirst();
    if (!row) return false;
    return row.expires_at === null || (row.expires_at > now && row.expires_at <= now + lifetime);
  }

  /**
   * Keeps the password of whoever has the code; with it all codes and all sessions end. Returns the sessions that
   * did, or undefined where somebody else was faster with the same code.
   */
  setUp(code: string, password: StoredPassword): Promise<string[] | undefined> {
    return this.#query.transaction().execute(async (transaction) => {
      const used = await transaction
        .deleteFrom('setup_codes')
        .where('hash', '=', sha256(plainCode(code)))
        .returning('hash')
        .execute();
      if (used.length === 0) return undefined;
      await transaction.deleteFrom('setup_codes').execute();
      await transaction.deleteFrom('password').execute();
      await transaction
        .insertInto('password')
        .values({ one: ONLY, ...password })
        .execute();
      return (await transaction.deleteFrom('sessions').returning('id').execute()).map(({ id }) => id);
    });
  }

  session(id: string): Promise<SessionRow | undefined> {
    return this.#query.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
  }

  async addSession(row: SessionRow): Promise<void> {
    await this.#query.insertInto('sessions').values(row).execute();
  }

  /** Changes a session while it still has this secret; another request may have been faster. */
  async changeSession(row: SessionRow, change: Partial<Omit<SessionRow, 'id'>>): Promise<void> {
    await this.#query
      .updateTable('sessions')
      .set(change)
      .where('id', '=', row.id)
      .where('hash', '=', row.hash)
      .execute();
  }

  /** Whether there was such a session. */
  async removeSession(id: string): Promise<boolean> {
    const gone = await this.#query.deleteFrom('sessions').where('id', '=', id).returning('id').execute();
    return gone.length > 0;
  }

  /** Removes sessions that nobody used since one moment, or that began before another. */
  async removeOldSessions(seenBefore: number, createdBefore: number): Promise<string[]> {
    const gone = await this.#query
      .deleteFrom('sessions')
      .where((where) =>
        where.or([where('seen_at', '<', seenBefore), where('created_at', '<', createdBefore)]),
      )
      .returning('id')
      .execute();
    return gone.map(({ id }) => id);
  }
}
