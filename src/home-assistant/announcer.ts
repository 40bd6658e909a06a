import type { Clock } from '../kernel/clock.ts';

interface AnnouncerOptions {
  readonly clock: Clock;
  /** What would be told now; only what differs from what was told last is told. */
  readonly fingerprint: () => string;
  readonly announce: () => void;
}

/** In a storm others are told so seldom, and then of the newest (milliseconds). */
const QUIET_MS = 1_000;

/** Tells that something has changed: the first time at once, then once a second at most, and the newest at the end. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  #told = '';
  #toldAt = Number.NEGATIVE_INFINITY;
  #waiting: AbortController | undefined;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** Something may have changed. */
  touch(): void {
    if (this.#waiting) return;
    const { clock } = this.#options;
    const left = this.#toldAt + QUIET_MS - clock.monotonic();
    if (left <= 0) {
      this.#tell();
      return;
    }
    this.#waiting = new AbortController();
    clock.sleep(left, this.#waiting.signal).then(
      () => {
        this.#waiting = undefined;
        this.#tell();
      },
      () => undefined,
    );
  }

  stop(): void {
    this.#waiting?.abort();
    this.#waiting = undefined;
  }

  #tell(): void {
    const now = this.#options.fingerprint();
    if (now === this.#told) return;
    this.#told = now;
    this.#toldAt = this.#options.clock.monotonic();
    this.#options.announce();
  }
}
