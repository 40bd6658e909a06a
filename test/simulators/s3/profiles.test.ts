import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  HeadBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  RestoreObjectCommand,
  type S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { refusalOf, sdkClient } from './client.ts';
import {
  type BucketSetup,
  crc32Base64,
  type ProfileName,
  type S3Simulator,
  startS3Simulator,
} from './index.ts';

const MIB = 1024 * 1024;
const Bucket = 'home';
const Key = 'a.tar';
const ChecksumCRC32 = crc32Base64(crc32('hello'));
const ContentMD5 = createHash('md5').update('hello').digest('base64');

let simulator: S3Simulator;
let client: S3Client;
async function start(
  profile: ProfileName,
  setup?: Partial<BucketSetup>,
  config?: S3ClientConfig,
): Promise<void> {
  simulator = await startS3Simulator({ profile, buckets: [{ name: Bucket, ...setup }] });
  client = sdkClient(simulator, config);
}
afterEach(async () => {
  expect(simulator.mistakes).toEqual([]);
  await simulator.stop();
});

const put = (more: Partial<PutObjectCommandInput> = {}) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: 'hello', ...more }));

/** Uploads parts of these sizes, with these numbers or one after the other. */
async function upload(
  sizes: readonly number[],
  numbers = sizes.map((_, index) => index + 1),
): Promise<unknown> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const Parts: CompletedPart[] = [];
  for (const [index, size] of sizes.entries()) {
    const PartNumber = numbers[index] as number;
    const Body = Buffer.alloc(size);
    const { ETag } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
    Parts.push({ PartNumber, ETag });
  }
  return client.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
  );
}

const versioning = () => client.send(new GetBucketVersioningCommand({ Bucket }));
const versions = () => client.send(new ListObjectVersionsCommand({ Bucket }));
const lock = () => client.send(new GetObjectLockConfigurationCommand({ Bucket }));
const NOT_IMPLEMENTED = { code: 'NotImplemented', status: 501 };

describe('r2', () => {
  it('takes equal parts only, and says so at the end', async () => {
    await start('r2');
    const refused = { code: 'InvalidPart', message: 'All non-trailing parts must have the same length.' };
    expect(await refusalOf(upload([6 * MIB, 5 * MIB, 1]))).toMatchObject(refused);
    expect(await refusalOf(upload([5 * MIB, 5 * MIB + 1]))).toMatchObject(refused);
    expect(simulator.uploads(Bucket)).toHaveLength(2);
    await upload([5 * MIB, 5 * MIB, 1]);
  });

  it.each(['auto', 'us-east-1'])('takes the region %s', async (region) => {
    await start('r2', {}, { region });
    await put();
  });

  it('lacks versions, object lock and archives', async () => {
    await start('r2');
    const restore = new RestoreObjectCommand({ Bucket, Key, RestoreRequest: { Days: 1 } });
    for (const work of [versioning, versions, lock, () => client.send(restore)]) {
      expect(await refusalOf(work())).toMatchObject(NOT_IMPLEMENTED);
    }
    const locked = put({
      ObjectLockMode: 'GOVERNANCE',
      ObjectLockRetainUntilDate: new Date(Date.now() + 1e6),
    });
    expect(await refusalOf(locked)).toMatchObject(NOT_IMPLEMENTED);
    expect(await refusalOf(put({ ServerSideEncryption: 'aws:kms' }))).toMatchObject(NOT_IMPLEMENTED);
    const lifecycle = client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(await refusalOf(lifecycle)).toMatchObject({ code: 'NoSuchLifecycleConfiguration' });
  });

  it('has two storage classes', async () => {
    await start('r2');
    await put({ StorageClass: 'STANDARD_IA' });
    expect(await refusalOf(put({ StorageClass: 'GLACIER' }))).toMatchObject({ code: 'InvalidStorageClass' });
  });

  it('takes one sum, of which Content-MD5 is one', async () => {
    await start('r2');
    await put({ ChecksumCRC32 });
    await put({ ContentMD5 });
    expect(await refusalOf(put({ ChecksumCRC32, ContentMD5 }))).toMatchObject({
      code: 'InvalidRequest',
      message: 'You can only specify one non-default checksum at a time.',
    });
  });

  it('sums an object of parts by the sums of its parts only', async () => {
    await start('r2');
    const about = { Bucket, Key, ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } as const;
    const whole = client.send(new CreateMultipartUploadCommand(about));
    expect(await refusalOf(whole)).toMatchObject({ code: 'InvalidRequest' });
    await client.send(new CreateMultipartUploadCommand({ ...about, ChecksumType: 'COMPOSITE' }));
  });
});

