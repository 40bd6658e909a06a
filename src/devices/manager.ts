import { backoff } from '../kernel/backoff.ts';
import { aborted, within } from '../kernel/clock.ts';
import { isProblem, Problem, toProblem } from '../kernel/errors.ts';
import { keepProblem } from '../kernel/kept-problem.ts';
import { describeError } from '../kernel/log.ts';
import type { Operations, RunningOperation } from '../kernel/operations.ts';
import { ArtefactFolder, sweepOthers } from './artefacts/folder.ts';
import { type BackedUp, backUp } from './back-up.ts';
import { handlerOf } from './registry.ts';
import { expired } from './retention.ts';
import { nextRun, seedOf } from './schedule.ts';
import type { SessionOptions } from './session.ts';
import { planOf, type SealedDevices } from './settings.ts';
import type { DeviceRow, DeviceStore } from './store.ts';

interface ManagerOptions extends SessionOptions {
  readonly store: DeviceStore;
  readonly sealed: SealedDevices;
  readonly operations: Operations;
  readonly dataDir: string;
  /** From 0 to 1, so that retries do not come in step; tests bring their own. */
  readonly random: () => number;
  /** What is known of a device has changed. */
  readonly onChange: () => void;
  /** A backup came to an end. */
  readonly onEnd: (row: DeviceRow, result: BackedUp | Problem) => void;
}

/** So many devices are spoken to at once: a box with 1 GB has room for them. */
const AT_ONCE = 4;

/** After so many failures in a row nothing is tried before the next regular time. */
const MOST_RETRIES = 5;

/** The pause before the first retry, and the longest one (milliseconds). */
const FIRST_RETRY_MS = 2 * 60_000;
const LONGEST_RETRY_MS = 2 * 60 * 60_000;

/** It is looked at the clock at least so often: one that was set, or a box that slept, is noticed (milliseconds). */
const LONGEST_SLEEP_MS = 10 * 60_000;

/** What is being written to a device may take so long when Homestash is stopped (milliseconds): who stops it waits no longer. */
const STOP_MS = 8_000;

/** What was missed while nothing ran is made up for within so long after the start (milliseconds). */
const SETTLE_MS = 3 * 60_000;

/** What only a person can mend: trying again changes nothing, and may get an account locked. */
const FOR_PERSONS: readonly string[] = [
  'device_password',
  'device_code',
  'device_second_factor',
  'device_pin',
  'device_secret_lost',
];

/** What is the same a minute later; the next regular time is soon enough. */
const LASTING: readonly string[] = [
  'device_forbidden',
  'device_replaced',
  'device_other_kind',
  'device_not_there',
  'device_old',
  'device_nothing',
  'device_kind_unknown',
  'device_program',
  'device_locked',
];

