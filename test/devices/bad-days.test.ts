import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Artefact, Device, Operation } from '../../src/contract/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { makeCertificate } from '../harness/certificate.ts';
import { startCoreProcess } from '../harness/core.ts';
import type { CoreClient } from '../harness/core-client.ts';
import { ForwardClock } from '../harness/forward-clock.ts';
import { startLocalCore } from '../harness/local-core.ts';
import { temporaryFolder } from '../harness/temporary.ts';
import { waitFor } from '../harness/wait-for.ts';
import { SmallDevice } from './wled-like.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;

// Hundreds of commits that reach the disk, on a machine that does other things.
const MANY_MS = 150_000;

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startDevice(...options: ConstructorParameters<typeof SmallDevice>): Promise<SmallDevice> {
  const device = new SmallDevice(...options);
  await device.server.start();
  ends.push(() => device.server.stop());
  return device;
}

async function startCore(clock: Clock = new ForwardClock()) {
  const core = await startLocalCore({ clock });
  ends.push(() => core.remove());
  return core;
}

const add = (client: CoreClient, device: SmallDevice, more: object = {}) =>
  client.call<Device>('POST', '/api/v1/devices', {
    kind: 'wled',
    settings: { address: device.address },
    ...more,
  });
const read = (client: CoreClient, id: string) => client.call<Device>('GET', `/api/v1/devices/${id}`);
const backups = async (client: CoreClient) =>
  (await client.operations()).filter(({ kind }: Operation) => kind === 'device_backup');
const settled = (client: CoreClient, count = 1, patience: Parameters<typeof waitFor>[2] = {}) =>
  waitFor(
    'the backups to end',
    async () => {
      const all = await backups(client);
      return all.length >= count && all.every(({ state }) => state !== 'running') ? all : undefined;
    },
    patience,
  );
const begin = (client: CoreClient, device_id: string) =>
  client.call('POST', '/api/v1/commands/back_up_device', { device_id });
const saved = async (client: CoreClient, id: string) =>
  (await client.call<{ artefacts: Artefact[] }>('GET', `/api/v1/devices/${id}/artefacts`)).artefacts;

describe('a certificate', () => {
  test('that a device signed itself is trusted when it is added, and no other one after that', async () => {
    const dir = temporaryFolder('certificates');
    const device = await startDevice('aabbccddeeff', makeCertificate(join(dir, 'first')));
    const { client } = await startCore();
    const { id } = await add(client, device);
    await settled(client);
    expect((await read(client, id)).backed_up_at).not.toBeNull();

    const { port } = device.server;
    await device.server.stop();
    const other = new SmallDevice('aabbccddeeff', makeCertificate(join(dir, 'second')));
    await other.server.start(port);
    ends.push(() => other.server.stop());
    await begin(client, id);
    await settled(client, 2);
    expect(await read(client, id)).toMatchObject({
      problem: { code: 'device_pin' },
      given_up: true,
      next_at: null,
    });
    expect(other.server.asked).toEqual([]);

    // whoever changes something else has not said that this one is right
    await expect(
      client.call('PATCH', `/api/v1/devices/${id}`, { settings: { pin: '4711' } }),
    ).rejects.toThrow('device_pin');
    expect(other.server.asked).toEqual([]);
    // a person says that it is the right one by saving it anew
    await client.call('PATCH', `/api/v1/devices/${id}`, { settings: {} });
    await settled(client, 3);
    expect(await read(client, id)).toMatchObject({ problem: null, given_up: false });
  });
});

