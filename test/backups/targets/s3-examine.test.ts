import {
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addressOf } from '../../../src/backups/targets/s3/address.ts';
import { adviceOn } from '../../../src/backups/targets/s3/advice.ts';
import { providerOf } from '../../../src/backups/targets/s3/providers.ts';
import { readTexts } from '../../../src/contract/generate/texts.ts';
import {
  type Capabilities,
  LANGUAGES,
  type ProbeReport,
  type S3Settings,
  type Target,
} from '../../../src/contract/index.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { haveOnRequest, haveRclone, haveVersitygw } from '../../harness/cache.ts';
import { ForwardClock } from '../../harness/forward-clock.ts';
import { startGarage } from '../../harness/garage.ts';
import { type LocalCore, startLocalCore } from '../../harness/local-core.ts';
import { startMinio } from '../../harness/minio.ts';
import { startRclone } from '../../harness/rclone.ts';
import type { S3Server } from '../../harness/s3-server.ts';
import { BucketOnDisk, bucketInput, MARK } from '../../harness/s3-target.ts';
import { startVersitygw } from '../../harness/versitygw.ts';
import {
  type BucketSetup,
  FAULTS,
  type OperationName,
  type ProfileName,
  type S3Simulator,
  startS3Simulator,
} from '../../simulators/s3/index.ts';
import { closeTargets, discard, openTarget, s3Settings } from './s3-support.ts';

const MIB = 1024 * 1024;
const WEEK_MS = 7 * 24 * 3_600_000;

let core: LocalCore;
let clock: ForwardClock;
let stops: (() => Promise<unknown>)[];

beforeEach(async () => {
  clock = new ForwardClock();
  core = await startLocalCore({ clock });
  stops = [];
});
afterEach(async () => {
  await core.remove();
  for (const stop of stops) await stop();
});

async function simulator(profile: ProfileName, bucket: Partial<BucketSetup> = {}): Promise<S3Simulator> {
  const started = await startS3Simulator({ profile, buckets: [{ name: 'backups', ...bucket }] });
  stops.push(() => started.stop());
  return started;
}

/** What a client must know of a server. */
type Reached = Pick<S3Server, 'endpoint' | 'region' | 'accessKey' | 'secretKey'>;

/** What a person enters for a server that is not versitygw. */
const entered = (server: Reached, more: Partial<S3Settings> = {}) =>
  bucketInput(server as S3Server, 'Bucket', more);

