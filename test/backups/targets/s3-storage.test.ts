import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CopyObjectCommand, RestoreObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { S3Settings } from '../../../src/contract/index.ts';
import { makeBackup } from '../../harness/archives.ts';
import { haveOnRequest, haveRclone } from '../../harness/cache.ts';
import { makeCertificate } from '../../harness/certificate.ts';
import { startMinio } from '../../harness/minio.ts';
import { startRclone } from '../../harness/rclone.ts';
import type { S3Server } from '../../harness/s3-server.ts';
import { Stage } from '../../harness/stage.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { FAULTS, type S3Simulator, startS3Simulator } from '../../simulators/s3/index.ts';
import {
  closeTargets,
  collect,
  discard,
  HastyClock,
  MIB,
  noise,
  openTarget,
  problemOf,
  s3Settings,
  sha256,
  upload,
} from './s3-support.ts';

const FOLDER = 'homeassistant/backups';
const KEY = randomBytes(32).toString('base64');

const open = (simulator: S3Simulator, more: Partial<S3Settings> = {}) => {
  const settings = s3Settings(simulator, { ca_certificate: simulator.authority, ...more });
  return openTarget(settings, { clock: new HastyClock() }).target;
};

/** A backup as it is stored: an archive in parts, one in a single request, a description. */
async function storeAll(target: ReturnType<typeof open>) {
  const data = noise(17 * MIB);
  await (await upload(target, 'large.tar', data)).commit();
  await (await upload(target, 'small.tar', data.subarray(0, 100))).commit();
  await target.put('small.metadata.json', Buffer.from('{}'));
  return data;
}

const bytes = async (target: ReturnType<typeof open>, key: string) =>
  collect((await target.open(key))?.stream ?? []);

const input = (simulator: S3Simulator, more: Partial<S3Settings> = {}) => ({
  name: 'Bucket',
  settings: s3Settings(simulator, { ca_certificate: simulator.authority, folder: 'core', ...more }),
});

describe('the storage class', () => {
  const stage = new Stage('classes');
  let simulator: S3Simulator;
  let client: S3Client;
  beforeAll(async () => {
    simulator = await startS3Simulator({ buckets: ['bucket'] });
    client = new S3Client({
      endpoint: simulator.endpoint,
      region: simulator.region,
      forcePathStyle: true,
      credentials: { accessKeyId: simulator.accessKey, secretAccessKey: simulator.secretKey },
    });
  });
  afterAll(async () => {
    client?.destroy();
    await stage.close();
    await simulator?.stop();
  });
  beforeEach(() => simulator.reset());
  afterEach(() => {
    closeTargets();
    expect(simulator.mistakes).toEqual([]);
  });

  const classes = () =>
    Object.fromEntries(simulator.objects('bucket').map(({ key, storageClass }) => [key, storageClass]));
  const move = (Key: string, StorageClass: 'GLACIER' | 'STANDARD') =>
    client.send(
      new CopyObjectCommand({
        Bucket: 'bucket',
        Key,
        CopySource: `bucket/${encodeURIComponent(Key)}`,
        StorageClass,
        MetadataDirective: 'COPY',
      }),
    );

  it('is that of archives alone, and is listed', async () => {
    const target = open(simulator, { storage_class: 'STANDARD_IA' });
    await storeAll(target);
    expect(classes()).toEqual({
      [`${FOLDER}/large.tar`]: 'STANDARD_IA',
      [`${FOLDER}/small.tar`]: 'STANDARD_IA',
      [`${FOLDER}/small.metadata.json`]: 'STANDARD',
    });
    const listed = await target.list();
    expect(listed.find(({ key }) => key === 'large.tar')?.storageClass).toBe('STANDARD_IA');
    expect(listed.some(({ archived }) => archived)).toBe(false);
    expect((await target.stat('small.tar'))?.storageClass).toBe('STANDARD_IA');
  });

  it('is refused by name when the store has no such class', async () => {
    const target = open(simulator, { storage_class: 'TAPE' });
    expect(await problemOf(upload(target, 'a.tar', noise(17 * MIB)))).toMatchObject({
      code: 'target_storage_class',
      params: { class: 'TAPE' },
    });
    const writer = await upload(target, 'a.tar', noise(10));
    expect((await problemOf(writer.commit())).code).toBe('target_storage_class');
    await target.put('a.metadata.json', noise(10));
  });

  it('of an archive is told, and says what to do before it can be read; a restored one is read at once', async () => {
    const target = open(simulator, { storage_class: 'GLACIER' });
    const data = await storeAll(target);
    expect((await target.list()).find(({ key }) => key === 'small.tar')).toMatchObject({
      storageClass: 'GLACIER',
      archived: true,
    });
    expect(await target.stat('small.tar')).toMatchObject({ storageClass: 'GLACIER', archived: true });
    expect(await problemOf(target.open('small.tar'))).toMatchObject({
      code: 'target_archived',
      params: { class: 'GLACIER', key: `${FOLDER}/small.tar` },
    });
    await client.send(
      new RestoreObjectCommand({
        Bucket: 'bucket',
        Key: `${FOLDER}/small.tar`,
        RestoreRequest: { Days: 1 },
      }),
    );
    expect(await bytes(target, 'small.tar')).toEqual(data.subarray(0, 100));
    expect((await target.stat('small.tar'))?.archived).toBeUndefined();
  });

  it('may be that of an archive from the first day', async () => {
    const core = await stage.localCore();
    const { id } = await core.client.addTarget(input(simulator, { storage_class: 'DEEP_ARCHIVE' }));
    const { backup, archive } = makeBackup();
    await core.client.upload(id, backup, archive);
    expect((await core.client.list(id)).backups).toMatchObject([
      { storage_class: 'DEEP_ARCHIVE', archived: true },
    ]);
    expect(core.defects()).toEqual([]);
  });

  it('of a backup is shown right after it was stored, and a description that a rule moved away loses nothing', async () => {
    const core = await stage.localCore();
    const { id } = await core.client.addTarget(input(simulator, { storage_class: 'STANDARD_IA' }));
    const { backup, archive } = makeBackup();
    await core.client.upload(id, backup, archive);
    expect((await core.client.list(id)).backups).toMatchObject([
      { storage_class: 'STANDARD_IA', archived: false },
    ]);
    for (const { key } of simulator.objects('bucket')) {
      if (key.includes(backup.backup_id) || /\.(tar|metadata\.json)$/.test(key)) await move(key, 'GLACIER');
    }
    const again = (await core.client.list(id, 0)).backups;
    expect(again).toMatchObject([{ storage_class: 'GLACIER', archived: true, crc32: expect.any(String) }]);
    const answer = await core.client.fetch(
      'GET',
      `/api/v1/targets/${id}/backups/${backup.backup_id}/archive`,
    );
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'target_archived', params: { class: 'GLACIER' } });
    expect(core.defects()).toEqual([]);
  });
});

