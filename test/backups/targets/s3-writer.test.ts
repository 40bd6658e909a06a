import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PATIENT_ATTEMPTS } from '../../../src/backups/targets/s3/retry.ts';
import { haveVersitygw } from '../../harness/cache.ts';
import type { S3Server } from '../../harness/s3-server.ts';
import { startVersitygw } from '../../harness/versitygw.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type Recorded, S3Proxy, s3Error } from '../../simulators/s3-proxy.ts';
import {
  closeTargets,
  discard,
  HastyClock,
  leftovers,
  MEMORY,
  MIB,
  noise,
  openTarget,
  problemOf,
  s3Settings,
  sha256,
  stored,
  upload,
} from './s3-support.ts';

const KEY = 'homeassistant/backups/a.tar';

const isPart = (one: Recorded) => one.method === 'PUT' && one.query.has('partNumber');
const isComplete = (one: Recorded) => one.method === 'POST' && one.query.has('uploadId');
const isStart = (one: Recorded) => one.method === 'POST' && one.query.has('uploads');
const isPut = (one: Recorded) => one.method === 'PUT' && !one.query.has('partNumber');
const checksums = (one: Recorded) =>
  Object.keys(one.headers).filter((name) => /^x-amz-(checksum|sdk-checksum|trailer)|^content-md5/.test(name));

