import type { Kysely } from 'kysely';
import { backoff } from './backoff.ts';
import { type Clock, timestamp } from './clock.ts';
import type { Migration, Tables } from './database.ts';
import { isProblem, Problem } from './errors.ts';
import { newId } from './ids.ts';
import { keepProblem, keptProblem } from './kept-problem.ts';
import { describeError, type Log } from './log.ts';

/** How it stands with a message: `failed` is for good. */
export type DeliveryState = 'waiting' | 'delivered' | 'failed';

interface OutboxTables {
  outbox: {
    /** Sent along, so that whoever gets a message twice can tell. */
    id: string;
    /** Who gets it. */
    destination: string;
    /** The matter it is about; of one matter one message waits. */
    matter: string | null;
    payload: string;
    state: DeliveryState;
    attempts: number;
    created_at: number;
    /** Not before. */
    next_at: number;
    ended_at: number | null;
    problem: string | null;
  };
}

/** A message as the outbox keeps it. */
export type Message = OutboxTables['outbox'];

/** The table of what must arrive. */
export const outboxMigration: Migration = {
  number: 10,
  sql: `
    CREATE TABLE outbox (
      id TEXT PRIMARY KEY, destination TEXT NOT NULL, matter TEXT, payload TEXT NOT NULL, state TEXT NOT NULL,
      attempts INTEGER NOT NULL, created_at INTEGER NOT NULL, next_at INTEGER NOT NULL, ended_at INTEGER, problem TEXT
    ) STRICT;
    CREATE INDEX outbox_by_destination ON outbox (destination, created_at);`,
};

interface OutboxOptions {
  readonly tables: Tables;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1, so that many do not knock in step; tests bring their own. */
  readonly random: () => number;
  /** Brings a message to where it belongs. @throws Problem why it did not arrive; with `retry_after` (seconds) among its params where the other side named a pause */
  readonly deliver: (message: Message, signal: AbortSignal) => Promise<void>;
  /** Something about the messages of a destination has changed. */
  readonly onChange: (destination: string) => void;
  /** Whether another attempt could ever help. */
  readonly isFinal: (problem: Problem) => boolean;
}

/** The pauses between attempts (milliseconds). */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 60 * 60_000;

/** What has not arrived by then is no news any more (milliseconds). */
const GIVEN_UP_MS = 3 * 24 * 60 * 60_000;

/** Of each destination so many ended messages are remembered, and so many wait; then the oldest are given up. */
const REMEMBERED = 50;
const MOST_WAITING = 500;

