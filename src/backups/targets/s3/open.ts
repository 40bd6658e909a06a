import { Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { Problem } from '../../../kernel/errors.ts';
import type { Pace } from '../../../kernel/pace.ts';
import type { OpenedObject, OpenOptions } from '../target.ts';
import type { Connection, Via } from './connection.ts';
import { type CustomerKey, NO_KEYS, type ReadingKeys, readWithKey } from './encryption.ts';
import { isMissing } from './missing.ts';
import { Body } from './reader.ts';
import { etagOf, versionOf } from './version.ts';

/** What a server that was asked for bytes after the end answers. */
const RANGE_NOT_SATISFIABLE = 416;

/** What is smaller is not held to a limit. */
const UNPACED_BYTES = 1024 * 1024;

/** Opens an object as the bucket knows it, with the person's key where there may be one; undefined when there is none. */
export async function openObject(
  connection: Connection,
  key: string,
  options: OpenOptions,
  { keys = NO_KEYS, pace }: { readonly keys?: ReadingKeys; readonly pace?: Pace | undefined } = {},
): Promise<OpenedObject | undefined> {
  const { signal } = options;
  try {
    const output = await readWithKey(keys, key, (withKey) =>
      connection.run('read', (via) => request(connection, key, options, withKey, via), {
        signal,
        key,
        streaming: true,
      }),
    );
    return opened(connection, key, output, options, pace);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** An answer whose head does not come is silence, too; only this request's body is watched by its reader. */
async function request(
  connection: Connection,
  key: string,
  options: OpenOptions,
  customer: CustomerKey,
  { client, http, giveUp }: Via,
): Promise<GetObjectCommandOutput> {
  const { clock, idleTimeoutMs } = connection.context;
  const answered = new AbortController();
  void clock.sleep(idleTimeoutMs, answered.signal).then(
    () => giveUp(silence(connection)),
    () => undefined,
  );
  try {
    const etag = options.version === undefined ? undefined : etagOf(options.version);
    const range = rangeOf(options);
    const command = new GetObjectCommand({
      Bucket: connection.bucket,
      Key: key,
      ...(range === undefined ? {} : { Range: range }),
      ...(etag === undefined ? {} : { IfMatch: etag }),
      ...customer,
    });
    return await client.send(command, http);
  } finally {
    answered.abort();
  }
}

function rangeOf({ start = 0, end }: OpenOptions): string | undefined {
  if (end !== undefined) return `bytes=${start}-${end - 1}`;
  return start === 0 ? undefined : `bytes=${start}-`;
}

function opened(
  connection: Connection,
  key: string,
  output: GetObjectCommandOutput,
  options: OpenOptions,
  pace: Pace | undefined,
): OpenedObject {
  const source = output.Body;
  if (!(source instanceof Readable)) throw connection.notS3();
  const refuse = (problem: Problem): Problem => {
    source.on('error', () => undefined).destroy();
    return problem;
  };
  const total = /^bytes (\d+)-\d+\/(\d+)$/.exec(output.ContentRange ?? '');
  const start = options.start ?? 0;
  if (total ? Number(total[1]) !== start : rangeOf(options) !== undefined) {
    throw refuse(new Problem('target_unexpected', { params: { reason: 'the server ignores ranges' } }));
  }
  const size = total ? Number(total[2]) : output.ContentLength;
  // A file that was laid into the server's folder by hand has no ETag, but every object has its time.
  if (size === undefined || output.LastModified === undefined) throw refuse(connection.notS3());
  const version = versionOf({ ...output, ContentLength: size });
  // Some servers take the condition and do not look at it.
  if (options.version !== undefined && options.version !== version) throw refuse(corrupt(key, 'changed'));
  const { clock, idleTimeoutMs } = connection.context;
  const stream = new Body({
    source,
    length: output.ContentLength,
    clock,
    idleTimeoutMs,
    problem: (error) => connection.problem(error, 'read', { key }),
    silence: () => silence(connection),
    // A description is not worth a wait; a list reads a thousand of them.
    pace: size > UNPACED_BYTES ? pace : undefined,
    signal: options.signal,
  });
  return { stream, blocks: () => stream.blocks(), size, version };
}

/** Whether a range began at or after the end of the object. */
export function isPastEnd(error: unknown): boolean {
  if (!(error instanceof Problem)) return false;
  const cause = error.cause as { readonly $metadata?: { readonly httpStatusCode?: number } } | undefined;
  return cause?.$metadata?.httpStatusCode === RANGE_NOT_SATISFIABLE;
}

/** An object that is not what it should be. */
export function corrupt(key: string, reason: string): Problem {
  return new Problem('target_corrupt', { params: { key, reason } });
}

function silence(connection: Connection): Problem {
  return new Problem('target_timeout', { params: { host: connection.address.host } });
}
