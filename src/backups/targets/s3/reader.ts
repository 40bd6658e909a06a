import { Readable } from 'node:stream';
import type { Clock } from '../../../kernel/clock.ts';

interface BodyOptions {
  readonly source: Readable;
  /** How many bytes were promised; undefined where nobody said. */
  readonly length: number | undefined;
  readonly clock: Clock;
  readonly idleTimeoutMs: number;
  /** The problem for what the source threw. */
  readonly problem: (error: unknown) => unknown;
  /** The problem for silence. */
  readonly silence: () => unknown;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The body of an answer as whoever reads it should see it: its errors are problems, silence of the server (and not
 * of the reader) ends it, less than what was promised is an error, and destroying it closes the connection at once.
 */
export class Body extends Readable {
  readonly #options: BodyOptions;
  readonly #closed = new AbortController();
  readonly #onAbort: () => void;
  #received = 0;
  /** Since when we wait for the server; undefined while the reader has enough. */
  #waitingSince: number | undefined;

  constructor(options: BodyOptions) {
    super();
    this.#options = options;
    const { source, signal } = options;
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.pause();
    source.once('end', () => this.#end());
    source.once('error', (error) => this.destroy(this.#problemOf(error)));
    this.#onAbort = () => this.destroy(signal?.reason);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    void this.#watch();
  }

  override _read(): void {
    this.#waitingSince ??= this.#options.clock.monotonic();
    this.#options.source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#closed.abort();
    this.#options.source.destroy();
    callback(error);
  }

  #take(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.push(chunk)) {
      this.#waitingSince = this.#options.clock.monotonic();
    } else {
      this.#waitingSince = undefined;
      this.#options.source.pause();
    }
  }

  #end(): void {
    this.#waitingSince = undefined;
    const { length } = this.#options;
    if (length !== undefined && this.#received < length) this.destroy(this.#problemOf(cut()));
    else this.push(null);
  }

  /** One timer for the whole body, not one for each chunk: it sleeps until the wait of now could be over. */
  async #watch(): Promise<void> {
    const { clock, idleTimeoutMs } = this.#options;
    while (!this.#closed.signal.aborted) {
      const waited = this.#waitingSince === undefined ? 0 : clock.monotonic() - this.#waitingSince;
      if (waited >= idleTimeoutMs) {
        this.destroy(this.#options.silence() as Error);
        return;
      }
      await clock.sleep(idleTimeoutMs - waited, this.#closed.signal).catch(() => undefined);
    }
  }

  #problemOf(error: unknown): Error {
    return this.#options.problem(error) as Error;
  }
}

const cut = (): Error => Object.assign(new Error('the body ended early'), { code: 'ECONNRESET' });
