import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { esphome } from '../../../src/devices/handlers/esphome.ts';
import { version } from '../../harness/cache.ts';
import type { Dashboard } from '../../harness/dashboard.ts';
import { esphomeFile, haveEsphome, startDeviceBuilder, startLegacyDashboard } from '../../harness/esphome.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { DeviceServer } from '../../simulators/devices/server.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

const KITCHEN = `# by the window
esphome:
  name: kitchen
  friendly_name: Küche
packages:
  base: !include common/base.yaml
  wifi: !include
    file: common/wifi.yaml
    vars:
      fast: true
esp32:
  board: esp32dev
api:
  encryption:
    key: "bm90LWEtcmVhbC1rZXktYnV0LWxvbmctZW5vdWdoISE="
sensor:
  - platform: template
    lambda: !lambda |-
      return 21.5;
`;
const CELLAR =
  'esphome:\n  name: cellar\nwifi:\n  ssid: !secret wifi_ssid\n  password: !secret wifi_password\n';
const SECRETS = '# of the router\nwifi_ssid: home\nwifi_password: "never shown"\n';
const FILES = {
  'kitchen.yaml': KITCHEN,
  'cellar.yaml': CELLAR,
  'secrets.yaml': SECRETS,
  'common/base.yaml': 'logger:\n  level: DEBUG\n',
  'common/wifi.yaml': 'wifi:\n  ssid: !secret wifi_ssid\n  password: "also never shown"\n',
};
const FOLDER = Object.fromEntries(Object.entries(FILES).filter(([name]) => !name.includes('/')));
const LOGIN = { user: 'resident', password: 'right & proper' };

/** What a file holds, by its name. */
async function contents(saved: Awaited<ReturnType<HandlerRun['fetch']>>): Promise<Record<string, string>> {
  const pairs = await Promise.all(saved.files.map(async (file) => [file.name, await file.text()] as const));
  return Object.fromEntries(pairs);
}

/** Signs in as its page does, with a wrong password. */
async function wrongAttempt(at: string): Promise<void> {
  const socket = new WebSocket(`ws://${at}/ws`);
  await new Promise<void>((resolve, reject) => {
    let greeted = false;
    socket.on('error', reject);
    socket.on('message', () => {
      if (greeted) resolve();
      else {
        greeted = true;
        const args = { username: LOGIN.user, password: 'wrong' };
        socket.send(JSON.stringify({ command: 'auth/login', message_id: '1', args }));
      }
    });
  });
  socket.terminate();
}