describe.skipIf(!haveVersitygw())('an archive on its way into a bucket', () => {
  let server: S3Server;
  let proxy: S3Proxy;
  beforeAll(async () => {
    server = await startVersitygw();
    server.createBucket('bucket');
    proxy = new S3Proxy(server.endpoint);
    await proxy.start();
  });
  afterAll(async () => {
    await proxy?.stop();
    await discard(server);
  });
  beforeEach(() => proxy.reset());
  afterEach(closeTargets);

  const open = (clock = new HastyClock(), idleTimeoutMs = 20_000) => ({
    clock,
    ...openTarget(s3Settings({ ...server, endpoint: proxy.endpoint }), { clock, idleTimeoutMs }),
  });

  /** Does something to the first `times` requests of a kind. */
  const first = (
    times: number,
    kind: (one: Recorded) => boolean,
    action: ReturnType<S3Proxy['intercept']>,
  ) => {
    let left = times;
    proxy.intercept = (one) => {
      if (!kind(one) || left === 0) return undefined;
      left -= 1;
      return action;
    };
  };

  async function store(size: number, options: Partial<ReturnType<typeof open>> = {}) {
    const { target, memory } = { ...open(), ...options };
    const data = noise(size);
    const writer = await upload(target, 'a.tar', data, 60 * MIB);
    await writer.commit();
    expect(sha256(stored(server, KEY) as Buffer)).toBe(sha256(data));
    expect(leftovers(server)).toEqual([]);
    expect(memory.free).toBe(MEMORY);
  }

  it('goes in equal parts, each with a length, one checksum and no trailer', async () => {
    await store(40 * MIB + 5);
    expect(proxy.parts().map(({ bytes }) => bytes)).toEqual([16 * MIB, 16 * MIB, 8 * MIB + 5]);
    for (const part of proxy.parts()) {
      expect(checksums(part)).toEqual(['x-amz-checksum-crc32']);
      expect(part.headers['content-length']).toBe(String(part.bytes));
      expect(part.headers['x-amz-content-sha256']).toBe('UNSIGNED-PAYLOAD');
      expect(part.headers).not.toHaveProperty('transfer-encoding');
      expect(part.headers).not.toHaveProperty('expect');
    }
  });

  it('goes in one request when it is small', async () => {
    await store(16 * MIB);
    expect(proxy.requests.map((one) => one.method)).toEqual(['PUT']);
  });

  it('holds no more than two parts, and sends no third while both are on their way', async () => {
    const { target, memory } = open();
    const held: (() => void)[] = [];
    proxy.intercept = (one) => (isPart(one) ? { kind: 'hang' } : undefined);
    const writer = await target.create('a.tar', { sizeLimit: 80 * MIB });
    expect(memory.free).toBe(MEMORY - 32 * MIB);
    let written = 0;
    const writing = (async () => {
      for (; written < 80 * MIB; written += MIB) await writer.write(noise(MIB));
    })();
    writing.catch(() => held.push(() => undefined));
    await waitFor('two parts', () => proxy.requests.filter(isPart).length === 2);
    expect(written).toBe(32 * MIB);
    await writer.abort();
    expect((await problemOf(writing)).code).toBe('operation_cancelled');
    expect(memory.free).toBe(MEMORY);
    expect(leftovers(server)).toEqual([]);
  });

  it.each([
    ['503 SlowDown', { kind: 'answer', status: 503, body: s3Error('SlowDown') }],
    ['503 from a proxy', { kind: 'answer', status: 503, body: '<html>later</html>' }],
    ['400 RequestTimeout', { kind: 'answer', status: 400, body: s3Error('RequestTimeout') }],
    ['429', { kind: 'answer', status: 429, body: '' }],
    ['a cut connection', { kind: 'cut' }],
    ['a cut answer', { kind: 'cut_answer' }],
  ] as const)('tries a part again after %s', async (_words, action) => {
    const { clock, target, memory } = open();
    first(1, isPart, action);
    await store(20 * MIB, { target, memory });
    expect(proxy.requests.filter(isPart)).toHaveLength(3);
    const pause = clock.pauses.find((ms) => ms < 1_000) ?? 0;
    expect(pause).toBeGreaterThanOrEqual(250);
    expect(pause).toBeLessThanOrEqual(500);
  });

  it('gives up on a server that stays unavailable, and leaves nothing', async () => {
    const { target, memory } = open();
    proxy.intercept = (one) => (isPart(one) ? { kind: 'answer', status: 503 } : undefined);
    const problem = await problemOf(upload(target, 'b.tar', noise(60 * MIB)));
    expect(problem).toMatchObject({ code: 'target_unavailable', params: { status: '503' } });
    expect(proxy.requests.filter(isPart).length).toBeLessThanOrEqual(2 * PATIENT_ATTEMPTS);
    // The writer of `upload` is lost, as after a crash.
    proxy.reset();
    await target.sweep('b.tar');
    expect(leftovers(server)).toEqual([]);
    expect(memory.free).toBeLessThan(MEMORY);
  });

  it('goes on when the server comes back after it could not be reached at all', async () => {
    let gone: Promise<void> | undefined;
    let back: Promise<void> | undefined;
    class Outage extends HastyClock {
      override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
        await super.sleep(ms, signal);
        if (this.pauses.length < 3) return;
        back ??= gone?.then(() => server.start());
        await back;
      }
    }
    const { target } = openTarget(s3Settings(server), { clock: new Outage() });
    const data = noise(40 * MIB);
    const writer = await target.create('back.tar', { sizeLimit: data.length });
    await writer.write(data.subarray(0, 20 * MIB));
    gone = server.stop();
    await gone;
    await writer.write(data.subarray(20 * MIB));
    await writer.finish();
    await writer.commit();
    expect(sha256(stored(server, 'homeassistant/backups/back.tar') ?? noise(1))).toBe(sha256(data));
  });

  it('does not try again what was refused', async () => {
    const { target, memory } = open();
    proxy.intercept = (one) =>
      isPart(one) ? { kind: 'answer', status: 403, body: s3Error('AccessDenied') } : undefined;
    const writer = await target.create('b.tar', { sizeLimit: 60 * MIB });
    await writer.write(noise(20 * MIB));
    expect((await problemOf(writer.finish())).code).toBe('target_forbidden');
    expect(proxy.requests.filter(isPart).length).toBeLessThanOrEqual(2);
    expect((await problemOf(writer.write(noise(1)))).code).toBe('target_forbidden');
    await writer.abort();
    expect(memory.free).toBe(MEMORY);
  });

  it.each([
    ['501 as R2', 501, 'NotImplemented'],
    ['400 as B2', 400, 'InvalidArgument'],
  ])('does without checksums where they are refused with %s, and remembers', async (_words, status, code) => {
    const { target, memory } = open();
    const refused: Recorded[] = [];
    proxy.intercept = (one) => {
      if (checksums(one).length === 0) return undefined;
      refused.push(one);
      return { kind: 'answer', status, body: s3Error(code) };
    };
    await store(40 * MIB, { target, memory });
    const before = refused.length;
    expect(before).toBe(1);
    await store(20 * MIB, { target, memory });
    await store(10, { target, memory });
    expect(refused).toHaveLength(before);
  });

  it('does without checksums where only the parts refuse them', async () => {
    proxy.intercept = (one) =>
      one.headers['x-amz-checksum-crc32'] ? { kind: 'answer', status: 501 } : undefined;
    const { target } = open();
    // This server knows what was agreed on at the start and insists on it; what counts is what is asked of it.
    await upload(target, 'c.tar', noise(20 * MIB)).catch(() => undefined);
    expect(proxy.requests.some((one) => isPart(one) && checksums(one).length === 0)).toBe(true);
    proxy.reset();
    await target.sweep('c.tar');
  });

  describe('when it is completed', () => {
    const failures = () => proxy.requests.filter(isComplete).length;

    it('takes an error behind a 200 for one, and tries again', async () => {
      first(1, isComplete, { kind: 'answer', status: 200, body: s3Error('InternalError') });
      await store(20 * MIB);
      expect(failures()).toBe(2);
    });

    it('also when the document does not end as the SDK expects', async () => {
      first(1, isComplete, { kind: 'answer', status: 200, body: `${s3Error('InternalError')}\n\n` });
      await store(20 * MIB);
      expect(failures()).toBe(2);
    });

    it('reports it when it stays', async () => {
      const { target } = open();
      proxy.intercept = (one) =>
        isComplete(one) ? { kind: 'answer', status: 200, body: s3Error('InternalError') } : undefined;
      const writer = await upload(target, 'd.tar', noise(20 * MIB));
      expect((await problemOf(writer.commit())).code).toBe('target_unavailable');
      await writer.abort();
      expect(leftovers(server)).toEqual([]);
    });

    it.each([
      ['a cut answer', { kind: 'cut_answer' }],
      ['an error although it was done', { kind: 'replace', status: 200, body: s3Error('InternalError') }],
    ] as const)('looks after %s whether the archive is there', async (_words, action) => {
      first(1, isComplete, action);
      await store(20 * MIB);
      expect(failures()).toBe(1);
      expect(proxy.requests.at(-1)?.method).toBe('HEAD');
    });

    it('believes no older archive of the same size', async () => {
      await store(20 * MIB);
      proxy.reset();
      first(1, isComplete, { kind: 'cut' });
      await store(20 * MIB);
      expect(failures()).toBe(2);
    });

    it('reports parts that the server does not accept', async () => {
      const { target } = open();
      const writer = await upload(target, 'd.tar', noise(20 * MIB));
      proxy.intercept = (one) =>
        isComplete(one) ? { kind: 'answer', status: 400, body: s3Error('InvalidPart') } : undefined;
      const problem = await problemOf(writer.commit());
      expect(problem).toMatchObject({ code: 'target_unexpected', params: { reason: 'InvalidPart' } });
      await writer.abort();
      await writer.abort();
      expect(leftovers(server)).toEqual([]);
    });
  });

  it('is aborted also while it begins, and when aborting needs a second try', async () => {
    const { target, memory } = open();
    let release = false;
    proxy.intercept = (one) => {
      if (isStart(one)) release = true;
      return one.method === 'DELETE' &&
        release &&
        proxy.requests.filter((r) => r.method === 'DELETE').length === 1
        ? { kind: 'answer', status: 500 }
        : undefined;
    };
    const writer = await target.create('e.tar', { sizeLimit: 60 * MIB });
    await writer.write(noise(17 * MIB));
    await writer.abort();
    expect(leftovers(server)).toEqual([]);
    expect(memory.free).toBe(MEMORY);
  });

  it('passes on the reason of a signal', async () => {
    const { target } = open();
    const controller = new AbortController();
    const reason = new Error('enough');
    proxy.intercept = (one) => (isPart(one) ? { kind: 'hang' } : undefined);
    const writer = await target.create('f.tar', { sizeLimit: 60 * MIB, signal: controller.signal });
    await writer.write(noise(17 * MIB));
    const finishing = writer.finish();
    await waitFor('a part', () => proxy.requests.some(isPart));
    controller.abort(reason);
    await expect(finishing).rejects.toBe(reason);
    await writer.abort();
    expect(leftovers(server)).toEqual([]);
  });

  it('hangs up on a server that refuses a part before all of it was sent', async () => {
    const started = '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>';
    const answer = (status: string, body: string) =>
      `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const puts: { socket: Socket; received: number }[] = [];
    const early = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        const head = data.subarray(0, 5).toString();
        const put = puts.find((one) => one.socket === socket);
        if (put) put.received += data.length;
        else if (head === 'POST ') socket.write(answer('200 OK', started));
        else if (head === 'DELET') socket.write(answer('204 No Content', ''));
        else if (head === 'PUT /') {
          puts.push({ socket, received: data.length });
          if (puts.length > 1) return;
          socket.write(answer('503 Service Unavailable', s3Error('SlowDown')));
          socket.pause();
        }
      });
    });
    await new Promise<void>((resolve) => early.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(early.address() as AddressInfo).port}`;
    const { target } = openTarget(s3Settings({ ...server, endpoint }), { clock: new HastyClock() });
    const writer = await target.create('r.tar', { sizeLimit: 60 * MIB });
    await writer.write(noise(16 * MIB + 1));
    await waitFor('the second try', () => puts.length === 2);
    const [first] = puts;
    first?.socket.resume();
    // Otherwise the rest would still be sent, from a buffer that is used for something else by then.
    await waitFor('the connection is closed', () => first?.socket.destroyed, { timeoutMs: 5_000 });
    expect(first?.received).toBeLessThan(16 * MIB);
    await writer.abort();
    early.close();
  });

  it('does not keep anybody waiting for a server that does not begin', async () => {
    const { target, memory } = open();
    const controller = new AbortController();
    const reason = new Error('enough');
    const starts: Recorded[] = [];
    proxy.intercept = (one) => {
      if (!isStart(one)) return undefined;
      starts.push(one);
      return { kind: 'hang' };
    };
    const writer = await target.create('s.tar', { sizeLimit: 60 * MIB, signal: controller.signal });
    const writing = writer.write(noise(33 * MIB));
    await waitFor('the first request', () => starts.length === 1);
    controller.abort(reason);
    await expect(writing).rejects.toBe(reason);
    const aborting = writer.abort();
    await waitFor('the memory is free', () => memory.free === MEMORY);
    // Now the server comes back, and what it may have begun is cleaned up.
    proxy.intercept = () => undefined;
    proxy.cutAll();
    await aborting;
    expect(leftovers(server)).toEqual([]);
  });

  it('sweeps what a list of several pages names, and nothing of a longer key', async () => {
    const { target } = open();
    const uploads = (more: string, entries: [string, string][]) =>
      `<ListMultipartUploadsResult><EncodingType>url</EncodingType>${more}${entries
        .map(
          ([key, id]) => `<Upload><Key>homeassistant/backups/${key}</Key><UploadId>${id}</UploadId></Upload>`,
        )
        .join('')}</ListMultipartUploadsResult>`;
    const next =
      '<IsTruncated>true</IsTruncated><NextKeyMarker>homeassistant/backups/a+b.tar</NextKeyMarker>' +
      '<NextUploadIdMarker>one</NextUploadIdMarker>';
    const aborted: (string | null)[] = [];
    proxy.intercept = (one) => {
      if (one.method === 'DELETE') {
        aborted.push(one.query.get('uploadId'));
        return { kind: 'answer', status: 204 };
      }
      const second =
        one.query.get('upload-id-marker') === 'one' && one.query.get('key-marker')?.endsWith('a b.tar');
      const pages = second
        ? uploads('<IsTruncated>false</IsTruncated>', [
            ['a+b.tar', 'two'],
            ['a+b.tar.x', 'other'],
          ])
        : uploads(next, [['a+b.tar', 'one']]);
      return { kind: 'answer', status: 200, body: pages };
    };
    await target.sweep('a b.tar');
    expect(aborted).toEqual(['one', 'two']);
    for (const status of [405, 501]) {
      proxy.intercept = () => ({ kind: 'answer', status, body: s3Error('NotImplemented') });
      await target.sweep('a b.tar');
    }
  });

  it('gives up when nothing moves', async () => {
    const settings = s3Settings({ ...server, endpoint: proxy.endpoint });
    const { target } = openTarget(settings, { idleTimeoutMs: 500 });
    proxy.intercept = (one) => (isPart(one) ? { kind: 'hang' } : undefined);
    const writer = await target.create('g.tar', { sizeLimit: 60 * MIB });
    await writer.write(noise(17 * MIB));
    expect((await problemOf(writer.finish())).code).toBe('target_timeout');
    await writer.abort();
  });

  it('refuses what is too large before the first byte, and what becomes larger than was said', async () => {
    const { target, memory } = open();
    const problem = await problemOf(target.create('h.tar', { sizeLimit: 626 * 1024 * 1024 * MIB }));
    expect(problem).toMatchObject({ code: 'upload_too_large', params: { limit: '625 GiB' } });
    expect(memory.free).toBe(MEMORY);
    const writer = await target.create('h.tar', { sizeLimit: 10 });
    expect((await problemOf(writer.write(noise(11)))).code).toBe('upload_too_large');
    await writer.abort();
    expect(memory.free).toBe(MEMORY);
    expect(proxy.requests).toEqual([]);
  });

  it('signs its bytes where anybody on the way could change them', async () => {
    // On Linux this address leads to this machine, but does not look like it.
    const endpoint = `http://0.0.0.0:${proxy.port}`;
    const { target, memory } = openTarget(s3Settings({ ...server, endpoint }));
    await store(20 * MIB, { target, memory });
    await store(10, { target, memory });
    const sums = proxy.requests.filter((one) => isPart(one) || isPut(one));
    expect(sums).toHaveLength(3);
    for (const one of sums) expect(one.headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
  });
});
