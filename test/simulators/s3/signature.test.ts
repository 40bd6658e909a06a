import { Readable } from 'node:stream';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { forge, refusalOf, sdkClient } from './client.ts';
import { type S3Simulator, startS3Simulator } from './index.ts';

const MINUTE_MS = 60_000;
const Bucket = 'home';

let simulator: S3Simulator;
beforeAll(async () => {
  simulator = await startS3Simulator({ buckets: [Bucket] });
});
afterEach(() => {
  expect(simulator.mistakes).toEqual([]);
  simulator.reset();
});
afterAll(() => simulator.stop());

const list = new ListObjectsV2Command({ Bucket });
const put = () => new PutObjectCommand({ Bucket, Key: 'a', Body: 'hello' });

describe('a signature', () => {
  const credentials = (accessKeyId: string, secretAccessKey: string) => ({
    credentials: { accessKeyId, secretAccessKey },
  });

  it('is of a key that exists', async () => {
    const client = sdkClient(simulator, credentials('AKIANOBODY', simulator.secretKey));
    expect(await refusalOf(client.send(list))).toMatchObject({ code: 'InvalidAccessKeyId', status: 403 });
  });

  it('is made with its secret', async () => {
    const client = sdkClient(simulator, credentials(simulator.accessKey, 'wrong'));
    expect(await refusalOf(client.send(list))).toMatchObject({ code: 'SignatureDoesNotMatch', status: 403 });
  });

  it('names the region, which is told to who names another', async () => {
    const client = sdkClient(simulator, { region: 'eu-central-1' });
    const refused = await refusalOf(client.send(list));
    expect(refused).toMatchObject({ code: 'AuthorizationHeaderMalformed', status: 400, Region: 'us-east-1' });
  });

  it.each([-16, 16])('is not of another time (%i minutes)', async (minutes) => {
    simulator.skew(minutes * MINUTE_MS);
    const refused = await refusalOf(sdkClient(simulator).send(list));
    expect(refused).toMatchObject({ code: 'RequestTimeTooSkewed', status: 403 });
  });

  it('may be 14 minutes off', async () => {
    simulator.skew(14 * MINUTE_MS);
    await sdkClient(simulator).send(list);
  });

  it('is there', async () => {
    const answer = await fetch(`${simulator.endpoint}/${Bucket}?list-type=2`);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('<Code>AccessDenied</Code>');
  });

  it('is of version 4', async () => {
    const headers = { authorization: 'AWS key:signature' };
    const answer = await fetch(`${simulator.endpoint}/${Bucket}`, { headers });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('Please use AWS4-HMAC-SHA256');
  });

  it('covers every header that begins with x-amz', async () => {
    const client = forge(sdkClient(simulator), ({ headers }) => {
      headers['x-amz-storage-class'] = 'STANDARD_IA';
    });
    expect(await refusalOf(client.send(put()))).toMatchObject({
      code: 'AccessDenied',
      HeadersNotSigned: 'x-amz-storage-class',
    });
  });

  it('covers the address', async () => {
    const client = forge(sdkClient(simulator), (sent) => {
      (sent as unknown as { path: string }).path = `/${Bucket}/b`;
    });
    expect(await refusalOf(client.send(put()))).toMatchObject({ code: 'SignatureDoesNotMatch' });
  });

  it('covers the body, unless that is said not to be signed', async () => {
    const client = forge(sdkClient(simulator), (sent) => {
      sent.body = Buffer.from('hallo');
    });
    expect(await refusalOf(client.send(put()))).toMatchObject({
      code: 'XAmzContentSHA256Mismatch',
      status: 400,
    });
    expect(simulator.objects(Bucket)).toEqual([]);
  });

  it.each([
    'a b',
    'ü',
    'a+b',
    'a&b=c?d#e',
    "it's (1)!*",
    '%41',
    'a//b',
    './a/../b',
    '~a_b-c.d',
    '日本',
    'a/',
  ])('fits a name such as %s', async (Key) => {
    const client = sdkClient(simulator);
    await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    expect(simulator.content(Bucket, Key).toString()).toBe(Key);
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    expect(await Body?.transformToString()).toBe(Key);
  });
});

describe('a body', () => {
  const bytes = Buffer.from('0123456789'.repeat(5000));
  const stream = () => Readable.from([bytes.subarray(0, 20_000), bytes.subarray(20_000)]);

  it('may be unsigned', async () => {
    const Body = stream();
    await sdkClient(simulator).send(
      new PutObjectCommand({ Bucket, Key: 'a', Body, ContentLength: bytes.length }),
    );
    expect(simulator.requests[0]?.headers['x-amz-content-sha256']).toBe('UNSIGNED-PAYLOAD');
    expect(simulator.content(Bucket, 'a')).toEqual(bytes);
  });

  const chunked = () =>
    new PutObjectCommand({ Bucket, Key: 'a', Body: stream(), ContentLength: bytes.length });

  it('may come in chunks with a sum behind them', async () => {
    const client = sdkClient(simulator, { requestChecksumCalculation: 'WHEN_SUPPORTED' });
    await client.send(chunked());
    const { headers } = simulator.requests[0] ?? {};
    expect(headers?.['x-amz-content-sha256']).toBe('STREAMING-UNSIGNED-PAYLOAD-TRAILER');
    expect(simulator.content(Bucket, 'a')).toEqual(bytes);
    expect(simulator.objects(Bucket)[0]?.checksums).toHaveProperty('x-amz-checksum-crc32');
  });

  it('has the sum that stands behind its chunks', async () => {
    const client = forge(sdkClient(simulator, { requestChecksumCalculation: 'WHEN_SUPPORTED' }), (sent) => {
      const source = sent.body as Readable;
      sent.body = Readable.from(
        (async function* () {
          for await (const piece of source) yield Buffer.from(String(piece).replace('0123', '0124'));
        })(),
      );
    });
    expect(await refusalOf(client.send(chunked()))).toMatchObject({ code: 'BadDigest', status: 400 });
  });

  it('says how long it is', async () => {
    const unknown = new PutObjectCommand({ Bucket, Key: 'a', Body: stream() });
    expect(await refusalOf(sdkClient(simulator).send(unknown))).toMatchObject({
      code: 'MissingContentLength',
      status: 411,
    });
  });
});