describe.runIf(haveEsphome())('a real dashboard', () => {
  let open: Dashboard;
  let closed: Dashboard;
  let oldOpen: Dashboard;
  let oldClosed: Dashboard;

  beforeAll(async () => {
    [open, closed, oldOpen, oldClosed] = await Promise.all([
      startDeviceBuilder({ files: FILES }),
      startDeviceBuilder({ files: FILES, login: LOGIN }),
      startLegacyDashboard({ files: FILES }),
      startLegacyDashboard({ files: FILES, login: LOGIN }),
    ]);
  }, 240_000);
  afterAll(() => Promise.all([open, closed, oldOpen, oldClosed].map((one) => one?.stop())));

  const run = (at: Dashboard, change: Record<string, unknown> = {}) =>
    new HandlerRun(esphome, { address: at.address, ...change });
  const signedIn = (at: Dashboard, change: Record<string, unknown> = {}) => run(at, { ...LOGIN, ...change });

  test('says what it is', async () => {
    const builder = { model: 'ESPHome Device Builder', firmware: version('ESPHOME_VERSION') };
    const before = { model: 'ESPHome Dashboard', firmware: version('ESPHOME_LEGACY_VERSION') };
    await expect(run(open).test()).resolves.toMatchObject(builder);
    await expect(signedIn(closed).test()).resolves.toMatchObject(builder);
    await expect(run(oldOpen).test()).resolves.toEqual(before);
    await expect(signedIn(oldClosed).test()).resolves.toEqual(before);
  });

  test('gives all files, with what they include', async () => {
    for (const saved of [await run(open).fetch(), await signedIn(closed).fetch()]) {
      await expect(contents(saved)).resolves.toEqual(FILES);
      await expect(run(open).validate(saved)).resolves.toBeUndefined();
    }
  });

  test('that is old gives what lies in its folder', async () => {
    for (const saved of [await run(oldOpen).fetch(), await signedIn(oldClosed).fetch()]) {
      await expect(contents(saved)).resolves.toEqual(FOLDER);
    }
  });

  test('shows no secret', async () => {
    const saved = await run(open).fetch();
    const texts = await Promise.all(saved.files.map(({ name }) => run(open).normalised(saved, name)));
    const all = texts.join('\n');
    for (const secret of ['never shown', 'bm90LWEt']) expect(all).not.toContain(secret);
    await expect(run(open).normalised(saved, 'secrets.yaml')).resolves.toBe(
      '# of the router\nwifi_ssid: ••••••\nwifi_password: ••••••\n',
    );
    expect(all).toContain('password: !secret wifi_password');
    expect(all).toContain('friendly_name: Küche');
    expect(all).toContain('return 21.5;');
  });

  test.each(['builder', 'builder with users', 'old', 'old with users'])(
    'takes files back: %s',
    async (which) => {
      const at = { builder: open, 'builder with users': closed, old: oldOpen, 'old with users': oldClosed }[
        which
      ];
      if (!at) throw new Error('no such dashboard');
      const device = which.includes('users') ? signedIn(at) : run(at);
      const saved = await device.fetch();
      writeFileSync(esphomeFile(at, 'kitchen.yaml'), 'esphome:\n  name: spoilt\n');
      writeFileSync(esphomeFile(at, 'secrets.yaml'), 'wifi_ssid: other\n');
      rmSync(esphomeFile(at, 'cellar.yaml'));
      await expect(device.verify(saved)).rejects.toMatchObject({ code: 'restore_different' });
      await device.restore(saved);
      await device.verify(saved);
      for (const { name } of saved.files) {
        expect(readFileSync(esphomeFile(at, name), 'utf8')).toBe(FILES[name as keyof typeof FILES]);
      }
    },
  );

  test('that lacks a folder takes nothing, and says so', async () => {
    const saved = await run(open).fetch();
    rmSync(esphomeFile(open, 'common'), { recursive: true });
    writeFileSync(esphomeFile(open, 'cellar.yaml'), 'esphome:\n  name: changed\n');
    await expect(run(open).restore(saved)).rejects.toMatchObject({
      code: 'restore_refused',
      params: { file: 'common/base.yaml', reason: 'its folder may be missing there' },
    });
    expect(readFileSync(esphomeFile(open, 'cellar.yaml'), 'utf8')).toContain('changed');
    mkdirSync(esphomeFile(open, 'common'));
    await run(open).restore(saved);
    await run(open).verify(saved);
  });

  test('says what it does not take', async () => {
    const broken = savedOf({ 'cellar.yaml': CELLAR, 'secrets.yaml': 'wifi_ssid: [\n' });
    await expect(run(open).restore(broken)).rejects.toMatchObject({
      code: 'restore_refused',
      params: { file: 'secrets.yaml' },
    });
  });

  test('with a file that is being edited and is broken is saved as it is', async () => {
    writeFileSync(esphomeFile(open, 'broken.yaml'), 'esphome: [\n');
    writeFileSync(esphomeFile(open, 'empty.yaml'), '');
    try {
      const saved = await run(open).fetch();
      expect(await saved.get('broken.yaml').text()).toBe('esphome: [\n');
      expect(saved.files.map(({ name }) => name)).not.toContain('empty.yaml');
      await expect(run(open).validate(saved)).resolves.toBeUndefined();
    } finally {
      for (const name of ['broken.yaml', 'empty.yaml']) rmSync(esphomeFile(open, name));
    }
  });

  test('without any file has nothing to keep', async () => {
    for (const name of Object.keys(FOLDER)) rmSync(esphomeFile(open, name));
    try {
      await expect(run(open).test()).resolves.toMatchObject({ model: 'ESPHome Device Builder' });
      await expect(run(open).fetch()).rejects.toMatchObject({ code: 'device_nothing' });
    } finally {
      for (const [name, content] of Object.entries(FOLDER)) writeFileSync(esphomeFile(open, name), content);
    }
  });

  test('takes no token from us for longer than we need it', async () => {
    await signedIn(closed).test();
    const sessions = readFileSync(esphomeFile(closed, '.device-builder-sessions.json'), 'utf8');
    expect(Object.values(JSON.parse(sessions) as object).flatMap(Object.keys)).toEqual([]);
  });

  test('is recognised without a password', async () => {
    const firmware = version('ESPHOME_VERSION');
    const builder = { model: 'ESPHome Device Builder', firmware };
    await expect(run(open).recognise(open.address)).resolves.toEqual(builder);
    await expect(run(open).recognise(closed.address)).resolves.toEqual(builder);
    await expect(run(open).recognise(oldOpen.address)).resolves.toEqual({
      model: 'ESPHome Dashboard',
      firmware: version('ESPHOME_LEGACY_VERSION'),
    });
    await expect(run(open).recognise(oldClosed.address)).resolves.toEqual({ model: 'ESPHome Dashboard' });
  });

  // the last one, for it locks this computer out
  test('is asked once only with a wrong password, and not at all without one', async () => {
    await expect(signedIn(oldClosed, { password: 'wrong' }).test()).rejects.toMatchObject({
      code: 'device_password',
    });
    const told = (line: RegExp) => oldClosed.log().match(line)?.length ?? 0;
    const turnedAway = told(/302 GET \/devices/g);
    await expect(run(oldClosed).test()).rejects.toMatchObject({ code: 'device_password' });
    // it writes its log after it has answered, and in order
    await waitFor('the log of it', () => told(/302 GET \/devices/g) > turnedAway);
    expect(told(/401 POST \/login/g)).toBe(1);

    // it locks an address out with the tenth in five minutes, and forgets them with a right one
    const wrong = { code: 'device_password' };
    for (let attempt = 0; attempt < 8; attempt += 1) await wrongAttempt(closed.address);
    await expect(signedIn(closed, { password: 'wrong' }).test()).rejects.toMatchObject(wrong);
    for (let attempt = 0; attempt < 3; attempt += 1)
      await expect(run(closed).test()).rejects.toMatchObject(wrong);
    await expect(signedIn(closed).test()).resolves.toBeDefined();
    for (let attempt = 0; attempt < 10; attempt += 1) await wrongAttempt(closed.address);
    await expect(signedIn(closed).test()).rejects.toMatchObject({ code: 'device_locked' });
  });
});

