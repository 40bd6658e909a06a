import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { PutObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3';
import type { Capabilities } from '../../../contract/index.ts';
import { encodeCrc } from '../../crc.ts';
import { type Answer, ask, isRefusedRequest } from './ask.ts';
import type { Connection } from './connection.ts';

type Writes = Pick<Capabilities, 'conditional_writes' | 'checksums'>;

const BODY_BYTES = 64;

const NOT_IMPLEMENTED = 501;
const PRECONDITION_FAILED = 412;

/**
 * Whether the store compares checksums and heeds conditions, found out with two tiny objects whose keys begin with
 * `prefix`. They are left to the caller, who removes all with that prefix.
 */
export async function examineWrites(
  connection: Connection,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<{ writes: Writes; keys: string[] }> {
  const Body = randomBytes(BODY_BYTES);
  const [first, second] = [`${prefix}-4`, `${prefix}-5`];
  const put = (key: string, extra: Partial<PutObjectCommandInput>): Promise<Answer<unknown>> =>
    ask(
      connection,
      'write',
      ({ client, http }) =>
        client.send(
          new PutObjectCommand({
            Bucket: connection.bucket,
            Key: key,
            Body,
            ContentLength: BODY_BYTES,
            ...extra,
          }),
          http,
        ),
      signal,
    );
  const right = { ChecksumCRC32: encodeCrc(crc32(Body)) };
  const summed = await put(first, right);
  const refused = !summed.ok && refuses(summed);
  // A bucket with a lock wants some sum; the one of old is understood everywhere.
  const old = { ContentMD5: createHash('md5').update(Body).digest('base64') };
  const there = refused ? await put(first, old) : summed;
  if (!there.ok) {
    const checksums = refused ? 'refused' : 'unknown';
    return { writes: { conditional_writes: 'unknown', checksums }, keys: [first] };
  }
  const checksums = refused
    ? 'refused'
    : checksumsBy(await put(second, { ChecksumCRC32: encodeCrc(crc32(Buffer.alloc(BODY_BYTES))) }));
  const again = await put(first, { ...(refused ? old : right), IfNoneMatch: '*' });
  return { writes: { conditional_writes: conditionsBy(again), checksums }, keys: [first, second] };
}

function refuses(answer: Answer<unknown>): boolean {
  return !answer.ok && (answer.fault.status === NOT_IMPLEMENTED || isRefusedRequest(answer.fault));
}

/** After a body with its right sum was taken: what becomes of one with a wrong sum? */
function checksumsBy(answer: Answer<unknown>): Writes['checksums'] {
  if (answer.ok) return 'ignored';
  return isRefusedRequest(answer.fault) ? 'enforced' : 'unknown';
}

/** What becomes of a write that must not happen, since something is there? */
function conditionsBy(answer: Answer<unknown>): Writes['conditional_writes'] {
  if (answer.ok) return 'ignored';
  if (answer.fault.status === PRECONDITION_FAILED) return 'enforced';
  return refuses(answer) ? 'refused' : 'unknown';
}
