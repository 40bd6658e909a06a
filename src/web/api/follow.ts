import { type CoreEvent, EVENTS_HEARTBEAT_SECONDS, PATHS } from '../../contract/index.ts';
import type { Api } from './client.ts';

/** Three heartbeats missed: the line is dead, though nobody has said so (milliseconds). */
const SILENCE_MS = 3 * EVENTS_HEARTBEAT_SECONDS * 1000;

/** The first pause before another attempt, and the longest (milliseconds). */
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** An event as it comes; its id is what we say when we come back. */
type SentEvent = CoreEvent & { readonly id?: number };

interface FollowOptions {
  readonly api: Api;
  readonly heard: (event: CoreEvent) => void;
  /** Whether there is a connection. */
  readonly connected: (connected: boolean) => void;
}

/** Follows what happens in the core, and comes back whenever the line breaks. */
export class Follow {
  readonly #options: FollowOptions;
  #ended: AbortController | undefined;
  #hurry: (() => void) | undefined;
  /** What was heard last: who says so is only told what was missed. */
  #lastHeard: number | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#ended) return;
    this.#ended = new AbortController();
    // who comes back to the page does not wait for the next attempt
    addEventListener('online', this.retry);
    document.addEventListener('visibilitychange', this.retry);
    void this.#run(this.#ended.signal);
  }

  stop(): void {
    this.#ended?.abort();
    this.#ended = undefined;
    this.#hurry?.();
    removeEventListener('online', this.retry);
    document.removeEventListener('visibilitychange', this.retry);
  }

  /** Tries again at once. */
  readonly retry = (): void => this.#hurry?.();

  async #run(ended: AbortSignal): Promise<void> {
    let pause = PAUSE_MS;
    while (!ended.aborted) {
      if (await this.#listen(ended)) pause = PAUSE_MS;
      if (ended.aborted) return;
      await this.#rest(pause * (1 + Math.random() / 2));
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  }

  /** One connection to its end; says whether it stood. */
  async #listen(ended: AbortSignal): Promise<boolean> {
    const { api, heard, connected } = this.#options;
    const silent = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENCE_MS);
    };
    let stood = false;
    try {
      alive();
      const signal = AbortSignal.any([ended, silent.signal]);
      const headers = this.#lastHeard === undefined ? {} : { 'last-event-id': String(this.#lastHeard) };
      const events = api.stream<SentEvent>('GET', PATHS.events, { signal, headers, heard: alive });
      for await (const event of events) {
        if (!stood) connected(true);
        stood = true;
        this.#lastHeard = event.id;
        heard(event);
      }
    } catch {
      // whatever it was, the next attempt shows whether it lasts
    } finally {
      clearTimeout(timer);
    }
    if (!ended.aborted) connected(false);
    return stood;
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