describe('b2', () => {
  it('hides what is deleted without naming a version', async () => {
    await start('b2');
    const { VersionId } = await put();
    await client.send(new DeleteObjectCommand({ Bucket, Key }));
    expect(simulator.objects(Bucket)).toEqual([]);
    expect(simulator.versions(Bucket)).toMatchObject([{ deleteMarker: true }, { versionId: VersionId }]);
    const { Versions, DeleteMarkers = [] } = await versions();
    for (const version of [...(Versions ?? []), ...DeleteMarkers]) {
      await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId: version.VersionId }));
    }
    expect(simulator.versions(Bucket)).toEqual([]);
  });

  it('does not know the newer checksums, in older accounts', async () => {
    await start('b2');
    expect(await refusalOf(put({ ChecksumCRC32 }))).toMatchObject({
      code: 'InvalidArgument',
      status: 400,
      message: "Unsupported header 'x-amz-checksum-crc32' received for this API call.",
    });
    const Delete = { Objects: [{ Key }] };
    // the SDK sends one with this request, whatever it is told
    const deleted = client.send(new DeleteObjectsCommand({ Bucket, Delete }));
    expect(await refusalOf(deleted)).toMatchObject({ code: 'InvalidArgument' });
    await put({ ContentMD5 });
  });

  it('knows them in newer ones', async () => {
    await start('b2_new');
    await put({ ChecksumCRC32 });
    expect((await versioning()).Status).toBe('Enabled');
    const VersioningConfiguration = { Status: 'Suspended' } as const;
    const suspended = client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    expect(await refusalOf(suspended)).toMatchObject({ status: 409 });
  });

  it('wants the region of its host', async () => {
    await start('b2', {}, { region: 'us-east-1' });
    expect(await refusalOf(put())).toMatchObject({
      code: 'AuthorizationHeaderMalformed',
      Region: 'us-west-004',
    });
  });
});

describe('garage', () => {
  it('wants its own region and says which', async () => {
    await start('garage', {}, { region: 'us-east-1' });
    expect(await refusalOf(put())).toMatchObject({
      code: 'AuthorizationHeaderMalformed',
      status: 400,
      Region: 'garage',
    });
  });

  it('does not look at conditions', async () => {
    await start('garage');
    await put();
    await put({ IfNoneMatch: '*' });
    await put({ IfMatch: '"0"' });
  });

  it('says of a key and of a secret only that they are refused', async () => {
    const { accessKey: accessKeyId } = simulator;
    for (const credentials of [
      { accessKeyId: 'nobody', secretAccessKey: 'x' },
      { accessKeyId, secretAccessKey: 'x' },
    ]) {
      await start('garage', {}, { credentials });
      expect(await refusalOf(put())).toMatchObject({ code: 'AccessDenied', status: 403 });
      await simulator.stop();
    }
  });

  it('does not look at headers that it does not know', async () => {
    await start('garage');
    const lock = {
      ObjectLockMode: 'COMPLIANCE',
      ObjectLockRetainUntilDate: new Date(Date.now() + 1e6),
    } as const;
    await put({ StorageClass: 'GLACIER', ServerSideEncryption: 'aws:kms', ...lock });
    expect(simulator.objects(Bucket)).toMatchObject([{ storageClass: 'STANDARD', retention: undefined }]);
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, VersionId: 'none' }));
    expect(await Body?.transformToString()).toBe('hello');
    expect(await refusalOf(put({ ChecksumCRC32: crc32Base64(1) }))).toMatchObject({ code: 'InvalidDigest' });
  });

  it('takes small parts', async () => {
    await start('garage');
    await upload([3, 2, 1]);
    expect(simulator.objects(Bucket)).toMatchObject([{ content: { size: 6 } }]);
  });

  it('says that there are no versions, and lacks the rest', async () => {
    await start('garage');
    expect((await versioning()).Status).toBeUndefined();
    for (const work of [versions, lock]) expect(await refusalOf(work())).toMatchObject(NOT_IMPLEMENTED);
  });
});

