import { Problem } from '../kernel/errors.ts';

/** The one name of a place, for those who must not meet there. */
export function placeKey(targetId: string, archiveKey: string): string {
  return `${targetId}/${archiveKey}`;
}

/**
 * The places in targets where somebody is at work: an upload, the clean-up of one, a deletion. Nobody else begins
 * there meanwhile.
 */
export class Places {
  readonly #taken = new Set<string>();
  /** Those of them that are soon free: cleaned up or mended. */
  readonly #clearing = new Map<string, Promise<void>>();

  isTaken(place: string): boolean {
    return this.#taken.has(place);
  }

  /** Takes a place until `free` or `clear`. @throws Problem `upload_busy` */
  take(place: string): void {
    if (this.#taken.has(place)) throw new Problem('upload_busy');
    this.#taken.add(place);
  }

  free(place: string): void {
    this.#taken.delete(place);
  }

  /** Does the last work at a place, whoever took it; then it is free. */
  async clear(place: string, work: () => Promise<void>): Promise<void> {
    this.#taken.add(place);
    const working = work();
    this.#clearing.set(
      place,
      working.catch(() => undefined),
    );
    try {
      await working;
    } finally {
      this.#clearing.delete(place);
      this.#taken.delete(place);
    }
  }

  /** What is being cleared there, if anything; never rejects. */
  cleared(place: string): Promise<void> | undefined {
    return this.#clearing.get(place);
  }

  /** Works at a place where no upload is under way, after a clean-up that is. @throws Problem `upload_busy` */
  async alone(place: string, work: () => Promise<void>): Promise<void> {
    await this.cleared(place);
    if (this.isTaken(place)) throw new Problem('upload_busy');
    await this.clear(place, work);
  }
}
