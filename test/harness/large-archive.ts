import { createHash, randomBytes } from 'node:crypto';

const BLOCK = 512;
const MIB = 1024 * 1024;
// GNU tar fills its archives up to this.
const END_BYTES = 20 * BLOCK;

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write('0000600\0' + '0000000\0' + '0000000\0', 100);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write(`${'0'.repeat(11)}\0`, 136);
  block.write(' '.repeat(8), 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** The archive without the blocks that end it. */
function withoutEnd(archive: Buffer): Buffer {
  let end = archive.length;
  while (end >= BLOCK && archive.subarray(end - BLOCK, end).every((byte) => byte === 0)) end -= BLOCK;
  return archive.subarray(0, end);
}

/** A real archive with one more member of many megabytes, made while it is sent; no two of them are equal. */
export class LargeArchive {
  readonly size: number;
  readonly #begin: Buffer;
  readonly #mebibytes: number;
  readonly #hash = createHash('sha256');

  constructor(archive: Buffer, mebibytes: number) {
    this.#mebibytes = mebibytes;
    this.#begin = Buffer.concat([withoutEnd(archive), header('./ballast.bin', mebibytes * MIB)]);
    this.size = this.#begin.length + mebibytes * MIB + END_BYTES;
  }

  /** Of all that was sent. */
  get sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    const noise = randomBytes(MIB);
    yield this.#pass(this.#begin);
    for (let number = 0; number < this.#mebibytes; number += 1) {
      const chunk = Buffer.from(noise);
      chunk.writeUInt32BE(number, 0);
      yield this.#pass(chunk);
    }
    yield this.#pass(Buffer.alloc(END_BYTES));
  }

  #pass(chunk: Buffer): Buffer {
    this.#hash.update(chunk);
    return chunk;
  }
}
