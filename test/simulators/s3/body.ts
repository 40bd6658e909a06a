import { createHash } from 'node:crypto';
import type { Received } from './call.ts';
import { refused } from './call.ts';
import { promised, Sums } from './checksums.ts';
import { ChunkDecoder, isStreaming } from './chunked.ts';
import { ContentWriter } from './content.ts';
import { S3Error } from './errors.ts';
import type { Profile } from './profiles.ts';
import type { Signed } from './signature.ts';

const UNSIGNED = 'UNSIGNED-PAYLOAD';

/** "Amazon S3 objects": what one PUT, and one part, may bring. */
const LARGEST_BODY = 5 * 1024 ** 3;

interface Incoming {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signed: Signed;
  readonly profile: Profile;
  readonly keepUpTo: number;
  /** `x-amz-checksum-…` is about something else than this body. */
  readonly unsummed: boolean;
}

/** Refuses a head whose body would not be understood; before the body is read. */
export function checkBodyHead({ method, headers, signed: { payload }, profile }: Incoming): void {
  const streaming = payload.startsWith('STREAMING-');
  if (streaming && !(profile.streaming.taken as readonly string[]).includes(payload)) {
    throw refused(profile.streaming.refusal, { value: payload, header: 'x-amz-content-sha256' });
  }
  if (!streaming && payload !== UNSIGNED && !/^[0-9a-f]{64}$/.test(payload)) {
    throw new S3Error('InvalidArgument', {
      message: 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-…, or a valid sha256 value.',
    });
  }
  promised(headers, profile);
  const trailer = payload.endsWith('-TRAILER');
  if (trailer !== (headers['x-amz-trailer'] !== undefined)) {
    throw new S3Error('InvalidRequest', {
      message: 'x-amz-trailer and x-amz-content-sha256 contradict each other',
    });
  }
  const length = headers[streaming ? 'x-amz-decoded-content-length' : 'content-length'];
  if (length === undefined) {
    if (method === 'PUT' || headers['transfer-encoding'] !== undefined) {
      throw new S3Error('MissingContentLength');
    }
  } else if (Number(length) > LARGEST_BODY) throw new S3Error('EntityTooLarge');
}

/** Reads a body and compares everything that was said about it. */
export async function receiveBody(incoming: Incoming, body: AsyncIterable<Buffer>): Promise<Received> {
  const { headers, signed, profile, keepUpTo, unsummed } = incoming;
  const said = promised(headers, profile);
  const promise = unsummed ? { ...said, algorithm: undefined } : said;
  const writer = new ContentWriter(keepUpTo);
  const sums = new Sums(promise, profile);
  const take = (piece: Buffer): void => {
    writer.write(piece);
    sums.write(piece);
  };
  const trailers = isStreaming(signed.payload)
    ? await receiveChunks(signed, body, take)
    : await receivePlain(signed, body, take);
  const decoded = headers['x-amz-decoded-content-length'];
  if (isStreaming(signed.payload) && Number(decoded) !== writer.size) throw new S3Error('IncompleteBody');
  const content = writer.end();
  const checksums = sums.compare(content, trailers);
  return { content, checksums, summed: promise.md5 !== undefined || promise.algorithm !== undefined };
}

async function receiveChunks(
  signed: Signed,
  body: AsyncIterable<Buffer>,
  take: (piece: Buffer) => void,
): Promise<ReadonlyMap<string, string>> {
  if (!isStreaming(signed.payload)) return new Map();
  const decoder = new ChunkDecoder(signed.payload, signed, take);
  for await (const piece of body) decoder.push(piece);
  decoder.end();
  return decoder.trailers;
}

async function receivePlain(
  { payload }: Signed,
  body: AsyncIterable<Buffer>,
  take: (piece: Buffer) => void,
): Promise<ReadonlyMap<string, string>> {
  const hash = payload === UNSIGNED ? undefined : createHash('sha256');
  for await (const piece of body) {
    hash?.update(piece);
    take(piece);
  }
  const ours = hash?.digest('hex');
  if (ours !== undefined && ours !== payload) {
    throw new S3Error('XAmzContentSHA256Mismatch', {
      fields: { ClientComputedContentSHA256: payload, S3ComputedContentSHA256: ours },
    });
  }
  return new Map();
}
