import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenedObject } from '../../../src/backups/targets/target.ts';
import { BLOCK_BYTES, type Block } from '../../../src/kernel/blocks.ts';
import { haveVersitygw } from '../../harness/cache.ts';
import { makeCertificate } from '../../harness/certificate.ts';
import type { S3Server } from '../../harness/s3-server.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { startVersitygw } from '../../harness/versitygw.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type Recorded, S3Proxy } from '../../simulators/s3-proxy.ts';
import {
  closeTargets,
  discard,
  MIB,
  noise,
  openTarget,
  problemOf,
  s3Settings,
  TurnedClock,
} from './s3-support.ts';

const SIZE = 40 * MIB + 12_345;
/** What a reader can keep: the socket is left one to go on with. */
const LENT_AT_MOST = 3;

const isGet = (one: Recorded) => one.method === 'GET' && !one.query.has('list-type');

/** Reads all blocks as a slow sender does: each is kept for a while, and given back after the next has come. */
async function drain(
  object: OpenedObject,
  keep = 2,
): Promise<{ bytes: number; crc: number; memories: number }> {
  const kept: Block[] = [];
  const memories = new Set<ArrayBufferLike>();
  const sum = { bytes: 0, crc: 0 };
  const giveBack = (block: Block) => {
    sum.crc = crc32(block.bytes, sum.crc);
    block.release();
  };
  for await (const block of object.blocks?.() ?? []) {
    sum.bytes += block.bytes.length;
    memories.add(block.bytes.buffer);
    kept.push(block);
    if (kept.length > keep) giveBack(kept.shift() as Block);
    await new Promise((resolve) => setImmediate(resolve));
  }
  kept.forEach(giveBack);
  return { ...sum, memories: memories.size };
}