describe('encryption by the server', () => {
  const stage = new Stage('encryption');
  let secure: S3Simulator;
  let plain: S3Simulator;
  beforeAll(async () => {
    secure = await startS3Simulator({ buckets: ['bucket'], tls: 'trusted' });
    plain = await startS3Simulator({ buckets: ['bucket'] });
  });
  afterAll(async () => {
    await stage.close();
    await secure?.stop();
    await plain?.stop();
  });
  beforeEach(() => {
    secure.reset();
    plain.reset();
  });
  afterEach(() => {
    closeTargets();
    expect([...secure.mistakes, ...plain.mistakes]).toEqual([]);
  });

  const encrypted = (simulator: S3Simulator) =>
    Object.fromEntries(
      simulator
        .objects('bucket')
        .map(({ key, encryption }) => [
          key.slice(FOLDER.length + 1),
          encryption.customerKey === undefined
            ? Object.values(encryption.headers).join(' ')
            : 'with the key of a person',
        ]),
    );

  it.each([
    ['s3', {}, 'AES256'],
    ['kms', { kms_key: 'alias/home' }, 'aws:kms alias/home'],
    ['kms', {}, 'aws:kms'],
  ] as const)('%s %j is asked for with all that is written', async (encryption, more, expected) => {
    const target = open(plain, { encryption, ...more });
    const data = await storeAll(target);
    expect(encrypted(plain)).toEqual({
      'large.tar': expected,
      'small.tar': expected,
      'small.metadata.json': expected,
    });
    expect(sha256(await bytes(target, 'large.tar'))).toBe(sha256(data));
  });

  it('with a key of the person covers archives alone, which are read with it', async () => {
    const target = open(secure, { encryption: 'customer', customer_key: KEY });
    const data = await storeAll(target);
    expect(encrypted(secure)).toEqual({
      'large.tar': 'with the key of a person',
      'small.tar': 'with the key of a person',
      'small.metadata.json': '',
    });
    expect(sha256(await bytes(target, 'large.tar'))).toBe(sha256(data));
    const part = await target.open('large.tar', { start: 10, end: 20 });
    expect(await collect(part?.stream ?? [])).toEqual(data.subarray(10, 20));
    expect((await target.stat('small.tar'))?.size).toBe(100);
    // the list and all descriptions need no key
    const without = open(secure);
    expect(await without.list()).toHaveLength(3);
    expect(await without.read('small.metadata.json', 10)).toEqual(Buffer.from('{}'));
  });

  it('reads what was stored before there was a key, with one request more', async () => {
    const data = await storeAll(open(secure));
    const target = open(secure, { encryption: 'customer', customer_key: KEY });
    secure.requests.length = 0;
    expect(await bytes(target, 'small.tar')).toEqual(data.subarray(0, 100));
    expect(secure.requests).toHaveLength(2);
    expect((await target.stat('small.tar'))?.size).toBe(100);
    expect(await target.stat('missing.tar')).toBeUndefined();
    expect(await target.open('missing.tar')).toBeUndefined();
  });

  it('still reads what was stored with a key after it was switched off, for the key is kept', async () => {
    const data = await storeAll(open(secure, { encryption: 'customer', customer_key: KEY }));
    for (const encryption of ['off', 's3'] as const) {
      const target = open(secure, { encryption, customer_key: KEY });
      secure.requests.length = 0;
      expect(await bytes(target, 'small.tar')).toEqual(data.subarray(0, 100));
      expect(secure.requests).toHaveLength(2);
      expect((await target.stat('small.tar'))?.size).toBe(100);
      const part = await target.open('large.tar', { start: 10, end: 20 });
      expect(await collect(part?.stream ?? [])).toEqual(data.subarray(10, 20));
    }
    const other = open(secure, { customer_key: randomBytes(32).toString('base64') });
    expect((await problemOf(other.open('small.tar'))).code).toBe('target_customer_key');
    expect((await problemOf(other.stat('small.tar'))).code).toBe('target_customer_key');
  });

  it('tells that an archive was stored with another key', async () => {
    await storeAll(open(secure, { encryption: 'customer', customer_key: KEY }));
    const other = open(secure, { encryption: 'customer', customer_key: randomBytes(32).toString('base64') });
    for (const target of [other, open(secure)]) {
      secure.requests.length = 0;
      expect(await problemOf(target.open('small.tar'))).toMatchObject({
        code: 'target_customer_key',
        params: { key: `${FOLDER}/small.tar` },
      });
      expect(secure.requests.length).toBeLessThanOrEqual(2);
      expect((await problemOf(target.stat('small.tar'))).code).toBe('target_customer_key');
      expect(await target.list()).toHaveLength(3);
    }
  });

  it('is not taken for done where the answer to its completion is lost', async () => {
    const target = open(secure, { encryption: 'customer', customer_key: KEY });
    secure.faults.add({
      on: { operation: 'CompleteMultipartUpload' },
      times: 1,
      fault: { kind: 'cut', at: 'before_answer' },
    });
    const data = noise(17 * MIB);
    await (await upload(target, 'c.tar', data)).commit();
    expect(sha256(await bytes(target, 'c.tar'))).toBe(sha256(data));
    expect(secure.requests.filter(({ operation }) => operation === 'CompleteMultipartUpload')).toHaveLength(
      1,
    );
    // an older archive of the same size is not taken for the new one
    secure.faults.add({
      on: { operation: 'CompleteMultipartUpload' },
      times: 1,
      fault: { kind: 'cut', at: 'at_once' },
    });
    const newer = noise(17 * MIB);
    await (await upload(target, 'c.tar', newer)).commit();
    expect(sha256(await bytes(target, 'c.tar'))).toBe(sha256(newer));
  });

  it.each([
    'KMS.NotFoundException',
    'kms:KeyNotFound',
    'KMS.DisabledException',
    'InvalidEncryptionAlgorithmError',
  ])('that cannot be had is named: %s', async (code) => {
    const target = open(plain, { encryption: 'kms', kms_key: 'gone' });
    plain.faults.add({
      on: { operation: ['PutObject', 'CreateMultipartUpload'] },
      fault: { kind: 'answer', status: 400, code },
    });
    const expected = { code: 'target_encryption', params: { reason: code } };
    expect(await problemOf(target.put('a', noise(10)))).toMatchObject(expected);
    expect(await problemOf(upload(target, 'a.tar', noise(17 * MIB)))).toMatchObject(expected);
  });

  it('that a server does not have is told from sums that it does not take', async () => {
    const old = await startS3Simulator({ buckets: ['bucket'], profile: 'old' });
    const target = open(old, { encryption: 's3' });
    expect((await problemOf(target.put('a', noise(10)))).code).toBe('target_encryption');
    expect((await problemOf(upload(target, 'a.tar', noise(17 * MIB)))).code).toBe('target_encryption');
    await open(old).put('a', noise(10));
    await old.stop();
  });

  it('never sends a key in the open', async () => {
    const settings = { encryption: 'customer', customer_key: KEY } as const;
    // on Linux this address leads to this machine, but does not look like it
    const endpoint = plain.endpoint.replace('127.0.0.1', '0.0.0.0');
    const target = open(plain, { ...settings, endpoint });
    expect(await problemOf(target.list())).toMatchObject({
      code: 'target_encryption',
      params: { reason: 'https' },
    });
    expect(plain.requests).toHaveLength(0);
    // a server that is strict about it where we are not
    const problem = await problemOf(upload(open(plain, settings), 'a.tar', noise(17 * MIB)));
    expect(problem.code).toBe('target_encryption');
  });

  it.skipIf(!haveRclone())('that a server passes over is not taken for done', async () => {
    const server = await startRclone();
    server.createBucket('bucket');
    for (const settings of [{ encryption: 's3' }, { encryption: 'customer', customer_key: KEY }] as const) {
      const { target } = openTarget(s3Settings(server, settings));
      for (const size of [10, 17 * MIB]) {
        const stored = upload(target, 'a.tar', noise(size)).then((writer) => writer.commit());
        expect(await problemOf(stored)).toMatchObject({
          code: 'target_encryption',
          params: { reason: 'ignored' },
        });
      }
    }
    const { target } = openTarget(s3Settings(server, { encryption: 's3' }));
    expect((await problemOf(target.put('a', noise(10)))).code).toBe('target_encryption');
    await discard(server);
  });

  it('carries a backup through the core, and its key into no log', async () => {
    const core = await stage.localCore();
    const { id } = await core.client.addTarget(input(secure, { encryption: 'customer', customer_key: KEY }));
    const { backup, archive } = makeBackup();
    await core.client.upload(id, backup, archive);
    expect((await core.client.list(id, 0)).backups).toHaveLength(1);
    expect(await core.client.download(id, backup.backup_id)).toEqual(archive);
    const [shown] = (await core.client.targets()).filter((target) => target.id === id);
    expect(JSON.stringify(shown)).not.toContain(KEY);
    await core.client.call('PATCH', `/api/v1/targets/${id}`, {
      settings: { customer_key: randomBytes(32).toString('base64') },
    });
    const answer = await core.client.fetch(
      'GET',
      `/api/v1/targets/${id}/backups/${backup.backup_id}/archive`,
    );
    expect(await answer.json()).toMatchObject({ code: 'target_customer_key' });
    expect(core.lines.join('\n')).not.toContain(KEY);
    expect(core.defects()).toEqual([]);
  });

  it('is kept apart from trouble on the way', async () => {
    const target = open(plain, { encryption: 's3' });
    plain.faults.add({ on: { operation: 'PutObject' }, times: 1, fault: FAULTS.slowDown() });
    await target.put('a', noise(10));
    expect(encrypted(plain)).toEqual({ a: 'AES256' });
  });
});

