import { Agent } from 'node:https';
import { connect } from 'node:net';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { IdleClock } from '../../harness/idle-clock.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { refusalOf, sdkClient } from './client.ts';
import { type CertificateKind, FAULTS, type S3Simulator, startS3Simulator } from './index.ts';

const KIB = 1024;
const HOUR_MS = 3_600_000;
const Bucket = 'home';
const Key = 'a.tar';
const bytes = Buffer.alloc(400 * KIB, 'homestash ');

const clock = new IdleClock();
let simulator: S3Simulator;
let client: S3Client;
beforeAll(async () => {
  simulator = await startS3Simulator({ buckets: [Bucket], clock });
});
afterEach(async () => {
  client?.destroy();
  expect(simulator.mistakes).toEqual([]);
  simulator.reset();
  simulator.cutAll();
  await waitFor('all connections to be closed', () => simulator.openConnections === 0);
});
afterAll(() => simulator.stop());

/** A client whose signatures follow the clock that leaps. */
function fresh(): S3Client {
  client?.destroy();
  client = sdkClient(simulator, { systemClockOffset: clock.now() - Date.now() });
  return client;
}

const put = () => fresh().send(new PutObjectCommand({ Bucket, Key, Body: bytes }));
async function read(): Promise<Buffer> {
  const { Body } = await fresh().send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}
const list = () => fresh().send(new ListObjectsV2Command({ Bucket }));

describe('an answer of the server', () => {
  it.each([
    ['slowDown', FAULTS.slowDown(3), { code: 'SlowDown', status: 503 }],
    ['tooManyRequests', FAULTS.tooManyRequests(), { code: 'TooManyRequests', status: 429 }],
    ['internalError', FAULTS.internalError, { code: 'InternalError', status: 500 }],
    ['badGateway', FAULTS.badGateway, { status: 502 }],
    ['accessDenied', FAULTS.accessDenied, { code: 'AccessDenied', status: 403 }],
    ['noSuchBucket', FAULTS.noSuchBucket, { code: 'NoSuchBucket', status: 404 }],
    ['quotaExceeded', FAULTS.quotaExceeded, { code: 'QuotaExceeded', status: 403 }],
    ['insufficientStorage', FAULTS.insufficientStorage, { code: 'InsufficientStorage', status: 507 }],
    ['badDigest', FAULTS.badDigest, { code: 'BadDigest', status: 400 }],
    ['loginRedirect', FAULTS.loginRedirect, { status: 302 }],
  ])('is %s, and nothing was done', async (_name, fault, refused) => {
    simulator.faults.add({ fault, times: 1 });
    expect(await refusalOf(put())).toMatchObject(refused);
    expect(simulator.objects(Bucket)).toEqual([]);
    expect(simulator.requests).toMatchObject([
      { operation: 'PutObject', status: refused.status, faults: [fault] },
    ]);
    await put();
  });

  it('carries the header that was asked for', async () => {
    simulator.faults.add({ fault: FAULTS.slowDown(3) });
    const answer = await fetch(`${simulator.endpoint}/${Bucket}`);
    expect(answer.headers.get('retry-after')).toBe('3');
    await answer.text();
  });

  it('is a web page, or nothing', async () => {
    const get = async () => {
      const answer = await fetch(`${simulator.endpoint}/${Bucket}?list-type=2`);
      return [answer.status, await answer.text()] as const;
    };
    simulator.faults.add({ fault: FAULTS.htmlPage, times: 1 });
    expect(await get()).toEqual([200, expect.stringContaining('It works!')]);
    simulator.faults.add({ fault: FAULTS.emptyOk, times: 1 });
    expect(await get()).toEqual([200, '']);
  });

  it('may be wrong after the work was done', async () => {
    simulator.faults.add({ fault: { ...FAULTS.internalError, when: 'after_work' } });
    expect(await refusalOf(put())).toMatchObject({ status: 500 });
    expect(simulator.objects(Bucket)).toHaveLength(1);
  });
});

