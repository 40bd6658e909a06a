import {
  CreateBucketCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { S3Settings } from '../../../src/contract/index.ts';
import { makeBackup } from '../../harness/archives.ts';
import { haveVersitygw } from '../../harness/cache.ts';
import type { LocalCore } from '../../harness/local-core.ts';
import type { S3Server } from '../../harness/s3-server.ts';
import { bucketInput } from '../../harness/s3-target.ts';
import { Stage } from '../../harness/stage.ts';
import { PROFILES, type ProfileName, startS3Simulator } from '../../simulators/s3/index.ts';
import { S3Proxy, s3Error } from '../../simulators/s3-proxy.ts';
import { closeTargets, MIB, noise, openTarget, problemOf, s3Settings, upload } from './s3-support.ts';

const FOLDER = 'homeassistant/backups';
const DAY_MS = 24 * 60 * 60_000;

describe.skipIf(!haveVersitygw())('a bucket that keeps versions', () => {
  const stage = new Stage('versions');
  let server: S3Server;
  let proxy: S3Proxy;
  let client: S3Client;
  beforeAll(async () => {
    server = await stage.s3([], { versioning: true });
    proxy = new S3Proxy(server.endpoint);
    await proxy.start();
    client = new S3Client({
      endpoint: server.endpoint,
      region: server.region,
      forcePathStyle: true,
      credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
    });
    for (const Bucket of ['versioned', 'locked', 'default-locked']) {
      await client.send(
        new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: Bucket !== 'versioned' }),
      );
      await client.send(
        new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }),
      );
    }
    await client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: 'default-locked',
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 3 } },
        },
      }),
    );
  });
  afterAll(async () => {
    client?.destroy();
    await proxy?.stop();
    await stage.close();
  });
  beforeEach(() => proxy.reset());
  afterEach(closeTargets);

  const open = (bucket: string, more: Partial<S3Settings> = {}) => {
    const logged: string[] = [];
    const settings = { bucket, delete_versions: true, ...more };
    const log = { warning: (message: string) => logged.push(message) };
    const { target } = openTarget(s3Settings({ ...server, endpoint: proxy.endpoint }, settings), { log });
    return { target, logged };
  };

  /** Everything that the server keeps under a key and what begins with it: `key` or `key (marker)`. */
  async function kept(Bucket: string, key = ''): Promise<string[]> {
    const page = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: `${FOLDER}/${key}` }));
    const names = (items: readonly { Key?: string | undefined }[] | undefined, mark = '') =>
      (items ?? []).map(({ Key = '' }) => Key.slice(FOLDER.length + 1) + mark);
    return [...names(page.Versions), ...names(page.DeleteMarkers, ' (marker)')].sort();
  }

  it("gives its space back when the versions are deleted, and nobody else's", async () => {
    const { target } = open('versioned');
    for (let count = 0; count < 3; count += 1) await target.put('a (1) ü.tar', noise(10));
    await target.put('a (1) ü.tar.other', noise(10));
    await target.put('a (1) ü', noise(10));
    await open('versioned', { delete_versions: false }).target.delete('a (1) ü.tar');
    expect(await kept('versioned', 'a (1) ü.tar')).toHaveLength(5);
    await target.delete('a (1) ü.tar');
    await target.delete('a (1) ü.tar');
    expect(await kept('versioned')).toEqual(['a (1) ü', 'a (1) ü.tar.other']);
    expect(await target.stat('a (1) ü.tar')).toBeUndefined();
  });

  it('keeps them without the setting, as the bucket was told to', async () => {
    const { target } = open('versioned', { delete_versions: false });
    await target.put('kept.tar', noise(10));
    await target.delete('kept.tar');
    expect(await kept('versioned', 'kept.tar')).toEqual(['kept.tar', 'kept.tar (marker)']);
    expect(proxy.requests.some((one) => one.query.has('versions'))).toBe(false);
  });

  it.each([
    ['its key', 'p+q'],
    ["its key and the server's own words (MinIO)", 'p+q%5Bminio_cache%3Av2%2Creturn%3A%5D'],
  ])(
    'is followed over the pages of a long history by %s, and nothing old comes to light',
    async (_, next) => {
      const { target } = open('versioned');
      const item = (kind: string, key: string, id: string) =>
        `<${kind}><Key>homeassistant/backups/${key}</Key><VersionId>${id}</VersionId></${kind}>`;
      const page = (more: string, items: string) =>
        `<ListVersionsResult><EncodingType>url</EncodingType>${more}${items}</ListVersionsResult>`;
      const deleted: (string | null)[] = [];
      proxy.intercept = (one) => {
        if (one.method === 'DELETE') {
          deleted.push(one.query.get('versionId'));
          return { kind: 'answer', status: deleted.length % 2 === 0 ? 200 : 204 };
        }
        if (one.method === 'HEAD') return { kind: 'answer', status: 404 };
        const marker = decodeURIComponent(next.replaceAll('+', ' '));
        const second =
          one.query.get('version-id-marker') === '2' && one.query.get('key-marker')?.endsWith(`/${marker}`);
        return {
          kind: 'answer',
          status: 200,
          body: second
            ? page(
                '<IsTruncated>false</IsTruncated>',
                item('Version', 'p+q', '1') + item('Version', 'p+q.x', '9'),
              )
            : page(
                `<IsTruncated>true</IsTruncated><NextKeyMarker>homeassistant/backups/${next}</NextKeyMarker>` +
                  '<NextVersionIdMarker>2</NextVersionIdMarker>',
                item('DeleteMarker', 'p+q', '3') + item('Version', 'p+q', '2'),
              ),
        };
      };
      await target.delete('p q');
      expect(deleted).toEqual(['1', '2', '3']);
    },
  );

  it.each([
    [403, 'AccessDenied'],
    [501, 'NotImplemented'],
  ])('that may not be listed (%i) is deleted from as usual, and that is said', async (status, code) => {
    const { target, logged } = open('versioned');
    await target.put('b.tar', noise(10));
    proxy.intercept = (one) =>
      one.query.has('versions') ? { kind: 'answer', status, body: s3Error(code) } : undefined;
    await target.delete('b.tar');
    expect(await target.stat('b.tar')).toBeUndefined();
    expect(logged).toHaveLength(1);
  });

  it('does not take trouble on the way for a missing right', async () => {
    const { target } = open('versioned');
    await target.put('c.tar', noise(10));
    proxy.intercept = (one) =>
      one.query.has('versions')
        ? { kind: 'answer', status: 403, body: s3Error('SignatureDoesNotMatch') }
        : undefined;
    expect((await problemOf(target.delete('c.tar'))).code).toBe('target_wrong_secret');
    expect(await kept('versioned', 'c.tar')).toEqual(['c.tar']);
  });

  it.each([400, 404, 405, 500, 501])('is deleted from where locks are answered with %i', async (status) => {
    const { target } = open('versioned', { delete_versions: false });
    await target.put('u.tar', noise(10));
    proxy.intercept = (one) =>
      one.query.has('object-lock') ? { kind: 'answer', status, body: s3Error('Unknown') } : undefined;
    await target.checkDeletable?.(['u.tar']);
    await target.delete('u.tar');
    expect(await target.stat('u.tar')).toBeUndefined();
  });

  describe('and locks', () => {
    const until = new Date(Math.floor((Date.now() + 5 * DAY_MS) / 1_000) * 1_000);
    const retain = (Key: string, day = until) =>
      client.send(
        new PutObjectRetentionCommand({
          Bucket: 'locked',
          Key: `${FOLDER}/${Key}`,
          Retention: { Mode: 'GOVERNANCE', RetainUntilDate: day },
        }),
      );

    it('refuses until the last day of all, before anything is deleted', async () => {
      const { target } = open('locked');
      for (const key of ['l.tar', 'l.metadata.json']) await target.put(key, noise(10));
      await target.checkDeletable?.(['l.metadata.json', 'l.tar', 'missing']);
      await retain('l.tar');
      await retain('l.metadata.json', new Date(until.getTime() - DAY_MS));
      proxy.reset();
      const problem = await problemOf(
        target.checkDeletable?.(['l.metadata.json', 'l.tar']) ?? Promise.resolve(),
      );
      expect(problem).toMatchObject({ code: 'target_locked', params: { until: until.toISOString() } });
      expect(proxy.requests.some((one) => one.method === 'DELETE')).toBe(false);
      // also an older version counts
      await target.put('l.tar', noise(10));
      expect((await problemOf(target.checkDeletable?.(['l.tar']) ?? Promise.resolve())).code).toBe(
        'target_locked',
      );
      // what only hides is not kept from it
      await open('locked', { delete_versions: false }).target.checkDeletable?.(['l.tar']);
    });

    it('knows why the server refuses, without a word of what it says', async () => {
      const { target } = open('locked');
      await target.put('m.tar', noise(10));
      await retain('m.tar');
      expect(await problemOf(target.delete('m.tar'))).toMatchObject({
        code: 'target_locked',
        params: { until: until.toISOString() },
      });
      await target.put('n.tar', noise(10));
      proxy.intercept = (one) =>
        one.method === 'DELETE' ? { kind: 'answer', status: 403, body: s3Error('AccessDenied') } : undefined;
      expect((await problemOf(target.delete('n.tar'))).code).toBe('target_forbidden');
    });

    it('tells a legal hold, which has no day', async () => {
      const { target } = open('locked');
      await target.put('h.tar', noise(10));
      await client.send(
        new PutObjectLegalHoldCommand({
          Bucket: 'locked',
          Key: `${FOLDER}/h.tar`,
          LegalHold: { Status: 'ON' },
        }),
      );
      expect((await problemOf(target.checkDeletable?.(['h.tar']) ?? Promise.resolve())).code).toBe(
        'target_held',
      );
      expect((await problemOf(target.delete('h.tar'))).code).toBe('target_held');
    });

    it('takes archives and descriptions although it wants a sum with each', async () => {
      const { target } = open('default-locked');
      proxy.intercept = (one) => {
        if (one.method !== 'PUT') return undefined;
        const sums = ['content-md5', 'x-amz-checksum-crc32'].filter((name) => name in one.headers);
        return sums.length === 1
          ? undefined
          : { kind: 'answer', status: 400, body: s3Error('InvalidRequest') };
      };
      await target.put('d.metadata.json', noise(10));
      await (await upload(target, 'd.tar', noise(20 * MIB))).commit();
      expect(await target.read('d.metadata.json', 10)).toHaveLength(10);
      const { code, params } = await problemOf(target.delete('d.tar'));
      expect(code).toBe('target_locked');
      const days = (Date.parse(params.until ?? '') - Date.now()) / DAY_MS;
      expect(Math.round(days)).toBe(3);
    });

    it('gets MD5 where it takes no CRC-32', async () => {
      const { target } = open('default-locked');
      proxy.intercept = (one) => {
        if (one.headers['x-amz-checksum-crc32']) {
          return { kind: 'answer', status: 400, body: s3Error('InvalidArgument') };
        }
        if (one.method !== 'PUT' || one.headers['content-md5']) return undefined;
        return { kind: 'answer', status: 400, body: s3Error('InvalidRequest') };
      };
      await target.put('e.metadata.json', noise(10));
      await target.put('e.metadata.json', noise(20));
      await (await upload(target, 'e.tar', noise(10))).commit();
      expect((await target.stat('e.tar'))?.size).toBe(10);
      const tried = proxy.requests.filter((one) => one.path.endsWith('e.metadata.json'));
      // found out once
      expect(tried).toHaveLength(4);
    });
  });

  it("is told of in Home Assistant's words: the day, and that nothing was deleted", async () => {
    const core: LocalCore = await stage.localCore();
    const input = bucketInput(server, 'Locked', { bucket: 'locked', folder: 'core', delete_versions: true });
    const { id } = await core.client.addTarget(input);
    const { backup, archive } = makeBackup();
    await core.client.upload(id, backup, archive);
    const { backups } = await core.client.list(id);
    expect(backups).toHaveLength(1);
    const page = await client.send(new ListObjectVersionsCommand({ Bucket: 'locked', Prefix: 'core/' }));
    const tar = page.Versions?.find(({ Key }) => Key?.endsWith('.tar'))?.Key ?? '';
    const day = new Date('2031-02-03T12:00:00Z');
    await client.send(
      new PutObjectRetentionCommand({
        Bucket: 'locked',
        Key: tar,
        Retention: { Mode: 'GOVERNANCE', RetainUntilDate: day },
      }),
    );
    const answer = await core.client.fetch('DELETE', `/api/v1/targets/${id}/backups/${backup.backup_id}`, {
      headers: { 'Accept-Language': 'de' },
    });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({
      code: 'target_locked',
      title: 'Der Speicher schützt diese Sicherung bis 3. Februar 2031 vor dem Löschen.',
    });
    expect((await core.client.list(id, 0)).backups).toHaveLength(1);
    expect(await core.client.download(id, backup.backup_id)).toEqual(archive);
    expect(core.defects()).toEqual([]);
  });

  it('puts versions of everybody else to no trouble', async () => {
    const { target } = open('versioned');
    await client.send(new PutObjectCommand({ Bucket: 'versioned', Key: 'elsewhere/x.tar', Body: 'x' }));
    await target.delete('x.tar');
    const page = await client.send(
      new ListObjectVersionsCommand({ Bucket: 'versioned', Prefix: 'elsewhere/' }),
    );
    expect(page.Versions).toHaveLength(1);
  });
});

