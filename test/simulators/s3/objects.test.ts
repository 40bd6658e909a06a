import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketLifecycleCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { refusalOf, sdkClient } from './client.ts';
import { crc32Base64, type S3Simulator, startS3Simulator } from './index.ts';

const Bucket = 'home';

let simulator: S3Simulator;
let client: S3Client;
beforeAll(async () => {
  simulator = await startS3Simulator({ buckets: [Bucket], pageSize: 3 });
  client = sdkClient(simulator);
});
afterEach(() => {
  expect(simulator.mistakes).toEqual([]);
  simulator.reset();
});
afterAll(() => simulator.stop());

const put = (Key: string, more: Partial<PutObjectCommandInput> = {}) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: 'hello', ...more }));

describe('sums', () => {
  const md5 = createHash('md5').update('hello').digest('base64');
  const wrong = createHash('md5').update('hallo').digest('base64');
  const sum = crc32Base64(crc32('hello'));

  it('that are right come back on request', async () => {
    await put('a', { ContentMD5: md5, ChecksumCRC32: sum });
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'a', ChecksumMode: 'ENABLED' }));
    expect(head).toMatchObject({
      ChecksumCRC32: sum,
      ETag: `"${Buffer.from(md5, 'base64').toString('hex')}"`,
    });
    expect((await client.send(new HeadObjectCommand({ Bucket, Key: 'a' }))).ChecksumCRC32).toBeUndefined();
  });

  it.each<[string, Partial<PutObjectCommandInput>, string]>([
    ['a wrong Content-MD5', { ContentMD5: wrong }, 'BadDigest'],
    ['a Content-MD5 that is none', { ContentMD5: 'aGFsbG8=' }, 'InvalidDigest'],
    ['a wrong CRC32', { ChecksumCRC32: crc32Base64(1) }, 'BadDigest'],
    ['a wrong SHA256', { ChecksumSHA256: createHash('sha256').digest('base64') }, 'BadDigest'],
    ['a CRC32 that is none', { ChecksumCRC32: 'AA==' }, 'InvalidRequest'],
    ['two checksums', { ChecksumCRC32: sum, ChecksumSHA1: 'x'.repeat(28) }, 'InvalidRequest'],
    ['a checksum that cannot be compared', { ChecksumCRC32C: sum }, 'NotImplemented'],
  ])('%s is refused', async (_what, more, code) => {
    expect(await refusalOf(put('a', more))).toMatchObject({ code });
    expect(simulator.objects(Bucket)).toEqual([]);
  });
});

