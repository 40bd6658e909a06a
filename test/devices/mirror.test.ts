import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Adoption, Artefact, Device, Mirror } from '../../src/contract/index.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';
import { SmallDevice } from './wled-like.ts';

const FIREWALL = Buffer.from(
  '<?xml version="1.0"?>\n<opnsense><system><hostname>gate</hostname></system></opnsense>\n',
);

let core: LocalCore;
let device: SmallDevice;

beforeEach(async () => {
  device = new SmallDevice();
  await device.server.start();
  core = await startLocalCore({});
});
afterEach(async () => {
  await core.remove();
  await device.server.stop();
});

const call = <Result>(of: LocalCore, method: string, path: string, body?: unknown) =>
  of.client.call<Result>(method, `/api/v1/devices${path}`, body);
const bring = (of: LocalCore, sha256: string, body: Buffer) =>
  of.client.fetch('PUT', `/api/v1/devices/adoptions/${sha256}`, {
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(body),
  });
const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** What is mirrored of the device once it is backed up, and the bytes by their sums. */
async function mirrored(): Promise<{ mirror: Mirror; bytes: Map<string, Buffer> }> {
  await call(core, 'POST', '', { kind: 'wled', settings: { address: device.address } });
  const mirror = await waitFor('the mirror', async () => {
    const now = await call<Mirror>(core, 'GET', '/mirror');
    return now.files.length > 0 ? now : undefined;
  });
  const bytes = await Promise.all(
    mirror.files.map(async ({ device_id, artefact_id, number, sha256 }): Promise<[string, Buffer]> => {
      const path = `/api/v1/devices/${device_id}/artefacts/${artefact_id}/files/${number}`;
      const response = await core.client.fetch('GET', path);
      return [sha256, Buffer.from(await response.arrayBuffer())];
    }),
  );
  return { mirror, bytes: new Map(bytes) };
}

test('the mirror names the files of the newest configuration, and what an empty core needs', async () => {
  const { mirror, bytes } = await mirrored();
  for (const file of mirror.files) {
    const content = bytes.get(file.sha256) as Buffer;
    expect([sha256Of(content), content.length]).toEqual([file.sha256, file.size]);
    expect(file.path).toMatch(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/);
  }
  expect(mirror.devices).toMatchObject([{ kind: 'wled', name: 'Shelf' }]);
  expect(mirror.left_out).toEqual([]);
  expect(core.lines.filter((line) => line.includes('broke off'))).toEqual([]);
});

test('a core that is empty takes them over, and one that has them wants none', async () => {
  const { mirror, bytes } = await mirrored();
  const { devices } = mirror;
  expect(await call<Adoption>(core, 'POST', '/adoptions', { devices })).toEqual({ devices: 0, wanted: [] });
  const other = await startLocalCore({});
  try {
    const { wanted } = await call<Adoption>(other, 'POST', '/adoptions', { devices });
    expect(wanted.toSorted()).toEqual([...bytes.keys()].toSorted());
    const wrong = await bring(other, wanted[0] as string, Buffer.from('something else'));
    expect(await wrong.json()).toMatchObject({ code: 'archive_mismatch' });
    expect((await call<{ devices: Device[] }>(other, 'GET', '')).devices).toEqual([]);
    for (const sum of wanted) {
      const answer = await bring(other, sum, bytes.get(sum) as Buffer);
      expect(await answer.json()).toMatchObject({ wanted: expect.anything() });
    }
    const [back] = (await call<{ devices: Device[] }>(other, 'GET', '')).devices;
    expect(back).toMatchObject({ id: mirror.files[0]?.device_id, name: 'Shelf', problem: null });
    const { artefacts } = await call<{ artefacts: Artefact[] }>(other, 'GET', `/${back?.id}/artefacts`);
    expect(artefacts[0]?.files.map(({ sha256 }) => sha256).toSorted()).toEqual([...bytes.keys()].toSorted());
  } finally {
    await other.remove();
  }
});

test('a device that needs a password says that it was lost, and is not asked without it', async () => {
  const { mirror } = await mirrored();
  const sha256 = sha256Of(FIREWALL);
  const gate = {
    ...mirror.devices[0],
    ...{ id: 'gate', kind: 'opnsense', name: 'Gate', place: '10.0.0.1' },
    settings: { address: '10.0.0.1', key: 'key' },
    files: [{ name: 'config.xml', sha256, size: FIREWALL.length }],
  };
  expect(await call<Adoption>(core, 'POST', '/adoptions', { devices: [gate] })).toMatchObject({
    wanted: [sha256],
  });
  expect(await (await bring(core, sha256, FIREWALL)).json()).toEqual({ devices: 0, wanted: [] });
  expect(await call<Device>(core, 'GET', '/gate')).toMatchObject({
    ...{ problem: { code: 'device_secret_lost' }, given_up: true, secrets: [], artefacts: 1 },
  });
});

test('of a device whose files do not all have room none is mirrored, and no part of it is taken for the whole', async () => {
  device.files['presets.json'] = JSON.stringify({ 0: {}, 1: { n: 'x'.repeat(6 * 1024 * 1024) } });
  await call(core, 'POST', '', { kind: 'wled', settings: { address: device.address } });
  const mirror = await waitFor('the mirror', async () => {
    const now = await call<Mirror>(core, 'GET', '/mirror');
    return now.left_out.length > 0 ? now : undefined;
  });
  expect(mirror).toMatchObject({ files: [], devices: [{ name: 'Shelf', files: [] }] });
  expect(mirror.left_out).toHaveLength(1);
});

test('of two devices with the same file the good one comes back, though the other is damaged', async () => {
  const { mirror, bytes } = await mirrored();
  const [whole] = mirror.devices as { id: string; files: { name: string; sha256: string }[] }[];
  if (!whole) throw new Error('nothing is mirrored');
  // the settings are missing, which no WLED gives
  const part = {
    ...{ ...whole, id: 'part', name: 'Part', place: '10.0.0.9', settings: { address: '10.0.0.9' } },
    files: whole.files.filter(({ name }) => name === 'presets.json'),
  };
  const other = await startLocalCore({});
  try {
    const { wanted } = await call<Adoption>(other, 'POST', '/adoptions', { devices: [part, whole] });
    const last = part.files[0]?.sha256 as string;
    for (const sum of [...wanted.filter((one) => one !== last), last]) {
      await bring(other, sum, bytes.get(sum) as Buffer);
    }
    const { devices } = await call<{ devices: Device[] }>(other, 'GET', '');
    expect(devices.map(({ id }) => id)).toEqual([whole.id]);
    expect(other.defects()).toEqual([]);
  } finally {
    await other.remove();
  }
});

test('settings that make no sense are not taken over with a device', async () => {
  const { mirror, bytes } = await mirrored();
  const [held] = mirror.devices as { id: string }[];
  const odd = {
    ...held,
    settings: { address: device.address, pin: 5, shell: 'rm -rf /' },
    place: 'elsewhere',
  };
  const other = await startLocalCore({});
  try {
    const { wanted } = await call<Adoption>(other, 'POST', '/adoptions', { devices: [odd] });
    for (const sum of wanted) await bring(other, sum, bytes.get(sum) as Buffer);
    const back = await call<Device>(other, 'GET', `/${held?.id}`);
    expect(back.settings).toEqual({ address: device.address });
  } finally {
    await other.remove();
  }
});
