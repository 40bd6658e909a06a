import * as v from 'valibot';
import type { Settings } from './settings.ts';

const Starts = v.object({ starts: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) });

/** More changes than one run makes: at a thousand a second that is eleven days of nothing else. */
const ROOM_OF_A_START = 1_000_000_000;

/** Numbers that only grow, from one start of the core to the next, too. One write for each start is all they cost. */
export class Revisions {
  #last: number;

  /** @param last the newest number that was used before */
  constructor(last: number) {
    this.#last = last;
  }

  /** Begins after everything that an earlier start has numbered. */
  static async open(settings: Settings): Promise<Revisions> {
    const starts = ((await settings.read('starts', Starts))?.starts ?? 0) + 1;
    await settings.write('starts', { starts });
    return new Revisions(starts * ROOM_OF_A_START);
  }

  /** The number of the newest change. */
  get last(): number {
    return this.#last;
  }

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}
