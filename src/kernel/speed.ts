/** Over how long a speed is taken (milliseconds): it follows the line and does not flicker. */
const WINDOW_MS = 15_000;

/** Before so much was seen nothing is promised (milliseconds). */
const SEEN_MS = 2_000;

/** How fast something is, from how far it was at what time. */
export class Speed {
  readonly #seen: { readonly at: number; readonly done: number }[] = [];

  /** Bytes a second now that so much is done; null until that can be told. */
  see(done: number, at: number): number | null {
    this.#seen.push({ at, done });
    while (this.#seen.length > 2 && at - (this.#seen[1]?.at ?? at) > WINDOW_MS) this.#seen.shift();
    const first = this.#seen[0];
    if (!first || at - first.at < SEEN_MS) return null;
    return Math.max(0, Math.round(((done - first.done) * 1000) / (at - first.at)));
  }
}

/** How much of it is done, in whole percent; null where the whole is not known. */
export function percentOf(done: number, total: number | null): number | null {
  return total === null || total === 0 ? null : Math.min(100, Math.floor((done / total) * 100));
}
