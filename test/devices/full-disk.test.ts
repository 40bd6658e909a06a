import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Artefact, Device } from '../../src/contract/index.ts';
import { SmallDisk } from '../harness/small-disk.ts';
import { waitFor } from '../harness/wait-for.ts';
import { SmallDevice } from './wled-like.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

let disk: SmallDisk;
let lamp: SmallDevice;
let id: string;
let before: Map<string, string>;

const read = () => disk.client.call<Device>('GET', `/api/v1/devices/${id}`);
const saved = async () =>
  (await disk.client.call<{ artefacts: Artefact[] }>('GET', `/api/v1/devices/${id}/artefacts`)).artefacts;
const folder = () => readdirSync(disk.seen(join(disk.dataDir, 'devices', id))).toSorted();

/** The files of a saved configuration, by their names on the device. */
async function contents(artefact: Artefact | undefined): Promise<Map<string, string>> {
  const path = `/api/v1/devices/${id}/artefacts/${artefact?.id}/files`;
  const files = (artefact?.files ?? []).map(
    async ({ name, number }): Promise<[string, string]> => [
      name,
      await (await disk.client.fetch('GET', `${path}/${number}`)).text(),
    ],
  );
  return new Map(await Promise.all(files));
}

/** Begins a backup; false where one is under way. */
async function begun(): Promise<boolean> {
  try {
    await disk.client.call('POST', '/api/v1/commands/back_up_device', { device_id: id });
    return true;
  } catch (error) {
    if (String(error).includes('device_busy')) return false;
    throw error;
  }
}

async function backUp(): Promise<Device> {
  const { tried_at: earlier } = await read();
  await waitFor('the backup to begin', begun);
  return waitFor('the backup to end', async () => {
    const running = (await disk.client.operations()).some(({ state }) => state === 'running');
    const device = await read();
    return !running && device.tried_at !== earlier ? device : undefined;
  });
}

/** Settings of many bytes that cannot be made smaller. */
const large = (bytes: number) => JSON.stringify({ 0: {}, 1: { n: 'x'.repeat(bytes) } });

beforeEach(async () => {
  [disk, lamp] = [await SmallDisk.start('32m', 'on it'), new SmallDevice()];
  await lamp.server.start();
  const settings = { address: lamp.address };
  ({ id } = await disk.client.call<Device>('POST', '/api/v1/devices', { kind: 'wled', settings }));
  await waitFor('the first backup', async () => (await saved())[0]?.good);
  before = await contents((await saved())[0]);
  expect(before).toEqual(new Map(Object.entries(lamp.files)));
});
afterEach(async () => {
  await disk.close();
  await lamp.server.stop();
});

test('a configuration that finds no room is told as that, nothing half is kept, and the next one heals it', async () => {
  const kept = folder();
  lamp.change({ id: { name: 'Changed' } });
  lamp.files['presets.json'] = large(4 * MIB);
  // enough for the database and for the first of both files
  disk.fill(2 * MIB);
  expect(await backUp()).toMatchObject({ problem: { code: 'disk_full' }, artefacts: 1 });
  expect(folder()).toEqual(kept);
  expect((await saved()).map(({ good }) => good)).toEqual([true]);
  expect(await contents((await saved())[0])).toEqual(before);

  disk.empty();
  expect(await backUp()).toMatchObject({ problem: null, given_up: false, artefacts: 2 });
  const [newest, first] = await saved();
  expect(await contents(newest)).toEqual(new Map(Object.entries(lamp.files)));
  expect(await contents(first)).toEqual(before);
});

test('a disk without any room leaves what is kept as it is, and needs no restart', async () => {
  const kept = folder();
  lamp.change({ id: { name: 'Changed' } });
  disk.fill();
  expect(await begun()).toBe(true);
  await waitFor('the end of it', () => folder().join() === kept.join());
  expect(await contents((await saved())[0])).toEqual(before);

  disk.empty();
  expect(await backUp()).toMatchObject({ problem: null, artefacts: 2 });
  expect(await contents((await saved())[0])).toEqual(new Map(Object.entries(lamp.files)));
});