async function probed(server: S3Simulator, more: Partial<S3Settings> = {}): Promise<Capabilities> {
  const report = await core.client.probe(entered(server, more));
  expect(report.steps.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
  if (!report.capabilities) throw new Error('the probe brought no card');
  return report.capabilities;
}

const codes = ({ advice }: Capabilities): string[] => advice.map(({ code }) => code);
const may = ({ permissions }: Capabilities) =>
  Object.fromEntries(permissions.map(({ name, allowed }) => [name.replace('s3:', ''), allowed]));

/** What is left of the examination and of the round trip. */
const left = (server: S3Simulator) => [
  ...server.versions('backups').filter(({ key }) => !key.endsWith(MARK)),
  ...server.uploads('backups'),
];

describe('the card of a store', () => {
  const ROUND_TRIP = { ListBucket: true, GetObject: true, PutObject: true, DeleteObject: true };
  const UPLOADS = { ListBucketMultipartUploads: true, AbortMultipartUpload: true };

  const CARDS: [ProfileName, Partial<Capabilities>, string[], Record<string, boolean>][] = [
    [
      'aws',
      {
        conditional_writes: 'enforced',
        checksums: 'enforced',
        versioning: 'off',
        object_lock: { state: 'off', default_days: null, mode: null },
        parts: { equal: 'not_required', smallest: 5 * MIB, most: 10_000 },
        lifecycle: { state: 'off', aborts_after_days: null },
      },
      ['no_abort_rule'],
      { ...ROUND_TRIP, ...UPLOADS },
    ],
    [
      'r2',
      {
        conditional_writes: 'enforced',
        checksums: 'enforced',
        versioning: 'unsupported',
        object_lock: { state: 'unsupported', default_days: null, mode: null },
        parts: { equal: 'required', smallest: 5 * MIB, most: 10_000 },
      },
      ['no_abort_rule'],
      { ...ROUND_TRIP, ...UPLOADS },
    ],
    [
      'b2',
      {
        checksums: 'refused',
        versioning: 'on',
        parts: { equal: 'not_required', smallest: 5 * MIB, most: 10_000 },
      },
      ['versions_kept', 'no_abort_rule'],
      { ...ROUND_TRIP, ListBucketVersions: true, DeleteObjectVersion: true, ...UPLOADS },
    ],
    [
      'garage',
      {
        region: 'garage',
        conditional_writes: 'ignored',
        checksums: 'enforced',
        versioning: 'off',
        object_lock: { state: 'unsupported', default_days: null, mode: null },
        parts: { equal: 'not_required', smallest: 0, most: 10_000 },
      },
      ['no_abort_rule'],
      { ...ROUND_TRIP, ...UPLOADS },
    ],
    [
      'minio',
      { conditional_writes: 'enforced', checksums: 'enforced', versioning: 'off' },
      ['no_abort_rule'],
      { ...ROUND_TRIP, ...UPLOADS },
    ],
    [
      'mega',
      {
        parts: { equal: 'required', smallest: null, most: 10_000 },
        lifecycle: { state: 'unsupported', aborts_after_days: null },
      },
      [],
      { ...ROUND_TRIP, ...UPLOADS },
    ],
    [
      'old',
      {
        conditional_writes: 'ignored',
        checksums: 'refused',
        versioning: 'unsupported',
        lifecycle: { state: 'unsupported', aborts_after_days: null },
      },
      [],
      { ...ROUND_TRIP, ...UPLOADS },
    ],
    [
      'confined',
      {
        versioning: 'forbidden',
        object_lock: { state: 'forbidden', default_days: null, mode: null },
        lifecycle: { state: 'forbidden', aborts_after_days: null },
        conditional_writes: 'enforced',
        checksums: 'enforced',
      },
      ['missing_list_uploads'],
      { ...ROUND_TRIP, ListBucketMultipartUploads: false, AbortMultipartUpload: true },
    ],
  ];

  test.each(CARDS)('%s', async (profile, expected, advice, permissions) => {
    const server = await simulator(profile);
    const card = await probed(server, { folder: 'homestash/backups' });
    expect(card).toMatchObject(expected);
    expect(codes(card)).toEqual(advice);
    expect(may(card)).toEqual(permissions);
    expect(left(server)).toEqual([]);
    expect(server.mistakes).toEqual([]);
  });
});

/** The bucket of a simulator, set up past the core. */
async function setUp<Output>(server: Reached, work: (client: S3Client) => Promise<Output>): Promise<Output> {
  const client = new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    forcePathStyle: true,
    credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
  });
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}

const withRules = (server: S3Simulator, prefix: string, days: number) =>
  setUp(server, (client) =>
    client.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket: 'backups',
        LifecycleConfiguration: {
          Rules: [
            {
              ID: 'homestash',
              Status: 'Enabled',
              Filter: { Prefix: prefix },
              AbortIncompleteMultipartUpload: { DaysAfterInitiation: days },
              NoncurrentVersionExpiration: { NoncurrentDays: days },
            },
          ],
        },
      }),
    ),
  );

