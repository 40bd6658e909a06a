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
import { lockedDays } from './examine-bucket.ts';
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
  /** When it was stored (milliseconds since 1970). */
  readonly modified?: number | undefined;
}

/** The answer to a question; undefined where the server, the bucket or the key does not have what it is about. */
async function unlessRefused<T>(question: Promise<T>): Promise<T | undefined> {
  try {
    return await question;
  } catch (error) {
    const status = isProblem(error) ? faultOf(error.cause).status : undefined;
    if (status !== undefined && status >= 400 && (status < 500 || status === 501)) return undefined;
    throw error;
  }
}

const MS_PER_DAY = 24 * 60 * 60_000;

const FORBIDDEN = 403;

/** What a bucket does about locks. */
interface BucketLock {
  readonly possible: boolean;
  /** How long new objects are locked by themselves; 0 where they are not. */
  readonly defaultMs: number;
}

/** A key that may not ask does not know, and looks at each object. */
async function bucketLock(connection: Connection, signal?: AbortSignal): Promise<BucketLock> {
  try {
    const output = await connection.run(
      'delete',
      ({ client, http }) =>
        client.send(new GetObjectLockConfigurationCommand({ Bucket: connection.bucket }), http),
      // servers that know nothing of locks may take the question for a mistake of theirs
      { signal, attempts: 2 },
    );
    const { ObjectLockEnabled, Rule } = output.ObjectLockConfiguration ?? {};
    return {
      possible: ObjectLockEnabled === 'Enabled',
      defaultMs: (lockedDays(Rule?.DefaultRetention) ?? 0) * MS_PER_DAY,
    };
  } catch (error) {
    if (!isProblem(error)) throw error;
    const { status } = faultOf(error.cause);
    // no answer at all is no news about locks
    if (status === undefined) throw error;
    return { possible: status === FORBIDDEN, defaultMs: 0 };
  }
}

/** Whether a delete without a version only hides, so that no lock stands in its way. */
export async function hides(connection: Connection, signal?: AbortSignal): Promise<boolean> {
  const output = await unlessRefused(
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
  if (!(await bucketLock(connection, signal)).possible) return;
  let longest: Lock = { until: 0, held: false };
  for (const version of await versions()) {
    const found = await lockOf(connection, version, signal);
    longest = { until: Math.max(longest.until, found.until), held: longest.held || found.held };
  }
  const problem = lockProblem(longest, connection.context.clock.now());
  if (problem) throw problem;
}

/** The lock because of which the server refuses to delete this; undefined when there is none. */
export async function whyRefused(
  connection: Connection,
  version: Version,
  cause: unknown,
  signal?: AbortSignal,
): Promise<Problem | undefined> {
  const now = connection.context.clock.now();
  try {
    const lock = await lockOf(connection, version, signal);
    const own = lockProblem(lock, now, cause);
    if (own || lock.modified === undefined) return own;
    // Some servers go by the bucket's own rule and write it into no object.
    const { defaultMs } = await bucketLock(connection, signal);
    return lockProblem({ until: lock.modified + defaultMs, held: false }, now, cause);
  } catch {
    return undefined;
  }
}

/** A hold has no end that could be waited for. */
function lockProblem({ until, held }: Lock, now: number, cause?: unknown): Problem | undefined {
  if (held) return new Problem('target_held', { cause });
  if (until > now) return new Problem('target_locked', { params: { until: timestamp(until) }, cause });
  return undefined;
}

/** What a version is locked by: from its head, and where that keeps silent from the two questions made for it. */
async function lockOf(connection: Connection, { key, id }: Version, signal?: AbortSignal): Promise<Lock> {
  const at = { Bucket: connection.bucket, Key: key, ...(id === undefined ? {} : { VersionId: id }) };
  const options = { signal, key };
  const head = await unlessRefused(
    connection.run('delete', ({ client, http }) => client.send(new HeadObjectCommand(at), http), {
      ...options,
      bodiless: true,
    }),
  );
  const modified = head?.LastModified?.getTime();
  if (head?.ObjectLockRetainUntilDate || head?.ObjectLockLegalHoldStatus) {
    return lock(head.ObjectLockRetainUntilDate, head.ObjectLockLegalHoldStatus, modified);
  }
  const [retention, hold] = await Promise.all([
    unlessRefused(
      connection.run(
        'delete',
        ({ client, http }) => client.send(new GetObjectRetentionCommand(at), http),
        options,
      ),
    ),
    unlessRefused(
      connection.run(
        'delete',
        ({ client, http }) => client.send(new GetObjectLegalHoldCommand(at), http),
        options,
      ),
    ),
  ]);
  return lock(retention?.Retention?.RetainUntilDate, hold?.LegalHold?.Status, modified);
}

function lock(until: Date | undefined, hold: string | undefined, modified: number | undefined): Lock {
  return { until: until?.getTime() ?? 0, held: hold === 'ON', modified };
}
