import { type Clock, timestamp } from './clock.ts';
import type { Revisions } from './revisions.ts';

/** Its stamp is ours to write. */
interface Unstamped {
  readonly revision?: never;
  readonly changed_at?: never;
}

/** A document as it is at a moment; never changed afterwards. */
export interface StateDocument {
  /** `backups/target-k3x9`: where it lies as a file, and below which topic. */
  readonly name: string;
  /** Grows with every change of any document, and is never used twice. */
  readonly revision: number;
  /** The document as JSON: `revision`, `changed_at`, and what the feature wrote. */
  readonly text: string;
}

/** Hears of a document that has changed, or that is no more. */
export type StateWatcher = (name: string, document: StateDocument | undefined) => void;

/** The hand with which a feature writes one document. */
export interface StateWriter<Value extends object> {
  /** Writes it; what is the same as before changes nothing and is told to nobody. */
  set(value: Value & Unstamped): void;
  /** There is no such thing any more. */
  delete(): void;
}

interface StateOptions {
  readonly clock: Clock;
  readonly revisions: Revisions;
  /** A watcher threw. */
  readonly onError: (error: unknown) => void;
}

/** Names become files and topics: nothing else may stand in them. */
const NAME = /^[a-z0-9][a-z0-9-]*(?:\/[a-z0-9][a-z0-9-]*)*$/;

interface Entry {
  readonly document: StateDocument;
  /** The document without its stamp. */
  readonly content: string;
}

/**
 * How everything stands: the newest JSON document of each thing. Features write what they know and know nobody; outlets
 * watch. A change is compared, stamped and announced at once; nobody who hears of it can hold the writer up.
 */
export class State {
  readonly #options: StateOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<StateWatcher>();
  #stampedAt = 0;

  constructor(options: StateOptions) {
    this.#options = options;
  }

  /** The document of that name, to be written. @throws RangeError for a name that could be no file */
  document<Value extends object>(name: string): StateWriter<Value> {
    if (!NAME.test(name)) throw new RangeError(`no name for a document: ${name}`);
    return {
      set: (value) => this.#set(name, JSON.stringify(value)),
      delete: () => {
        if (this.#entries.delete(name)) this.#tell(name, undefined);
      },
    };
  }

  get(name: string): StateDocument | undefined {
    return this.#entries.get(name)?.document;
  }

  /** All documents there are. */
  all(): StateDocument[] {
    return [...this.#entries.values()].map(({ document }) => document);
  }

  /** Watches; the returned function ends it. */
  watch(watcher: StateWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #set(name: string, content: string): void {
    if (this.#entries.get(name)?.content === content) return;
    const { clock, revisions } = this.#options;
    // a clock that is set back does not make what is new look old
    this.#stampedAt = Math.max(this.#stampedAt, clock.now());
    const revision = revisions.next();
    const stamp = `{"revision":${revision},"changed_at":"${timestamp(this.#stampedAt)}"`;
    const text = content === '{}' ? `${stamp}}` : `${stamp},${content.slice(1)}`;
    const document = { name, revision, text };
    this.#entries.set(name, { document, content });
    this.#tell(name, document);
  }

  #tell(name: string, document: StateDocument | undefined): void {
    for (const watcher of this.#watchers) {
      try {
        watcher(name, document);
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }
}
