import { type CoreEvent, EVENTS_HEARTBEAT_SECONDS, PATHS } from '../../contract/index.ts';
import type { Api } from './client.ts';

/** Three heartbeats missed: the line is dead, though nobody has said so (milliseconds). */
const SILENCE_MS = 3 * EVENTS_HEARTBEAT_SECONDS * 1000;

/** The first pause before another attempt, and the longest (milliseconds). */
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

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
      for await (const event of api.stream<CoreEvent>('GET', PATHS.events, { signal, heard: alive })) {
        if (!stood) connected(true);
        stood = true;
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
