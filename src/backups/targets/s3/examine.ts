import { randomBytes } from 'node:crypto';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import type { S3Settings } from '../../../contract/index.ts';
import { timestamp } from '../../../kernel/clock.ts';
import { Problem } from '../../../kernel/errors.ts';
import { PROBE_NAME } from '../../names.ts';
import type { Examination, ExamineOptions } from '../target.ts';
import { adviceOn } from './advice.ts';
import { ask, refusalOf } from './ask.ts';
import type { Connection } from './connection.ts';
import { type BucketSetup, examineBucket } from './examine-bucket.ts';
import { PartsExamination, type UploadRights } from './examine-parts.ts';
import { examineWrites } from './examine-writes.ts';
import type { Keys } from './keys.ts';
import { type Purged, purgeVersions } from './own-objects.ts';
import { documentedParts, providerOf, providerOfServer } from './providers.ts';

/** Somebody waits for it in a form; what was not answered by then is unknown. */
const LIMIT_MS = 30_000;

/** Cleaning up goes on when the person has left, but not for ever. */
const CLEANUP_LIMIT_MS = 30_000;

interface ExamineTools {
  readonly connection: Connection;
  readonly keys: Keys;
  readonly settings: S3Settings;
}

type Tested = Pick<Examination, 'conditional_writes' | 'checksums' | 'parts' | 'permissions'>;

/** What a round trip has just done with success. */
const ROUND_TRIP = ['s3:ListBucket', 's3:GetObject', 's3:PutObject', 's3:DeleteObject'];

/**
 * Finds out what a store does and can do, after a round trip went well. Never a failure: what is refused, missing or
 * not answered in time stands on the card as just that.
 * @throws the signal's reason, and nothing else
 */
export async function examine(tools: ExamineTools, options: ExamineOptions): Promise<Examination> {
  const { connection, keys, settings } = tools;
  const { context, address } = connection;
  const { signal, known } = options;
  signal?.throwIfAborted();
  const limited = limit(tools, LIMIT_MS, signal);
  try {
    const setup = await examineBucket(connection, keys.prefix, limited.signal);
    const preset = providerOf(settings.endpoint) ?? providerOfServer(setup.server);
    const documented = documentedParts(preset);
    const untested: Tested = {
      conditional_writes: known?.conditional_writes ?? 'unknown',
      checksums: known?.checksums ?? 'unknown',
      parts: known?.parts ?? documented,
      permissions: known?.permissions ?? [],
    };
    const tested =
      options.depth === 'look'
        ? untested
        : await test(tools, options.depth, setup, { ...untested, parts: documented }, limited.signal);
    signal?.throwIfAborted();
    const { expiresVersions, server, versioning, object_lock, lifecycle } = setup;
    const found: Omit<Examination, 'advice'> = {
      examined_at: timestamp(context.clock.now()),
      provider: preset?.id ?? null,
      server,
      region: address.region,
      versioning,
      object_lock,
      lifecycle: {
        ...lifecycle,
        aborts_after_days: lifecycle.aborts_after_days ?? preset?.abortsAfterDays ?? null,
      },
      ...tested,
    };
    return { ...found, advice: adviceOn({ found, settings, address, preset, expiresVersions }) };
  } finally {
    limited.done();
  }
}

/** Tests that need objects of our own; whatever comes, they are removed again as far as the store allows. */
async function test(
  tools: ExamineTools,
  depth: 'try' | 'measure',
  setup: BucketSetup,
  tested: Tested,
  signal: AbortSignal,
): Promise<Tested> {
  const { connection, keys } = tools;
  const prefix = keys.full(`${PROBE_NAME}${randomBytes(8).toString('hex')}`);
  const touched: string[] = [];
  let rights: UploadRights = { list: undefined, abort: undefined };
  let { parts } = tested;
  let purged: Purged | undefined;
  try {
    const { writes, keys: written } = await examineWrites(connection, prefix, signal);
    touched.push(...written);
    Object.assign(tested, writes);
    const examination = new PartsExamination(connection, signal);
    ({ parts, rights } = await examination.unfinished(`${prefix}-6`, parts));
    // an object of parts could not be removed from a bucket that locks what comes
    if (setup.object_lock.default_days === null) {
      touched.push(`${prefix}-7`);
      if (parts.smallest === null) parts = await examination.tiny(`${prefix}-7`, parts);
      if (depth === 'measure' && parts.equal === 'unknown') {
        touched.push(`${prefix}-8`);
        parts = await examination.large(`${prefix}-8`, parts);
      }
    }
  } finally {
    const cleaning = limit(tools, CLEANUP_LIMIT_MS);
    purged = await remove(connection, setup, prefix, touched, cleaning.signal);
    cleaning.done();
  }
  return { ...tested, parts, permissions: permissionsOf(setup, rights, purged) };
}

async function remove(
  connection: Connection,
  { versioning }: BucketSetup,
  prefix: string,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<Purged | undefined> {
  const versioned = versioning === 'on' || versioning === 'suspended';
  const purged = versioned ? await purgeVersions(connection, prefix, signal) : undefined;
  if (purged?.removed === 'all') return purged;
  for (const Key of keys) {
    await ask(
      connection,
      'delete',
      ({ client, http }) => client.send(new DeleteObjectCommand({ Bucket: connection.bucket, Key }), http),
      signal,
    );
  }
  return purged;
}

function permissionsOf(
  setup: BucketSetup,
  rights: UploadRights,
  purged: Purged | undefined,
): Examination['permissions'] {
  const found: [string, boolean | undefined][] = [
    ...ROUND_TRIP.map((name): [string, boolean] => [name, true]),
    ['s3:ListBucketVersions', listsVersions(purged)],
    // a lock refuses in the same words as a missing permission
    ['s3:DeleteObjectVersion', setup.object_lock.state === 'on' ? undefined : deletesVersions(purged)],
    ['s3:ListBucketMultipartUploads', rights.list],
    ['s3:AbortMultipartUpload', rights.abort],
  ];
  return found.flatMap(([name, allowed]) => (allowed === undefined ? [] : [{ name, allowed }]));
}

function listsVersions(purged: Purged | undefined): boolean | undefined {
  if (!purged) return undefined;
  if (purged.listed.ok) return true;
  return refusalOf(purged.listed.fault) === 'forbidden' ? false : undefined;
}

function deletesVersions(purged: Purged | undefined): boolean | undefined {
  if (!purged || purged.removed === 'none') return undefined;
  return purged.removed === 'all';
}

/** A signal that comes with the given one, or after a time. */
function limit({ connection }: ExamineTools, ms: number, signal?: AbortSignal) {
  const { clock } = connection.context;
  const ended = new AbortController();
  const late = new AbortController();
  clock.sleep(ms, ended.signal).then(
    () => late.abort(new Problem('target_timeout', { params: { host: connection.address.host } })),
    () => undefined,
  );
  return {
    signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
    done: () => ended.abort(),
  };
}
