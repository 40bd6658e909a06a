import { type Clock, systemClock } from '../../src/kernel/clock.ts';

/** Time that can be turned forward. It passes by itself, too: what waits for milliseconds is not held up. */
export class ForwardClock implements Clock {
  #ahead = 0;
  sleep = systemClock.sleep;

  now = (): number => systemClock.now() + this.#ahead;
  monotonic = (): number => systemClock.monotonic() + this.#ahead;

  forward(ms: number): void {
    this.#ahead += ms;
  }
}
