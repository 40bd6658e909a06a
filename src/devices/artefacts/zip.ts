import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { Problem } from '../../kernel/errors.ts';

/** Bytes that can be read anywhere. */
export interface ZipSource {
  /** As it stands in sentences. */
  readonly name: string;
  readonly size: number;
  /** Fewer only at the end. */
  read(offset: number, length: number): Promise<Buffer>;
}

/** A file in an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes, unpacked. */
  readonly size: number;
  readonly packed: number;
  readonly crc32: number;
  /** 0 stored, 8 deflated; others are not read here. */
  readonly method: number;
  /** Of its local header. */
  readonly offset: number;
}

// signatures and lengths of APPNOTE.TXT (PKWARE), sections 4.3.7 and 4.3.12 to 4.3.16
const LOCAL = { signature: 0x04034b50, length: 30 };
const CENTRAL = { signature: 0x02014b50, length: 46 };
const END = { signature: 0x06054b50, length: 22 };
const END_64 = { signature: 0x06064b50, length: 56 };
const LOCATOR_64 = { signature: 0x07064b50, length: 20 };

/** What stands in a field whose value is in an extra field (section 4.5.3). */
const MANY_16 = 0xffff;
const MANY_32 = 0xffffffff;
const EXTRA_64 = 1;

const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;

/** A longer list of files is a mistake: 200,000 files with their names (bytes). */
const DIRECTORY_LIMIT = 32 * 1024 * 1024;

/** Read at once (bytes). */
const PIECE = 64 * 1024;

/** An archive in memory. */
export function zipInMemory(name: string, bytes: Buffer): ZipSource {
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

/** Works with an archive on the disk, of which only pieces come into memory. */
export async function withZipFile<Result>(
  { name, path, size }: { readonly name: string; readonly path: string; readonly size: number },
  work: (source: ZipSource) => Promise<Result>,
): Promise<Result> {
  const handle = await open(path, 'r');
  const read = async (offset: number, length: number) => {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  };
  try {
    return await work({ name, size, read });
  } finally {
    await handle.close();
  }
}

const cut = ({ name }: ZipSource): Problem => new Problem('artefact_cut', { params: { file: name } });

const wrong = ({ name }: ZipSource, reason: string): Problem =>
  new Problem('artefact_wrong', { params: { file: name, reason } });

async function exactly(source: ZipSource, offset: number, length: number): Promise<Buffer> {
  if (offset < 0 || offset + length > source.size) throw cut(source);
  const bytes = await source.read(offset, length);
  if (bytes.length < length) throw cut(source);
  return bytes;
}

interface Directory {
  readonly offset: number;
  readonly length: number;
  readonly entries: number;
}

/** Where the list of files is: the end of the archive says it. */
async function directoryOf(source: ZipSource): Promise<Directory> {
  const begin = await source.read(0, 4);
  if (begin.length < 4 || ![LOCAL.signature, END.signature].includes(begin.readUInt32LE(0))) {
    throw wrong(source, 'no zip archive');
  }
  // a comment of any length may follow
  const tail = Math.min(source.size, END.length + MANY_16);
  const bytes = await exactly(source, source.size - tail, tail);
  for (let at = bytes.length - END.length; at >= 0; at -= 1) {
    if (bytes.readUInt32LE(at) !== END.signature) continue;
    if (at + END.length + bytes.readUInt16LE(at + 20) !== bytes.length) continue;
    const place = source.size - tail + at;
    const found = {
      entries: bytes.readUInt16LE(at + 10),
      length: bytes.readUInt32LE(at + 12),
      offset: bytes.readUInt32LE(at + 16),
    };
    const many = found.entries === MANY_16 || found.length === MANY_32 || found.offset === MANY_32;
    return (many ? await directory64(source, place) : undefined) ?? found;
  }
  throw cut(source);
}

async function directory64(source: ZipSource, end: number): Promise<Directory | undefined> {
  if (end < LOCATOR_64.length) return undefined;
  const locator = await exactly(source, end - LOCATOR_64.length, LOCATOR_64.length);
  if (locator.readUInt32LE(0) !== LOCATOR_64.signature) return undefined;
  const record = await exactly(source, Number(locator.readBigUInt64LE(8)), END_64.length);
  if (record.readUInt32LE(0) !== END_64.signature) throw cut(source);
  return {
    entries: Number(record.readBigUInt64LE(32)),
    length: Number(record.readBigUInt64LE(40)),
    offset: Number(record.readBigUInt64LE(48)),
  };
}

/** Sizes and place of an entry, where they need more than 32 bits: in this order, and only those that do. */
function widened(
  source: ZipSource,
  extra: Buffer,
  narrow: readonly [size: number, packed: number, offset: number],
): number[] {
  if (!narrow.includes(MANY_32)) return [...narrow];
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) !== EXTRA_64) {
      at += 4 + length;
      continue;
    }
    let next = at + 4;
    return narrow.map((value) => {
      if (value !== MANY_32) return value;
      if (next + 8 > Math.min(extra.length, at + 4 + length)) throw wrong(source, 'a broken list of files');
      next += 8;
      return Number(extra.readBigUInt64LE(next - 8));
    });
  }
  throw wrong(source, 'a broken list of files');
}