/** Backs devices up by their schedules: several at once, each of them never twice at once, and none waits for a dead one. */
export class Manager {
  readonly #options: ManagerOptions;
  /** What is being done with which device, and whether that may be ended for something else: a backup may. */
  readonly #busy = new Map<string, { readonly abort: AbortController; readonly isBackup: boolean }>();
  /** Who waits for a free place, first come, first served. */
  readonly #waiting: (() => void)[] = [];
  readonly #ends = new Set<Promise<unknown>>();
  #places = AT_ONCE;
  #life: AbortController | undefined;
  #nap: AbortController | undefined;
  /** By the clock that may jump, as all moments of schedules are. */
  #napUntil = Number.POSITIVE_INFINITY;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ManagerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    if (this.#life) return;
    this.#life = new AbortController();
    const { store, dataDir, clock, random } = this.#options;
    const rows = await store.devices();
    await sweepOthers(dataDir, new Set(rows.map(({ id }) => id)));
    for (const row of rows) {
      await new ArtefactFolder(dataDir, row.id).sweep(await store.storedNames(row.id), clock.now());
      // one of which nothing is kept yet does not wait
      if (row.due_at !== null && row.due_at <= clock.now() && row.tried_at !== null) {
        await store.update(row.id, { due_at: clock.now() + Math.floor(random() * SETTLE_MS) });
      }
    }
    this.#loop = this.#follow(this.#life.signal);
  }

  /** What is under way is told to end, and waited for. */
  async stop(): Promise<void> {
    const reason = new Problem('shutting_down');
    this.#life?.abort(reason);
    this.#life = undefined;
    const busy = [...this.#busy.values()];
    for (const { abort, isBackup } of busy) if (isBackup) abort.abort(reason);
    await this.#loop;
    // a device that is written by half is worse than a stop that takes a moment
    await within(this.#options.clock, STOP_MS, Promise.allSettled(this.#ends));
    for (const { abort } of busy) abort.abort(reason);
    await Promise.allSettled(this.#ends);
  }

  /** Whether something is being done with a device. */
  isBusy(id: string): boolean {
    return this.#busy.has(id);
  }

  /** The schedule of a device, or its settings, are others now. */
  async planned(row: DeviceRow): Promise<void> {
    await this.#plan(row.id, { due_at: this.#next(row) ?? null });
  }

  /** Backs a device up now. Resolves when it has begun. @throws Problem `device_not_found` or `device_busy` */
  async now(id: string): Promise<void> {
    if (!(await this.#options.store.device(id))) throw new Problem('device_not_found');
    this.#begin(id);
  }

  /** Backs all devices up that are not busy and not given up. Resolves when it has begun. */
  async all(): Promise<void> {
    for (const row of await this.#options.store.devices()) {
      // what only a person can mend is not tried by a button for all, which an automation may press
      if (!this.isBusy(row.id) && row.given_up === 0) this.#begin(row.id);
    }
  }

  /**
   * Does something else with a device in the place of a backup that is under way, whose result nobody wants any more.
   * @throws Problem `device_busy` where it is no backup that is under way
   */
  async instead<Result>(id: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    for (let one = this.#busy.get(id); one; one = this.#busy.get(id)) {
      if (!one.isBackup) throw new Problem('device_busy');
      one.abort.abort(new Problem('operation_cancelled'));
      await Promise.race(this.#ends);
    }
    return this.alone(id, work);
  }

  /**
   * Does something else with a device, during which it is not backed up.
   * @throws Problem `device_busy`
   */
  alone<Result>(id: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const { abort, done } = this.#claim(id, false);
    return this.#note(work(abort.signal).finally(done));
  }

  #claim(id: string, isBackup: boolean): { abort: AbortController; done: () => void } {
    if (!this.#life) throw new Problem('shutting_down');
    if (this.#busy.has(id)) throw new Problem('device_busy');
    const abort = new AbortController();
    this.#busy.set(id, { abort, isBackup });
    this.#options.onChange();
    const done = () => {
      this.#busy.delete(id);
      this.#options.onChange();
    };
    return { abort, done };
  }

  #note<Result>(work: Promise<Result>): Promise<Result> {
    const end = work.then(
      () => undefined,
      () => undefined,
    );
    this.#ends.add(end);
    void end.then(() => this.#ends.delete(end));
    return work;
  }

  #begin(id: string): void {
    const { abort, done } = this.#claim(id, true);
    const { log } = this.#options;
    void this.#note(
      this.#run(id, abort.signal)
        .catch((error) => log.error('a backup of a device met a defect', { device: id, error }))
        .finally(done),
    );
  }

  async #run(id: string, signal: AbortSignal): Promise<void> {
    const { operations, store } = this.#options;
    const leave = await this.#enter(signal);
    if (!leave) return;
    try {
      // as it is now, after what may have been a long wait
      const row = await store.device(id);
      if (!row || signal.aborted) return;
      const subject = { device_id: row.id, device: row.name };
      const operation = await operations.begin({ kind: 'device_backup', subject });
      const either = AbortSignal.any([signal, operation.signal]);
      try {
        const result = await this.#backUp(row, either, operation);
        await this.#succeeded(row, result);
        await operation.succeed();
      } catch (error) {
        try {
          if (this.#life) await this.#failed(row, error, either.aborted);
        } finally {
          await operation.fail(error);
        }
      }
    } finally {
      leave();
    }
  }

  async #backUp(row: DeviceRow, signal: AbortSignal, operation: RunningOperation): Promise<BackedUp> {
    const handler = handlerOf(row.kind);
    const settings = this.#options.sealed.open(row, handler);
    return backUp(this.#options, {
      ...{ row, handler, settings, signal },
      fine: () => ({
        ...{ problem: null, problem_since: null, failures: 0, given_up: 0 },
        due_at: this.#next(row) ?? null,
      }),
      onBytes: (bytes) => operation.progress(bytes),
    });
  }

  async #succeeded(row: DeviceRow, result: BackedUp): Promise<void> {
    const { store, dataDir, clock, log } = this.#options;
    this.#wake(this.#next(row));
    this.#options.onEnd(row, result);
    // somebody may have changed the schedule meanwhile
    const current = await store.device(row.id);
    if (current && current.plan !== row.plan) await this.planned(current);
    // also after one that shows no difference, for its bytes may be others each time
    await tidy(store, new ArtefactFolder(dataDir, row.id), current ?? row, clock.now()).catch((error) =>
      log.warning('old configurations of a device were not removed', { device: row.id, error }),
    );
  }

  async #failed(row: DeviceRow, error: unknown, cancelled: boolean): Promise<void> {
    const { store, clock, log, random } = this.#options;
    const problem = toProblem(error);
    if (!isProblem(error)) log.error('a backup of a device met a defect', { device: row.id, error });
    const now = clock.now();
    const current = await store.device(row.id);
    if (!current) return;
    const regular = this.#next(current);
    if (cancelled && !isProblem(error, 'device_slow')) {
      await this.#plan(row.id, { due_at: regular ?? null });
      return;
    }
    const failures = current.failures + 1;
    const givenUp = FOR_PERSONS.includes(problem.code);
    const { retry } = planOf(current);
    const tryAgain = retry && !givenUp && !LASTING.includes(problem.code) && failures <= MOST_RETRIES;
    const pause = Math.round(backoff(failures, { first: FIRST_RETRY_MS, longest: LONGEST_RETRY_MS, random }));
    const due = tryAgain ? Math.min(now + pause, regular ?? Number.POSITIVE_INFINITY) : regular;
    await this.#plan(row.id, {
      tried_at: now,
      problem: keepProblem(problem),
      ...(current.problem === null ? { problem_since: now } : {}),
      failures,
      given_up: givenUp ? 1 : 0,
      due_at: givenUp ? null : (due ?? null),
    });
    this.#options.onEnd(current, problem);
    const reason = describeError(problem);
    log.warning('a device was not backed up', { device: row.id, kind: row.kind, reason });
    await tidy(store, new ArtefactFolder(this.#options.dataDir, row.id), row, now);
  }

  /** Notes when a device is due; whoever sleeps until later is woken. */
  async #plan(id: string, change: Partial<DeviceRow>): Promise<void> {
    await this.#options.store.update(id, change);
    this.#wake(change.due_at);
  }

  #wake(due: number | null | undefined): void {
    if (typeof due === 'number' && due < this.#napUntil) this.#nap?.abort();
  }

  #next(row: DeviceRow): number | undefined {
    return nextRun(planOf(row), this.#options.clock.now(), seedOf(row.id));
  }

  /** Waits for a free place; the returned function gives it back. Undefined where it is not wanted any more. */
  async #enter(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    if (this.#places > 0) this.#places -= 1;
    else {
      const isLetIn = await new Promise<boolean>((resolve) => {
        const enter = () => {
          signal.removeEventListener('abort', leave);
          resolve(true);
        };
        const leave = () => {
          this.#waiting.splice(this.#waiting.indexOf(enter), 1);
          resolve(false);
        };
        this.#waiting.push(enter);
        signal.addEventListener('abort', leave, { once: true });
      });
      if (!isLetIn) return undefined;
    }
    return () => {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#places += 1;
    };
  }

  /** Begins what is due, and sleeps until something is. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.#options;
    while (!signal.aborted) {
      const nap = new AbortController();
      this.#nap = nap;
      let pause: number | undefined;
      try {
        const now = clock.now();
        const rows = await store.devices();
        // one that is busy now may be left without a plan by a full disk
        if (rows.some(({ due_at }) => due_at !== null)) pause = LONGEST_SLEEP_MS;
        for (const row of rows) {
          const due = this.#due(row, now);
          if (due === undefined || this.isBusy(row.id)) continue;
          if (due < (row.due_at ?? due)) await store.update(row.id, { due_at: due });
          if (due <= now) this.#begin(row.id);
          else pause = Math.min(pause ?? LONGEST_SLEEP_MS, due - now);
        }
      } catch (error) {
        log.warning('which devices are due could not be read', { reason: describeError(error) });
        pause = LONGEST_SLEEP_MS;
      }
      const woken = AbortSignal.any([signal, nap.signal]);
      if (pause === undefined) await aborted(woken);
      else {
        this.#napUntil = clock.now() + pause;
        await clock.sleep(pause, woken).catch(() => undefined);
      }
      this.#napUntil = Number.POSITIVE_INFINITY;
    }
  }

  /** A moment that a clock which was wrong has set too far ahead counts for nothing. */
  #due(row: DeviceRow, now: number): number | undefined {
    if (row.due_at === null) return undefined;
    const regular = this.#next(row);
    return Math.min(row.due_at, regular === undefined ? row.due_at : Math.max(regular, now));
  }
}

/** Removes what no rule wants to be kept any more. */
export async function tidy(
  store: DeviceStore,
  folder: ArtefactFolder,
  row: DeviceRow,
  now: number,
): Promise<void> {
  const gone = expired(await store.artefacts(row.id), planOf(row).keep, now);
  await folder.remove(await store.forget(row.id, gone));
}