describe('a bucket with versions', () => {
  test('is said to keep deleted backups, unless they are removed by the core or by a rule', async () => {
    const server = await simulator('aws', { versioning: true });
    const card = await probed(server);
    expect(card).toMatchObject({ versioning: 'on' });
    expect(codes(card)).toEqual(['versions_kept', 'no_abort_rule']);
    expect(may(card)).toMatchObject({ ListBucketVersions: true, DeleteObjectVersion: true });
    expect(codes(await probed(server, { delete_versions: true }))).toEqual(['no_abort_rule']);

    await withRules(server, 'elsewhere/', 3);
    expect(codes(await probed(server))).toEqual(['versions_kept', 'no_abort_rule']);
    await withRules(server, 'homeassistant/', 3);
    const ruled = await probed(server);
    expect(ruled.lifecycle).toEqual({ state: 'on', aborts_after_days: 3 });
    expect(codes(ruled)).toEqual([]);
    expect(left(server)).toEqual([]);
  });

  test('whose key may not see or delete versions, or end uploads, is of use, and what is missing is said', async () => {
    const server = await simulator('aws', { versioning: true });
    server.faults.add({ on: { operation: 'ListObjectVersions' }, fault: FAULTS.accessDenied });
    const blind = await probed(server);
    expect(may(blind)).toMatchObject({ ListBucketVersions: false });
    expect(codes(blind)).toContain('missing_list_versions');
    server.faults.clear();
    server.faults.add({ on: { operation: 'AbortMultipartUpload' }, fault: FAULTS.accessDenied });
    const endless = await probed(server);
    expect(may(endless)).toMatchObject({ AbortMultipartUpload: false });
    expect(codes(endless)).toContain('missing_abort');
  });
});

test('a bucket that locks what comes: that is said, few bytes stay, and backups can be kept there', async () => {
  const server = await simulator('aws', { lock: { mode: 'COMPLIANCE', days: 30 } });
  const report = await core.client.probe(entered(server));
  expect(report.steps.map(({ outcome }) => outcome)).toEqual(Array(6).fill('ok'));
  expect(report.capabilities).toMatchObject({
    versioning: 'on',
    object_lock: { state: 'on', default_days: 30, mode: 'COMPLIANCE' },
  });
  expect(report.capabilities?.advice[0]).toEqual({
    code: 'lock_default',
    text: expect.stringContaining('this many days: 30.'),
  });
  const bytes = server.versions('backups').reduce((sum, { content }) => sum + content.size, 0);
  expect(bytes).toBeLessThan(10_000);
  expect(server.uploads('backups')).toEqual([]);
  const target = await core.client.addTarget(entered(server));
  expect(target.capabilities).toMatchObject({ object_lock: { default_days: 30 } });
});

test('what goes wrong with an extra is unknown on the card, and no failure', async () => {
  const extras: OperationName[] = [
    'GetBucketVersioning',
    'GetObjectLockConfiguration',
    'GetBucketLifecycleConfiguration',
    'ListObjectVersions',
    'ListMultipartUploads',
  ];
  const server = await simulator('aws');
  for (const fault of [FAULTS.internalError, FAULTS.badGateway, FAULTS.htmlPage]) {
    server.faults.clear();
    server.faults.add({ on: { operation: extras }, fault });
    const card = await probed(server);
    expect(card.versioning).toMatch(/^(unknown|off)$/);
    expect(card.object_lock.state).toBe('unknown');
    expect(card.lifecycle.state).toBe('unknown');
    expect(card).toMatchObject({ conditional_writes: 'enforced', checksums: 'enforced' });
  }
});

test('a store that does not answer holds nobody up: what was found by then is the card', async () => {
  const server = await simulator('aws');
  server.faults.add({
    on: { operation: ['GetBucketLifecycleConfiguration', 'PutObject', 'ListObjectVersions'] },
    fault: { kind: 'stall', at: 'at_once' },
  });
  // only the longest wait of an examination is over at once
  const impatient = {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms === 30_000 ? 300 : ms, signal),
  };
  const { target } = openTarget(s3Settings(server, { bucket: 'backups' }), { clock: impatient });
  const card = await target.examine?.({ depth: 'measure' });
  closeTargets();
  expect(card).toMatchObject({
    versioning: 'off',
    object_lock: { state: 'off' },
    lifecycle: { state: 'unknown' },
    checksums: 'unknown',
    conditional_writes: 'unknown',
    parts: { equal: 'unknown', smallest: null, most: null },
  });
});

