import { performance } from 'node:perf_hooks';
import type { Clock } from '../../src/kernel/clock.ts';

/** A stretch of real time that is looked at (milliseconds). */
const WINDOW_MS = 8;

/**
 * With less work than this in a stretch the process waits for nothing but time (milliseconds): everybody who could still
 * move a byte lives in it. No share, for on a busy machine a stretch lasts longer, with the same work in it.
 */
const IDLE_WORK_MS = 2.8;

/** What a disk has to do yet is no work of the process, and nobody may be told meanwhile that time is up. */
const ON_DISK = /^FSReq/;

/** So many stretches in a row must be idle. */
const IDLE_WINDOWS = 3;

interface Sleeper {
  readonly until: number;
  wake(): void;
}

/**
 * A clock that leaps over idleness: while `during` waits for something and the whole process has nothing to do, time
 * goes on to the next sleeper. Minutes of silence and of pauses cost milliseconds, and no work is ever overtaken, as
 * long as both ends of every connection are in this process.
 */
export class IdleClock implements Clock {
  readonly #farthest: number;
  #ahead = 0;
  #back = 0;
  readonly #sleepers = new Set<Sleeper>();

  /**
   * @param farthest how far it leaps at most (milliseconds): what sleeps longer is of no concern to the test, and hours
   * must not go by while something waits that has a clock of its own
   */
  constructor(farthest = Number.POSITIVE_INFINITY) {
    this.#farthest = farthest;
  }

  now = (): number => Math.round(Date.now() + this.#ahead - this.#back);
  monotonic = (): number => performance.now() + this.#ahead;

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const end = () => {
        clearTimeout(timer);
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', onAbort);
      };
      const sleeper: Sleeper = {
        until: this.monotonic() + ms,
        wake: () => {
          end();
          resolve();
        },
      };
      const onAbort = () => {
        end();
        reject(signal?.reason);
      };
      const timer = setTimeout(sleeper.wake, ms);
      timer.unref();
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.add(sleeper);
    });

  /** Lets time pass at once. */
  forward(ms: number): void {
    this.#ahead += ms;
    this.#wakeDue();
  }

  /** Sets the clock on the wall back; how time passes is not touched by it. */
  setBack(ms: number): void {
    this.#back += ms;
  }

  /** Waits for the work, and leaps whenever nobody has anything to do meanwhile. */
  async during<Result>(work: Promise<Result>): Promise<Result> {
    let ended = false;
    const watched = work.finally(() => {
      ended = true;
    });
    watched.catch(() => undefined);
    let idle = 0;
    while (!ended) {
      const before = performance.eventLoopUtilization();
      await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
      const { active } = performance.eventLoopUtilization(before);
      const quiet =
        active < IDLE_WORK_MS && !process.getActiveResourcesInfo().some((one) => ON_DISK.test(one));
      idle = quiet ? idle + 1 : 0;
      if (idle >= IDLE_WINDOWS) {
        idle = 0;
        this.#leap();
      }
    }
    return watched;
  }

  #leap(): void {
    const next = Math.min(...[...this.#sleepers].map(({ until }) => until));
    if (!Number.isFinite(next) || next - this.monotonic() > this.#farthest) return;
    this.#ahead += Math.max(0, next - this.monotonic());
    this.#wakeDue();
  }

  #wakeDue(): void {
    const now = this.monotonic();
    for (const sleeper of this.#sleepers) if (sleeper.until <= now) sleeper.wake();
  }
}