describe.skipIf(!haveVersitygw())('the blocks of an archive on its way out of a bucket', () => {
  const data = noise(SIZE);
  const whole = { bytes: SIZE, crc: crc32(data) };
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

  const open = (options: Parameters<typeof openTarget>[1] = {}) =>
    openTarget(s3Settings({ ...server, endpoint: proxy.endpoint }), options).target;
  const get = async (target = open(), range: { start?: number; end?: number } = {}) => {
    const object = await target.open('a.tar', range);
    if (!object) throw new Error('it is there');
    return object;
  };

  it('are the archive, in a few pieces of memory that are used again and again', async () => {
    const { memories, ...sum } = await drain(await get());
    expect(sum).toEqual(whole);
    // beside the blocks: what the parser had when they began
    expect(memories).toBeLessThan(SIZE / BLOCK_BYTES / 4);
  });

  it('are a range of it', async () => {
    const [start, end] = [MIB + 1, 30 * MIB + 3];
    const { bytes, crc } = await drain(await get(open(), { start, end }));
    expect({ bytes, crc }).toEqual({ bytes: end - start, crc: crc32(data.subarray(start, end)) });
  });

  it('are all of it also when much has arrived before they are asked for', async () => {
    const object = await get();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await drain(object)).toMatchObject(whole);
  });

  it('come over TLS, too', async () => {
    const certificate = makeCertificate(join(temporaryFolder('tls'), 'files'));
    const secure = await startVersitygw({ tls: certificate });
    secure.createBucket('bucket');
    try {
      const { target } = openTarget(s3Settings(secure, { ca_certificate: certificate.authority }));
      await target.put('a.tar', data);
      expect(await drain(await get(target))).toMatchObject(whole);
    } finally {
      await discard(secure);
      rmSync(dirname(dirname(certificate.certFile)), { recursive: true, force: true });
    }
  });

  it('of a small object leave its connection in use', async () => {
    const target = open();
    for (let round = 0; round < 3; round += 1) {
      const { bytes } = await drain(await get(target, { end: MIB }));
      expect(bytes).toBe(MIB);
    }
    expect(await proxy.connections()).toBe(1);
  });

  it('end with a problem when the connection is cut, after all bytes that came', async () => {
    proxy.intercept = (one) => (isGet(one) ? { kind: 'cut_body', after: 3 * MIB } : undefined);
    let received = 0;
    const reading = (async () => {
      for await (const block of (await get()).blocks?.() ?? []) {
        received += block.bytes.length;
        block.release();
      }
    })();
    expect((await problemOf(reading)).code).toBe('target_cut');
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThanOrEqual(3 * MIB);
  });

  it('end with a problem when the server falls silent, after all bytes that came', async () => {
    proxy.intercept = (one) => (isGet(one) ? { kind: 'stall_body', after: 3 * MIB } : undefined);
    let received = 0;
    const reading = (async () => {
      for await (const block of (await get(open({ idleTimeoutMs: 300 }))).blocks?.() ?? []) {
        received += block.bytes.length;
        block.release();
      }
    })();
    expect((await problemOf(reading)).code).toBe('target_timeout');
    expect(received).toBe(3 * MIB);
  });

  it('have patience with a reader that is slow, and read no further than there is room', async () => {
    const clock = new TurnedClock();
    const object = await get(open({ clock, idleTimeoutMs: 1_000 }));
    const blocks = (object.blocks?.() ?? []) as AsyncGenerator<Block>;
    const held: Block[] = [];
    const lent = () => held.filter(({ bytes }) => bytes.buffer.byteLength === BLOCK_BYTES);
    while (lent().length < LENT_AT_MOST) held.push((await blocks.next()).value);
    const next = blocks.next();
    const soon = await Promise.race([next, clock.turn(10_000)]);
    expect(soon).toBeUndefined();
    expect(object.stream.destroyed).toBe(false);
    let sum = 0;
    for (const { bytes, release } of held) {
      sum = crc32(bytes, sum);
      release();
    }
    for (let { value, done } = await next; !done; { value, done } = await blocks.next()) {
      sum = crc32(value.bytes, sum);
      value.release();
    }
    expect(sum).toBe(whole.crc);
  });

  it('are what a slow server sent, each piece as it came', async () => {
    const slow = createServer().listen(0, '127.0.0.1');
    await once(slow, 'listening');
    try {
      const clock = new TurnedClock();
      const endpoint = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
      const opening = openTarget(s3Settings({ endpoint }), { clock }).target.open('a.tar');
      const [, answer] = (await once(slow, 'request')) as [unknown, ServerResponse];
      const sent = data.subarray(0, 3 * MIB);
      answer.writeHead(200, { 'content-length': sent.length, 'last-modified': new Date(0).toUTCString() });
      answer.flushHeaders();
      const received: Buffer[] = [];
      const bytes = () => received.reduce((sum, piece) => sum + piece.length, 0);
      const reading = (async () => {
        for await (const block of (await opening)?.blocks?.() ?? []) {
          received.push(Buffer.from(block.bytes));
          block.release();
        }
      })();
      let offset = 0;
      for (const size of [100_000, 1, 70_000, 450_000, 90_000]) {
        answer.write(sent.subarray(offset, offset + size));
        offset += size;
        // far less than the time after which it would be silent
        await waitFor('the piece', () => clock.turn(1_000, 1).then(() => bytes() === offset));
      }
      answer.end(sent.subarray(offset));
      await reading;
      expect(Buffer.concat(received).equals(sent)).toBe(true);
    } finally {
      slow.close();
      slow.closeAllConnections();
    }
  });

  it('end with the reason when the reader left before it began to read', async () => {
    const controller = new AbortController();
    const reason = new Error('left');
    const object = await open().open('a.tar', { signal: controller.signal });
    object?.stream.on('error', () => undefined);
    controller.abort(reason);
    await expect(drain(object as OpenedObject)).rejects.toBe(reason);
  });

  it('end with the reason of a signal, and the connection is closed', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const object = await open().open('a.tar', { signal: controller.signal });
    const reading = (async () => {
      for await (const block of object?.blocks?.() ?? []) {
        block.release();
        controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    await waitFor('the connection is closed', async () => (await proxy.connections()) === 0);
  });
});
