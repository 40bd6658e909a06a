import { type Kysely, sql } from 'kysely';
import type { Operation } from '../contract/index.ts';
import type { Bus } from './bus.ts';
import { type Clock, timestamp } from './clock.ts';
import type { Migration } from './database.ts';
import { isProblem, Problem, toProblem } from './errors.ts';
import { newId } from './ids.ts';
import { keepProblem, keptProblem } from './kept-problem.ts';
import { describeError, type Log } from './log.ts';
import { wordProblem } from './texts.ts';

interface OperationTables {
  operations: {
    id: string;
    kind: string;
    subject: string;
    state: Operation['state'];
    done: number;
    total: number | null;
    started_at: number;
    ended_at: number | null;
    problem: string | null;
  };
}

/** The table of the history of operations. */
export const operationsMigration: Migration = {
  number: 2,
  sql: `
    CREATE TABLE operations (
      id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL,
      done INTEGER NOT NULL, total INTEGER, started_at INTEGER NOT NULL, ended_at INTEGER, problem TEXT
    ) STRICT;
    CREATE INDEX operations_by_start ON operations (started_at);`,
};

interface OperationEvents {
  operation: Operation;
}

/** How many ended operations are remembered: weeks of daily backups to several targets. */
const HISTORY = 1_000;

/** Progress is announced at most this often (milliseconds); it is never written to disk. */
const PROGRESS_INTERVAL_MS = 500;

/** The hand with which a feature drives its long work. */
export interface RunningOperation {
  readonly id: string;
  /** Aborted when somebody cancels. */
  readonly signal: AbortSignal;
  progress(done: number): void;
  succeed(): Promise<void>;
  /** Ends it as failed, or as cancelled when that was the reason. */
  fail(error: unknown): Promise<void>;
}

interface OperationStart {
  readonly kind: string;
  readonly subject: Readonly<Record<string, string>>;
  readonly total?: number;
  /** It is carried through, as a half of it would be worse than all or nothing. */
  readonly carriedThrough?: true;
}

interface Running {
  operation: Operation;
  readonly startedAt: number;
  readonly abort: AbortController;
  readonly carriedThrough: boolean;
  announced: number;
}

/** Long work with progress, cancel, outcome and a place in the history; honest after a restart. */
export class Operations {
  readonly #query: Kysely<OperationTables>;
  readonly #bus: Bus<OperationEvents>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #running = new Map<string, Running>();
  /** How many of a kind have ended in which way since the start. */
  readonly #ended = new Map<string, number>();

  /** How many are under way. */
  get running(): number {
    return this.#running.size;
  }

