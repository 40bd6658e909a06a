import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import type { AccessEvents } from './events.ts';
import type { SessionRow, SessionStore } from './session-store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Who has not come for so long signs in again (milliseconds); a glance at the backups once a fortnight keeps it. */
const IDLE_MS = 15 * DAY_MS;

/** After so long everybody signs in again (milliseconds): what was copied without being noticed is worthless then. */
const LIFETIME_MS = 90 * DAY_MS;

/** A secret is replaced when it is so old (milliseconds): a copy of it is noticed, and ends with it. */
const ROTATION_MS = DAY_MS;

/** Requests that were on their way when the new secret arrived still carry the old one (milliseconds). */
const ROTATION_GRACE_MS = MINUTE_MS;

/** "Last seen" is kept this coarse, so that an open page does not wear out an SD card (milliseconds). */
const SEEN_RESOLUTION_MS = HOUR_MS;

/** What is over is removed this often, when somebody comes (milliseconds). */
const SWEEP_MS = HOUR_MS;

/** A clock without a battery may start somewhat in the past; one further off than this tells nothing (milliseconds). */
const CLOCK_TOLERANCE_MS = DAY_MS;

/** 256 bits cannot be guessed. */
const SECRET_BYTES = 32;

const COOKIE = /^([a-z0-9]{1,26})\.([A-Za-z0-9_-]{43})$/;

/** What is to be written into the browser's cookie. */
interface CookieValue {
  readonly value: string;
  readonly maxAgeMs: number;
}

/** A session that was recognised; `renewed` where the browser must be given another secret. */
interface Recognised {
  readonly id: string;
  readonly renewed: CookieValue | undefined;
}

interface SessionsOptions {
  readonly store: SessionStore;
  readonly bus: Bus<AccessEvents>;
  readonly clock: Clock;
  readonly log: Log;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const newSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url');

function same(hash: string, kept: string | null): boolean {
  return kept !== null && timingSafeEqual(Buffer.from(hash, 'hex'), Buffer.from(kept, 'hex'));
}

/** Made of the present secret, so that requests which come together are all offered the same one, and none is kept. */
function nextSecret({ salt }: SessionRow, secret: string): string {
  return createHmac('sha256', Buffer.from(salt, 'base64')).update(secret).digest('base64url');
}

/**
 * Sessions of people: the browser holds an id and a secret, of which only the SHA-256 is kept. Every day the secret is
 * replaced: the new one is offered until it is used for the first time. Whoever then still comes with the old one has
 * a copy, and the session ends for both.
 */
export class Sessions {
  readonly #store: SessionStore;
  readonly #bus: Bus<AccessEvents>;
  readonly #clock: Clock;
  readonly #log: Log;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor({ store, bus, clock, log }: SessionsOptions) {
    this.#store = store;
    this.#bus = bus;
    this.#clock = clock;
    this.#log = log;
  }

  /** Begins a session. */
  async begin(): Promise<CookieValue> {
    const now = this.#clock.now();
    const [id, secret] = [newId(), newSecret()];
    await this.#store.addSession({
      id,
      hash: sha256(secret),
      next_hash: null,
      previous_hash: null,
      salt: randomBytes(SECRET_BYTES).toString('base64'),
      created_at: now,
      rotated_at: now,
      seen_at: now,
    });
    return { value: `${id}.${secret}`, maxAgeMs: IDLE_MS };
  }

  /** The session of a cookie; undefined for anything that is none, or no longer. */
  async recognise(cookie: string): Promise<Recognised | undefined> {
    const [, id, secret] = COOKIE.exec(cookie) ?? [];
    if (id === undefined || secret === undefined) return undefined;
    const row = await this.#store.session(id);
    if (!row) return undefined;
    const hash = sha256(secret);
    const known = [row.hash, row.next_hash, row.previous_hash].some((kept) => same(hash, kept));
    if (!known || row.created_at > this.#clock.now() + CLOCK_TOLERANCE_MS) return undefined;
    if (this.#isOver(row)) {
      await this.end(row.id);
      return undefined;
    }
    if (same(hash, row.previous_hash)) return this.#recogniseReplaced(row);
    await this.#noteUse(row, same(hash, row.next_hash));
    return { id: row.id, renewed: same(hash, row.hash) ? await this.#renewal(row, secret) : undefined };
  }

  /** Replaces the secret of a session at once. */
  async replaceSecret(id: string): Promise<CookieValue | undefined> {
    const row = await this.#store.session(id);
    if (!row) return undefined;
    const secret = newSecret();
    await this.#store.changeSession(row, {
      hash: sha256(secret),
      next_hash: null,
      previous_hash: row.hash,
      rotated_at: this.#clock.now(),
    });
    return this.#cookie(row, secret);
  }

  /** Ends a session, and the streams that it holds open. */
  async end(id: string): Promise<void> {
    if (await this.#store.removeSession(id)) this.announceEnd([id]);
  }

  /** Tells that these sessions are gone. */
  announceEnd(ids: readonly string[]): void {
    for (const id of ids) this.#bus.emit('access_ended', { kind: 'session', id });
  }

  /** Ends what is over although its browser never came back; a stream may still hang on it. */
  async sweep(): Promise<void> {
    const now = this.#clock.monotonic();
    if (now - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = now;
    const today = this.#clock.now();
    this.announceEnd(await this.#store.removeOldSessions(today - IDLE_MS, today - LIFETIME_MS));
  }

  #isOver({ seen_at, created_at }: SessionRow): boolean {
    const now = this.#clock.now();
    return now - seen_at > IDLE_MS || now - created_at > LIFETIME_MS;
  }

  async #recogniseReplaced(row: SessionRow): Promise<Recognised | undefined> {
    const age = Math.abs(this.#clock.now() - row.rotated_at);
    if (age < ROTATION_GRACE_MS) return { id: row.id, renewed: undefined };
    this.#log.warning('a session was ended: somebody came with a secret of it that had been replaced', {
      session_id: row.id,
    });
    await this.end(row.id);
    return undefined;
  }

  /** Notes that it was seen, and that the secret which was offered has arrived. */
  async #noteUse(row: SessionRow, arrived: boolean): Promise<void> {
    const now = this.#clock.now();
    const seen = Math.abs(now - row.seen_at) > SEEN_RESOLUTION_MS;
    if (!seen && !arrived) return;
    const change = {
      seen_at: now,
      ...(arrived && row.next_hash !== null
        ? { hash: row.next_hash, next_hash: null, previous_hash: row.hash, rotated_at: now }
        : {}),
    };
    // a disk that is full must not lock everybody out of their backups
    await this.#store.changeSession(row, change).catch(() => undefined);
  }

  async #renewal(row: SessionRow, secret: string): Promise<CookieValue | undefined> {
    if (this.#clock.now() - row.rotated_at < ROTATION_MS) return undefined;
    const next = nextSecret(row, secret);
    try {
      if (row.next_hash === null) await this.#store.changeSession(row, { next_hash: sha256(next) });
    } catch {
      return undefined;
    }
    return this.#cookie(row, next);
  }

  #cookie(row: SessionRow, secret: string): CookieValue {
    const left = row.created_at + LIFETIME_MS - this.#clock.now();
    return { value: `${row.id}.${secret}`, maxAgeMs: Math.min(IDLE_MS, left) };
  }
}
