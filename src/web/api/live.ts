import type { CoreEvent } from '../../contract/index.ts';
import { type Trouble, toTrouble } from './problem.ts';

export type EventName = CoreEvent['event'];

interface Source<Value> {
  readonly fetch: () => Promise<Value>;
  /** What happens in the core that makes it another. */
  readonly events: readonly EventName[];
  /** Where an event brings the change itself, nothing has to be fetched; undefined where it does not. */
  readonly apply?: (value: Value, event: CoreEvent) => Value | undefined;
}

/** Many events in a row, as when a catalogue is read, lead to one fetch (milliseconds). */
const GATHER_MS = 150;

/** What a page shows of the core: fetched when somebody looks, kept, and fetched anew when it changed. */
export class Live<Value> {
  /** What was last heard; stays while a newer one is fetched and when that fails. */
  value: Value | undefined;
  /** Why the newest attempt failed. */
  trouble: Trouble | undefined;
  readonly #source: Source<Value>;
  readonly #watchers = new Set<() => void>();
  #stale = true;
  #fetching: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(source: Source<Value>) {
    this.#source = source;
  }

  /** Looks, until the returned function is called. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    if (this.#stale || this.trouble) void this.refresh();
    return () => this.#watchers.delete(changed);
  }

  /** Fetches it anew; afterwards `value` or `trouble` say how that went. */
  async refresh(): Promise<void> {
    // what is on its way may have left before the change
    this.#stale = true;
    while (this.#stale) {
      this.#fetching ??= this.#fetch();
      await this.#fetching;
    }
  }

  /** Something happened in the core. */
  heard(event: CoreEvent): void {
    if (event.event === 'hello' ? event.resumed : !this.#source.events.includes(event.event)) return;
    const applied = this.value === undefined ? undefined : this.#source.apply?.(this.value, event);
    if (applied !== undefined) {
      this.value = applied;
      // what is on its way was read before this happened
      if (this.#fetching) this.#stale = true;
      this.#tell();
      return;
    }
    this.#stale = true;
    if (this.#watchers.size === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.refresh();
    }, GATHER_MS);
  }

  /** Another person looks now. */
  forget(): void {
    this.value = undefined;
    this.trouble = undefined;
    this.#stale = true;
  }

  async #fetch(): Promise<void> {
    this.#stale = false;
    try {
      this.value = await this.#source.fetch();
      this.trouble = undefined;
    } catch (error) {
      this.trouble = toTrouble(error);
    }
    this.#fetching = undefined;
    this.#tell();
  }

  #tell(): void {
    for (const changed of this.#watchers) changed();
  }
}
