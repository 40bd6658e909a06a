import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  Artefact,
  Device,
  DeviceTest,
  Difference,
  Happening,
  Operation,
  RestorePlan,
} from '../../src/contract/index.ts';
import { ForwardClock } from '../harness/forward-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';
import { SmallDevice } from './wled-like.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;

let core: LocalCore;
let device: SmallDevice;
const clock = new ForwardClock();

beforeEach(async () => {
  device = new SmallDevice();
  await device.server.start();
  core = await startLocalCore({ clock });
});
afterEach(async () => {
  await core.remove();
  await device.server.stop();
});

const call = <Result>(method: string, path: string, body?: unknown) =>
  core.client.call<Result>(method, `/api/v1/devices${path}`, body);
const problemOf = async (work: Promise<unknown>) =>
  ((await work.then(
    () => undefined,
    (error) => error.problem,
  )) as { code: string; status: number; params: Record<string, string> } | undefined) ?? { code: 'none' };
const add = (change: object = {}) =>
  call<Device>('POST', '', { kind: 'wled', settings: { address: device.address }, ...change });
const read = (id: string) => call<Device>('GET', `/${id}`);
const history = async (id: string) =>
  (await call<{ artefacts: Artefact[] }>('GET', `/${id}/artefacts`)).artefacts;
const ended = async (kind: string) =>
  (await core.client.operations()).filter((one: Operation) => one.kind === kind && one.state !== 'running');

/** Adds it and waits until it is backed up. */
async function added(change?: object): Promise<Device> {
  const { id } = await add(change);
  return waitFor('the first backup', async () => {
    const now = await read(id);
    return now.backed_up_at !== null && (await ended('device_backup')).length > 0 ? now : undefined;
  });
}

/** Backs it up and waits until that has ended. */
async function backUp(id: string): Promise<Device> {
  const before = (await ended('device_backup')).length;
  await core.client.call('POST', '/api/v1/commands/back_up_device', { device_id: id });
  await waitFor('the backup to end', async () => (await ended('device_backup')).length > before);
  return read(id);
}

