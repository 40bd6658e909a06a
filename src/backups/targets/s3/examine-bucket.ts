import {
  type DefaultRetention,
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  type LifecycleRule,
} from '@aws-sdk/client-s3';
import type { Capabilities } from '../../../contract/index.ts';
import { ask, refusalOf } from './ask.ts';
import type { Connection } from './connection.ts';

const DAYS_PER_YEAR = 365;

/** What a server calls itself goes into a page: plain and short, or not at all. */
const PLAIN_SERVER = /^[\w .()/+-]{1,40}$/;

/** What AWS calls them; a bucket that never had versions has no state. */
const STATES: Readonly<Record<string, Capabilities['versioning']>> = {
  Enabled: 'on',
  Suspended: 'suspended',
};

/** How the bucket is set up; nothing is written to find that out. */
export interface BucketSetup
  extends Pick<Capabilities, 'server' | 'versioning' | 'object_lock' | 'lifecycle'> {
  /** A rule removes old versions after some time. */
  readonly expiresVersions: boolean;
}

/** Asks how the bucket is set up, as far as it concerns objects under `prefix`. */
export async function examineBucket(
  connection: Connection,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<BucketSetup> {
  const { server, versioning } = await examineVersioning(connection, signal);
  return {
    server,
    versioning,
    object_lock: await examineLock(connection, signal),
    ...(await examineLifecycle(connection, prefix, signal)),
  };
}

async function examineVersioning(connection: Connection, signal: AbortSignal | undefined) {
  let server: string | null = null;
  const answer = await ask(
    connection,
    'list',
    ({ client, http }) => {
      const command = new GetBucketVersioningCommand({ Bucket: connection.bucket });
      // the SDK keeps headers to itself that are no part of S3
      command.middlewareStack.add(
        (next) => async (args) => {
          const result = await next(args);
          const { headers } = result.response as { headers?: Readonly<Record<string, string>> };
          const name = headers?.server?.trim();
          if (name !== undefined && PLAIN_SERVER.test(name)) server = name;
          return result;
        },
        { step: 'deserialize', name: 'serverName', priority: 'low' },
      );
      return client.send(command, http);
    },
    signal,
  );
  if (!answer.ok) return { server, versioning: refusalOf(answer.fault) };
  return { server, versioning: STATES[answer.output.Status ?? ''] ?? 'off' };
}

/** Whether objects are protected from being deleted, and for how long new ones are by themselves. */
export async function examineLock(
  connection: Connection,
  signal: AbortSignal | undefined,
): Promise<Capabilities['object_lock']> {
  const none = { default_days: null, mode: null };
  const answer = await ask(
    connection,
    'list',
    ({ client, http }) =>
      client.send(new GetObjectLockConfigurationCommand({ Bucket: connection.bucket }), http),
    signal,
  );
  if (!answer.ok) {
    // AWS's code for a bucket without a lock, and MinIO's
    const without = /^(NoSuch)?ObjectLockConfiguration(NotFound(Error)?)?$/.test(answer.fault.s3Code ?? '');
    return { state: without ? 'off' : refusalOf(answer.fault), ...none };
  }
  const configuration = answer.output.ObjectLockConfiguration;
  // Servers that know no locks may answer with the list of the bucket, of which nothing is understood.
  if (configuration?.ObjectLockEnabled !== 'Enabled') return { state: 'unknown', ...none };
  const retention = configuration.Rule?.DefaultRetention;
  const days = lockedDays(retention);
  return { state: 'on', default_days: days, mode: days === null ? null : (retention?.Mode ?? null) };
}

/** For how many days a rule locks; null when it does not. It names either days or years. */
export function lockedDays({ Days, Years }: DefaultRetention = {}): number | null {
  return Days ?? (Years === undefined ? null : Years * DAYS_PER_YEAR);
}

async function examineLifecycle(
  connection: Connection,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<Pick<BucketSetup, 'lifecycle' | 'expiresVersions'>> {
  const none = { aborts_after_days: null };
  const answer = await ask(
    connection,
    'list',
    ({ client, http }) =>
      client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: connection.bucket }), http),
    signal,
  );
  if (!answer.ok) {
    const without = answer.fault.s3Code === 'NoSuchLifecycleConfiguration';
    const state = without ? 'off' : refusalOf(answer.fault);
    return { lifecycle: { state, ...none }, expiresVersions: false };
  }
  const rules = answer.output.Rules;
  if (!rules || rules.length === 0) {
    return { lifecycle: { state: 'unknown', ...none }, expiresVersions: false };
  }
  const ours = rules.filter((rule) => rule.Status === 'Enabled' && covers(rule, prefix));
  const days = ours.flatMap((rule) => rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation ?? []);
  return {
    lifecycle: { state: 'on', aborts_after_days: days.length === 0 ? null : Math.min(...days) },
    expiresVersions: ours.some((rule) => rule.NoncurrentVersionExpiration?.NoncurrentDays !== undefined),
  };
}

/** Whether a rule is about everything under a prefix; our objects have no tags, and are of any size. */
function covers(rule: LifecycleRule, prefix: string): boolean {
  const { Filter: filter } = rule;
  const narrowed =
    filter?.Tag ??
    filter?.ObjectSizeGreaterThan ??
    filter?.ObjectSizeLessThan ??
    filter?.And?.Tags ??
    filter?.And?.ObjectSizeGreaterThan ??
    filter?.And?.ObjectSizeLessThan;
  if (narrowed !== undefined) return false;
  return prefix.startsWith(rule.Prefix ?? filter?.Prefix ?? filter?.And?.Prefix ?? '');
}
