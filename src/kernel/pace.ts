import type { Clock } from './clock.ts';

interface PaceOptions {
  readonly clock: Clock;
  /** The limit of this moment; undefined where there is none. Asked again and again, so it may change at any time. */
  readonly bytesPerSecond: () => number | undefined;
}

interface Waiter {
  readonly bytes: number;
  readonly grant: () => void;
}

/** Never more at once: what passes between two looks at the limit, and what others wait for. */
const LARGEST_SLICE = 256 * 1024;

/** Smaller ones cost more turns than they smooth. */
const SMALLEST_SLICE = 16 * 1024;

/** A slice is what may pass in so long, so that slow lines flow and do not drip (seconds). */
const SLICE_SECONDS = 0.25;

/** What was not used does not pile up: after a rest no more than this comes at full speed (seconds). */
const BURST_SECONDS = 0.25;

/** A limit that has changed is noticed after so long at the latest (milliseconds). */
const LOOK_MS = 500;

/**
 * Holds the bytes of all transfers in one direction to a limit. Who asks pays for what it lets pass: a slice may
 * begin as soon as nothing is owed, and the next one waits until it is paid for. So slices of any size keep the
 * limit on average, without drift. First come, first served; transfers that ask slice by slice share it evenly.
 */
export class Pace {
  readonly #options: PaceOptions;
  #waiters: Waiter[] = [];
  /** Bytes that may pass at once; owed when negative. */
  #credit = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  /** Ends the sleep before the next look. */
  #idle: AbortController | undefined;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** How much should be asked for at once, now (bytes). */
  get slice(): number {
    const rate = this.#options.bytesPerSecond();
    if (rate === undefined) return LARGEST_SLICE;
    return Math.min(LARGEST_SLICE, Math.max(SMALLEST_SLICE, Math.floor(rate * SLICE_SECONDS)));
  }

  /**
   * Asks for bytes to pass: undefined where they may at once, otherwise a promise that they may.
   * It rejects with the signal's reason; what was not waited for is not charged.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void> | undefined {
    signal?.throwIfAborted();
    if (this.#waiters.length === 0 && this.#pass(bytes)) return undefined;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        if (this.#waiters.length === 0) this.#rest();
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        bytes,
        grant: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
      if (this.#idle === undefined) void this.#serve();
    });
  }

  /** Counts bytes against the limit of now, or refuses. */
  #pass(bytes: number): boolean {
    const rate = this.#options.bytesPerSecond();
    const now = this.#options.clock.monotonic();
    if (rate === undefined) {
      this.#credit = 0;
      this.#countedAt = now;
      return true;
    }
    const earned = ((now - this.#countedAt) / 1000) * rate;
    this.#countedAt = now;
    this.#credit = Math.min(this.#credit + earned, rate * BURST_SECONDS);
    if (this.#credit < 0) return false;
    this.#credit -= bytes;
    return true;
  }

  /** One sleeper for all who wait; none while nobody does. */
  async #serve(): Promise<void> {
    const idle = new AbortController();
    this.#idle = idle;
    while (!idle.signal.aborted) {
      for (let next = this.#waiters[0]; next && this.#pass(next.bytes); next = this.#waiters[0]) {
        this.#waiters.shift();
        next.grant();
      }
      if (this.#waiters.length === 0) this.#rest();
      else await this.#options.clock.sleep(this.#untilPaid(), idle.signal).catch(() => undefined);
    }
  }

  #rest(): void {
    this.#idle?.abort();
    this.#idle = undefined;
  }

  #untilPaid(): number {
    const rate = this.#options.bytesPerSecond();
    if (rate === undefined) return 0;
    return Math.min(LOOK_MS, Math.ceil((-this.#credit / rate) * 1000));
  }
}