describe('a device that is added', () => {
  test('is tried first, says who it is, and is backed up at once', async () => {
    const tried = await call<DeviceTest>('POST', '/test', {
      kind: 'wled',
      settings: { address: device.address },
    });
    expect(tried).toMatchObject({
      identity: { id: 'aabbccddeeff', firmware: '0.15.0', chip: 'esp32' },
      name: 'Shelf',
      problem: null,
    });
    const { id, name, next_at, artefacts } = await added();
    expect({ name, artefacts }).toEqual({ name: 'Shelf', artefacts: 1 });
    expect(Date.parse(next_at ?? '')).toBeGreaterThan(clock.now());
    const [saved] = await history(id);
    expect(saved?.files.map((file) => file.name)).toEqual(['cfg.json', 'presets.json']);
    const downloaded = await core.client.fetch('GET', `/api/v1/devices/${id}/artefacts/${saved?.id}/files/1`);
    expect(await downloaded.text()).toBe(device.files['cfg.json']);
    expect(downloaded.headers.get('content-disposition')).toMatch(
      /filename="backup_\d{4}-\d\d-\d\d_\d\d-\d\d_cfg\.json"/,
    );
  });

  test('keeps its files from the eyes of others', async () => {
    const { id } = await added();
    const dir = join(core.dataDir, 'devices', id);
    const names = readdirSync(dir);
    expect(names).toHaveLength(2);
    for (const name of names) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  test('is not added twice, whatever it is called', async () => {
    await added();
    expect(await problemOf(add({ name: 'Another' }))).toMatchObject({
      code: 'device_exists',
      params: { name: 'Shelf' },
    });
  });

  test('is not added where something else answers', async () => {
    device.instead = (_request, response) => response.end('<html>Router</html>');
    expect(await problemOf(add())).toMatchObject({ code: 'device_unexpected' });
    device.instead = (_request, response) => response.writeHead(302, { location: '/login' }).end();
    expect(await problemOf(add())).toMatchObject({ code: 'device_redirect' });
    expect((await call<{ devices: Device[] }>('GET', '')).devices).toEqual([]);
  });

  test('is called by one line, whatever it calls itself', async () => {
    const before = device.info.bind(device);
    device.info = () => before({ name: `Shelf\u0000\nabove ${'🙂'.repeat(60)}` });
    const { id, name } = await add();
    expect(name).toMatch(/^Shelf above 🙂+\S?$/u);
    expect(name.isWellFormed()).toBe(true);
    expect(name.length).toBeLessThanOrEqual(100);
    expect(await problemOf(call('PATCH', `/${id}`, { name: 'two\nlines' }))).toMatchObject({
      code: 'invalid_request',
    });
  });

  test('needs settings that make sense', async () => {
    expect(await problemOf(call('POST', '', { kind: 'toaster', settings: {} }))).toMatchObject({
      code: 'device_kind_unknown',
    });
    for (const settings of [{}, { address: 'not an address' }, { address: device.address, nonsense: 1 }]) {
      expect(await problemOf(add({ settings }))).toMatchObject({ code: 'invalid_request', status: 400 });
    }
    expect(await problemOf(add({ schedule: '61 3 * * *' }))).toMatchObject({ code: 'invalid_request' });
    expect(await problemOf(add({ schedule: '0 0 31 2 *' }))).toMatchObject({ code: 'invalid_request' });
    expect(await problemOf(add({ schedule: 'every 0 hours' }))).toMatchObject({ code: 'invalid_request' });
  });
});

describe('a backup', () => {
  test('of the same configuration is not kept twice, and says until when it was seen', async () => {
    const { id } = await added();
    clock.forward(DAY_MS);
    await backUp(id);
    const saved = await history(id);
    expect(saved).toHaveLength(1);
    expect(Date.parse(saved[0]?.seen_at ?? '') - Date.parse(saved[0]?.made_at ?? '')).toBeGreaterThanOrEqual(
      DAY_MS,
    );
  });

  test('of another one says what has changed, and stores what is the same once', async () => {
    const { id } = await added();
    device.change({ id: { name: 'Shelf above' } });
    const changed = await backUp(id);
    expect(changed.changed_at).not.toBeNull();
    const [newest, first] = await history(id);
    expect(newest).toMatchObject({ added: 1, removed: 1, good: true });
    expect(newest?.files[1]?.stored_as).toBe(first?.files[1]?.stored_as);
    expect(readdirSync(join(core.dataDir, 'devices', id))).toHaveLength(3);
    const difference = await call<Difference>('GET', `/${id}/artefacts/${newest?.id}/difference`);
    expect(difference.files.map(({ name, state }) => [name, state])).toEqual([
      ['cfg.json', 'changed'],
      ['presets.json', 'same'],
    ]);
    const rows = difference.files[0]?.parts.flat() ?? [];
    expect(rows).toContainEqual(
      expect.objectContaining({ old_text: '    "name": "Shelf"', new_text: '    "name": "Shelf above"' }),
    );
    expect(JSON.stringify(difference)).not.toContain('hush');
    const { entries } = await core.client.call<{ entries: Happening[] }>('GET', '/api/v1/journal');
    expect(entries.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['device_added', 'device_backed_up', 'device_changed']),
    );
  });

  test('that does not pass the check is kept apart and replaces nothing', async () => {
    const { id } = await added();
    const good = device.files['cfg.json'] as string;
    for (const [content, code] of [
      ['', 'artefact_empty'],
      ['<!DOCTYPE html><html>Sign in</html>', 'artefact_page'],
      [good.slice(0, 20), 'artefact_cut'],
    ] as const) {
      device.files['cfg.json'] = content;
      expect((await backUp(id)).problem).toMatchObject({ code });
    }
    const saved = await history(id);
    expect(saved.filter((one) => one.good)).toHaveLength(1);
    const bad = saved.filter((one) => !one.good);
    expect(bad).toHaveLength(3);
    expect(bad[0]?.problem).toMatchObject({ code: 'artefact_cut' });
    expect(
      existsSync(join(core.dataDir, 'devices', id, 'rejected', bad[0]?.files[0]?.stored_as ?? '?')),
    ).toBe(true);
    expect(await problemOf(call('POST', `/${id}/artefacts/${bad[0]?.id}/restore`, {}))).toMatchObject({
      code: 'artefact_bad',
    });
    device.files['cfg.json'] = good;
    expect((await backUp(id)).problem).toBeNull();
    expect((await history(id)).filter((one) => one.good)).toHaveLength(1);
  });

  test('that is cut in the middle leaves nothing behind', async () => {
    const { id } = await added();
    const cut: NonNullable<typeof device.instead> = (request, response) => {
      if (request.url === '/json/info') {
        response.end(JSON.stringify(device.info()));
      } else if (request.url?.startsWith('/edit')) response.end('[{"name":"cfg.json"}]');
      else {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{"hw":');
        setImmediate(() => response.destroy());
      }
    };
    device.instead = cut;
    expect((await backUp(id)).problem).toMatchObject({ code: 'device_cut' });
    expect(await history(id)).toHaveLength(1);
    expect(readdirSync(join(core.dataDir, 'devices', id)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('by another device at the address is refused until a person says that it was replaced', async () => {
    const { id } = await added();
    device.mac = '112233445566';
    device.change({ id: { name: 'Elsewhere' } });
    expect((await backUp(id)).problem).toMatchObject({
      code: 'device_replaced',
      params: { expected: 'aabbccddeeff', found: '112233445566' },
    });
    expect(await history(id)).toHaveLength(1);
    await call('PATCH', `/${id}`, { replaced: true });
    await waitFor('the backup of the new one', async () => (await history(id)).length === 2);
  });

  test('that failed is tried again by itself, and a device that is away holds no other up', async () => {
    const { id } = await added();
    await device.server.stop();
    const other = new SmallDevice('665544332211');
    await other.server.start();
    try {
      const away = await backUp(id);
      expect(away).toMatchObject({ problem: { code: 'device_refused' }, failures: 1, given_up: false });
      expect(Date.parse(away.next_at ?? '') - clock.now()).toBeLessThan(3 * 60_000);
      const { id: second } = await call<Device>('POST', '', {
        kind: 'wled',
        settings: { address: other.address },
      });
      await waitFor('the other one', async () => (await read(second)).backed_up_at);
    } finally {
      await other.server.stop();
      await device.server.start();
    }
  });
});

describe('what was saved', () => {
  test('goes back onto the device, but not onto another chip', async () => {
    const { id } = await added();
    device.change({ id: { name: 'Spoilt' } });
    await backUp(id);
    const first = (await history(id)).at(-1) as Artefact;
    const path = `/${id}/artefacts/${first.id}/restore`;
    expect(await call<RestorePlan>('GET', path)).toMatchObject({
      problem: null,
      warnings: [expect.any(String)],
    });
    await call('POST', path, {});
    await waitFor('the device to have it back', () => device.files['cfg.json']?.includes('"Shelf"'));
    const [restore] = await waitFor('the restore to end', async () => {
      const found = await ended('device_restore');
      return found.length > 0 ? found : undefined;
    });
    expect(restore?.state).toBe('succeeded');

    device.arch = 'esp8266';
    expect(await call<RestorePlan>('GET', path)).toMatchObject({ problem: { code: 'restore_other_chip' } });
    device.change({ id: { name: 'Untouched' } });
    await waitFor('the device to be free', async () => {
      const { code } = await problemOf(call('POST', path, {}));
      return code === 'none';
    });
    await waitFor('the refusal', async () => (await ended('device_restore')).length === 2);
    expect((await ended('device_restore')).map(({ problem }) => problem?.code)).toContain(
      'restore_other_chip',
    );
    expect(device.files['cfg.json']).toContain('Untouched');
  });

  test('does not go back when its file was damaged on the disk', async () => {
    const { id } = await added();
    const [saved] = await history(id);
    const file = join(core.dataDir, 'devices', id, saved?.files[0]?.stored_as ?? '?');
    writeFileSync(file, readFileSync(file, 'utf8').replace('Shelf', 'Shalf'));
    device.server.asked.length = 0;
    await call('POST', `/${id}/artefacts/${saved?.id}/restore`, {});
    const [restore] = await waitFor('the restore to end', async () => {
      const found = await ended('device_restore');
      return found.length > 0 ? found : undefined;
    });
    expect(restore?.problem?.code).toBe('artefact_file_lost');
    expect(device.server.asked.filter((asked) => asked.startsWith('POST'))).toEqual([]);
  });

  test('is pinned, deleted, and goes with the device', async () => {
    const { id } = await added({ keep: { last: 1, days: 0, generations: false } });
    const [first] = await history(id);
    await call('PATCH', `/${id}/artefacts/${first?.id}`, { pinned: true });
    for (const name of ['b', 'c']) {
      device.change({ id: { name } });
      await backUp(id);
    }
    const saved = await waitFor('the rule to be kept', async () => {
      const now = await history(id);
      return now.length === 2 ? now : undefined;
    });
    expect(saved.map(({ pinned }) => pinned)).toEqual([false, true]);
    expect(await problemOf(call('DELETE', `/${id}/artefacts/${saved[0]?.id}`))).toMatchObject({
      code: 'invalid_request',
    });
    await call('DELETE', `/${id}/artefacts/${first?.id}`);
    expect(await history(id)).toHaveLength(1);
    await call('DELETE', `/${id}`);
    expect(existsSync(join(core.dataDir, 'devices', id))).toBe(false);
    expect(await problemOf(call('GET', `/${id}`))).toMatchObject({ code: 'device_not_found' });
  });

  test('that was spoilt on the disk is not given out as if it were whole', async () => {
    const { id } = await added();
    const [saved] = await history(id);
    const file = join(core.dataDir, 'devices', id, saved?.files[0]?.stored_as ?? '?');
    truncateSync(file, 3);
    const response = await core.client.fetch('GET', `/api/v1/devices/${id}/artefacts/${saved?.id}/files/1`);
    expect(response.status).toBe(410);
  });
});

test('after a restart everything is there, and what a crash left half done is not', async () => {
  const { id } = await added();
  await core.stop();
  const dir = join(core.dataDir, 'devices', id);
  mkdirSync(join(dir, '.incoming-x'));
  writeFileSync(join(dir, '.incoming-x', '0'), 'half');
  await core.start();
  expect(await history(id)).toHaveLength(1);
  expect(readdirSync(dir).filter((name) => name.startsWith('.'))).toEqual([]);
  expect((await read(id)).backed_up_at).not.toBeNull();
});

test('a secret is sealed at rest, never shown, and kept when it is left out of a change', async () => {
  const { id } = await added({ settings: { address: device.address, pin: 'sesame-4711' } });
  expect(await read(id)).toMatchObject({ secrets: ['pin'], settings: { address: device.address } });
  const changed = await call<Device>('PATCH', `/${id}`, { settings: { address: device.address } });
  expect(changed.secrets).toEqual(['pin']);
  expect(core.lines.join('\n')).not.toContain('sesame-4711');
  for (const name of readdirSync(core.dataDir).filter((one) => one.startsWith('homestash.db'))) {
    expect(readFileSync(join(core.dataDir, name)).includes('sesame-4711')).toBe(false);
  }
  expect(core.defects()).toEqual([]);
});
