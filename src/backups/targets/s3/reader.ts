import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { BLOCK_BYTES, type Block } from '../../../kernel/blocks.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { Pace } from '../../../kernel/pace.ts';
import { type Intake, intakeOf } from './intake.ts';
import { Lending } from './lending.ts';

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
  /** Holds the bytes to a limit. */
  readonly pace?: Pace | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A server so slow that a block is not full after this time: its bytes are passed on as they are (milliseconds). */
const LINGER_MS = 1_000;

const nothing = (): void => undefined;

/**
 * The body of an answer as whoever reads it should see it: its errors are problems, silence of the server (and not
 * of the reader, nor of a limit of ours) ends it, less than what was promised is an error, and destroying it closes
 * the connection at once. Either the stream is read or its blocks.
 */
export class Body extends Readable {
  readonly #options: BodyOptions;
  readonly #closed = new AbortController();
  readonly #onAbort: () => void;
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  #received = 0;
  #paced = false;
  #lending: Lending | undefined;
  /** Since when we wait for the server; undefined while the reader has enough. */
  #waitingSince: number | undefined;

  constructor(options: BodyOptions) {
    super();
    this.#options = options;
    const { source, signal } = options;
    source.on('data', this.#onData);
    source.pause();
    source.once('end', () => this.#end());
    source.once('error', (error) => this.destroy(this.#problemOf(error)));
    this.#onAbort = () => this.destroy(signal?.reason);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    void this.#watch();
  }

  /**
   * The bytes in lent memory, which for a large body costs a third of what the stream does. Ends with what the stream
   * would end with. A connection whose rest was lent is not used again.
   */
  async *blocks(): AsyncGenerator<Block> {
    const { source } = this.#options;
    const intake = this.#intake();
    if (!intake) {
      for await (const chunk of this) yield { bytes: chunk as Buffer, release: nothing };
      return;
    }
    this.on('error', nothing);
    // nothing would come, and nobody would say so
    if (this.destroyed) throw this.errored ?? this.#problemOf(cut());
    source.off('data', this.#onData);
    const first = parsed(source);
    for (const chunk of first) this.#received += chunk.length;
    const lending = this.#received < this.#length ? this.#lend(intake) : undefined;
    for (const bytes of first) yield { bytes, release: nothing };
    if (lending) yield* lending.blocks();
    else this.destroy();
    if (this.#received < this.#length) throw this.#problemOf(cut());
  }

  override _read(): void {
    if (this.#paced) return;
    this.#waitingSince ??= this.#options.clock.monotonic();
    this.#options.source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#closed.abort();
    this.#options.source.destroy();
    this.#lending?.end(error ?? undefined);
    callback(error);
  }

  #lend(intake: Intake): Lending {
    const { clock, pace } = this.#options;
    const lending = new Lending({
      intake,
      left: this.#length - this.#received,
      pace,
      signal: this.#closed.signal,
      onMove: (bytes, waiting) => {
        this.#received += bytes;
        this.#waitingSince = waiting ? clock.monotonic() : undefined;
        if (this.#received === this.#length) this.destroy();
      },
    });
    this.#lending = lending;
    this.#waitingSince = clock.monotonic();
    lending.start();
    return lending;
  }

  /** Where the socket can lay the bytes elsewhere, and enough of them are to come; small ones leave the connection in use. */
  #intake(): Intake | undefined {
    const { socket, headers } = this.#options.source as Partial<IncomingMessage>;
    if (this.#length <= 2 * BLOCK_BYTES || !socket || headers?.['transfer-encoding'] !== undefined)
      return undefined;
    return intakeOf(socket);
  }

  #take(chunk: Buffer): void {
    this.#received += chunk.length;
    const paid = this.#options.pace?.take(chunk.length, this.#closed.signal);
    const wanted = this.push(chunk);
    if (paid) {
      this.#paced = true;
      paid.then(() => this.#paid(), nothing);
    }
    if (wanted && !paid) {
      this.#waitingSince = this.#options.clock.monotonic();
    } else {
      this.#waitingSince = undefined;
      this.#options.source.pause();
    }
  }

  #paid(): void {
    this.#paced = false;
    if (this.readableLength < this.readableHighWaterMark) this._read();
  }

  /** What was promised; nothing where nobody said. */
  get #length(): number {
    return this.#options.length ?? 0;
  }

  #end(): void {
    this.#waitingSince = undefined;
    if (this.#received < this.#length) this.destroy(this.#problemOf(cut()));
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
      if (this.#lending?.awaited) this.#lending.flush();
      // blocks may be asked for at any time
      const pause = Math.min(LINGER_MS, idleTimeoutMs - waited);
      await clock.sleep(pause, this.#closed.signal).catch(nothing);
    }
  }

  #problemOf(error: unknown): Error {
    return this.#options.problem(error) as Error;
  }
}

/** What Node's parser has, or is about to get from the socket. */
function parsed(source: Readable): Buffer[] {
  const { socket } = source as IncomingMessage;
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = source.read() as Buffer | null;
    if (chunk !== null) chunks.push(chunk);
    else if (socket.readableLength > 0) socket.read();
    else return chunks;
  }
}

const cut = (): Error => Object.assign(new Error('the body ended early'), { code: 'ECONNRESET' });