describe('a rule', () => {
  const fault = FAULTS.internalError;

  it('strikes what it says, as often as it says, after what it lets pass', async () => {
    const rule = simulator.faults.add({
      on: { operation: 'PutObject', key: /\.tar$/ },
      skip: 1,
      times: 1,
      fault,
    });
    await list();
    await put();
    expect(await refusalOf(put())).toMatchObject({ status: 500 });
    await put();
    expect(rule.hits).toBe(1);
    rule.remove();
    simulator.faults.add({ on: ({ operation, key }) => operation === 'PutObject' && key === 'other', fault });
    simulator.faults.add({ on: { partNumber: 2, operation: ['UploadPart'], bucket: Bucket }, fault });
    await put();
  });

  it('strikes by chance, and by the same chance again', async () => {
    simulator.faults.add({ probability: 0.5, fault });
    const strikes = async () => {
      const struck: boolean[] = [];
      for (let count = 0; count < 12; count += 1) {
        const answer = await fetch(simulator.endpoint);
        struck.push(answer.status === 500);
        await answer.text();
      }
      return struck;
    };
    const first = await strikes();
    expect(new Set(first).size).toBe(2);
    simulator.reset();
    simulator.faults.add({ probability: 0.5, fault });
    expect(await strikes()).toEqual(first);
  });
});

