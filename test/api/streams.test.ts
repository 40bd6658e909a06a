import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Operation, Target } from '../../src/contract/index.ts';
import { makeBackup, sumOf } from '../harness/archives.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';
import { SlowRequest } from './slow.ts';

// Short enough to wait for, long enough that a busy machine does not miss it by itself.
const IDLE_MS = 800;
const TRICKLE_MS = 150;
// More than four times the idle limit: what had a total limit of that size would have ended.
const TRICKLES = 24;

// Three times the idle limit in all, each of them below it.
const PAUSES = 8;

const MIB = 1024 * 1024;
// More than all socket buffers between the two ends hold together.
const LARGE = 48 * MIB;
// What sockets and one read of the disk may hold for a reader that does not read.
const BUFFERED_AT_MOST = 24 * MIB;

let core: LocalCore;
let target: Target;

beforeAll(async () => {
  core = await startLocalCore({ idleTimeoutMs: IDLE_MS });
  target = await core.firstTarget();
});
afterAll(() => core.remove());

const stored = () =>
  readdirSync(`${core.dataDir}/backups`).filter((name) => !/^\.homestash-target$/.test(name));

async function ended(id: string): Promise<Operation> {
  return waitFor('the end of the operation', async () => {
    const operation = (await core.client.operations()).find((candidate) => candidate.id === id);
    return operation?.state === 'running' ? undefined : operation;
  });
}

async function announce(contentBytes?: number) {
  const { backup, archive } = makeBackup({}, contentBytes);
  const { id, operation_id } = await core.client.announce(target.id, backup);
  const send = () =>
    new SlowRequest(core.client, 'PUT', `/api/v1/targets/${target.id}/uploads/${id}/archive`, [
      `Content-Length: ${archive.length}`,
    ]);
  return { backup, archive, id, operation_id, send };
}

describe('an upload', () => {
  test('that trickles for many times the idle limit arrives', async () => {
    const { archive, id, send } = await announce();
    const request = send();
    const step = Math.ceil(archive.length / TRICKLES);
    const start = performance.now();
    for (let at = 0; at < archive.length; at += step) {
      await request.write(archive.subarray(at, at + step));
      await sleep(TRICKLE_MS);
    }
    expect(performance.now() - start).toBeGreaterThan(4 * IDLE_MS);
    await request.closed;
    expect(request.status).toBe(200);
    const { crc32 } = await core.client.commit(target.id, id, sumOf(archive));
    expect(crc32).toBe(sumOf(archive).crc32);
  });

  test.for(['at once', 'in the middle'])('that stalls %s is ended, and nothing of it stays', async (when) => {
    const before = stored();
    const { archive, operation_id, send } = await announce(LARGE / 16);
    const request = send();
    if (when === 'in the middle') await request.write(archive.subarray(0, archive.length / 2));
    const operation = await ended(operation_id);
    expect(operation).toMatchObject({ state: 'failed', problem: { code: 'idle_timeout' } });
    expect(stored()).toEqual(before);
    await request.closed;
    expect(request.status).toBe(408);
  });

  test('whose sender hangs up is ended, and nothing of it stays', async () => {
    const before = stored();
    const { archive, operation_id, send } = await announce(LARGE / 16);
    const request = send();
    await request.write(archive.subarray(0, archive.length / 2));
    request.destroy();
    expect(await ended(operation_id)).toMatchObject({ state: 'failed', problem: { code: 'body_cut' } });
    expect(stored()).toEqual(before);
  });

  test('that is cancelled ends, and nothing of it stays', async () => {
    const before = stored();
    const { archive, operation_id, send } = await announce(LARGE / 16);
    const request = send();
    await request.write(archive.subarray(0, archive.length / 2));
    await waitFor('the first bytes', async () => {
      const { done } = await core.client.call<Operation>('GET', `/api/v1/operations/${operation_id}`);
      return done > 0;
    });
    await core.client.call('POST', `/api/v1/operations/${operation_id}/cancel`);
    expect(await ended(operation_id)).toMatchObject({ state: 'cancelled' });
    await request.closed;
    expect(request.status).toBe(409);
    expect(stored()).toEqual(before);
  });
});

describe('a download', () => {
  let path: string;
  let size: number;

  beforeAll(async () => {
    const { backup, archive } = makeBackup({}, LARGE);
    await core.client.upload(target.id, backup, archive);
    path = `/api/v1/targets/${target.id}/backups/${backup.backup_id}/archive`;
    size = archive.length;
  });

  const newest = async (): Promise<Operation> =>
    (await core.client.operations()).find(({ kind }) => kind === 'download') as Operation;

  test('whose reader is slow goes on, and only what it takes is read', async () => {
    const request = new SlowRequest(core.client, 'GET', path);
    for (let pauses = 0; pauses < PAUSES; pauses += 1) {
      await sleep(TRICKLE_MS);
      request.pause();
      const seen = request.received;
      await sleep(TRICKLE_MS);
      const { done, state } = await newest();
      if (state === 'running') expect(done - seen).toBeLessThan(BUFFERED_AT_MOST);
      request.resume();
    }
    await request.closed;
    expect(request.received).toBe(size);
  });

  test('whose reader stalls is ended', async () => {
    const request = new SlowRequest(core.client, 'GET', path);
    await waitFor('the first bytes', () => request.received > 0);
    request.pause();
    const { id } = await newest();
    expect(await ended(id)).toMatchObject({ state: 'failed', problem: { code: 'idle_timeout' } });
    request.resume();
    await request.closed;
    expect(request.received).toBeLessThan(size);
  });

  test('whose reader hangs up is cancelled', async () => {
    const request = new SlowRequest(core.client, 'GET', path);
    await waitFor('the first bytes', () => request.received > 0);
    request.destroy();
    expect(await ended((await newest()).id)).toMatchObject({ state: 'cancelled' });
  });

  test.for([
    ['bytes=0-0', 206, 1],
    ['bytes=-1', 206, 1],
    ['bytes=5-2', 200, LARGE],
    ['bytes=0-0,2-3', 200, LARGE],
    ['bytes=a-b', 200, LARGE],
    ['lines=1-2', 200, LARGE],
    ['bytes=999999999999999-', 416, 1],
    ['bytes=9999999999999999999-', 200, LARGE],
    ['bytes=-0', 416, 1],
  ] as const)('with the range %s is answered with %d', async ([range, status, least]) => {
    const response = await core.client.fetch('GET', path, { headers: { range } });
    expect(response.status).toBe(status);
    const body = await response.arrayBuffer();
    expect(body.byteLength).toBeGreaterThanOrEqual(least);
    if (status === 416) {
      expect(JSON.parse(new TextDecoder().decode(body))).toMatchObject({ code: 'range_not_satisfiable' });
      expect(response.headers.get('content-range')).toBe(`bytes */${size}`);
    }
  });

  test('asked for with HEAD says how long it is and sends nothing', async () => {
    const response = await core.client.fetch('HEAD', path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe(String(size));
    expect((await response.arrayBuffer()).byteLength).toBe(0);
  });
});

test('the events asked for with HEAD end', async () => {
  const response = await core.client.fetch('HEAD', '/api/v1/events', { signal: AbortSignal.timeout(5_000) });
  await response.arrayBuffer();
  expect(await core.client.info()).toBeTruthy();
});
