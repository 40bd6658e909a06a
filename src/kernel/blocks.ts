/** Bytes in memory that is lent: they stay as they are until `release`, and are somebody else's afterwards. */
export interface Block {
  readonly bytes: Buffer;
  release(): void;
}

/** One block of this size is a read or a write of the kernel: larger ones save nothing more. */
export const BLOCK_BYTES = 512 * 1024;

/** One that is filled, one that is held back, one on its way out, and one ready for it. */
const BLOCKS = 4;

/** The blocks of one transfer: a few, used again and again, so that it makes no garbage and holds 2 MiB at most. */
export class BlockPool {
  #free: Buffer[] = [];
  #made = 0;
  readonly #onRelease: () => void;

  /** @param onRelease called when there is a free block again */
  constructor(onRelease: () => void) {
    this.#onRelease = onRelease;
  }

  /** Whether `take` gives one without going beyond what was planned. */
  get available(): boolean {
    return this.#free.length > 0 || this.#made < BLOCKS;
  }

  take(): Buffer {
    const free = this.#free.pop();
    if (free) return free;
    this.#made += 1;
    return Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** A piece of a taken block, to be given back once by whoever gets it; the whole block is free again then. */
  lend(memory: Buffer, start: number, end: number): Block {
    let lent = true;
    return {
      bytes: memory.subarray(start, end),
      release: () => {
        if (!lent) return;
        lent = false;
        this.#free.push(memory);
        this.#onRelease();
      },
    };
  }
}

/**
 * Frees the memory of a chunk that nobody needs any more. The collector does not see how large the chunks of a stream
 * are; it lets them pile up, and then searches the whole heap again and again.
 */
export function letGo({ buffer, byteLength }: Buffer): void {
  // smaller ones share their memory with others
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