describe('advice that needs no question', () => {
  const advised = (more: Partial<S3Settings>) => {
    const settings = s3Settings({}, more);
    const preset = providerOf(settings.endpoint);
    const found = {
      examined_at: '',
      provider: preset?.id ?? null,
      server: null,
      region: '',
      conditional_writes: 'enforced',
      checksums: 'enforced',
      versioning: 'off',
      object_lock: { state: 'off', default_days: null, mode: null },
      parts: { equal: 'unknown', smallest: null, most: null },
      lifecycle: { state: 'on', aborts_after_days: 1 },
      permissions: [],
    } as const;
    const address = addressOf(settings);
    return adviceOn({
      found: { ...found, permissions: [] },
      settings,
      address,
      preset,
      expiresVersions: false,
    });
  };

  test.each([
    [
      { endpoint: 'https://s3.eu-central-2.wasabisys.com' },
      [{ code: 'minimum_days', params: { days: '90' } }],
    ],
    [{ storage_class: 'STANDARD_IA' }, [{ code: 'minimum_days', params: { days: '30' } }]],
    [
      { storage_class: 'DEEP_ARCHIVE' },
      [
        { code: 'archive_class', params: { class: 'DEEP_ARCHIVE' } },
        { code: 'minimum_days', params: { days: '180' } },
      ],
    ],
    [{ endpoint: 'http://192.168.1.20:9000' }, [{ code: 'clear_http' }]],
    [{ endpoint: 'http://127.0.0.1:9000' }, []],
    [{}, []],
  ])('%j', (settings, advice) => expect(advised(settings)).toEqual(advice));

  test.each(LANGUAGES)('every advice has a sentence, and no sentence is left over (%s)', (language) => {
    const { advice } = readTexts(new URL('../../../', import.meta.url), language) as unknown as {
      advice: Record<string, string>;
    };
    expect(Object.keys(advice).toSorted()).toEqual(
      [
        ...[
          'archive_class',
          'checksums_ignored',
          'clear_http',
          'lock_default',
          'minimum_days',
          'no_abort_rule',
        ],
        ...['missing_abort', 'missing_delete_versions', 'missing_list_uploads', 'missing_list_versions'],
        ...['other_homes', 'versions_kept'],
      ].toSorted(),
    );
  });
});

