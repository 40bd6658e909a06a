import { createHash, randomBytes } from 'node:crypto';
import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectRetentionCommand,
  RestoreObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ForwardClock } from '../../harness/forward-clock.ts';
import { forge, refusalOf, sdkClient } from './client.ts';
import { type S3Simulator, startS3Simulator } from './index.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const Key = 'a.tar';
const ContentMD5 = createHash('md5').update('hello').digest('base64');

const clock = new ForwardClock();
let simulator: S3Simulator;
let client: S3Client;
beforeAll(async () => {
  simulator = await startS3Simulator({
    buckets: [
      'plain',
      { name: 'versioned', versioning: true },
      { name: 'lockable', lock: true },
      { name: 'locked', lock: { mode: 'COMPLIANCE', days: 30 } },
    ],
    clock,
    restoreMs: 4 * HOUR_MS,
    pageSize: 2,
  });
  // The clock goes on by hours: both ends must live in the same time.
  client = sdkClient(simulator, { systemClockOffset: 0 });
});
afterEach(() => {
  expect(simulator.mistakes).toEqual([]);
  simulator.reset();
});
afterAll(() => simulator.stop());

/** Time passes at the server and, as far as signatures go, at the client. */
function pass(ms: number): void {
  clock.forward(ms);
  client.config.systemClockOffset += ms;
}

const put = (Bucket: string, more: Partial<PutObjectCommandInput> = {}) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: 'hello', ...more }));
const get = (Bucket: string, VersionId?: string) =>
  client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
const remove = (Bucket: string, VersionId?: string, BypassGovernanceRetention?: boolean) =>
  client.send(new DeleteObjectCommand({ Bucket, Key, VersionId, BypassGovernanceRetention }));

describe('versions', () => {
  const Bucket = 'versioned';

  it('are hidden by a marker, not deleted', async () => {
    const { VersionId } = await put(Bucket);
    const marker = await remove(Bucket);
    expect(marker).toMatchObject({ DeleteMarker: true });
    expect(await refusalOf(get(Bucket))).toMatchObject({ code: 'NoSuchKey', status: 404 });
    expect(await (await get(Bucket, VersionId)).Body?.transformToString()).toBe('hello');
    expect(await refusalOf(get(Bucket, marker.VersionId))).toMatchObject({ code: 'MethodNotAllowed' });
    expect(await refusalOf(get(Bucket, 'none'))).toMatchObject({ code: 'NoSuchVersion', status: 404 });
    await remove(Bucket, marker.VersionId);
    expect(await (await get(Bucket)).Body?.transformToString()).toBe('hello');
    await remove(Bucket, VersionId);
    expect(simulator.versions(Bucket)).toEqual([]);
  });

  it('are listed, of each name the newest first, in pages', async () => {
    for (const Body of ['1', '2', '3']) await put(Bucket, { Body });
    await remove(Bucket);
    const first = await client.send(new ListObjectVersionsCommand({ Bucket }));
    expect(first).toMatchObject({ IsTruncated: true, NextKeyMarker: Key });
    expect(first.DeleteMarkers).toMatchObject([{ Key, IsLatest: true }]);
    expect(first.Versions).toMatchObject([{ Key, IsLatest: false, Size: 1 }]);
    const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = first;
    // A list goes on although what it ended with was deleted.
    const kept = simulator.versions(Bucket).filter((version) => !version.deleteMarker);
    await remove(Bucket, VersionIdMarker);
    const more = await client.send(new ListObjectVersionsCommand({ Bucket, KeyMarker, VersionIdMarker }));
    expect(more).toMatchObject({ IsTruncated: false });
    const ids = [...(first.Versions ?? []), ...(more.Versions ?? [])].map(({ VersionId }) => VersionId);
    expect(ids).toEqual(kept.map(({ versionId }) => versionId));
  });

  it('are kept on request, and what was there before is "null"', async () => {
    const versioning = () => client.send(new GetBucketVersioningCommand({ Bucket: 'plain' }));
    expect((await versioning()).Status).toBeUndefined();
    await put('plain');
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket: 'plain', VersioningConfiguration }));
    expect((await versioning()).Status).toBe('Enabled');
    await put('plain');
    expect(simulator.versions('plain').map(({ versionId }) => versionId === 'null')).toEqual([false, true]);
  });
});

