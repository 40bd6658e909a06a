import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { haveVersitygw } from '../../harness/cache.ts';
import type { S3Server } from '../../harness/s3-server.ts';
import { startVersitygw } from '../../harness/versitygw.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type Recorded, S3Proxy, s3Error } from '../../simulators/s3-proxy.ts';
import {
  closeTargets,
  collect,
  discard,
  MIB,
  noise,
  openTarget,
  problemOf,
  s3Settings,
  TurnedClock,
} from './s3-support.ts';

const SIZE = 8 * MIB;
const isGet = (one: Recorded) => one.method === 'GET' && !one.query.has('list-type');

describe.skipIf(!haveVersitygw())('an archive on its way out of a bucket', () => {
  const data = noise(SIZE);
  let server: S3Server;
  let proxy: S3Proxy;
  beforeAll(async () => {
    server = await startVersitygw();
    server.createBucket('bucket');
    proxy = new S3Proxy(server.endpoint);
    await proxy.start();
    await open().put('a.tar', data);
  });
  afterAll(async () => {
    await proxy?.stop();
    await discard(server);
  });
  beforeEach(() => proxy.reset());
  afterEach(closeTargets);

  const open = (idleTimeoutMs = 20_000) =>
    openTarget(s3Settings({ ...server, endpoint: proxy.endpoint }), { idleTimeoutMs }).target;
  const stream = async (target = open()) => {
    const object = await target.open('a.tar');
    if (!object) throw new Error('it is there');
    return object.stream;
  };

  it('ends with a problem when the connection is cut, after all bytes that came', async () => {
    proxy.intercept = (one) => (isGet(one) ? { kind: 'cut_body', after: 3 * MIB } : undefined);
    const body = await stream();
    let received = 0;
    body.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    const [error] = await once(body, 'error').catch((thrown) => [thrown]);
    expect(error).toMatchObject({ code: 'target_cut' });
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThanOrEqual(3 * MIB);
  });

  it('ends with a problem when the server falls silent', async () => {
    proxy.intercept = (one) => (isGet(one) ? { kind: 'stall_body', after: MIB } : undefined);
    const problem = await problemOf(collect(await stream(open(300))));
    expect(problem.code).toBe('target_timeout');
  });

  it('has patience with a reader that is slow', async () => {
    const clock = new TurnedClock();
    const settings = s3Settings({ ...server, endpoint: proxy.endpoint });
    const body = await stream(openTarget(settings, { clock, idleTimeoutMs: 1_000 }).target);
    const first = body.read() ?? (await once(body, 'readable').then(() => body.read()));
    // As many bytes as are taken without being asked for.
    await waitFor('a full buffer', () => body.readableLength >= body.readableHighWaterMark);
    await clock.turn(10_000);
    expect(body.destroyed).toBe(false);
    const rest = await collect(body);
    expect(Buffer.concat([first, rest]).equals(data)).toBe(true);
  });

  it('gives up when no answer comes, after one more try', async () => {
    proxy.intercept = () => ({ kind: 'hang' });
    expect((await problemOf(open(150).open('a.tar'))).code).toBe('target_timeout');
    expect(proxy.requests).toHaveLength(2);
  });

  it('closes its connection at once when nobody wants it any more', async () => {
    proxy.intercept = (one) => (isGet(one) ? { kind: 'stall_body', after: 1 } : undefined);
    const body = await stream();
    expect(await proxy.connections()).toBe(1);
    body.destroy();
    await waitFor('the connection is closed', async () => (await proxy.connections()) === 0);
  });

  it('uses a connection again when the body was read to its end', async () => {
    const target = open();
    for (let round = 0; round < 3; round += 1) expect(await target.read('a.tar', SIZE)).toHaveLength(SIZE);
    expect(await proxy.connections()).toBe(1);
  });

  it('passes on the reason of a signal, before and after the answer', async () => {
    const target = open();
    const reason = new Error('enough');
    await expect(target.open('a.tar', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const object = await target.open('a.tar', { signal: controller.signal });
    controller.abort(reason);
    await expect(collect(object?.stream ?? [])).rejects.toBe(reason);
    proxy.intercept = () => ({ kind: 'hang' });
    const other = new AbortController();
    const waiting = target.list(other.signal);
    await waitFor('the request', () => proxy.requests.some((one) => one.query.has('list-type')));
    other.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it('reads a small object again when it was cut', async () => {
    let cuts = 2;
    proxy.intercept = (one) => {
      if (!isGet(one) || cuts === 0) return undefined;
      cuts -= 1;
      return { kind: 'cut_body', after: MIB };
    };
    expect((await open().read('a.tar', SIZE))?.equals(data)).toBe(true);
  });

  it('does not take a 404 of something else for an archive that is gone', async () => {
    proxy.intercept = () => ({ kind: 'answer', status: 404, body: '<html><hr>not here</html>' });
    expect((await problemOf(open().open('a.tar'))).code).toBe('target_not_s3');
    proxy.intercept = () => ({ kind: 'answer', status: 404, body: s3Error('NoSuchBucket') });
    expect((await problemOf(open().open('a.tar'))).code).toBe('target_no_bucket');
  });

  it('notices a server that takes conditions and ranges but does not look at them', async () => {
    const [etag, lastModified] = ['"x"', new Date().toUTCString()];
    proxy.intercept = () => ({
      kind: 'answer',
      status: 200,
      body: 'whole',
      headers: { etag, 'last-modified': lastModified, 'content-length': '5' },
    });
    expect((await problemOf(open().open('a.tar', { start: 2 }))).code).toBe('target_unexpected');
    expect((await problemOf(open().open('a.tar', { version: 'other' }))).code).toBe('target_corrupt');
  });

  it('fails a list that ends in the middle, and decodes one as it says it is encoded', async () => {
    const list = (more: string) =>
      `<?xml version="1.0"?><ListBucketResult><Name>bucket</Name>${more}</ListBucketResult>`;
    const contents = (key: string) =>
      `<Contents><Key>homeassistant/backups/${key}</Key><Size>1</Size><ETag>&quot;e&quot;</ETag>` +
      '<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>';
    const answer = (body: string) => {
      proxy.intercept = () => ({ kind: 'answer', status: 200, body });
    };
    answer(list(`<IsTruncated>true</IsTruncated>${contents('a')}`));
    expect((await problemOf(open().list())).code).toBe('target_unexpected');
    answer(
      list(`<EncodingType>url</EncodingType>${contents('')}${contents('f/')}${contents('a+b%2Bc%C3%BC')}`),
    );
    const modified = Date.UTC(2026, 0, 1);
    expect(await open().list()).toEqual([{ key: 'a b+cü', size: 1, version: 'e', modified }]);
    answer(list(`<IsTruncated>false</IsTruncated>${contents('a+b%2Bc')}`));
    expect((await open().list()).map(({ key }) => key)).toEqual(['a+b%2Bc']);
  });
});