describe('what was found', () => {
  const read = async (target: Target, language = 'en'): Promise<Target> => {
    const headers = { 'accept-language': language };
    const response = await core.client.fetch('GET', `/api/v1/targets/${target.id}`, { headers });
    return (await response.json()) as Target;
  };

  test('is kept with the target, and worded in the language of who asks', async () => {
    const server = await simulator('aws', { versioning: true });
    const target = await core.client.addTarget(entered(server));
    expect(target.capabilities).toMatchObject({ versioning: 'on', checksums: 'enforced', provider: null });
    const german = (await read(target, 'de')).capabilities?.advice.map(({ text }) => text);
    expect(german?.[0]).toMatch(/^Dieser Bucket behält alte Versionen:/);
    const report: ProbeReport = await core.client.call('POST', `/api/v1/targets/${target.id}/probe`);
    expect(report.capabilities).toEqual((await read(target)).capabilities);
    const [folder] = await core.client.targets();
    expect(folder?.capabilities).toBeNull();
  });

  test('is looked at again after a week, without writing, when the list is read', async () => {
    const server = await simulator('aws');
    const target = await core.client.addTarget(entered(server));
    await core.client.list(target.id, 0);
    await withRules(server, '', 5);
    clock.forward(WEEK_MS / 2);
    await core.client.list(target.id, 0);
    expect((await read(target)).capabilities?.lifecycle.state).toBe('off');
    server.requests.length = 0;
    clock.forward(WEEK_MS);
    await core.client.list(target.id, 0);
    await expect.poll(async () => (await read(target)).capabilities?.lifecycle.aborts_after_days).toBe(5);
    expect((await read(target)).capabilities).toMatchObject({
      checksums: 'enforced',
      parts: { most: 10_000 },
    });
    expect(new Set(server.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
  });
});

describe.skipIf(!haveVersitygw())('versitygw', () => {
  test('is recognised by its name', async () => {
    const server = await startVersitygw();
    stops.push(() => discard(server));
    server.createBucket('backups');
    const { capabilities } = await core.client.probe(bucketInput(server, 'Bucket'));
    expect(capabilities).toMatchObject({
      provider: 'versitygw',
      server: 'VERSITYGW',
      region: 'us-east-1',
      conditional_writes: 'enforced',
      checksums: 'enforced',
      object_lock: { state: 'off' },
      lifecycle: { state: 'unsupported' },
    });
    expect(new BucketOnDisk(server).keys()).toEqual([]);
    expect(new BucketOnDisk(server).unfinished()).toEqual([]);
  });

  test('with versions keeps nothing of a probe', async () => {
    const server = await startVersitygw({ versioning: true });
    stops.push(() => discard(server));
    server.createBucket('backups');
    await setUp(server, (client) =>
      client.send(
        new PutBucketVersioningCommand({ Bucket: 'backups', VersioningConfiguration: { Status: 'Enabled' } }),
      ),
    );
    const { capabilities } = await core.client.probe(bucketInput(server, 'Bucket'));
    expect(capabilities).toMatchObject({ versioning: 'on' });
    expect(capabilities && codes(capabilities)).toContain('versions_kept');
    const { Versions, DeleteMarkers } = await setUp(server, (client) =>
      client.send(new ListObjectVersionsCommand({ Bucket: 'backups' })),
    );
    expect([Versions ?? [], DeleteMarkers ?? []]).toEqual([[], []]);
  });
});

interface RealServer {
  readonly name: string;
  readonly have: boolean;
  readonly start: () => Promise<S3Server>;
  readonly card: object;
}

/** What docs/providers.md says of them. */
const REAL_SERVERS: readonly RealServer[] = [
  {
    name: 'rclone',
    have: haveRclone(),
    start: startRclone,
    card: {
      provider: null,
      server: 'AmazonS3',
      conditional_writes: 'ignored',
      checksums: 'ignored',
      versioning: 'off',
      object_lock: { state: 'unknown' },
      lifecycle: { state: 'unknown' },
      parts: { equal: 'not_required', smallest: 0, most: 10_000 },
      advice: [{ code: 'checksums_ignored' }],
    },
  },
  {
    name: 'MinIO',
    have: haveOnRequest('minio'),
    start: startMinio,
    card: {
      provider: 'minio',
      server: 'MinIO',
      conditional_writes: 'enforced',
      checksums: 'enforced',
      versioning: 'off',
      object_lock: { state: 'off' },
      lifecycle: { state: 'off' },
      parts: { equal: 'not_required', smallest: 5 * MIB, most: 10_000 },
      advice: [{ code: 'no_abort_rule' }],
    },
  },
  {
    name: 'Garage',
    have: haveOnRequest('garage'),
    start: startGarage,
    card: {
      provider: null,
      server: null,
      region: 'garage',
      conditional_writes: 'ignored',
      checksums: 'enforced',
      versioning: 'off',
      object_lock: { state: 'unsupported' },
      lifecycle: { state: 'off' },
      parts: { equal: 'not_required', smallest: 0, most: null },
      advice: [{ code: 'no_abort_rule' }],
    },
  },
];

for (const { name, have, start, card } of REAL_SERVERS) {
  test.skipIf(!have)(`the card of ${name}`, async () => {
    const server = await start();
    stops.push(() => discard(server));
    server.createBucket('backups');
    const { ok, capabilities } = await core.client.probe(bucketInput(server, 'Bucket'));
    expect(ok).toBe(true);
    expect(capabilities).toMatchObject(card);
  });
}