  /** How many of a kind have ended in which way since the start. */
  get ended(): { readonly kind: string; readonly state: string; readonly count: number }[] {
    return [...this.#ended].map(([key, count]) => {
      const [kind = '', state = ''] = key.split(' ');
      return { kind, state, count };
    });
  }

  constructor(query: Kysely<OperationTables>, bus: Bus<OperationEvents>, clock: Clock, log: Log) {
    this.#query = query;
    this.#bus = bus;
    this.#clock = clock;
    this.#log = log;
  }

  /** What ran when the core ended did not end well, and says so. */
  async start(): Promise<void> {
    await this.#query
      .updateTable('operations')
      .set({ state: 'interrupted', ended_at: this.#clock.now() })
      .where('state', '=', 'running')
      .execute();
  }

  async begin(start: OperationStart): Promise<RunningOperation> {
    const startedAt = this.#clock.now();
    const operation: Operation = {
      id: newId(),
      kind: start.kind,
      subject: { ...start.subject },
      state: 'running',
      done: 0,
      total: start.total ?? null,
      started_at: timestamp(startedAt),
      ended_at: null,
      problem: null,
    };
    const running: Running = {
      operation,
      startedAt,
      abort: new AbortController(),
      carriedThrough: start.carriedThrough ?? false,
      announced: Number.NEGATIVE_INFINITY,
    };
    this.#running.set(operation.id, running);
    try {
      await this.#record(() =>
        this.#query
          .insertInto('operations')
          .values({
            id: operation.id,
            kind: operation.kind,
            subject: JSON.stringify(operation.subject),
            state: 'running',
            done: 0,
            total: operation.total,
            started_at: startedAt,
            ended_at: null,
            problem: null,
          })
          .execute(),
      );
    } catch (error) {
      this.#running.delete(operation.id);
      throw error;
    }
    this.#announce(running);
    return {
      id: operation.id,
      signal: running.abort.signal,
      progress: (done) => this.#progress(running, done),
      succeed: () => this.#end(running, 'succeeded'),
      fail: (error) => this.#fail(running, error),
    };
  }

  async list(): Promise<Operation[]> {
    const rows = await this.#query
      .selectFrom('operations')
      .selectAll()
      .orderBy('started_at', 'desc')
      .limit(HISTORY)
      .execute();
    return rows.map((row) => this.#running.get(row.id)?.operation ?? this.#fromRow(row));
  }

  /** The newest operation of a kind that came to an end of its own, for each value of a member of its subject. */
  async newestOf(kind: string, member: string): Promise<Map<string, Operation>> {
    const rows = await this.#query
      .selectFrom('operations')
      .selectAll()
      // beside a maximum, SQLite takes the other columns from the row that has it
      .select(({ fn }) => fn.max('started_at').as('newest'))
      .where('kind', '=', kind)
      .where('state', 'in', ['succeeded', 'failed', 'interrupted'])
      .groupBy(sql`json_extract(subject, ${`$.${member}`})`)
      .execute();
    const found = rows.map((row) => this.#fromRow(row));
    return new Map(found.map((operation) => [operation.subject[member] ?? '', operation]));
  }

  /** @throws Problem `operation_not_found` */
  async get(id: string): Promise<Operation> {
    const running = this.#running.get(id);
    if (running) return running.operation;
    const row = await this.#query
      .selectFrom('operations')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) throw new Problem('operation_not_found');
    return this.#fromRow(row);
  }

  /** Asks running work to end; its outcome follows. @throws Problem `operation_not_found` or `operation_not_cancellable` */
  async cancel(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (!running) {
      await this.get(id);
      throw new Problem('operation_not_cancellable');
    }
    if (running.carriedThrough) throw new Problem('operation_not_cancellable');
    running.abort.abort(new Problem('operation_cancelled'));
  }

  #progress(running: Running, done: number): void {
    running.operation = { ...running.operation, done };
    if (this.#clock.monotonic() - running.announced >= PROGRESS_INTERVAL_MS) this.#announce(running);
  }

  #announce(running: Running): void {
    running.announced = this.#clock.monotonic();
    this.#bus.emit('operation', running.operation);
  }

  #fail(running: Running, error: unknown): Promise<void> {
    if (isProblem(error, 'operation_cancelled')) return this.#end(running, 'cancelled', error);
    if (!isProblem(error))
      this.#log.error('an operation met a defect', { kind: running.operation.kind, error });
    else
      this.#log.warning('an operation failed', {
        kind: running.operation.kind,
        reason: describeError(error),
      });
    return this.#end(running, 'failed', error);
  }

  async #end(running: Running, state: Operation['state'], error?: unknown): Promise<void> {
    if (!this.#running.delete(running.operation.id)) return;
    const endedAt = this.#clock.now();
    const key = `${running.operation.kind} ${state}`;
    this.#ended.set(key, (this.#ended.get(key) ?? 0) + 1);
    const problem = error === undefined ? null : wordProblem(error);
    const kept = error === undefined ? null : keepProblem(error);
    running.operation = { ...running.operation, state, problem, ended_at: timestamp(endedAt) };
    this.#announce(running);
    await this.#record(async () => {
      await this.#query
        .updateTable('operations')
        .set({
          state,
          done: running.operation.done,
          ended_at: endedAt,
          problem: kept,
        })
        .where('id', '=', running.operation.id)
        .execute();
      await this.#query
        .deleteFrom('operations')
        // of each kind for itself: hundreds of devices must not push out what became of the backups
        .where('id', 'in', (inner) =>
          inner
            .selectFrom('operations')
            .select('id')
            .where('kind', '=', running.operation.kind)
            .orderBy('started_at', 'desc')
            .limit(-1)
            .offset(HISTORY),
        )
        .execute();
    });
  }

  /** Writes history. A full disk costs the entry and not the work: a backup can be read just then. */
  async #record(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (toProblem(error).code !== 'disk_full') throw error;
      this.#log.warning('the disk is full: an operation is missing in the history', {
        reason: describeError(error),
      });
    }
  }

  #fromRow(row: OperationTables['operations']): Operation {
    const problem = keptProblem(row.problem);
    return {
      id: row.id,
      kind: row.kind,
      subject: JSON.parse(row.subject) as Record<string, string>,
      // what runs is known here: a row whose end could not be written (a full disk) does not run any more
      state: row.state === 'running' ? 'interrupted' : row.state,
      done: row.done,
      total: row.total,
      started_at: timestamp(row.started_at),
      ended_at: row.ended_at === null ? null : timestamp(row.ended_at),
      problem: problem ? wordProblem(problem) : null,
    };
  }
}
