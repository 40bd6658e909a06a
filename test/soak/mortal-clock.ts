import type { Clock } from '../../src/kernel/clock.ts';

/**
 * The clock of a process that ends although the one of the test goes on: whoever sleeps by it then never wakes, so that
 * no retry of a dead core meets the next one.
 */
export class MortalClock implements Clock {
  readonly #clock: Clock;
  #dead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now = (): number => this.#clock.now();
  monotonic = (): number => this.#clock.monotonic();

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (this.#dead) return;
      this.#clock.sleep(ms, signal).then(
        () => {
          if (!this.#dead) resolve();
        },
        (error: unknown) => {
          if (!this.#dead) reject(error);
        },
      );
    });

  die(): void {
    this.#dead = true;
  }
}
