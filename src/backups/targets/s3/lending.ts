import { BLOCK_BYTES, type Block, BlockPool } from '../../../kernel/blocks.ts';
import type { Pace } from '../../../kernel/pace.ts';
import type { Intake, Sink } from './intake.ts';

interface LendingOptions {
  readonly intake: Intake;
  /** How many bytes are still to come; at least one. */
  readonly left: number;
  readonly pace: Pace | undefined;
  /** Ends the waiting for the pace. */
  readonly signal: AbortSignal;
  /** Called whenever bytes have arrived, and when more are asked for again; `waiting`: it is the server's turn. */
  readonly onMove: (bytes: number, waiting: boolean) => void;
}

/** The rest of a body, laid into lent blocks by the socket itself. Whoever is slow to give them back slows it down. */
export class Lending implements Sink {
  readonly #options: LendingOptions;
  readonly #pool = new BlockPool(() => this.#resume());
  readonly #ready: Block[] = [];
  #memory: Buffer;
  #filled = 0;
  /** How much of it was passed on already. */
  #passed = 0;
  #left: number;
  #stopped = false;
  #paced = false;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(options: LendingOptions) {
    this.#options = options;
    this.#left = options.left;
    this.#memory = this.#pool.take();
  }

  start(): void {
    this.#options.intake.give(this);
  }

  room(): Buffer {
    const { pace } = this.#options;
    const wanted = Math.max(1, Math.min(this.#left, pace?.slice ?? BLOCK_BYTES));
    return this.#memory.subarray(this.#filled, Math.min(BLOCK_BYTES, this.#filled + wanted));
  }

  filled(bytes: number): boolean {
    if (this.#ended) return false;
    this.#filled += bytes;
    this.#left -= bytes;
    if (this.#left === 0) this.end();
    else if (this.#filled === BLOCK_BYTES) this.#lend();
    this.#pay(bytes);
    const more = this.#mayRead;
    this.#stopped = !more;
    this.#options.onMove(bytes, more);
    return more;
  }

  /**
   * Passes on what is there, before a slow server has filled the block: as a copy, for the socket was told already
   * where in this block it shall lay what comes next.
   */
  flush(): void {
    if (this.#filled === this.#passed) return;
    const bytes = Buffer.from(this.#memory.subarray(this.#passed, this.#filled));
    this.#passed = this.#filled;
    this.#ready.push({ bytes, release: () => undefined });
    this.#notify();
  }

  /** Nothing more comes; what has arrived is still passed on. */
  end(error?: Error): void {
    if (this.#ended) return;
    if (this.#filled > this.#passed) this.#lend();
    this.#ended = true;
    this.#error = error;
    this.#notify();
  }

  /** Whether the reader has had all there is. */
  get awaited(): boolean {
    return this.#wake !== undefined;
  }

  async *blocks(): AsyncGenerator<Block> {
    for (;;) {
      const block = this.#ready.shift();
      if (block) yield block;
      else if (this.#error) throw this.#error;
      else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  /** Passes the block itself on. Only while the socket asks where the next bytes shall go, or when nothing more comes. */
  #lend(): void {
    this.#ready.push(this.#pool.lend(this.#memory, this.#passed, this.#filled));
    this.#memory = this.#pool.take();
    this.#filled = 0;
    this.#passed = 0;
    this.#notify();
  }

  #pay(bytes: number): void {
    const { pace, signal } = this.#options;
    if (!pace || this.#ended) return;
    const paid = pace.take(bytes, signal);
    if (!paid) return;
    this.#paced = true;
    paid.then(
      () => {
        this.#paced = false;
        this.#resume();
      },
      () => undefined,
    );
  }

  get #mayRead(): boolean {
    // the one that is being filled is taken already; without another one there would be no room after it
    return !this.#ended && !this.#paced && this.#pool.available;
  }

  #resume(): void {
    if (!this.#stopped || !this.#mayRead) return;
    this.#stopped = false;
    this.#options.onMove(0, true);
    this.#options.intake.resume();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