/** Messages that must arrive: kept until they have, delivered one after the other, at least once, with an id. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #workers = new Map<string, Promise<void>>();
  /** Ends the pause of a destination. */
  readonly #pauses = new Map<string, AbortController>();
  #life: AbortController | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Goes on with what waits. */
  async start(): Promise<void> {
    if (this.#life) return;
    this.#life = new AbortController();
    const rows = await this.#query()
      .selectFrom('outbox')
      .select('destination')
      .distinct()
      .where('state', '=', 'waiting')
      .execute();
    for (const { destination } of rows) this.wake(destination);
  }

  async stop(): Promise<void> {
    this.#life?.abort(new Problem('shutting_down'));
    this.#life = undefined;
    await Promise.all(this.#workers.values());
  }

  /** Puts a message in, within the transaction of what it tells of; `wake` sends it off. */
  async put(
    { destination, matter, payload }: Pick<Message, 'destination' | 'matter' | 'payload'>,
    tables: Tables,
  ): Promise<void> {
    const now = this.#options.clock.now();
    const id = newId();
    await this.#query(tables)
      .insertInto('outbox')
      .values({
        ...{ id, destination, matter, payload, state: 'waiting', attempts: 0 },
        ...{ created_at: now, next_at: now, ended_at: null, problem: null },
      })
      .execute();
    await this.#trim(destination, tables);
  }

  /** Puts other words into a message that has not been sent yet. */
  async replace(id: string, payload: string, tables: Tables): Promise<void> {
    await this.#query(tables).updateTable('outbox').set({ payload }).where('id', '=', id).execute();
  }

  /** The newest message to a destination about a matter. */
  async newest(destination: string, matter: string, tables: Tables): Promise<Message | undefined> {
    return this.#query(tables)
      .selectFrom('outbox')
      .selectAll()
      .where('destination', '=', destination)
      .where('matter', '=', matter)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  /** The messages of a destination, newest first. */
  list(destination: string, limit: number): Promise<Message[]> {
    return this.#query()
      .selectFrom('outbox')
      .selectAll()
      .where('destination', '=', destination)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
  }

  /** How many messages wait for a destination. */
  async waiting(destination: string): Promise<number> {
    const row = await this.#query()
      .selectFrom('outbox')
      .select(({ fn }) => fn.countAll<number>().as('waiting'))
      .where('destination', '=', destination)
      .where('state', '=', 'waiting')
      .executeTakeFirst();
    return row?.waiting ?? 0;
  }

  /** Nobody is there any more who could get them. */
  async drop(destination: string): Promise<void> {
    this.#pauses.get(destination)?.abort();
    await this.#query().deleteFrom('outbox').where('destination', '=', destination).execute();
  }

  /** There is something to be sent; with `hurry`, reason to try it now, whatever the last attempt met. */
  wake(destination: string, { hurry = true } = {}): void {
    const life = this.#life;
    if (!life) return;
    if (hurry) this.#pauses.get(destination)?.abort();
    if (this.#workers.has(destination)) return;
    const work = this.#work(destination, life.signal)
      .catch((error) => this.#options.log.error('sending messages met a defect', { error }))
      .finally(() => {
        this.#workers.delete(destination);
        this.#pauses.delete(destination);
      });
    this.#workers.set(destination, work);
  }

  async #work(destination: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      // renewed before the look: what comes meanwhile is not missed
      const pause = new AbortController();
      this.#pauses.set(destination, pause);
      const message = await this.oldest(destination);
      if (!message) return;
      // a clock that was set back must not hold it up for longer than any pause
      const wait = Math.min(message.next_at - clock.now(), LONGEST_PAUSE_MS);
      if (wait > 0 && message.attempts > 0) {
        await clock.sleep(wait, AbortSignal.any([signal, pause.signal])).catch(() => undefined);
        if (signal.aborted) return;
      }
      // meanwhile other words may have been put into it, or nobody wants it any more
      const newest = wait > 0 ? await this.oldest(destination) : message;
      if (newest?.id === message.id) await this.#attempt(newest, signal);
    }
  }

  /** The message that is the next to be sent to a destination. */
  oldest(destination: string): Promise<Message | undefined> {
    return this.#query()
      .selectFrom('outbox')
      .selectAll()
      .where('destination', '=', destination)
      .where('state', '=', 'waiting')
      .orderBy('created_at')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
  }

  async #attempt(message: Message, signal: AbortSignal): Promise<void> {
    const { clock, deliver, log, onChange } = this.#options;
    try {
      await deliver(message, signal);
      await this.#note(message, { state: 'delivered', ended_at: clock.now(), problem: null });
    } catch (error) {
      if (signal.aborted) return;
      const problem = isProblem(error) ? error : new Problem('internal', { cause: error });
      if (problem.code === 'internal') log.error('a message met a defect', { error });
      else log.debug('a message did not arrive', { reason: describeError(error) });
      await this.#failed(message, problem);
    }
    onChange(message.destination);
  }

  async #failed(message: Message, problem: Problem): Promise<void> {
    const { clock, random, isFinal } = this.#options;
    const now = clock.now();
    const kept = keepProblem(problem);
    if (isFinal(problem) || now - message.created_at > GIVEN_UP_MS) {
      await this.#note(message, { state: 'failed', ended_at: now, problem: kept });
      return;
    }
    const pauses = { first: FIRST_PAUSE_MS, longest: LONGEST_PAUSE_MS, random };
    const asked = Number(problem.params.retry_after ?? 0) * 1000;
    const pause = Math.max(backoff(message.attempts + 1, pauses), Math.min(asked, LONGEST_PAUSE_MS));
    await this.#note(message, { next_at: Math.round(now + pause), problem: kept });
  }

  /** A disk that is full by now costs a second sending and no message. */
  async #note(message: Message, change: Partial<Message>): Promise<void> {
    const { log, tables } = this.#options;
    try {
      await this.#query()
        .updateTable('outbox')
        .set({ ...change, attempts: message.attempts + 1 })
        .where('id', '=', message.id)
        .execute();
      await this.#trim(message.destination, tables);
    } catch (error) {
      log.warning('what became of a message was not noted', { reason: describeError(error) });
      await this.#options.clock.sleep(FIRST_PAUSE_MS, this.#life?.signal).catch(() => undefined);
    }
  }

  async #trim(destination: string, tables: Tables): Promise<void> {
    const query = this.#query(tables);
    const beyond = (state: 'waiting' | 'ended', count: number) =>
      query
        .selectFrom('outbox')
        .select('id')
        .where('destination', '=', destination)
        .where('state', state === 'waiting' ? '=' : '!=', 'waiting')
        .orderBy('created_at', 'desc')
        .limit(-1)
        .offset(count);
    await query.deleteFrom('outbox').where('id', 'in', beyond('ended', REMEMBERED)).execute();
    await query.deleteFrom('outbox').where('id', 'in', beyond('waiting', MOST_WAITING)).execute();
  }

  #query(tables: Tables = this.#options.tables): Kysely<OutboxTables> {
    return tables<OutboxTables>();
  }
}

/** Why a message did not arrive yet, or never will; undefined where it did, or nobody has tried. */
export function deliveryProblem(message: Message): Problem | undefined {
  return keptProblem(message.problem);
}

/** A moment of a message as the API writes it. */
export const moment = (ms: number | null): string | null => (ms === null ? null : timestamp(ms));