/** A key that is confined to objects may not list versions: then they are hidden, which is tried above. */
const PROVIDERS = (Object.keys(PROFILES) as ProfileName[]).filter((name) => name !== 'confined');

describe.each(PROVIDERS)('deleting all versions at a store like %s', (profile) => {
  it('leaves nothing, in few requests', async () => {
    const buckets = [{ name: 'bucket', versioning: PROFILES[profile].versioning === 'on request' }];
    const simulator = await startS3Simulator({ profile, buckets });
    const settings = { delete_versions: true, folder: 'homestash', region: simulator.region };
    const { target } = openTarget(s3Settings(simulator, settings));
    const hiding = openTarget(s3Settings(simulator, { ...settings, delete_versions: false })).target;
    for (let count = 0; count < 2; count += 1) await target.put('a.tar', noise(10));
    await hiding.delete('a.tar');
    await target.put('a.tar', noise(10));
    await target.put('a.tar.x', noise(10));
    simulator.requests.length = 0;
    await target.checkDeletable?.(['a.tar']);
    await target.delete('a.tar');
    expect(simulator.versions('bucket').map(({ key }) => key)).toEqual(['homestash/a.tar.x']);
    expect(simulator.requests.length).toBeLessThanOrEqual(7);
    await target.delete('a.tar');
    expect(simulator.versions('bucket')).toHaveLength(1);
    expect(simulator.mistakes).toEqual([]);
    closeTargets();
    await simulator.stop();
  });
});

const locking = PROVIDERS.filter((name) => PROFILES[name].lock !== undefined);
it.each(locking)(
  'a store like %s keeps what it promised to keep, and a person learns until when',
  async (profile) => {
    const lock = { mode: 'COMPLIANCE', days: 30 } as const;
    const simulator = await startS3Simulator({ profile, buckets: [{ name: 'bucket', lock }] });
    const { target } = openTarget(
      s3Settings(simulator, { delete_versions: true, folder: 'homestash', region: simulator.region }),
    );
    await target.put('a.metadata.json', noise(10));
    await (await upload(target, 'a.tar', noise(17 * MIB))).commit();
    const attempts = [
      () => target.checkDeletable?.(['a.metadata.json', 'a.tar']) ?? Promise.resolve(),
      () => target.delete('a.tar'),
    ];
    for (const attempt of attempts) {
      const { code, params } = await problemOf(attempt());
      expect(code).toBe('target_locked');
      expect(Math.round((Date.parse(params.until ?? '') - Date.now()) / DAY_MS)).toBe(30);
    }
    expect(simulator.versions('bucket')).toHaveLength(2);
    expect(simulator.mistakes).toEqual([]);
    closeTargets();
    await simulator.stop();
  },
);