describe('something else', () => {
  test.each([
    ['a page', '<!doctype html><title>Router</title>'],
    ['other data', '{"version":"1.0"}'],
    ['nothing', ''],
  ])('is no dashboard: %s', async (_name, content) => {
    const server = new DeviceServer((_request, response) => response.end(content));
    await server.start();
    try {
      const other = new HandlerRun(esphome, { address: server.address });
      await expect(other.test()).rejects.toMatchObject({ code: 'device_other_kind' });
      await expect(other.recognise(server.address).catch(() => undefined)).resolves.toBeUndefined();
    } finally {
      await server.stop();
    }
  });

  test('with a websocket is none either', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    server.on('connection', (socket) => socket.send('{"type":"auth_required"}'));
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    try {
      const other = new HandlerRun(esphome, { address: `127.0.0.1:${port}` });
      await expect(other.test()).rejects.toMatchObject({ code: 'device_other_kind' });
    } finally {
      for (const client of server.clients) client.terminate();
      server.close();
    }
  });
});

describe('what was saved', () => {
  const run = new HandlerRun(esphome, { address: '127.0.0.1' });

  test.each([
    ['cut', 'esphome:\n  name: "kit'],
    ['empty', ''],
    ['a page', '<!doctype html><html></html>'],
    ['other YAML', 'homeassistant:\n  name: x\n'],
    ['no text', 'esphome:\0\n  name: x\n'],
  ])('is refused when it is %s', async (_name, content) => {
    await expect(run.validate(savedOf({ 'kitchen.yaml': content }))).rejects.toMatchObject({
      code: 'artefact_wrong',
    });
  });

  test('needs more than secrets', async () => {
    await expect(run.validate(savedOf({ 'secrets.yaml': 'esphome: x\n' }))).rejects.toMatchObject({
      code: 'artefact_wrong',
    });
    await expect(run.validate(savedOf({ 'kitchen.yaml': KITCHEN }))).resolves.toBeUndefined();
  });
});
