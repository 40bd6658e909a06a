import type { CoreEvent, Language } from '../contract/index.ts';
import type { Revisions } from '../kernel/revisions.ts';

/** An event as it is told in a language. */
type Wording = (language: Language) => CoreEvent;

/** Something that was told, with its place in the order of all that is told. */
export interface Told {
  readonly id: number;
  /** Of what it tells: of one thing only the newest counts. */
  readonly key: string;
  readonly word: Wording;
}

/** So many things are remembered; who missed more fetches everything anew. */
const REMEMBERED = 1_000;

/**
 * What is told to those who follow, and for a while remembered for those who come back. Of each thing the newest event
 * alone is kept, so that a storm takes no more room than silence.
 */
export class Feed {
  readonly #revisions: Revisions;
  /** In the order of their ids. */
  readonly #told = new Map<string, Told>();
  readonly #followers = new Set<(told: Told) => void>();
  /** All that was told after this is still known. */
  #knownSince: number;

  constructor(revisions: Revisions) {
    this.#revisions = revisions;
    this.#knownSince = revisions.last;
  }

  /** The place of whoever has heard everything. */
  get last(): number {
    return this.#revisions.last;
  }

  tell(key: string, word: Wording): void {
    const told = { id: this.#revisions.next(), key, word };
    this.#told.delete(key);
    this.#told.set(key, told);
    if (this.#told.size > REMEMBERED) {
      const [oldest] = this.#told.values();
      if (oldest) {
        this.#told.delete(oldest.key);
        this.#knownSince = oldest.id;
      }
    }
    for (const follower of this.#followers) follower(told);
  }

  /** Follows; the returned function ends it. */
  follow(follower: (told: Told) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** What was told after an event, in its order; undefined where that is not known any more, or was never told here. */
  since(id: number): Told[] | undefined {
    if (id < this.#knownSince || id > this.#revisions.last) return undefined;
    return [...this.#told.values()].filter((told) => told.id > id);
  }
}
