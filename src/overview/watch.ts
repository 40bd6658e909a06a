import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';

interface WatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Looks: what is seen, as text to be compared, and the moments at which it becomes another by itself. */
  readonly look: () => Promise<{ readonly seen: string; readonly moments: readonly number[] }>;
  readonly onChange: () => void;
}

/** Much comes at once (a list was read, its target changed, its operation ended) and is one change (milliseconds). */
const SETTLE_MS = 500;

/** Nobody tells how full a disk is, and clocks are set (milliseconds). */
const LOOK_EVERY_MS = 30 * 60_000;

/** Tells when what is seen has become something else, whether somebody did something or time went by. */
export class Watch {
  readonly #options: WatchOptions;
  #life: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();
  /** Ends the pause before the next look. */
  #pause = new AbortController();
  #seen: string | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#life) return;
    this.#life = new AbortController();
    this.#loop = this.#run(this.#life.signal);
  }

  async stop(): Promise<void> {
    this.#life?.abort();
    this.#life = undefined;
    await this.#loop;
  }

  /** Something has happened. */
  touch(): void {
    this.#pause.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const sleep = (ms: number, until: AbortSignal) => clock.sleep(ms, until).catch(() => undefined);
    while (!signal.aborted) {
      // renewed before the look: what happens during it is not missed
      this.#pause = new AbortController();
      const touched = this.#pause.signal;
      const due = clock.monotonic() + (await this.#look());
      const until = AbortSignal.any([signal, touched]);
      while (!until.aborted && clock.monotonic() < due) await sleep(due - clock.monotonic(), until);
      if (touched.aborted) await sleep(SETTLE_MS, signal);
    }
  }

  /** Looks, tells, and says after how long to look again (milliseconds). */
  async #look(): Promise<number> {
    const { clock, log, look, onChange } = this.#options;
    try {
      const { seen, moments } = await look();
      if (this.#seen !== undefined && seen !== this.#seen) onChange();
      this.#seen = seen;
      return Math.max(SETTLE_MS, Math.min(LOOK_EVERY_MS, ...moments.map((moment) => moment - clock.now())));
    } catch (error) {
      log.error('the overview could not be made', { error });
      return LOOK_EVERY_MS;
    }
  }
}
