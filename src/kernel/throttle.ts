import type { Clock } from './clock.ts';

interface ThrottleOptions {
  readonly clock: Clock;
  /** From one run for a key to the next at least (milliseconds). */
  readonly intervalMs: number;
  /**
   * Does it, with whatever is newest by then; never twice at once for a key. It may ask to be run again after so many
   * milliseconds though nobody has touched the key: what it wanted to do failed.
   */
  readonly run: (key: string) => Promise<number | undefined>;
  /** It threw. */
  readonly onError: (error: unknown) => void;
}

/** So many keys are remembered before those are forgotten that are quiet. */
const MANY = 256;

interface Entry {
  /** When it may run again, on the clock that only grows. */
  due: number;
  running: boolean;
  touched: boolean;
}

/**
 * Keeps storms from whoever listens: what is touched while all is quiet runs at once, then at most once in each
 * interval, and the last touch is never lost. It remembers keys, not changes: nothing in it grows with a storm.
 */
export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #entries = new Map<string, Entry>();
  #stopped = false;
  #sleeping: { readonly until: number; readonly abort: AbortController } | undefined;

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** What belongs to the key has changed. */
  touch(key: string): void {
    if (this.#stopped) return;
    const entry = this.#entries.get(key);
    if (entry && (entry.running || entry.due > this.#options.clock.monotonic())) {
      entry.touched = true;
      if (!entry.running) this.#rest(entry.due);
      return;
    }
    const fresh = { due: 0, running: false, touched: false };
    if (!entry && this.#entries.size >= MANY) this.#forget();
    this.#entries.set(key, fresh);
    void this.#run(key, fresh);
  }

  /** Nothing is begun any more; what is touched later is forgotten. */
  stop(): void {
    this.#stopped = true;
    this.#entries.clear();
    this.#sleeping?.abort.abort();
    this.#sleeping = undefined;
  }

  /** From here on it works again. */
  start(): void {
    this.#stopped = false;
  }

  async #run(key: string, entry: Entry): Promise<void> {
    const { clock, intervalMs, run, onError } = this.#options;
    entry.running = true;
    entry.touched = false;
    entry.due = clock.monotonic() + intervalMs;
    try {
      const again = await run(key);
      if (again !== undefined) {
        entry.touched = true;
        entry.due = clock.monotonic() + Math.max(again, intervalMs);
      }
    } catch (error) {
      onError(error);
    }
    entry.running = false;
    // nothing is waited for on behalf of a key that nobody has touched since
    if (!this.#stopped && entry.touched) this.#rest(entry.due);
  }

  /** Forgets keys whose interval is over: those of things that are no more would stay for ever. */
  #forget(): void {
    const now = this.#options.clock.monotonic();
    for (const [key, { running, touched, due }] of this.#entries) {
      if (!running && !touched && due <= now) this.#entries.delete(key);
    }
  }

  /** Sleeps until the moment, unless somebody sleeps until an earlier one. */
  #rest(until: number): void {
    if (this.#sleeping && this.#sleeping.until <= until) return;
    this.#sleeping?.abort.abort();
    const abort = new AbortController();
    this.#sleeping = { until, abort };
    const { clock } = this.#options;
    clock.sleep(Math.max(0, until - clock.monotonic()), abort.signal).then(
      () => {
        this.#sleeping = undefined;
        this.#wake();
      },
      () => undefined,
    );
  }

  #wake(): void {
    const now = this.#options.clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const [key, entry] of this.#entries) {
      if (entry.running || !entry.touched) continue;
      if (entry.due > now) next = Math.min(next, entry.due);
      else void this.#run(key, entry);
    }
    if (next !== Number.POSITIVE_INFINITY) this.#rest(next);
  }
}