describe('object lock', () => {
  it('by default wants a sum with each object and part', async () => {
    const refused = {
      code: 'InvalidRequest',
      message: expect.stringContaining('Content-MD5 OR x-amz-checksum-'),
    };
    expect(await refusalOf(put('locked'))).toMatchObject(refused);
    const about = { Bucket: 'locked', Key };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(about));
    const part = { ...about, UploadId, PartNumber: 1, Body: 'hello' };
    expect(await refusalOf(client.send(new UploadPartCommand(part)))).toMatchObject(refused);
    await client.send(new UploadPartCommand({ ...part, ContentMD5 }));
    await put('locked', { ContentMD5 });
  });

  it('keeps versions until their time is over, and lets them be hidden', async () => {
    const { VersionId } = await put('locked', { ContentMD5 });
    const refused = { code: 'AccessDenied', status: 403 };
    expect(await refusalOf(remove('locked', VersionId))).toMatchObject(refused);
    expect(await refusalOf(remove('locked', VersionId, true))).toMatchObject(refused);
    await remove('locked');
    pass(31 * DAY_MS);
    await remove('locked', VersionId);
    expect(simulator.versions('locked').map(({ deleteMarker }) => deleteMarker)).toEqual([true]);
  });

  it('is told', async () => {
    const configuration = (Bucket: string) => client.send(new GetObjectLockConfigurationCommand({ Bucket }));
    expect((await configuration('locked')).ObjectLockConfiguration).toEqual({
      ObjectLockEnabled: 'Enabled',
      Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 30 } },
    });
    expect((await configuration('lockable')).ObjectLockConfiguration?.Rule).toBeUndefined();
    const code = 'ObjectLockConfigurationNotFoundError';
    expect(await refusalOf(configuration('plain'))).toMatchObject({ code, status: 404 });
    await put('locked', { ContentMD5 });
    const head = await client.send(new HeadObjectCommand({ Bucket: 'locked', Key }));
    expect(head).toMatchObject({ ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: expect.any(Date) });
  });

  it('of one object is what it was put with, may be lifted with a right, and prolonged', async () => {
    const until = (days: number) => new Date(clock.now() + days * DAY_MS);
    const lock = { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: until(1) } as const;
    expect(await refusalOf(put('plain', { ...lock, ContentMD5 }))).toMatchObject({ code: 'InvalidRequest' });
    const { VersionId } = await put('lockable', { ...lock, ContentMD5 });
    const about = { Bucket: 'lockable', Key, VersionId };
    const retain = (days: number) =>
      client.send(
        new PutObjectRetentionCommand({
          ...about,
          Retention: { Mode: 'GOVERNANCE', RetainUntilDate: until(days) },
        }),
      );
    await retain(2);
    expect(await refusalOf(retain(1))).toMatchObject({ code: 'AccessDenied' });
    const { Retention } = await client.send(new GetObjectRetentionCommand(about));
    expect(Retention).toMatchObject({ Mode: 'GOVERNANCE' });
    expect(await refusalOf(remove('lockable', VersionId))).toMatchObject({ code: 'AccessDenied' });
    await remove('lockable', VersionId, true);
    await put('lockable');
    const none = client.send(new GetObjectRetentionCommand({ Bucket: 'lockable', Key }));
    expect(await refusalOf(none)).toMatchObject({ code: 'NoSuchObjectLockConfiguration', status: 404 });
  });
});