/**
 * All files of an archive, as its list says, folders left out. Zip64 is read.
 * @throws Problem `artefact_wrong` where it is no archive, `artefact_cut` where its end is missing
 */
export async function zipEntries(source: ZipSource): Promise<ZipEntry[]> {
  const { offset, length, entries } = await directoryOf(source);
  if (length > DIRECTORY_LIMIT) throw wrong(source, 'a very long list of files');
  const bytes = await exactly(source, offset, length);
  const found: ZipEntry[] = [];
  let at = 0;
  for (let count = 0; count < entries; count += 1) {
    if (at + CENTRAL.length > length || bytes.readUInt32LE(at) !== CENTRAL.signature) {
      throw wrong(source, 'a broken list of files');
    }
    const lengths = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field)) as [number, number, number];
    const [nameLength, extraLength, commentLength] = lengths;
    const name = at + CENTRAL.length;
    const extra = name + nameLength;
    at = extra + extraLength + commentLength;
    if (at > length) throw wrong(source, 'a broken list of files');
    const head = bytes.subarray(name - CENTRAL.length, name);
    const [size = 0, packed = 0, place = 0] = widened(source, bytes.subarray(extra, extra + extraLength), [
      head.readUInt32LE(24),
      head.readUInt32LE(20),
      head.readUInt32LE(42),
    ]);
    const entry = {
      name: bytes.subarray(name, extra).toString('utf8'),
      ...{ size, packed, offset: place },
      crc32: head.readUInt32LE(16),
      method: head.readUInt16LE(10),
    };
    if (head.readUInt16LE(8) & ENCRYPTED) throw wrong(source, 'encrypted');
    if (!entry.name.endsWith('/')) found.push(entry);
  }
  return found;
}

async function* pieces(source: ZipSource, offset: number, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < length; at += PIECE) {
    yield await exactly(source, offset + at, Math.min(PIECE, length - at));
  }
}

/**
 * The content of a file, piece by piece, checked against its size and checksum when it ends.
 * @throws Problem `artefact_cut` or `artefact_wrong`
 */
export async function* zipContent(source: ZipSource, entry: ZipEntry): AsyncGenerator<Buffer> {
  const head = await exactly(source, entry.offset, LOCAL.length);
  if (head.readUInt32LE(0) !== LOCAL.signature) throw wrong(source, 'a broken archive');
  const begin = entry.offset + LOCAL.length + head.readUInt16LE(26) + head.readUInt16LE(28);
  const packed = Readable.from(pieces(source, begin, entry.packed));
  if (entry.method !== STORED && entry.method !== DEFLATED) throw wrong(source, 'an unknown compression');
  const inflate = createInflateRaw();
  const content =
    entry.method === STORED ? packed : packed.on('error', (error) => inflate.destroy(error)).pipe(inflate);
  let [size, sum] = [0, 0];
  try {
    for await (const piece of content as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > entry.size) break;
      sum = crc32(piece, sum);
      yield piece;
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw wrong(source, `${entry.name.slice(0, LONGEST_NAME)} cannot be unpacked`);
  } finally {
    packed.destroy();
    inflate.destroy();
  }
  if (size !== entry.size || sum !== entry.crc32) {
    throw wrong(source, `the checksum of ${entry.name.slice(0, LONGEST_NAME)}`);
  }
}

/** A name in a sentence is no longer (signs). */
const LONGEST_NAME = 60;

/** All of a file. @throws Problem as `zipContent`, and `artefact_wrong` where it is larger than `limit` (bytes) */
export async function zipBytes(source: ZipSource, entry: ZipEntry, limit: number): Promise<Buffer> {
  if (entry.size > limit) throw wrong(source, `${entry.name.slice(0, LONGEST_NAME)} is very large`);
  const all: Buffer[] = [];
  for await (const piece of zipContent(source, entry)) all.push(piece);
  return Buffer.concat(all);
}

/** Unpacks all files, keeps nothing, and compares their checksums. @throws Problem `artefact_cut` or `artefact_wrong` */
export async function checkZip(source: ZipSource): Promise<ZipEntry[]> {
  const entries = await zipEntries(source);
  for (const entry of entries) {
    for await (const _ of zipContent(source, entry));
  }
  return entries;
}