describe('mega', () => {
  it('looks at the size of parts as they come', async () => {
    await start('mega');
    const refused = { code: 'InvalidPart', message: expect.stringContaining('Inconsistent part size') };
    expect(await refusalOf(upload([6 * MIB, 5 * MIB, 5 * MIB]))).toMatchObject(refused);
    expect(simulator.requests.at(-1)).toMatchObject({ operation: 'UploadPart', status: 400 });
    await upload([5 * MIB, 5 * MIB, 1]);
  });

  it('takes parts in any order', async () => {
    await start('mega');
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    for (const [PartNumber, size] of [
      [3, 1],
      [1, 5 * MIB],
      [2, 5 * MIB],
    ] as const) {
      const Body = Buffer.alloc(size);
      await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
    }
  });

  it('wants numbers without a gap', async () => {
    await start('mega');
    expect(await refusalOf(upload([5 * MIB, 1], [1, 3]))).toMatchObject({ code: 'InvalidPart' });
  });
});

describe('minio', () => {
  it('has words of its own for a locked version', async () => {
    await start('minio', { lock: { mode: 'COMPLIANCE', days: 1 } });
    const { VersionId } = await put();
    const removed = client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
    expect(await refusalOf(removed)).toMatchObject({
      code: 'InvalidRequest',
      status: 400,
      message: 'Object is WORM protected and cannot be overwritten',
    });
  });

  it('has no key to encrypt with, and a code of its own for a wrong checksum', async () => {
    await start('minio');
    expect(await refusalOf(put({ ServerSideEncryption: 'AES256' }))).toMatchObject(NOT_IMPLEMENTED);
    const code = 'XAmzContentChecksumMismatch';
    expect(await refusalOf(put({ ChecksumCRC32: crc32Base64(1) }))).toMatchObject({ code, status: 400 });
  });

  it('lists the uploads of one name alone', async () => {
    await start('minio');
    await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const uploads = async (Prefix: string) =>
      (await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix }))).Uploads?.length ?? 0;
    expect([await uploads(''), await uploads('a'), await uploads(Key)]).toEqual([0, 0, 1]);
  });
});

describe.each([
  ['old', 'MissingContentLength', 411],
  ['wasabi', 'IncompleteBody', 400],
  ['hetzner', 'XAmzContentSHA256Mismatch', 400],
  ['b2', 'InvalidArgument', 400],
] as const)('%s', (profile, code, status) => {
  it(`answers ${status} to sums behind a body`, async () => {
    await start(profile, {}, { requestChecksumCalculation: 'WHEN_SUPPORTED' });
    const Body = Readable.from([Buffer.from('hello')]);
    expect(await refusalOf(put({ Body, ContentLength: 5 }))).toMatchObject({ code, status });
  });
});

describe('old', () => {
  it('refuses every newer checksum, and lists', async () => {
    await start('old');
    expect(await refusalOf(put({ ChecksumCRC32 }))).toMatchObject({ code: 'InvalidRequest', status: 400 });
    await put({ IfNoneMatch: '*', ContentMD5 });
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket }));
    expect(Contents).toMatchObject([{ Key }]);
    expect(await refusalOf(versioning())).toMatchObject(NOT_IMPLEMENTED);
  });
});

describe('hetzner', () => {
  it('restores nothing and encrypts with keys of customers only', async () => {
    await start('hetzner');
    const restore = new RestoreObjectCommand({ Bucket, Key, RestoreRequest: { Days: 1 } });
    expect(await refusalOf(client.send(restore))).toMatchObject({ code: 'MethodNotAllowed', status: 405 });
    expect(await refusalOf(put({ ServerSideEncryption: 'AES256' }))).toMatchObject(NOT_IMPLEMENTED);
  });
});

describe('confined', () => {
  it('works under its prefix and nowhere else', async () => {
    await start('confined');
    const denied = { status: 403 };
    await put({ Key: 'homestash/a' });
    const get = new GetObjectCommand({ Bucket, Key: 'homestash/a' });
    expect(await (await client.send(get)).Body?.transformToString()).toBe('hello');
    const list = (Prefix?: string) => client.send(new ListObjectsV2Command({ Bucket, Prefix }));
    expect((await list('homestash/')).KeyCount).toBe(1);
    const head = () => client.send(new HeadBucketCommand({ Bucket }));
    const elsewhere = () => list('other/');
    for (const work of [list, elsewhere, put, head, versioning, lock]) {
      expect(await refusalOf(work())).toMatchObject(denied);
    }
    const Delete = { Objects: [{ Key: 'homestash/a' }, { Key: 'other' }] };
    const deleted = await client.send(new DeleteObjectsCommand({ Bucket, Delete }));
    expect(deleted.Errors).toMatchObject([{ Key: 'other', Code: 'AccessDenied' }]);
    expect(simulator.objects(Bucket)).toEqual([]);
  });
});
