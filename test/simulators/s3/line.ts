import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../../src/kernel/clock.ts';
import type { Fault } from './faults.ts';

/** Larger pieces are cut, so that a slow line is slow within them, too. */
const SLOW_PIECE = 16 * 1024;
const MS_PER_SECOND = 1000;

/** The connection is not there any more; nobody can be answered. */
export class Gone extends Error {}

/** The connection that a request came on, with the faults that were thrown at it. */
export class Line {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly faults: readonly Fault[];
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  /** Settles when all that was written has left this process. */
  #flushed: Promise<void> = Promise.resolve();

  /** `socket` is the TCP connection, below TLS. */
  constructor(
    { incoming, outgoing, socket }: { incoming: IncomingMessage; outgoing: ServerResponse; socket: Socket },
    faults: readonly Fault[],
    clock: Clock,
  ) {
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.#socket = socket;
    this.faults = faults;
    this.#clock = clock;
    outgoing.once('close', () => this.#closed.abort(new Gone()));
  }

  of<Kind extends Fault['kind']>(kind: Kind): Extract<Fault, { kind: Kind }> | undefined {
    return this.faults.find((fault): fault is Extract<Fault, { kind: Kind }> => fault.kind === kind);
  }

  /** Cuts or stalls, where that was wanted at this moment. */
  async moment(at: 'at_once' | 'before_answer'): Promise<void> {
    for (const fault of this.faults) {
      if ((fault.kind === 'stall' || fault.kind === 'cut') && fault.at === at) await this.#strike(fault);
    }
  }

  /** Lets bytes through at the speed, and up to the place, that were wanted. */
  async *tap(
    pieces: AsyncIterable<Buffer> | Iterable<Buffer>,
    at: 'request' | 'answer',
  ): AsyncGenerator<Buffer> {
    const slow = this.faults.find((fault) => fault.kind === 'slow' && fault.at === at);
    const ends = this.faults.filter(
      (fault) => (fault.kind === 'cut' || fault.kind === 'stall') && fault.at === at,
    ) as Extract<Fault, { kind: 'cut' | 'stall' }>[];
    const waiting = ends.sort((a, b) => (a.after ?? 0) - (b.after ?? 0));
    let passed = 0;
    for await (const piece of pieces) {
      let rest = piece;
      while (rest.length > 0) {
        const next = waiting[0];
        const until = next === undefined ? rest.length : Math.max(0, (next.after ?? 0) - passed);
        const now = rest.subarray(0, Math.min(until, slow ? SLOW_PIECE : rest.length));
        if (slow?.kind === 'slow') await this.sleep((now.length / slow.bytesPerSecond) * MS_PER_SECOND);
        if (now.length > 0) yield now;
        passed += now.length;
        rest = rest.subarray(now.length);
        if (next && passed >= (next.after ?? 0) && (rest.length > 0 || at === 'answer')) {
          waiting.shift();
          await this.#strike(next);
        }
      }
    }
  }

  /** Waits by the injected clock, or throws `Gone` when the client does not. */
  async sleep(ms: number): Promise<void> {
    await this.#clock.sleep(ms, this.#closed.signal);
  }

  async write(piece: Buffer | string): Promise<void> {
    if (this.#closed.signal.aborted) throw new Gone();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#flushed = promise;
    if (this.outgoing.write(piece, () => resolve())) return;
    await once(this.outgoing, 'drain', { signal: this.#closed.signal });
  }

  /** Ends the connection: what was written is sent first, unless it is reset. */
  cut(reset = false): void {
    if (reset) this.#socket.resetAndDestroy();
    // Below TLS a FIN without a farewell is just what a broken line looks like.
    else this.#socket.destroySoon();
  }

  async #strike(fault: Extract<Fault, { kind: 'cut' | 'stall' }>): Promise<void> {
    if (fault.kind === 'stall') {
      if (fault.ms !== undefined) return this.sleep(fault.ms);
      if (!this.#closed.signal.aborted) await once(this.#closed.signal, 'abort');
      throw new Gone();
    }
    // What was written before shall arrive; the head of an answer tells nobody when it has left.
    await Promise.race([this.#flushed, once(this.#closed.signal, 'abort')]);
    await new Promise((resolve) => setImmediate(resolve));
    this.cut(fault.reset);
    throw new Gone();
  }
}