test('a code that is wrong is tried once and not again, until somebody enters another', async () => {
  const device = await startDevice();
  const clock = new ForwardClock();
  const { client } = await startCore(clock);
  const { id } = await add(client, device);
  await settled(client);
  const locked: RequestListener = (request, response) => {
    if (request.url === '/json/info') {
      response.end(JSON.stringify(device.info()));
    } else response.writeHead(401).end();
  };
  device.instead = locked;
  device.server.asked.length = 0;
  await begin(client, id);
  await settled(client, 2);
  expect(await read(client, id)).toMatchObject({
    problem: { code: 'device_code' },
    given_up: true,
    next_at: null,
  });
  const asked = device.server.asked.length;
  clock.forward(3 * DAY_MS);
  await client.call('PATCH', `/api/v1/devices/${id}`, { name: 'Still the same' });
  expect(device.server.asked).toHaveLength(asked);
  const overview = await client.call<{ notices: { code: string }[] }>('GET', '/api/v1/overview');
  expect(overview.notices.map(({ code }) => code)).toContain('device_failing');
  device.instead = undefined;
  await client.call('PATCH', `/api/v1/devices/${id}`, { settings: { pin: '4711' } });
  await settled(client, 3);
  expect(await read(client, id)).toMatchObject({ problem: null, given_up: false });
});

