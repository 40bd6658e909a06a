/** Held memory; give it back exactly once, more often does no harm. */
export interface Lease {
  readonly bytes: number;
  release(): void;
}

interface Waiter {
  readonly bytes: number;
  readonly grant: (lease: Lease) => void;
}

/**
 * A budget of memory for heavy work, so that two uploads at once fit into a box with 1 GB as well as one.
 * First come, first served: a large request is not starved by small ones.
 */
export class MemoryBudget {
  readonly capacity: number;
  #free: number;
  #waiters: Waiter[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#free = capacity;
  }

  /** Bytes that nobody holds. */
  get free(): number {
    return this.#free;
  }

  /**
   * Waits until `bytes` are free and takes them.
   * @throws RangeError when more is asked for than the whole budget; the signal's reason when it is aborted.
   */
  acquire(bytes: number, signal?: AbortSignal): Promise<Lease> {
    if (bytes > this.capacity)
      throw new RangeError(`${bytes} bytes do not fit into a budget of ${this.capacity}`);
    signal?.throwIfAborted();
    if (this.#waiters.length === 0 && bytes <= this.#free) return Promise.resolve(this.#take(bytes));
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(signal?.reason);
        this.#serve();
      };
      const waiter: Waiter = {
        bytes,
        grant: (lease) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(lease);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** Takes `bytes` for what does better with more, if afterwards `remaining` are still free for others; else undefined. */
  spare(bytes: number, remaining: number): Lease | undefined {
    return this.#waiters.length === 0 && this.#free - bytes >= remaining ? this.#take(bytes) : undefined;
  }

  #take(bytes: number): Lease {
    this.#free -= bytes;
    let held = true;
    return {
      bytes,
      release: () => {
        if (!held) return;
        held = false;
        this.#free += bytes;
        this.#serve();
      },
    };
  }

  #serve(): void {
    for (let next = this.#waiters[0]; next && next.bytes <= this.#free; next = this.#waiters[0]) {
      this.#waiters.shift();
      next.grant(this.#take(next.bytes));
    }
  }
}
