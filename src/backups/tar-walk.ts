/**
 * Walks the outer tar of a backup while its bytes pass, without keeping them: is it whole, and is it what it says?
 * Format: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Extended Header", and GNU tar's base-256 numbers.
 * (tar-stream was tried for this: it accepts an archive that ends at a header without its end marker, which is
 * just the cut that must be noticed.)
 */

/** Why an archive looks odd although it is not cut. */
type TarOddity =
  | 'damaged_header'
  | 'no_backup_json'
  | 'unreadable_backup_json'
  | 'other_backup'
  | 'data_after_end';

interface TarVerdict {
  /** The archive ends before its end marker. */
  readonly cut: boolean;
  readonly oddity: TarOddity | null;
}

const BLOCK = 512;

/** The description of a backup and its pax headers are a few KiB; more than this is not kept. */
const MAX_CAPTURE = 4 * 1024 * 1024;

const NAME = { start: 0, length: 100 };
const SIZE = { start: 124, length: 12 };
const CHECKSUM = { start: 148, length: 8 };
const TYPE_AT = 156;
const PAX_NEXT = 'x';
const PAX_GLOBAL = 'g';
const GNU_LONG_NAME = 'L';
const GNU_LONG_LINK = 'K';
const SPACE = 0x20;
const BASE_256 = 0x80;

type Capture = 'pax' | 'description' | undefined;

function text(block: Buffer, field: { start: number; length: number }): string {
  const raw = block.subarray(field.start, field.start + field.length);
  const end = raw.indexOf(0);
  return raw.subarray(0, end < 0 ? raw.length : end).toString('utf8');
}

function readNumber(block: Buffer, field: { start: number; length: number }): number {
  const first = block[field.start] ?? 0;
  if ((first & BASE_256) === 0) {
    const digits = text(block, field).trim();
    return digits === '' ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
  }
  let value = first & 0x7f;
  for (let at = field.start + 1; at < field.start + field.length; at += 1)
    value = value * 256 + (block[at] ?? 0);
  return value;
}

function checksumFits(block: Buffer): boolean {
  let sum = 0;
  for (let at = 0; at < BLOCK; at += 1) {
    sum += at >= CHECKSUM.start && at < CHECKSUM.start + CHECKSUM.length ? SPACE : (block[at] ?? 0);
  }
  return sum === readNumber(block, CHECKSUM);
}

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

/** The `size` record of a pax extended header, which replaces the one in the header that follows. */
function paxSize(body: Buffer): number | undefined {
  let size: number | undefined;
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(SPACE, at);
    const length = Number(body.subarray(at, space).toString());
    if (space < 0 || !Number.isSafeInteger(length) || length <= 0) return size;
    const record = body.subarray(space + 1, at + length - 1).toString('utf8');
    if (record.startsWith('size=')) size = Number(record.slice('size='.length));
    at += length;
  }
  return size;
}

/** One walk over one archive. */
export class TarWalk {
  readonly #backupId: string;
  readonly #header = Buffer.alloc(BLOCK);
  #headerFilled = 0;
  /** Bytes of the current entry, with its padding, that are still to come. */
  #skip = 0;
  #capture: Capture;
  #captured: Buffer[] = [];
  #captureLeft = 0;
  #nextSize: number | undefined;
  #zeroBlocks = 0;
  #ended = false;
  #lost = false;
  #described = false;
  #oddity: TarOddity | null = null;

  /** @param backupId the backup that the archive is said to be */
  constructor(backupId: string) {
    this.#backupId = backupId;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#lost; ) {
      if (this.#ended) {
        if (!isZero(chunk.subarray(at))) this.#noteAndLose('data_after_end');
        return;
      }
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - at);
        if (this.#captureLeft > 0) this.#keep(chunk.subarray(at, at + step));
        this.#skip -= step;
        at += step;
        if (this.#skip === 0) this.#entryDone();
      } else {
        const step = Math.min(BLOCK - this.#headerFilled, chunk.length - at);
        chunk.copy(this.#header, this.#headerFilled, at, at + step);
        this.#headerFilled += step;
        at += step;
        if (this.#headerFilled === BLOCK) this.#readHeader();
      }
    }
  }

  /** The verdict once every byte has passed. */
  end(): TarVerdict {
    const cut = !this.#lost && !this.#ended;
    const oddity = this.#oddity ?? (this.#described ? null : 'no_backup_json');
    return { cut, oddity: cut ? null : oddity };
  }

  #noteAndLose(oddity: TarOddity): void {
    this.#oddity ??= oddity;
    this.#lost = true;
  }

  #keep(bytes: Buffer): void {
    const step = Math.min(this.#captureLeft, bytes.length);
    this.#captured.push(Buffer.from(bytes.subarray(0, step)));
    this.#captureLeft -= step;
  }

  #readHeader(): void {
    this.#headerFilled = 0;
    const block = this.#header;
    if (isZero(block)) {
      this.#zeroBlocks += 1;
      this.#ended = this.#zeroBlocks === 2;
      return;
    }
    const type = String.fromCharCode(block[TYPE_AT] ?? 0);
    const isMeta =
      type === PAX_NEXT || type === PAX_GLOBAL || type === GNU_LONG_NAME || type === GNU_LONG_LINK;
    const size = isMeta ? readNumber(block, SIZE) : (this.#nextSize ?? readNumber(block, SIZE));
    if (this.#zeroBlocks > 0 || !checksumFits(block) || !Number.isSafeInteger(size) || size < 0) {
      this.#noteAndLose('damaged_header');
      return;
    }
    if (!isMeta) this.#nextSize = undefined;
    this.#skip = Math.ceil(size / BLOCK) * BLOCK;
    this.#capture = type === PAX_NEXT ? 'pax' : !isMeta && this.#isDescription() ? 'description' : undefined;
    this.#captured = [];
    this.#captureLeft = this.#capture && size <= MAX_CAPTURE ? size : 0;
    if (this.#skip === 0) this.#entryDone();
  }

  #isDescription(): boolean {
    return /^(\.\/)?backup\.json$/.test(text(this.#header, NAME));
  }

  #entryDone(): void {
    const body = Buffer.concat(this.#captured);
    this.#captured = [];
    if (this.#capture === 'pax') this.#nextSize = paxSize(body);
    if (this.#capture === 'description') this.#readDescription(body);
    this.#capture = undefined;
  }

  #readDescription(body: Buffer): void {
    this.#described = true;
    try {
      const { slug } = JSON.parse(body.toString('utf8')) as { slug?: unknown };
      if (slug !== this.#backupId) this.#oddity ??= 'other_backup';
    } catch {
      this.#oddity ??= 'unreadable_backup_json';
    }
  }
}
