import { systemClock } from '../../src/kernel/clock.ts';
import { ForwardClock } from './forward-clock.ts';

// Long enough to let others go first.
const LONGEST_MS = 5;

/** Time that can be turned forward, and in which nobody really waits. */
export class HurriedClock extends ForwardClock {
  /** How long each wanted to wait (milliseconds). */
  readonly slept: number[] = [];
  override sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    this.slept.push(ms);
    return systemClock.sleep(Math.min(ms, LONGEST_MS), signal);
  };
}
