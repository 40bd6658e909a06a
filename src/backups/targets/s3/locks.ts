import {
  GetBucketVersioningCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
} from '@aws-sdk/client-s3';
import { timestamp } from '../../../kernel/clock.ts';
import { isProblem, Problem } from '../../../kernel/errors.ts';
import type { Connection } from './connection.ts';
import { faultOf } from './fault.ts';

/** One version of an object; without an id the newest. */
export interface Version {
  /** As the bucket knows it. */
  readonly key: string;
  readonly id?: string | undefined;
}

/** What keeps an object from being deleted. */
interface Lock {
  /** Milliseconds since 1970; 0 when no day is set. */
  readonly until: number;
  /** For as long as nobody lifts it. */
  readonly held: boolean;
}

/** What a question about something that the server, the bucket or the key does not have is answered with; what is unknown is undefined. */
async function ask<T>(question: Promise<T>): Promise<T | undefined> {
  try {
    return await question;
  } catch (error) {
    const status = isProblem(error) ? faultOf(error.cause).status : undefined;
    if (status !== undefined && status >= 400 && (status < 500 || status === 501)) return undefined;
    throw error;
  }
}

const OFF = new Set([
  'ObjectLockConfigurationNotFoundError',
  'NoSuchObjectLockConfiguration',
  'NotImplemented',
]);

/** Whether objects of this bucket may be locked; a key that may not ask does not know. */
async function mayLock(connection: Connection, signal?: AbortSignal): Promise<boolean> {
  try {
    const output = await connection.run(
      'delete',
      ({ client, http }) =>
        client.send(new GetObjectLockConfigurationCommand({ Bucket: connection.bucket }), http),
      { signal },
    );
    return output.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
  } catch (error) {
    if (!isProblem(error)) throw error;
    const { status = 0, s3Code = '' } = faultOf(error.cause);
    if (OFF.has(s3Code) || status === 404 || status === 405 || status === 501) return false;
    if (status === 403) return true;
    if (status === 400) return false;
    throw error;
  }
}

/** Whether a delete without a version only hides, so that no lock stands in its way. */
export async function hides(connection: Connection, signal?: AbortSignal): Promise<boolean> {
  const output = await ask(
    connection.run(
      'delete',
      ({ client, http }) => client.send(new GetBucketVersioningCommand({ Bucket: connection.bucket }), http),
      { signal },
    ),
  );
  return output?.Status === 'Enabled';
}

/**
 * Rejects when one of these versions may not be deleted yet. Texts of refusals differ from server to server, so the
 * objects are asked and not the refusal.
 * @throws Problem `target_locked` with the last day of all, or `target_held`
 */
export async function refuseLocked(
  connection: Connection,
  versions: () => Promise<readonly Version[]>,
  signal?: AbortSignal,
): Promise<void> {
  if (!(await mayLock(connection, signal))) return;
  let longest: Lock = { until: 0, held: false };
  for (const version of await versions()) {
    const found = await lockOf(connection, version, signal);
    longest = { until: Math.max(longest.until, found.until), held: longest.held || found.held };
  }
  const problem = lockProblem(longest, connection.context.clock.now());
  if (problem) throw problem;
}

/** Why something may not be deleted now; undefined when no lock stands in the way. A hold has no end that could be waited for. */
export function lockProblem({ until, held }: Lock, now: number, cause?: unknown): Problem | undefined {
  if (held) return new Problem('target_held', { cause });
  if (until > now) return new Problem('target_locked', { params: { until: timestamp(until) }, cause });
  return undefined;
}

/** What a version is locked by: from its head, and where that keeps silent from the two questions made for it. */
export async function lockOf(
  connection: Connection,
  { key, id }: Version,
  signal?: AbortSignal,
): Promise<Lock> {
  const at = { Bucket: connection.bucket, Key: key, ...(id === undefined ? {} : { VersionId: id }) };
  const options = { signal, key };
  const head = await ask(
    connection.run('delete', ({ client, http }) => client.send(new HeadObjectCommand(at), http), {
      ...options,
      bodiless: true,
    }),
  );
  if (head?.ObjectLockRetainUntilDate || head?.ObjectLockLegalHoldStatus) {
    return lock(head.ObjectLockRetainUntilDate, head.ObjectLockLegalHoldStatus);
  }
  const [retention, hold] = await Promise.all([
    ask(
      connection.run(
        'delete',
        ({ client, http }) => client.send(new GetObjectRetentionCommand(at), http),
        options,
      ),
    ),
    ask(
      connection.run(
        'delete',
        ({ client, http }) => client.send(new GetObjectLegalHoldCommand(at), http),
        options,
      ),
    ),
  ]);
  return lock(retention?.Retention?.RetainUntilDate, hold?.LegalHold?.Status);
}

function lock(until: Date | undefined, hold: string | undefined): Lock {
  return { until: until?.getTime() ?? 0, held: hold === 'ON' };
}