describe('a connection', () => {
  const code = expect.stringMatching(/ECONNRESET|EPIPE/);

  it.each([
    ['at once', { at: 'at_once' }, 0],
    ['in the middle of the request', { at: 'request', after: 100 * KIB }, 0],
    ['when all is done', { at: 'before_answer' }, 1],
  ] as const)('is cut %s', async (_when, where, objects) => {
    simulator.faults.add({ fault: { kind: 'cut', ...where } });
    await expect(put()).rejects.toMatchObject({ code });
    expect(simulator.objects(Bucket)).toHaveLength(objects);
    expect(simulator.requests[0]).toMatchObject({ status: undefined });
  });

  it('is cut after so many bytes of the answer', async () => {
    await put();
    simulator.faults.add({ fault: { kind: 'cut', at: 'answer', after: 100 * KIB } });
    await expect(read()).rejects.toThrow('aborted');
    expect(simulator.requests.at(-1)).toMatchObject({ status: 200, bytesOut: 100 * KIB });
  });

  it.each([
    [false, 'end'],
    [true, 'ECONNRESET'],
  ])('is ended with FIN, or with RST: %s', async (reset, ending) => {
    simulator.faults.add({ fault: { kind: 'cut', at: 'at_once', reset } });
    const seen = await new Promise((resolve) => {
      const socket = connect(simulator.port, '127.0.0.1').resume();
      socket.once('end', () => resolve('end'));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    });
    expect(seen).toBe(ending);
  });

  it.each([false, true])('is cut below TLS, too (RST: %s)', async (reset) => {
    const secure = await startS3Simulator({ tls: 'trusted', buckets: [Bucket] });
    const safe = sdkClient(secure);
    try {
      await safe.send(new PutObjectCommand({ Bucket, Key, Body: bytes }));
      secure.faults.add({ fault: { kind: 'cut', at: 'answer', after: 100 * KIB, reset } });
      const { Body } = await safe.send(new GetObjectCommand({ Bucket, Key }));
      await expect(Body?.transformToByteArray()).rejects.toMatchObject({ code });
      expect(secure.requests.at(-1)).toMatchObject({ bytesOut: 100 * KIB });
    } finally {
      safe.destroy();
      await secure.stop();
    }
  });

  it('is refused while nobody listens, and accepted again', async () => {
    await simulator.refuseConnections();
    await expect(list()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await simulator.acceptConnections();
    await list();
  });
});

describe('time', () => {
  it('passes by the clock of the test while nothing moves', async () => {
    await put();
    for (const at of ['at_once', 'before_answer', 'answer'] as const) {
      const rule = simulator.faults.add({ fault: { kind: 'stall', at, after: 1000, ms: 10_000 } });
      const before = clock.monotonic();
      expect((await clock.during(read())).equals(bytes)).toBe(true);
      expect(clock.monotonic() - before).toBeGreaterThanOrEqual(10_000);
      rule.remove();
    }
  });

  it('never ends where nothing is said', async () => {
    simulator.faults.add({ fault: FAULTS.hang });
    const patience = new AbortController();
    const asked = fresh().send(new ListObjectsV2Command({ Bucket }), { abortSignal: patience.signal });
    const over = expect(asked).rejects.toThrow();
    await waitFor('the request', () => simulator.requests.length === 1);
    patience.abort();
    await over;
  });

  it.each(['request', 'answer'] as const)('goes with the bytes of a slow %s', async (at) => {
    await put();
    simulator.faults.add({ fault: { kind: 'slow', at, bytesPerSecond: 40 * KIB } });
    const before = clock.monotonic();
    await clock.during<unknown>(at === 'request' ? put() : read());
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(10_000);
  });

  it('is another at the server', async () => {
    simulator.skew(HOUR_MS);
    const answer = await fetch(simulator.endpoint);
    await answer.text();
    const ahead = Date.parse(answer.headers.get('date') ?? '') - clock.now();
    expect(Math.round(ahead / 60_000)).toBe(60);
  });
});

describe('content', () => {
  it('has a wrong bit', async () => {
    await put();
    simulator.faults.add({ fault: { kind: 'flip', byte: 70_000 } });
    const got = await read();
    expect(got.length).toBe(bytes.length);
    expect([...got.keys()].filter((index) => got[index] !== bytes[index])).toEqual([70_000]);
  });

  it('is shorter than was said', async () => {
    await put();
    simulator.faults.add({ fault: { kind: 'wrong_length', by: 10 } });
    await expect(read()).rejects.toThrow('aborted');
  });

  it('of a list is cut, less, or goes on nowhere', async () => {
    for (const name of ['a', 'b']) {
      await fresh().send(new PutObjectCommand({ Bucket, Key: name, Body: name }));
    }
    const { remove } = simulator.faults.add({ fault: { kind: 'list', how: 'no_token' } });
    const endless = await list();
    expect([endless.IsTruncated, endless.NextContinuationToken]).toEqual([true, undefined]);
    remove();
    const less = simulator.faults.add({ fault: { kind: 'list', how: 'page_cut' } });
    expect((await list()).Contents?.map(({ Key: name }) => name)).toEqual(['a']);
    less.remove();
    simulator.faults.add({ fault: { kind: 'list', how: 'xml_cut' } });
    await expect(list()).rejects.toThrow();
  });
});

describe('the making of an object of its parts', () => {
  const complete = async () => {
    const about = { Bucket, Key };
    const { UploadId } = await fresh().send(new CreateMultipartUploadCommand(about));
    const part = { ...about, UploadId, PartNumber: 1 };
    const { ETag } = await client.send(new UploadPartCommand({ ...part, Body: bytes }));
    const MultipartUpload = { Parts: [{ ETag, PartNumber: 1 }] };
    return client.send(new CompleteMultipartUploadCommand({ ...about, UploadId, MultipartUpload }));
  };
  const on = { operation: 'CompleteMultipartUpload' } as const;

  it('fails with 200', async () => {
    simulator.faults.add({ on, fault: { kind: 'error_in_200', code: 'InternalError' } });
    expect(await refusalOf(complete())).toMatchObject({ code: 'InternalError' });
    expect(simulator.requests.at(-1)).toMatchObject({ operation: 'CompleteMultipartUpload', status: 200 });
    expect(simulator.uploads(Bucket)).toHaveLength(1);
  });

  it('takes minutes, with whitespace in the answer', async () => {
    simulator.faults.add({ on, fault: { kind: 'keep_alive', ms: 120_000, everyMs: 10_000 } });
    const before = clock.monotonic();
    const { ETag } = await clock.during(complete());
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(120_000);
    expect(ETag).toMatch(/-1"$/);
  });
});

describe('a certificate', () => {
  it.each<[CertificateKind, string | undefined]>([
    ['trusted', undefined],
    ['expired', 'CERT_HAS_EXPIRED'],
    ['wrong_name', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['self_signed', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ])('is %s', async (tls, code) => {
    const secure = await startS3Simulator({ tls, buckets: [Bucket] });
    const trusting = new Agent(tls === 'self_signed' ? {} : { ca: secure.authority });
    const safe = sdkClient(secure, { requestHandler: new NodeHttpHandler({ httpsAgent: trusting }) });
    try {
      const asked = safe.send(new ListObjectsV2Command({ Bucket }));
      if (code === undefined) await asked;
      else await expect(asked).rejects.toMatchObject({ code });
    } finally {
      safe.destroy();
      await secure.stop();
    }
  });
});
