import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Token } from '../contract/index.ts';
import { type Clock, timestamp } from '../kernel/clock.ts';
import type { Migration } from '../kernel/database.ts';
import { Problem } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';

interface AccessTables {
  tokens: { id: string; name: string; hash: string; created_at: number; last_used_at: number | null };
  pairing_secrets: { hash: string; expires_at: number };
}

/** A token as it is kept: never itself. */
export type TokenRow = AccessTables['tokens'];

/** The tables of tokens and pairing secrets. */
export const accessMigration: Migration = {
  number: 3,
  sql: `
    CREATE TABLE tokens (
      id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, created_at INTEGER NOT NULL, last_used_at INTEGER
    ) STRICT;
    CREATE TABLE pairing_secrets (hash TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT;`,
};

/** A person walks from one screen to another in this time (milliseconds). */
const PAIRING_LIFETIME_MS = 15 * 60_000;

/** 256 bits cannot be guessed. */
const TOKEN_BYTES = 32;

/** 120 bits: typed by nobody, pasted by everybody, and dead after 15 minutes. */
const PAIRING_BYTES = 15;

/** "Last used" is kept this coarse, so that a busy client does not wear out an SD card (milliseconds). */
const LAST_USED_RESOLUTION_MS = 60 * 60_000;

const TOKEN = /^hs_([a-z0-9]{1,26})_([A-Za-z0-9_-]{1,100})$/;

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Tokens and one-time pairing secrets; of both only the SHA-256 is kept. */
export class AccessStore {
  readonly #query: Kysely<AccessTables>;
  readonly #clock: Clock;
  readonly #onFirstUse: () => void;

  constructor(query: Kysely<AccessTables>, clock: Clock, onFirstUse: () => void = () => undefined) {
    this.#query = query;
    this.#clock = clock;
    this.#onFirstUse = onFirstUse;
  }

  /** A new one-time secret, valid for 15 minutes. */
  async createPairingSecret(): Promise<{ secret: string; expiresAt: number }> {
    const secret = randomBytes(PAIRING_BYTES).toString('base64url');
    const now = this.#clock.now();
    const expiresAt = now + PAIRING_LIFETIME_MS;
    await this.#query.deleteFrom('pairing_secrets').where('expires_at', '<=', now).execute();
    await this.#query
      .insertInto('pairing_secrets')
      .values({ hash: sha256(secret), expires_at: expiresAt })
      .execute();
    return { secret, expiresAt };
  }

  /** Exchanges a one-time secret for a token. @throws Problem `pairing_code_invalid` when it is unknown, used or too old. */
  async exchange(secret: string, clientName: string): Promise<{ token: string; id: string }> {
    const now = this.#clock.now();
    const used = await this.#query
      .deleteFrom('pairing_secrets')
      .where('hash', '=', sha256(secret))
      .where('expires_at', '>', now)
      // a clock that was set back must not lengthen a life
      .where('expires_at', '<=', now + PAIRING_LIFETIME_MS)
      .returning('hash')
      .execute();
    if (used.length === 0) throw new Problem('pairing_code_invalid');
    return this.createToken(clientName);
  }

  async createToken(name: string): Promise<{ token: string; id: string }> {
    const id = newId();
    const secret = randomBytes(TOKEN_BYTES).toString('base64url');
    await this.#query
      .insertInto('tokens')
      .values({ id, name, hash: sha256(secret), created_at: this.#clock.now(), last_used_at: null })
      .execute();
    return { token: `hs_${id}_${secret}`, id };
  }

  /** The id of a valid token, compared in constant time; undefined for anything else. */
  async authenticate(token: string): Promise<string | undefined> {
    const [, id, secret] = TOKEN.exec(token) ?? [];
    if (id === undefined || secret === undefined) return undefined;
    const row = await this.#query.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst();
    const expected = Buffer.from(row?.hash ?? sha256(''), 'hex');
    if (!timingSafeEqual(expected, Buffer.from(sha256(secret), 'hex')) || !row) return undefined;
    const now = this.#clock.now();
    if (row.last_used_at === null || now - row.last_used_at > LAST_USED_RESOLUTION_MS) {
      const noting = this.#query
        .updateTable('tokens')
        .set({ last_used_at: now })
        .where('id', '=', id)
        .execute();
      // a disk that is full, or only to be read by now, must not lock everybody out of their backups
      const noted = await noting.then(
        () => true,
        () => false,
      );
      if (noted && row.last_used_at === null) this.#onFirstUse();
    }
    return id;
  }

  async tokens(): Promise<Token[]> {
    const rows = await this.#query.selectFrom('tokens').selectAll().orderBy('created_at').execute();
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      created_at: timestamp(row.created_at),
      last_used_at: row.last_used_at === null ? null : timestamp(row.last_used_at),
    }));
  }

  /** Whether anybody has ever come in with one of the tokens that there are. */
  async anyUsed(): Promise<boolean> {
    const row = await this.#query
      .selectFrom('tokens')
      .select('id')
      .where('last_used_at', 'is not', null)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Whether a token has ever been used; undefined when there is none of this id. */
  async used(id: string): Promise<boolean | undefined> {
    const row = await this.#query
      .selectFrom('tokens')
      .select('last_used_at')
      .where('id', '=', id)
      .executeTakeFirst();
    return row && row.last_used_at !== null;
  }

  /** All tokens as they are kept. */
  rows(): Promise<TokenRow[]> {
    return this.#query.selectFrom('tokens').selectAll().orderBy('created_at').execute();
  }

  /** Adds tokens from elsewhere, as they were kept there; those that are known stay as they are. */
  async add(rows: readonly TokenRow[]): Promise<boolean> {
    let added = 0n;
    for (const row of rows) {
      const { numInsertedOrUpdatedRows = 0n } = await this.#query
        .insertInto('tokens')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doNothing())
        .executeTakeFirst();
      added += numInsertedOrUpdatedRows;
    }
    return added > 0n;
  }

  /** Returns whose it was. @throws Problem `not_found` */
  async revoke(id: string): Promise<Pick<TokenRow, 'name'>> {
    const [gone] = await this.#query.deleteFrom('tokens').where('id', '=', id).returning('name').execute();
    if (!gone) throw new Problem('not_found');
    return gone;
  }
}
