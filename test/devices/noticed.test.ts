import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Artefact, Device, DeviceState, Operation } from '../../src/contract/index.ts';
import { DeviceStore } from '../../src/devices/store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { ForwardClock } from '../harness/forward-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';
import { SmallDevice } from './wled-like.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;

// The manager looks at the clock so often at least.
const LOOKS_MS = 10 * 60_000;
class LookingClock extends ForwardClock {
  override sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(ms === LOOKS_MS ? 20 : ms, signal);
}

const clock = new LookingClock();
let core: LocalCore;
let device: SmallDevice;
let id: string;

const call = <Result>(method: string, path: string, body?: unknown) =>
  core.client.call<Result>(method, `/api/v1/devices${path}`, body);
const read = () => call<Device>('GET', `/${id}`);
const saved = async () => (await call<{ artefacts: Artefact[] }>('GET', `/${id}/artefacts`)).artefacts;
const ended = async () =>
  (await core.client.operations()).filter(
    ({ kind, state }: Operation) => kind === 'device_backup' && state !== 'running',
  ).length;

async function backUp(): Promise<void> {
  const before = await ended();
  await core.client.call('POST', '/api/v1/commands/back_up_device', { device_id: id });
  await waitFor('the backup', async () => (await ended()) > before);
}

/** Whether Home Assistant is told that it has changed; documents are written a moment later. */
const toldAs = (changed: boolean) =>
  waitFor(`Home Assistant to be told "changed: ${changed}"`, async () => {
    const { documents } = await core.client.call<{ documents: Record<string, Partial<DeviceState>> }>(
      'GET',
      '/api/v1/state',
    );
    const found = documents[`devices/${id}`];
    return found?.last_backup === (await read()).backed_up_at && found?.changed === changed;
  });

beforeEach(async () => {
  core = await startLocalCore({ clock });
  device = new SmallDevice();
  await device.server.start();
  const settings = { address: device.address };
  ({ id } = await call<Device>('POST', '', { kind: 'wled', settings, schedule: 'off' }));
  await waitFor('its first backup', async () => (await ended()) === 1);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await core.remove();
  await device.server.stop();
});

test('a device that writes other bytes each time has not changed, and does not fill the disk', async () => {
  for (let day = 0; day < 20; day += 1) {
    clock.forward(DAY_MS);
    device.change({ nw: { psk: `another ${day}` } });
    await backUp();
  }
  expect((await saved())[0]).toMatchObject({ added: 0, removed: 0 });
  expect((await saved()).length).toBeLessThan(10);
  await toldAs(false);
});

test('what has changed and cannot be shown is a change all the same', async () => {
  device.files['heart.gif'] = 'GIF89a one';
  await backUp();
  device.files['heart.gif'] = 'GIF89a another';
  await backUp();
  expect((await saved())[0]).toMatchObject({ added: null, removed: null });
  expect((await read()).changed_at).toBe((await read()).backed_up_at);
  await toldAs(true);
  await backUp();
  await toldAs(false);
});

test('a device that does not say its number once is still known by it', async () => {
  const info = device.info.bind(device);
  device.info = () => info({ mac: undefined });
  await backUp();
  device.info = info;
  device.mac = '001122334455';
  await backUp();
  expect((await read()).problem).toMatchObject({
    code: 'device_replaced',
    params: { expected: 'aabbccddeeff', found: '001122334455' },
  });
});

test('what a device says of itself is kept as a short line', async () => {
  const info = device.info.bind(device);
  device.info = () => info({ ver: '1'.repeat(100_000), name: '\u001b[31mShelf\nabove\u0000' });
  await backUp();
  expect((await read()).identity).toMatchObject({ name: '[31mShelf above', firmware: '1'.repeat(200) });
});

test('a key that was written down to try a device does not outlast a crash', async () => {
  await core.stop();
  const left = ['try-abc', 'other'].map((name) => join(core.dataDir, 'devices', name, '.incoming-x', 'key'));
  for (const file of left) {
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, 'secret');
  }
  await core.start();
  expect(left.filter((file) => existsSync(file))).toEqual([]);
});

test('a device whose backup a full disk kept from being noted is backed up again by itself', async () => {
  await call('PATCH', `/${id}`, { schedule: 'every 1 hours' });
  const full = new Error('database or disk is full');
  const asked = vi.spyOn(DeviceStore.prototype, 'device').mockRejectedValueOnce(full);
  clock.forward(2 * HOUR_MS);
  await waitFor('the disk to be full', () => asked.mock.results.length > 0);
  await waitFor('the next backup', async () => (await ended()) === 2);
});
