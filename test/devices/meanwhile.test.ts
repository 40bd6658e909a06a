import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Artefact, Device, Operation } from '../../src/contract/index.ts';
import { ForwardClock } from '../harness/forward-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';
import { SmallDevice } from './wled-like.ts';

/** So many devices are spoken to at once. */
const AT_ONCE = 4;

let core: LocalCore;
const devices: SmallDevice[] = [];

beforeEach(async () => {
  core = await startLocalCore({ clock: new ForwardClock() });
});
afterEach(async () => {
  await core.remove();
  for (const device of devices.splice(0)) await device.server.stop();
});

async function startDevice(mac?: string): Promise<SmallDevice> {
  const device = new SmallDevice(mac);
  await device.server.start();
  devices.push(device);
  return device;
}

const call = <Result>(method: string, path: string, body?: unknown) =>
  core.client.call<Result>(method, `/api/v1/devices${path}`, body);
const read = (id: string) => call<Device>('GET', `/${id}`);
const backUp = (id: string) => core.client.call('POST', '/api/v1/commands/back_up_device', { device_id: id });
const ended = async (kind: string) =>
  (await core.client.operations()).filter((one: Operation) => one.kind === kind && one.state !== 'running');

/** Deletes something as soon as nothing else is done with the device. */
const deleted = (path: string) =>
  waitFor(`${path} to go`, () =>
    call('DELETE', path).then(
      () => true,
      () => false,
    ),
  );

/** Adds it and waits until it is backed up. */
async function added(device: SmallDevice): Promise<Device> {
  const before = (await ended('device_backup')).length;
  const settings = { address: device.address };
  const { id } = await call<Device>('POST', '', { kind: 'wled', settings });
  await waitFor('its first backup', async () => (await ended('device_backup')).length > before);
  return read(id);
}

/** From now on it says who it is and gives no file; what it is asked for stays open until `release`. */
function hold(device: SmallDevice): { held: Promise<void>; release: () => void } {
  const begun = Promise.withResolvers<void>();
  const answers: (() => void)[] = [];
  device.instead = (request, response) => {
    if (request.url === '/json/info') response.end(JSON.stringify(device.info()));
    else {
      answers.push(() => response.writeHead(401).end());
      begun.resolve();
    }
  };
  const release = () => {
    device.instead = undefined;
    for (const answer of answers.splice(0)) answer();
  };
  return { held: begun.promise, release };
}

test('settings that are changed during a backup count, and not what the backup with the former ones met', async () => {
  const device = await startDevice();
  const { id } = await added(device);
  const { held, release } = hold(device);
  await backUp(id);
  await held;
  device.instead = undefined;
  const changed = await call<Device>('PATCH', `/${id}`, { settings: { pin: '4711' } });
  release();
  expect(changed).toMatchObject({ given_up: false, problem: null, secrets: ['pin'] });
  await waitFor('the backup with the new ones', async () => (await ended('device_backup')).length === 3);
  expect((await ended('device_backup')).map(({ state }) => state).toSorted()).toEqual([
    'cancelled',
    'succeeded',
    'succeeded',
  ]);
  expect(await read(id)).toMatchObject({ given_up: false, problem: null });
});

test('a device that waits behind slow ones is removed at once', async () => {
  const slow: { release: () => void; id: string }[] = [];
  for (let at = 0; at < AT_ONCE; at += 1) {
    const device = await startDevice(`00000000000${at}`);
    const { id } = await added(device);
    const { held, release } = hold(device);
    await backUp(id);
    await held;
    slow.push({ release, id });
  }
  const settings = { address: (await startDevice('aabbccddeeff')).address };
  const waiting = await call<Device>('POST', '', { kind: 'wled', settings });
  await call('DELETE', `/${waiting.id}`);
  expect((await call<{ devices: Device[] }>('GET', '')).devices).toHaveLength(AT_ONCE);
  for (const { release } of slow) release();
  await waitFor('the others to end', async () =>
    (await core.client.operations()).every(({ state }) => state !== 'running'),
  );
  expect(existsSync(join(core.dataDir, 'devices', waiting.id))).toBe(false);
  expect(core.defects()).toEqual([]);
});

