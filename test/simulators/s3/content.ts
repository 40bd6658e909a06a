import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Bytes that are kept, or only what they sum up to. */
export interface Content {
  readonly size: number;
  /** MD5 as hex. */
  readonly md5: string;
  readonly crc32: number;
  /** Absent where the content is above the size from which only the sums are kept. */
  readonly pieces?: readonly Buffer[];
}

const ZEROS = Buffer.alloc(1024 * 1024);

/** The CRC-32 of so many zeros that follow on something. */
function overZeros(count: number, start: number): number {
  let sum = start;
  for (let left = count; left > 0; left -= ZEROS.length) {
    sum = crc32(ZEROS.subarray(0, Math.min(left, ZEROS.length)), sum);
  }
  return sum;
}

/** The CRC-32 of two contents in a row, out of theirs: the sum is linear. */
function joinedCrc32(first: number, second: Content): number {
  return (overZeros(second.size, first) ^ overZeros(second.size, 0) ^ second.crc32) >>> 0;
}

/** Sums content up as it comes. */
export class ContentWriter {
  #size = 0;
  #crc32 = 0;
  #pieces: Buffer[] | undefined = [];
  readonly #md5: Hash = createHash('md5');
  readonly #keepUpTo: number;

  /** More than `keepUpTo` bytes are not kept. */
  constructor(keepUpTo: number) {
    this.#keepUpTo = keepUpTo;
  }

  write(piece: Buffer): void {
    this.#size += piece.length;
    this.#md5.update(piece);
    this.#crc32 = crc32(piece, this.#crc32);
    if (this.#size > this.#keepUpTo) this.#pieces = undefined;
    this.#pieces?.push(piece);
  }

  get size(): number {
    return this.#size;
  }

  end(): Content {
    const pieces = this.#pieces;
    const sums = { size: this.#size, md5: this.#md5.digest('hex'), crc32: this.#crc32 };
    return pieces ? { ...sums, pieces } : sums;
  }
}

/** Content that is at hand as a whole. */
export function contentOf(bytes: Buffer): Content {
  const writer = new ContentWriter(Number.POSITIVE_INFINITY);
  writer.write(bytes);
  return writer.end();
}

/** One content of several. Its MD5 is that of nothing: an object of parts has none. */
export function joined(parts: readonly Content[], keepUpTo: number): Content {
  let [size, sum] = [0, 0];
  for (const part of parts) {
    sum = joinedCrc32(sum, part);
    size += part.size;
  }
  const pieces = size <= keepUpTo ? parts.flatMap((part) => part.pieces ?? []) : undefined;
  const whole = parts.every((part) => part.pieces !== undefined);
  return { size, md5: '', crc32: sum, ...(pieces && whole ? { pieces } : {}) };
}

/** The kept bytes from `start` up to and without `end`. */
export function* slices(pieces: readonly Buffer[], start: number, end: number): Generator<Buffer> {
  let at = 0;
  for (const piece of pieces) {
    const [from, to] = [Math.max(start - at, 0), Math.min(end - at, piece.length)];
    if (from < to) yield piece.subarray(from, to);
    at += piece.length;
    if (at >= end) return;
  }
}

/** All bytes of a content; an error where they were not kept. */
export function bytesOf(content: Content): Buffer {
  if (!content.pieces) throw new Error('of this content only the sums were kept');
  return Buffer.concat(content.pieces as Buffer[]);
}

/** A CRC-32 as S3 writes it: big-endian, base64. */
export function crc32Base64(sum: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(sum >>> 0);
  return bytes.toString('base64');
}
