import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type S3Client,
  UploadPartCommand,
  type UploadPartCommandInput,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { refusalOf, sdkClient } from './client.ts';
import { crc32Base64, type S3Simulator, startS3Simulator } from './index.ts';

const MIB = 1024 * 1024;
const Bucket = 'home';
const Key = 'a.tar';

let simulator: S3Simulator;
let client: S3Client;
beforeAll(async () => {
  simulator = await startS3Simulator({ buckets: [Bucket] });
  client = sdkClient(simulator);
});
afterEach(() => {
  expect(simulator.mistakes).toEqual([]);
  simulator.reset();
});
afterAll(() => simulator.stop());

const big = Buffer.alloc(5 * MIB, 'b');
const small = Buffer.from('the end');

const begin = async (more: Partial<CreateMultipartUploadCommandInput> = {}) =>
  (await client.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }))).UploadId as string;
const part = async (
  UploadId: string,
  PartNumber: number,
  Body: Buffer,
  more: Partial<UploadPartCommandInput> = {},
): Promise<CompletedPart> => {
  const sent = new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ...more });
  const { ETag, ChecksumCRC32 } = await client.send(sent);
  return { ETag, PartNumber, ...(ChecksumCRC32 ? { ChecksumCRC32 } : {}) };
};
const complete = (
  UploadId: string,
  Parts: CompletedPart[],
  more: Partial<CompleteMultipartUploadCommandInput> = {},
) =>
  client.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more }),
  );

describe('an upload in parts', () => {
  it('is nothing before it is completed, and the whole afterwards', async () => {
    const id = await begin({ Metadata: { name: 'Nightly' } });
    const second = await part(id, 7, small);
    const first = await part(id, 2, big);
    expect(simulator.objects(Bucket)).toEqual([]);
    expect(simulator.uploads(Bucket)).toHaveLength(1);
    const { ETag } = await complete(id, [first, second]);
    const md5s = [big, small].map((bytes) => createHash('md5').update(bytes).digest());
    const md5 = createHash('md5').update(Buffer.concat(md5s)).digest('hex');
    expect(ETag).toBe(`"${md5}-2"`);
    const whole = Buffer.concat([big, small]);
    expect(simulator.content(Bucket, Key).equals(whole)).toBe(true);
    const [object] = simulator.objects(Bucket);
    expect(object).toMatchObject({ content: { size: whole.length, crc32: crc32(whole) } });
    expect(object?.headers).toMatchObject({ 'x-amz-meta-name': 'Nightly' });
    expect(simulator.uploads(Bucket)).toEqual([]);
    const PartNumber = 2;
    const last = await client.send(new GetObjectCommand({ Bucket, Key, PartNumber }));
    expect(last).toMatchObject({ ContentLength: small.length, PartsCount: 2 });
    await last.Body?.transformToByteArray();
  });

  it('is shown while it lasts, and gone when it is given up', async () => {
    const id = await begin();
    await part(id, 1, small);
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'a' }));
    expect(Uploads).toMatchObject([{ Key, UploadId: id }]);
    const { Parts } = await client.send(new ListPartsCommand({ Bucket, Key, UploadId: id }));
    expect(Parts).toMatchObject([{ PartNumber: 1, Size: small.length }]);
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId: id }));
    expect(simulator.uploads(Bucket)).toEqual([]);
    const gone = { code: 'NoSuchUpload', status: 404 };
    expect(await refusalOf(part(id, 1, small))).toMatchObject(gone);
    expect(await refusalOf(complete(id, [{ ETag: '"0"', PartNumber: 1 }]))).toMatchObject(gone);
    const again = client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId: id }));
    expect(await refusalOf(again)).toMatchObject(gone);
  });

  it.each([0, 10_001])('has no part %i', async (number) => {
    expect(await refusalOf(part(await begin(), number, small))).toMatchObject({ code: 'InvalidArgument' });
  });

  it('has parts of 5 MiB but for the last', async () => {
    const id = await begin();
    const parts = [await part(id, 1, small), await part(id, 2, small)];
    expect(await refusalOf(complete(id, parts))).toMatchObject({ code: 'EntityTooSmall', PartNumber: '1' });
    expect(simulator.uploads(Bucket)).toHaveLength(1);
  });

  it('is completed with the parts that came, in their order', async () => {
    const id = await begin();
    const parts = [await part(id, 1, big), await part(id, 2, small)];
    const [first, second] = parts as [CompletedPart, CompletedPart];
    const refused = (list: CompletedPart[]) => refusalOf(complete(id, list));
    expect(await refused([second, first])).toMatchObject({ code: 'InvalidPartOrder', status: 400 });
    expect(await refused([first, { ...second, ETag: first.ETag }])).toMatchObject({ code: 'InvalidPart' });
    expect(await refused([first, { ...second, PartNumber: 3 }])).toMatchObject({ code: 'InvalidPart' });
    await complete(id, parts);
  });

  it('does not replace what is there, when that was asked for', async () => {
    const ids = [await begin(), await begin()] as const;
    for (const [index, id] of ids.entries()) {
      const completed = complete(id, [await part(id, 1, small)], { IfNoneMatch: '*' });
      if (index === 0) await completed;
      else expect(await refusalOf(completed)).toMatchObject({ code: 'PreconditionFailed', status: 412 });
    }
    expect(simulator.uploads(Bucket)).toHaveLength(1);
  });
});