test('a device onto which a configuration is being written is neither changed nor removed', async () => {
  const device = await startDevice();
  const { id } = await added(device);
  const { artefacts } = await call<{ artefacts: Artefact[] }>('GET', `/${id}/artefacts`);
  const { held, release } = hold(device);
  await call('POST', `/${id}/artefacts/${artefacts[0]?.id}/restore`, {});
  await held;
  await expect(call('DELETE', `/${id}`)).rejects.toThrow('device_busy');
  await expect(call('PATCH', `/${id}`, { settings: {} })).rejects.toThrow('device_busy');
  expect(await call('PATCH', `/${id}`, { name: 'Renamed' })).toMatchObject({ name: 'Renamed' });
  release();
  await waitFor('its end', async () => (await ended('device_restore')).length === 1);
  await deleted(`/${id}`);
});

test('a saved configuration is not deleted while a backup may still need its files', async () => {
  const device = await startDevice();
  const { id } = await added(device);
  device.change({ id: { name: 'Newer' } });
  await backUp(id);
  await waitFor('the second', async () => (await ended('device_backup')).length === 2);
  const { artefacts } = await call<{ artefacts: Artefact[] }>('GET', `/${id}/artefacts`);
  const first = `/${id}/artefacts/${artefacts.at(-1)?.id}`;
  const { held, release } = hold(device);
  await backUp(id);
  await held;
  await expect(call('DELETE', first)).rejects.toThrow('device_busy');
  release();
  await waitFor('the third', async () => (await ended('device_backup')).length === 3);
  await deleted(first);
});

test('a restore is carried to its end when the core is stopped', async () => {
  const device = await startDevice();
  const { id } = await added(device);
  const saved = { ...device.files };
  const { artefacts } = await call<{ artefacts: Artefact[] }>('GET', `/${id}/artefacts`);
  device.files = { 'cfg.json': '{"hw":{},"id":{"name":"Lost"}}', 'presets.json': '{"0":{}}' };
  const uploading = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  device.beforeUpload = async () => {
    uploading.resolve();
    await go.promise;
  };
  await call('POST', `/${id}/artefacts/${artefacts[0]?.id}/restore`, {});
  await uploading.promise;
  const stopped = core.stop();
  go.resolve();
  await stopped;
  expect(device.files).toEqual(saved);
  await core.start();
  expect((await ended('device_restore')).map(({ state }) => state)).toEqual(['succeeded']);
});

test('what only a person can mend is tried neither by a button for all nor by a look before a restore', async () => {
  const device = await startDevice();
  const { id } = await added(device);
  const { artefacts } = await call<{ artefacts: Artefact[] }>('GET', `/${id}/artefacts`);
  device.instead = (request, response) => {
    if (request.url === '/json/info') response.end(JSON.stringify(device.info()));
    else response.writeHead(401).end();
  };
  await backUp(id);
  await waitFor('it to be given up', async () => (await read(id)).given_up);
  device.server.asked.length = 0;
  await core.client.call('POST', '/api/v1/commands/back_up_devices', {});
  const restore = `/${id}/artefacts/${artefacts[0]?.id}/restore`;
  expect(await call('GET', restore)).toMatchObject({ problem: { code: 'device_code' } });
  await expect(call('POST', restore, {})).rejects.toThrow('device_code');
  expect(device.server.asked).toEqual([]);
  expect(await ended('device_backup')).toHaveLength(2);
});

test('what is changed while settings are tried stays changed', async () => {
  const device = await startDevice();
  const { id } = await added(device);
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  device.instead = (_, response) => {
    asked.resolve();
    void go.promise.then(() => response.end(JSON.stringify(device.info())));
  };
  const slow = call<Device>('PATCH', `/${id}`, { settings: { pin: '4711' } });
  await asked.promise;
  await call('PATCH', `/${id}`, { name: 'Renamed', schedule: 'weekly' });
  go.resolve();
  expect(await slow).toMatchObject({ name: 'Renamed', schedule: 'weekly', secrets: ['pin'] });
});
