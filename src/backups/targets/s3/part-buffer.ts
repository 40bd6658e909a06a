import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { Pace } from '../../../kernel/pace.ts';
import { combineCrc, encodeCrc } from '../../crc.ts';

/**
 * How much is handed to a socket at once. TLS encrypts whatever it is given into memory of its own, so a whole part
 * would be held twice.
 */
const SLICE_BYTES = 256 * 1024;

/** A body that is ready to be sent, as often as it takes. */
export interface Payload {
  readonly length: number;
  /** As S3 writes it. */
  readonly crc32: string;
  /** Hexadecimal; only where the body is to be signed. */
  readonly sha256: string | undefined;
  /** The bytes once more from the start. */
  stream(): Readable;
  /** The same for who only sums them: no limit holds them up. */
  read(): Readable;
}

/** A buffer that is filled, sent and filled again. It sums while it is filled: no pass over many megabytes at once. */
export class PartBuffer {
  readonly #bytes: Buffer;
  readonly #signed: boolean;
  #length = 0;
  #crc = 0;
  #hash: Hash | undefined;

  constructor(size: number, signed: boolean) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#signed = signed;
    this.reset();
  }

  get length(): number {
    return this.#length;
  }

  get full(): boolean {
    return this.#length === this.#bytes.length;
  }

  /**
   * Copies as much of the chunk as there is room for, and returns how much that was.
   * @param sum the CRC-32 of the whole chunk, where it is known
   */
  fill(chunk: Uint8Array, sum?: number): number {
    const taken = Math.min(chunk.length, this.#bytes.length - this.#length);
    const piece = taken === chunk.length ? chunk : chunk.subarray(0, taken);
    this.#bytes.set(piece, this.#length);
    this.#length += taken;
    this.#crc =
      sum === undefined || piece !== chunk
        ? crc32(piece, this.#crc)
        : combineCrc(this.#crc, sum, piece.length);
    this.#hash?.update(piece);
    return taken;
  }

  /**
   * What is inside; to be asked for once, and valid until `reset`. Its streams keep to the pace; the signal ends their
   * waiting for it.
   */
  payload(pace?: Pace, signal?: AbortSignal): Payload {
    const bytes = this.#bytes.subarray(0, this.#length);
    return {
      length: bytes.length,
      crc32: encodeCrc(this.#crc),
      sha256: this.#hash?.digest('hex'),
      stream: () => (pace ? new PacedSlices(bytes, pace, signal) : new Slices(bytes)),
      read: () => new Slices(bytes),
    };
  }

  reset(): void {
    this.#length = 0;
    this.#crc = 0;
    this.#hash = this.#signed ? createHash('sha256') : undefined;
  }
}

/** A buffer as a stream, without copies. */
class Slices extends Readable {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    super({ highWaterMark: SLICE_BYTES });
    this.#bytes = bytes;
  }

  override _read(): void {
    if (this.#offset >= this.#bytes.length) {
      this.push(null);
      return;
    }
    const slice = this.#bytes.subarray(this.#offset, this.#offset + SLICE_BYTES);
    this.#offset += slice.length;
    this.push(slice);
  }
}

/** The same at a pace: a slice is as large as suits the limit of the moment, and nothing is taken ahead. */
class PacedSlices extends Readable {
  readonly #bytes: Buffer;
  readonly #pace: Pace;
  readonly #signal: AbortSignal | undefined;
  #offset = 0;

  constructor(bytes: Buffer, pace: Pace, signal: AbortSignal | undefined) {
    super({ highWaterMark: 1 });
    this.#bytes = bytes;
    this.#pace = pace;
    this.#signal = signal;
  }

  override _read(): void {
    // whoever sends it hears of the signal by himself
    if (this.#signal?.aborted) return;
    const slice = this.#bytes.subarray(this.#offset, this.#offset + this.#pace.slice);
    if (slice.length === 0) {
      this.push(null);
      return;
    }
    this.#offset += slice.length;
    const paid = this.#pace.take(slice.length, this.#signal);
    if (paid)
      paid.then(
        () => this.push(slice),
        () => undefined,
      );
    else this.push(slice);
  }
}