describe.skipIf(!haveOnRequest('minio'))('a key of the person on MinIO', () => {
  let server: S3Server;
  let authority: string;
  beforeAll(async () => {
    const certificate = makeCertificate(join(temporaryFolder('minio-tls'), 'tls'));
    authority = certificate.authority;
    server = await startMinio({ tls: certificate });
    server.createBucket('bucket');
  });
  afterAll(() => discard(server));
  afterEach(closeTargets);

  it('encrypts archives, opens them, and another one does not', async () => {
    const place = { ca_certificate: authority, region: server.region };
    const settings = { ...place, encryption: 'customer', customer_key: KEY } as const;
    const { target } = openTarget(s3Settings(server, settings));
    const data = await storeAll(target);
    expect(sha256(await bytes(target, 'large.tar'))).toBe(sha256(data));
    expect(await target.read('small.metadata.json', 10)).toEqual(Buffer.from('{}'));
    for (const customer_key of ['', randomBytes(32).toString('base64')]) {
      const encryption = customer_key === '' ? 'off' : 'customer';
      const other = openTarget(s3Settings(server, { ...settings, encryption, customer_key })).target;
      expect((await problemOf(other.open('small.tar'))).code).toBe('target_customer_key');
      expect((await problemOf(other.stat('small.tar'))).code).toBe('target_customer_key');
      expect(await other.list()).toHaveLength(3);
    }
    const former = openTarget(s3Settings(server, { ...place, customer_key: KEY })).target;
    expect(sha256(await bytes(former, 'large.tar'))).toBe(sha256(data));
    expect((await former.stat('small.tar'))?.size).toBe(100);
    await openTarget(s3Settings(server, place)).target.put('before.tar', noise(10));
    expect(await bytes(target, 'before.tar')).toHaveLength(10);
  });
});