describe('an object', () => {
  it('is not written where there is one, when that was asked for', async () => {
    await put('a', { IfNoneMatch: '*' });
    expect(await refusalOf(put('a', { IfNoneMatch: '*' }))).toMatchObject({
      code: 'PreconditionFailed',
      status: 412,
    });
    expect(await refusalOf(put('a', { IfMatch: '"0"' }))).toMatchObject({ code: 'PreconditionFailed' });
    expect(await refusalOf(put('b', { IfMatch: '"0"' }))).toMatchObject({ code: 'NoSuchKey', status: 404 });
    await put('a', { IfMatch: simulator.objects(Bucket)[0]?.etag });
  });

  it('is read in parts of it', async () => {
    await put('a', { Body: '0123456789' });
    const read = async (Range: string) => {
      const answer = await client.send(new GetObjectCommand({ Bucket, Key: 'a', Range }));
      return [answer.ContentRange, await answer.Body?.transformToString()];
    };
    expect(await read('bytes=2-4')).toEqual(['bytes 2-4/10', '234']);
    expect(await read('bytes=7-')).toEqual(['bytes 7-9/10', '789']);
    expect(await read('bytes=-3')).toEqual(['bytes 7-9/10', '789']);
    expect(await read('bytes=8-99')).toEqual(['bytes 8-9/10', '89']);
    expect(await refusalOf(read('bytes=10-'))).toMatchObject({ code: 'InvalidRange', status: 416 });
  });

  it('is read on conditions', async () => {
    const { ETag } = await put('a');
    const get = (more: object) => client.send(new GetObjectCommand({ Bucket, Key: 'a', ...more }));
    await (await get({ IfMatch: ETag })).Body?.transformToString();
    expect(await refusalOf(get({ IfMatch: '"0"' }))).toMatchObject({
      code: 'PreconditionFailed',
      status: 412,
    });
    expect(await refusalOf(get({ IfNoneMatch: ETag }))).toMatchObject({ status: 304 });
  });

  it('that is not there is 404: with a document, but for HEAD', async () => {
    expect(await refusalOf(client.send(new GetObjectCommand({ Bucket, Key: 'a' })))).toMatchObject({
      code: 'NoSuchKey',
      status: 404,
      Key: 'a',
    });
    const head = await refusalOf(client.send(new HeadObjectCommand({ Bucket, Key: 'a' })));
    expect(head).toMatchObject({ code: 'NotFound', status: 404 });
    expect(simulator.requests.at(-1)).toMatchObject({ operation: 'HeadObject', bytesOut: 0 });
  });

  it('has a name of at most 1,024 bytes', async () => {
    await put('ü'.repeat(512));
    expect(await refusalOf(put('ü'.repeat(513)))).toMatchObject({ code: 'KeyTooLongError', status: 400 });
  });

  it('keeps its type and metadata, and passes them on to a copy', async () => {
    await put('a', { ContentType: 'application/x-tar', Metadata: { name: 'value' } });
    const copy = new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` });
    expect((await client.send(copy)).CopyObjectResult?.ETag).toMatch(/^"[0-9a-f]{32}"$/);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'b' }));
    expect(head).toMatchObject({
      ContentType: 'application/x-tar',
      Metadata: { name: 'value' },
      ContentLength: 5,
    });
    expect(await refusalOf(client.send(new CopyObjectCommand({ ...copy.input, Key: 'a' })))).toMatchObject({
      code: 'InvalidRequest',
    });
  });

  it('is deleted, whether it is there or not', async () => {
    await put('a');
    for (const Key of ['a', 'a']) {
      const { $metadata } = await client.send(new DeleteObjectCommand({ Bucket, Key }));
      expect($metadata.httpStatusCode).toBe(204);
    }
    expect(simulator.objects(Bucket)).toEqual([]);
  });

  it('is deleted with others, in a request that is summed', async () => {
    await put('a');
    await put('b');
    const Delete = { Objects: [{ Key: 'a' }, { Key: 'none' }] };
    const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket, Delete }));
    expect(Deleted?.map(({ Key }) => Key)).toEqual(['a', 'none']);
    expect(simulator.objects(Bucket).map(({ key }) => key)).toEqual(['b']);
  });

  it('fits into the quota', async () => {
    simulator.quotaBytes = 8;
    await put('a');
    expect(await refusalOf(put('b'))).toMatchObject({ code: 'QuotaExceeded', status: 403 });
  });
});

describe('a list', () => {
  const names = ['a b', 'd/1', 'd/2', 'e/1', 'f', 'g&<', 'ü'];

  it('comes in pages', async () => {
    for (const name of names) await put(name);
    const found: (string | undefined)[] = [];
    let token: string | undefined;
    do {
      const page = await client.send(new ListObjectsV2Command({ Bucket, ContinuationToken: token }));
      expect(page.KeyCount).toBeLessThanOrEqual(3);
      expect(page.IsTruncated).toBe(page.NextContinuationToken !== undefined);
      found.push(...(page.Contents ?? []).map(({ Key }) => Key));
      token = page.NextContinuationToken;
    } while (token);
    expect(found).toEqual(names);
    const first = client.send(new ListObjectsV2Command({ Bucket, ContinuationToken: 'd/1' }));
    expect(await refusalOf(first)).toMatchObject({ code: 'InvalidArgument' });
  });

  it('folds folders', async () => {
    for (const name of names) await put(name);
    const page = (more: object) => client.send(new ListObjectsV2Command({ Bucket, Delimiter: '/', ...more }));
    const { CommonPrefixes, Contents, NextContinuationToken } = await page({});
    expect(Contents?.map(({ Key }) => Key)).toEqual(['a b']);
    expect(CommonPrefixes).toEqual([{ Prefix: 'd/' }, { Prefix: 'e/' }]);
    const next = await page({ ContinuationToken: NextContinuationToken });
    expect(next.Contents?.map(({ Key }) => Key)).toEqual(['f', 'g&<', 'ü']);
    expect((await page({ Prefix: 'd/' })).Contents?.map(({ Key }) => Key)).toEqual(['d/1', 'd/2']);
    expect((await page({ StartAfter: 'g&<' })).Contents?.map(({ Key }) => Key)).toEqual(['ü']);
  });

  it('writes names for addresses when asked to', async () => {
    await put('a b/ü+');
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket, EncodingType: 'url' }));
    expect(Contents?.[0]?.Key).toBe('a+b/%C3%BC%2B');
  });

  it('of the first version goes on from the last name', async () => {
    for (const name of names) await put(name);
    const { Contents, NextMarker } = await client.send(new ListObjectsCommand({ Bucket, Marker: 'd/1' }));
    expect(Contents?.map(({ Key }) => Key)).toEqual(['d/2', 'e/1', 'f']);
    expect(NextMarker).toBeUndefined();
  });
});

describe('a bucket', () => {
  it('is made, found, told where it is, and deleted when it is empty', async () => {
    await client.send(new CreateBucketCommand({ Bucket: 'new-one' }));
    const names = (await client.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name);
    expect(names).toEqual(['home', 'new-one']);
    const again = client.send(new CreateBucketCommand({ Bucket: 'new-one' }));
    expect(await refusalOf(again)).toMatchObject({ code: 'BucketAlreadyOwnedByYou', status: 409 });
    expect((await client.send(new HeadBucketCommand({ Bucket }))).BucketRegion).toBe('us-east-1');
    const { LocationConstraint } = await client.send(new GetBucketLocationCommand({ Bucket }));
    expect(LocationConstraint).toBeUndefined();
    await put('a');
    const full = client.send(new DeleteBucketCommand({ Bucket }));
    expect(await refusalOf(full)).toMatchObject({ code: 'BucketNotEmpty', status: 409 });
    await client.send(new DeleteBucketCommand({ Bucket: 'new-one' }));
  });

  it('that is not there is 404', async () => {
    const back = simulator.vanish(Bucket);
    expect(await refusalOf(put('a'))).toMatchObject({ code: 'NoSuchBucket', status: 404 });
    const head = client.send(new HeadBucketCommand({ Bucket }));
    expect(await refusalOf(head)).toMatchObject({ status: 404 });
    back();
    await put('a');
  });

  it('keeps its lifecycle', async () => {
    const get = () => client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(await refusalOf(get())).toMatchObject({ code: 'NoSuchLifecycleConfiguration', status: 404 });
    const rule = {
      ID: 'orphans',
      Status: 'Enabled',
      Filter: { Prefix: '' },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
    } as const;
    const LifecycleConfiguration = { Rules: [rule] };
    await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }));
    expect((await get()).Rules).toEqual([rule]);
    await client.send(new DeleteBucketLifecycleCommand({ Bucket }));
    expect(await refusalOf(get())).toMatchObject({ status: 404 });
  });

  it('answers 501 to what is not known', async () => {
    const acl = client.send(new GetBucketAclCommand({ Bucket }));
    expect(await refusalOf(acl)).toMatchObject({ code: 'NotImplemented', status: 501 });
  });
});
