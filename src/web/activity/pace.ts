import type { Operation } from '../../contract/index.ts';

/** Over how long a speed is taken (milliseconds): it follows the line and does not flicker. */
const WINDOW_MS = 15_000;

/** Before so much was seen nothing is promised (milliseconds). */
const SEEN_MS = 3_000;

interface Sample {
  readonly at: number;
  readonly done: number;
}

/** How fast operations are, as seen from here. */
export class Pace {
  readonly #samples = new Map<string, Sample[]>();

  /** How an operation stands now. */
  see({ id, done }: Pick<Operation, 'id' | 'done'>, at: number): void {
    const samples = this.#samples.get(id) ?? [];
    if (samples.at(-1)?.done === done) return;
    samples.push({ at, done });
    while (samples.length > 2 && at - (samples[0] as Sample).at > WINDOW_MS) samples.shift();
    this.#samples.set(id, samples);
  }

  /** Bytes a second; undefined until that can be told. */
  speed(id: string): number | undefined {
    const samples = this.#samples.get(id) ?? [];
    const [first, last] = [samples[0], samples.at(-1)];
    if (!first || !last || last.at - first.at < SEEN_MS || last.done <= first.done) return undefined;
    return ((last.done - first.done) * 1000) / (last.at - first.at);
  }
}
