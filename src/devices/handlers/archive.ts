import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Problem } from '../../kernel/errors.ts';
import { codeOf } from '../../kernel/network-fault.ts';

/** What lies in an archive. */
export interface ArchiveEntry {
  readonly name: string;
  /** As tar has it: `file`, `directory`, `symlink`, … */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  /** Where a link leads. */
  readonly link: string | undefined;
}

/** Tar ends with two blocks of zeros (POSIX.1-2017 pax, "ustar Interchange Format"). */
const END_BYTES = 1_024;

/** An archive that unpacks to more is refused: so little can become so much that a box has no time left (bytes). */
const MOST_UNPACKED = 1024 * 1024 * 1024;

/** No configuration has more entries. */
const MOST_ENTRIES = 50_000;

/** So much of a checksum tells two files apart for people (signs). */
const SHOWN_CHECKSUM = 16;

const GZIP = Buffer.from([0x1f, 0x8b]);
const TAR_MAGIC = Buffer.from('ustar');
const TAR_MAGIC_AT = 257;

/** Whether bytes begin as gzip does (RFC 1952). */
export const isGzip = (head: Buffer): boolean => head.subarray(0, GZIP.length).equals(GZIP);

/** Whether bytes begin as tar does. */
export const isTar = (head: Buffer): boolean =>
  head.subarray(TAR_MAGIC_AT, TAR_MAGIC_AT + TAR_MAGIC.length).equals(TAR_MAGIC);

interface Walk {
  /** The name of the archive, for sentences. */
  readonly file: string;
  readonly gzip: boolean;
}

/**
 * Reads a tar to its end and says what lies in it; nothing is unpacked.
 * @throws Problem `artefact_cut` where it ends too early, `artefact_wrong` where it is damaged or no tar
 */
export async function tarEntries(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { file, gzip }: Walk,
): Promise<ArchiveEntry[]> {
  const { extract } = await import('tar-stream');
  const entries: ArchiveEntry[] = [];
  const unpack = extract();
  let tail = Buffer.alloc(0);
  let size = 0;
  const watched = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > MOST_UNPACKED) throw wrong(file, 'it unpacks to more than 1 GB');
      tail = Buffer.concat([tail, chunk.subarray(-END_BYTES)]).subarray(-END_BYTES);
      yield chunk;
    }
  };
  const read = async (iterable: AsyncIterable<Uint8Array>) => {
    for await (const entry of iterable as unknown as AsyncIterable<TarEntry>) {
      if (entries.length >= MOST_ENTRIES) throw wrong(file, `more than ${MOST_ENTRIES} entries`);
      const hash = createHash('sha256');
      for await (const chunk of entry) hash.update(chunk);
      const { name, type, size: bytes, linkname } = entry.header;
      entries.push({
        name,
        type: type ?? 'file',
        size: bytes ?? 0,
        sha256: hash.digest('hex'),
        link: linkname ?? undefined,
      });
    }
  };
  try {
    const walked = read(unpack as unknown as AsyncIterable<Uint8Array>);
    walked.catch(() => undefined);
    if (gzip) await pipeline(source, createGunzip(), watched, unpack);
    else await pipeline(source as AsyncIterable<Uint8Array>, watched, unpack);
    await walked;
  } catch (error) {
    throw archiveFault(error, file);
  }
  // a reader takes an archive that ends between two entries for whole
  if (tail.length < END_BYTES || tail.some((byte) => byte !== 0)) {
    throw new Problem('artefact_cut', { params: { file } });
  }
  return entries;
}

/** Reads gzip to its end. @throws Problem `artefact_cut`, `artefact_wrong` */
export async function checkGzip(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  file: string,
): Promise<void> {
  let size = 0;
  try {
    await pipeline(source, createGunzip(), async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) {
        size += chunk.length;
        if (size > MOST_UNPACKED) throw wrong(file, 'it unpacks to more than 1 GB');
      }
    });
  } catch (error) {
    throw archiveFault(error, file);
  }
}

/** What lies in an archive, a line for each entry, in the order of their names. */
export function comparableEntries(entries: readonly ArchiveEntry[]): string {
  const lines = entries.map(({ name, type, size, sha256, link }) => {
    if (link !== undefined && link !== '') return `${name} -> ${link}`;
    return type === 'file' ? `${name} ${size} ${sha256.slice(0, SHOWN_CHECKSUM)}` : `${name} (${type})`;
  });
  return lines.toSorted((a, b) => (a < b ? -1 : 1)).join('\n');
}

/** The part of an entry of tar-stream that is used. */
interface TarEntry extends AsyncIterable<Uint8Array> {
  readonly header: {
    readonly name: string;
    readonly type?: string | null;
    readonly size?: number;
    readonly linkname?: string | null;
  };
}

const wrong = (file: string, reason: string): Problem =>
  new Problem('artefact_wrong', { params: { file, reason } });

function archiveFault(error: unknown, file: string): unknown {
  if (error instanceof Problem) return error;
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : '';
  if (code === 'Z_BUF_ERROR' || /unexpected end|premature|writable stream closed/i.test(message)) {
    return new Problem('artefact_cut', { params: { file }, cause: error });
  }
  if (code?.startsWith('Z_')) return wrong(file, 'the compressed data is damaged');
  if (/tar header|checksum/i.test(message)) return wrong(file, 'no tar archive');
  return error;
}