describe('a storage class', () => {
  const Bucket = 'plain';

  it('is one of those that there are, and listed', async () => {
    await put(Bucket, { StorageClass: 'STANDARD_IA' });
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket }));
    expect(Contents).toMatchObject([{ StorageClass: 'STANDARD_IA' }]);
    const wrong = put(Bucket, { StorageClass: 'COLD' as 'GLACIER' });
    expect(await refusalOf(wrong)).toMatchObject({ code: 'InvalidStorageClass', status: 400 });
  });

  it('that is an archive is read only after it was restored, for a while', async () => {
    await put(Bucket, { StorageClass: 'DEEP_ARCHIVE' });
    const archived = { code: 'InvalidObjectState', status: 403, StorageClass: 'DEEP_ARCHIVE' };
    expect(await refusalOf(get(Bucket))).toMatchObject(archived);
    const head = () => client.send(new HeadObjectCommand({ Bucket, Key }));
    expect(await head()).toMatchObject({ StorageClass: 'DEEP_ARCHIVE', ContentLength: 5 });
    const restore = () => client.send(new RestoreObjectCommand({ Bucket, Key, RestoreRequest: { Days: 2 } }));
    expect((await restore()).$metadata.httpStatusCode).toBe(202);
    expect((await head()).Restore).toBe('ongoing-request="true"');
    expect(await refusalOf(restore())).toMatchObject({ code: 'RestoreAlreadyInProgress', status: 409 });
    expect(await refusalOf(get(Bucket))).toMatchObject(archived);
    pass(5 * HOUR_MS);
    expect(await (await get(Bucket)).Body?.transformToString()).toBe('hello');
    expect((await head()).Restore).toContain('ongoing-request="false"');
    pass(3 * DAY_MS);
    expect(await refusalOf(get(Bucket))).toMatchObject(archived);
  });
});

describe('encryption', () => {
  const Bucket = 'plain';
  const customerKey = () => {
    const key = randomBytes(32);
    return {
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKey: key.toString('base64'),
      SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
    };
  };

  it('by the server is told', async () => {
    expect(await put(Bucket, { ServerSideEncryption: 'AES256' })).toMatchObject({
      ServerSideEncryption: 'AES256',
    });
    const kms = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'key' } as const;
    expect(await put(Bucket, kms)).toMatchObject(kms);
    const { ETag } = await client.send(new HeadObjectCommand({ Bucket, Key }));
    expect(ETag).not.toBe(`"${Buffer.from(ContentMD5, 'base64').toString('hex')}"`);
  });

  it('with a key of the customer goes over https alone', async () => {
    expect(await refusalOf(put(Bucket, customerKey()))).toMatchObject({
      code: 'InvalidRequest',
      message: expect.stringContaining('secure connection'),
    });
  });

  it('with a key of the customer is read with that key', async () => {
    const secure = await startS3Simulator({ buckets: [Bucket], tls: 'trusted' });
    const safe = sdkClient(secure);
    try {
      const [right, wrong] = [customerKey(), customerKey()];
      await safe.send(new PutObjectCommand({ Bucket, Key, Body: 'hello', ...right }));
      await safe.send(new PutObjectCommand({ Bucket, Key: 'plain', Body: 'hello' }));
      const read = (more: object, name = Key) =>
        safe.send(new GetObjectCommand({ Bucket, Key: name, ...more }));
      expect(await (await read(right)).Body?.transformToString()).toBe('hello');
      expect(await refusalOf(read(wrong))).toMatchObject({ code: 'AccessDenied', status: 403 });
      expect(await refusalOf(read({}))).toMatchObject({ code: 'InvalidRequest', status: 400 });
      expect(await refusalOf(read(right, 'plain'))).toMatchObject({ code: 'InvalidRequest', status: 400 });
      const head = safe.send(new HeadObjectCommand({ Bucket, Key }));
      expect(await refusalOf(head)).toMatchObject({ status: 400 });
      const { UploadId } = await safe.send(new CreateMultipartUploadCommand({ Bucket, Key, ...right }));
      const part = (more: object) =>
        safe.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'hello', ...more }));
      await part(right);
      for (const more of [wrong, {}]) {
        expect(await refusalOf(part(more))).toMatchObject({ code: 'InvalidRequest', status: 400 });
      }
      const header = 'x-amz-server-side-encryption-customer-key-md5';
      const change = { [header]: wrong.SSECustomerKeyMD5 };
      forge(safe, ({ headers }) => void Object.assign(headers, change), 'build');
      expect(await refusalOf(read(right))).toMatchObject({ code: 'InvalidArgument' });
    } finally {
      safe.destroy();
      await secure.stop();
    }
  });
});