test('a device that drips is given up, and nothing of it is kept', async () => {
  const device = await startDevice();
  const { client, dataDir } = await startCore();
  const { id } = await add(client, device);
  await settled(client);
  let drips = 0;
  device.instead = (request, response) => {
    if (!request.url?.startsWith('/cfg.json')) {
      if (request.url === '/json/info') {
        response.end(JSON.stringify(device.info()));
      } else response.end('[{"name":"cfg.json"}]');
      return;
    }
    response.write('{');
    const timer = setInterval(() => {
      drips += 1;
      response.write(' ');
    }, 20);
    response.once('close', () => clearInterval(timer));
  };
  await begin(client, id);
  await waitFor('some drips', () => drips > 3);
  const [running] = (await backups(client)).filter(({ state }) => state === 'running');
  // what is given up after a quarter of an hour is ended by a person in the same way
  await client.call('POST', `/api/v1/operations/${running?.id}/cancel`, {});
  await settled(client, 2);
  expect((await backups(client)).map(({ state }) => state)).toContain('cancelled');
  expect(await saved(client, id)).toHaveLength(1);
  expect(readdirSync(join(dataDir, 'devices', id)).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a clock that jumps leads to one backup, and never to none for a year', async () => {
  const device = await startDevice();
  const clock = new ForwardClock();
  const core = await startCore(clock);
  const { id } = await add(core.client, device, { schedule: 'every 6 hours' });
  await settled(core.client);
  clock.forward(YEAR_MS);
  await core.stop();
  await core.start();
  // what was missed is made up for within some minutes
  const again = Date.parse((await read(core.client, id)).next_at ?? '');
  expect(again - clock.now()).toBeLessThan(10 * 60_000);
  clock.forward(10 * 60_000);
  await core.stop();
  await core.start();
  clock.forward(-YEAR_MS);
  await core.stop();
  await core.start();
  await waitFor('the next moment to be within its hours', async () => {
    const next = Date.parse((await read(core.client, id)).next_at ?? '');
    return next - clock.now() <= 6 * HOUR_MS;
  });
  const artefacts = await saved(core.client, id);
  device.change({ id: { name: 'After the jump' } });
  await begin(core.client, id);
  await waitFor(
    'the newest to be first',
    async () => (await saved(core.client, id))[0]?.id !== artefacts[0]?.id,
  );
});

test('a core that is killed in the middle of a backup keeps what was good, and says what became of the rest', async () => {
  const device = await startDevice();
  const core = await startCoreProcess();
  ends.push(() => core.cleanUp());
  const { client } = core;
  const { id } = await add(client, device);
  await settled(client);
  const held = Promise.withResolvers<void>();
  device.instead = (request, response) => {
    if (request.url === '/json/info') {
      response.end(JSON.stringify(device.info()));
    } else if (request.url?.startsWith('/edit')) response.end('[{"name":"cfg.json"}]');
    else {
      response.write('{"hw":');
      held.resolve();
    }
  };
  await begin(client, id);
  await held.promise;
  await core.kill9();
  device.instead = undefined;
  await core.start();
  const [newest] = await backups(client);
  expect(newest?.state).toBe('interrupted');
  expect(await saved(client, id)).toHaveLength(1);
  expect(readdirSync(join(core.dataDir, 'devices', id)).filter((name) => name.startsWith('.'))).toEqual([]);
  const file = await client.fetch(
    'GET',
    `/api/v1/devices/${id}/artefacts/${(await saved(client, id))[0]?.id}/files/1`,
  );
  expect(await file.text()).toBe(device.files['cfg.json']);
});

test('a file that was lost or damaged on the disk comes back with the next backup', async () => {
  const device = await startDevice();
  const { client, dataDir } = await startCore();
  const { id } = await add(client, device);
  await settled(client);
  const [artefact] = await saved(client, id);
  const paths = (artefact?.files ?? []).map(({ stored_as }) => join(dataDir, 'devices', id, stored_as));
  const [lost, damaged] = paths as [string, string];
  rmSync(lost);
  writeFileSync(damaged, readFileSync(damaged, 'utf8').replace('a', 'b'));
  const file = `/api/v1/devices/${id}/artefacts/${artefact?.id}/files/1`;
  await expect(client.call('GET', file)).rejects.toThrow('artefact_file_lost');
  await begin(client, id);
  await settled(client, 2);
  expect(await saved(client, id)).toHaveLength(1);
  for (const { name, stored_as } of artefact?.files ?? []) {
    expect(readFileSync(join(dataDir, 'devices', id, stored_as), 'utf8')).toBe(device.files[name]);
  }
});

test('what a crash left without a saved configuration goes after a month, and nothing else', async () => {
  const device = await startDevice();
  const clock = new ForwardClock();
  const core = await startCore(clock);
  const { id } = await add(core.client, device);
  await settled(core.client);
  const dir = join(core.dataDir, 'devices', id);
  const kept = readdirSync(dir).toSorted();
  writeFileSync(join(dir, 'backup_left_cfg.json'), '{}');
  mkdirSync(join(dir, '.incoming-left'));
  await core.stop();
  await core.start();
  expect(readdirSync(dir).toSorted()).toEqual([...kept, 'backup_left_cfg.json'].toSorted());
  clock.forward(31 * DAY_MS);
  await core.stop();
  await core.start();
  expect(readdirSync(dir)).not.toContain('backup_left_cfg.json');
  expect(readdirSync(dir)).toEqual(expect.arrayContaining(kept));
});

test('two hundred devices at once are all backed up, with few at a time', { timeout: MANY_MS }, async () => {
  let atOnce = 0;
  let most = 0;
  const { client } = await startCore();
  const device = await startDevice();
  const { port } = device.server;
  const answer =
    (mac: string): RequestListener =>
    (request, response) => {
      if (request.url === '/json/info') {
        response.end(JSON.stringify(device.info({ mac })));
      } else if (request.url?.startsWith('/edit')) response.end('[{"name":"cfg.json"}]');
      else {
        atOnce += 1;
        most = Math.max(most, atOnce);
        setImmediate(() => {
          atOnce -= 1;
          response.end(JSON.stringify({ hw: {}, id: mac }));
        });
      }
    };
  // many addresses of this machine, one server
  device.instead = (request, response) => {
    const last = (request.headers.host ?? '').split(':')[0]?.split('.').at(-1) ?? '0';
    answer(last.padStart(12, '0'))(request, response);
  };
  await device.server.stop();
  await device.server.start(port, '0.0.0.0');
  const lines = Array.from(
    { length: 200 },
    (_, index) => `wled;Device ${index + 1};127.0.0.${index + 1}:${port}`,
  );
  await client.call('POST', '/api/v1/devices/import', {
    csv: ['kind;name;address', ...lines].join('\n'),
    save: true,
  });
  const patience = { timeoutMs: MANY_MS / 2, intervalMs: 500 };
  const all = async () => {
    const { devices } = await client.call<{ devices: Device[] }>('GET', '/api/v1/devices');
    return devices.length === 200 && devices.every(({ backed_up_at }) => backed_up_at !== null);
  };
  await waitFor('all backups', all, patience);
  expect(most).toBeLessThanOrEqual(4);
  await client.call('POST', '/api/v1/commands/back_up_devices', {});
  await settled(client, 400, patience);
  expect((await backups(client)).every(({ state }) => state === 'succeeded')).toBe(true);
});