describe('sums of parts', () => {
  const ChecksumCRC32 = crc32Base64(crc32(small));
  const ChecksumAlgorithm = 'CRC32' as const;

  it('are summed again', async () => {
    const id = await begin({ ChecksumAlgorithm });
    const parts = [await part(id, 1, small, { ChecksumCRC32 })];
    const answer = await complete(id, parts);
    const sum = crc32Base64(crc32(Buffer.from(ChecksumCRC32, 'base64')));
    expect(answer).toMatchObject({ ChecksumCRC32: `${sum}-1`, ChecksumType: 'COMPOSITE' });
    expect(simulator.objects(Bucket)[0]?.checksums).toEqual({ 'x-amz-checksum-crc32': `${sum}-1` });
  });

  it('are of the whole when that was asked for', async () => {
    const id = await begin({ ChecksumAlgorithm, ChecksumType: 'FULL_OBJECT' });
    const parts = [await part(id, 1, big), await part(id, 2, small)];
    const wrong = complete(id, parts, { ChecksumCRC32: crc32Base64(1) });
    expect(await refusalOf(wrong)).toMatchObject({ code: 'BadDigest' });
    await complete(id, parts, { ChecksumCRC32: crc32Base64(crc32(Buffer.concat([big, small]))) });
  });

  it('are those that the upload was begun with', async () => {
    const mismatch = { code: 'InvalidRequest', message: expect.stringContaining('Checksum Type mismatch') };
    expect(await refusalOf(part(await begin(), 1, small, { ChecksumCRC32 }))).toMatchObject(mismatch);
    expect(await refusalOf(part(await begin({ ChecksumAlgorithm }), 1, small))).toMatchObject(mismatch);
  });

  it('are said again at the end', async () => {
    const id = await begin({ ChecksumAlgorithm });
    const { ETag, PartNumber } = await part(id, 1, small, { ChecksumCRC32 });
    expect(await refusalOf(complete(id, [{ ETag, PartNumber }]))).toMatchObject({ code: 'InvalidRequest' });
    const wrong = complete(id, [{ ETag, PartNumber, ChecksumCRC32: crc32Base64(1) }]);
    expect(await refusalOf(wrong)).toMatchObject({ code: 'InvalidPart' });
  });
});

describe('a simulator that keeps sums only', () => {
  it('knows size and sums of what it does not keep', async () => {
    const thrifty = await startS3Simulator({ buckets: [Bucket], keepUpTo: 10 });
    try {
      client = sdkClient(thrifty);
      const id = await begin();
      await complete(id, [await part(id, 1, big), await part(id, 2, small)]);
      const content = { size: big.length + small.length, crc32: crc32(Buffer.concat([big, small])) };
      expect(thrifty.objects(Bucket)[0]).toMatchObject({ content });
      expect(() => thrifty.content(Bucket, Key)).toThrow('only the sums');
      const get = client.send(new GetObjectCommand({ Bucket, Key }));
      expect(await refusalOf(get)).toMatchObject({ status: 500 });
    } finally {
      client = sdkClient(simulator);
      await thrifty.stop();
    }
  });
});
