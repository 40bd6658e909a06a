import { type Clock, within } from '../kernel/clock.ts';

interface LooksOptions {
  readonly clock: Clock;
  /** From 0 to 1, so that many targets, and many homes, are not looked at in step. */
  readonly random: () => number;
  /** The ids of all targets. */
  readonly targets: () => Promise<string[]>;
  /** Reads the list of a target; rejects when it could not be read, which is noted by then. */
  readonly look: (targetId: string) => Promise<void>;
  /** It takes too long: that is noted, and the look goes on. */
  readonly late: (targetId: string) => Promise<void>;
}

/** A place that is well is looked at so often even when nobody asks (milliseconds). */
const EVERY_MS = 3 * 60 * 60_000;

/** One that is not may be back soon (milliseconds). */
const AGAIN_MS = 15 * 60_000;

/** A share that hangs would be waited for without end; a first list of thousands takes minutes (milliseconds). */
const PATIENCE_MS = 5 * 60_000;

/** Looks at every target now and then, each on its own: one that is dead holds no other up. */
export class Looks {
  readonly #options: LooksOptions;
  readonly #following = new Map<string, AbortController>();
  /** Those that were there at the start and have not been looked at since. */
  #first: Set<string> | undefined;
  #running = false;

  constructor(options: LooksOptions) {
    this.#options = options;
  }

  /** Whether it is just finding out how the targets are. */
  get finding(): boolean {
    return this.#running && this.#first?.size !== 0;
  }

  async start(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    this.#first = new Set(await this.#options.targets());
    await this.touch();
  }

  stop(): void {
    this.#running = false;
    for (const life of this.#following.values()) life.abort();
    this.#following.clear();
    this.#first = undefined;
  }

  /** Looks at a target now. @throws what the look met */
  now(targetId: string): Promise<void> {
    return this.#options.look(targetId);
  }

  /** A target may have come or gone. */
  async touch(): Promise<void> {
    if (!this.#first) return;
    const ids = new Set(await this.#options.targets());
    if (!this.#running) return;
    for (const [id, life] of this.#following) {
      if (ids.has(id)) continue;
      life.abort();
      this.#following.delete(id);
      this.#first.delete(id);
    }
    for (const id of ids) {
      if (this.#following.has(id)) continue;
      const life = new AbortController();
      this.#following.set(id, life);
      void this.#follow(id, life.signal);
    }
  }

  async #follow(id: string, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    while (!signal.aborted) {
      const well = await this.#look(id, signal);
      this.#first?.delete(id);
      const due = clock.monotonic() + (well ? EVERY_MS : AGAIN_MS) * (0.75 + random() / 2);
      while (!signal.aborted && clock.monotonic() < due) {
        await clock.sleep(due - clock.monotonic(), signal).catch(() => undefined);
      }
    }
  }

  async #look(id: string, signal: AbortSignal): Promise<boolean> {
    const { clock, look, late } = this.#options;
    const looking = look(id).then(
      () => true,
      () => false,
    );
    const well = await within(clock, PATIENCE_MS, looking);
    if (well === undefined && !signal.aborted) await late(id).catch(() => undefined);
    return well ?? false;
  }
}
