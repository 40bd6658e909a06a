import { afterEach, describe, expect, test } from 'vitest';
import { wled } from '../../../src/devices/handlers/wled.ts';
import { haveReferees, REFEREE_TEST_MS, referee } from '../../harness/referee.ts';
import { DeviceServer } from '../../simulators/devices/server.ts';
import {
  settingsOf,
  WledController,
  type WledState,
  type WledVersion,
} from '../../simulators/devices/wled.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

const PIN = '1234';
const VERSIONS: readonly WledVersion[] = ['0.14.4', '0.15.5', '16.0.1'];

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

async function controller(state: Partial<WledState> = {}): Promise<WledController> {
  const made = new WledController(state);
  running.push(made);
  await made.start();
  return made;
}

const run = (of: { address: string }, change: Record<string, unknown> = {}) =>
  new HandlerRun(wled, { address: of.address, ...change });

async function foreign(status: number, type: string, body: string): Promise<DeviceServer> {
  const server = new DeviceServer((_, response) =>
    response.writeHead(status, { 'content-type': type }).end(body),
  );
  running.push(server);
  await server.start();
  return server;
}

const names = (saved: { files: readonly { name: string }[] }) =>
  saved.files.map(({ name }) => name).toSorted();

describe.each(VERSIONS)('version %s', (version) => {
  test('says what it is', async () => {
    const device = await controller({ version });
    await expect(run(device).test()).resolves.toEqual({
      id: 'a0b1c2d3e4f5',
      name: 'Kitchen',
      firmware: version,
      model: 'WLED',
      chip: 'esp32',
    });
  });

  test('gives what a person has put on it, and no copies, empty files or passwords', async () => {
    const device = await controller({ version });
    device.write('ledmap1.json', { n: 'Stairs', map: [2, 1, 0] });
    device.write('2d-gaps.json', '[0,1]');
    device.write('skin.css', 'body { color: red }');
    device.write('fire works.gif', 'GIF89a');
    device.write('bkp.cfg.json', settingsOf('Old'));
    device.write('tmp.json', {});
    device.write('edit.htm', '<html></html>');
    device.write('empty.json', '');
    const saved = await run(device).fetch();
    expect(names(saved)).toEqual([
      '2d-gaps.json',
      'cfg.json',
      'fire works.gif',
      'ledmap1.json',
      'presets.json',
      'skin.css',
    ]);
    for (const { name } of saved.files) {
      await expect(saved.get(name).bytes(), name).resolves.toEqual(device.files.get(name));
    }
    await expect(run(device).validate(saved)).resolves.toBeUndefined();
  });

  test('goes without presets where nobody has made any', async () => {
    const device = await controller({ version });
    device.files.delete('presets.json');
    const saved = await run(device).fetch();
    expect(names(saved)).toEqual(['cfg.json']);
    await expect(run(device).validate(saved)).resolves.toBeUndefined();
  });

  test('opens its list of files to its PIN', async () => {
    const device = await controller({ version, pin: PIN });
    const saved = await run(device, { pin: PIN }).fetch();
    expect(names(saved)).toEqual(['cfg.json', 'presets.json']);
    expect(device.tried).toEqual([PIN]);
  });

  test.each([
    ['missing', ''],
    ['wrong', '4321'],
  ])('wants its PIN where that is %s, and is asked with it once only', async (_, pin) => {
    const device = await controller({ version, pin: PIN });
    await expect(run(device, { pin }).test()).rejects.toMatchObject({ code: 'device_code' });
    expect(device.tried).toEqual(pin === '' ? [] : [pin]);
    await expect(run(device, { pin }).fetch()).rejects.toMatchObject({ code: 'device_code' });
  });

  test('takes everything back, its settings last, and restarts', async () => {
    const device = await controller({ version, pin: PIN });
    const restorer = run(device, { pin: PIN });
    device.write('ledmap.json', { map: [1, 0] });
    const saved = await restorer.fetch();
    device.write('cfg.json', settingsOf('Changed', version));
    device.write('presets.json', { 0: {} });
    device.files.delete('ledmap.json');
    device.server.asked.length = 0;

    await restorer.restore(saved);
    await device.away;
    await expect(restorer.test()).rejects.toMatchObject({ code: 'device_refused' });
    await device.back();
    await expect(restorer.verify(saved)).resolves.toBeUndefined();
    expect(device.read('cfg.json')).toEqual(settingsOf('Kitchen', version));
    for (const name of ['presets.json', 'ledmap.json']) {
      expect(device.files.get(name), name).toEqual(await saved.get(name).bytes());
    }
    expect(device.server.asked.filter((asked) => asked === 'POST /upload')).toHaveLength(3);
  });
});

test('lists nothing on a build without an editor, and is asked for the usual files', async () => {
  const device = await controller({ version: '0.15.5', editor: false });
  device.write('palette3.json', { palette: [0, 255, 0, 0] });
  const saved = await run(device).fetch();
  expect(names(saved)).toEqual(['cfg.json', 'palette3.json', 'presets.json']);
});

test('names the product of a vendor', async () => {
  const device = await controller({ product: 'Dig-Quad' });
  await expect(run(device).test()).resolves.toMatchObject({ model: 'Dig-Quad' });
});

describe('a restore', () => {
  test('is refused without the PIN', async () => {
    const device = await controller({ pin: PIN });
    const saved = savedOf({ 'cfg.json': JSON.stringify(settingsOf('Kitchen')) });
    await expect(run(device, { pin: '9999' }).restore(saved)).rejects.toMatchObject({ code: 'device_code' });
    expect(device.tried).toEqual(['9999']);
  });

  test('is only for the same chip', () => {
    expect(wled.restore?.same).toEqual(['chip']);
  });

  test('is found out where a full file system has cut a file', async () => {
    const device = await controller();
    const saved = await run(device).fetch();
    device.state.full = true;
    await run(device).restore(saved);
    await device.back();
    await expect(run(device).verify(saved)).rejects.toMatchObject({ code: 'restore_different' });
  });

  test('is the same where a newer version has added settings and its number', async () => {
    const device = await controller({ version: '0.15.5' });
    const saved = await run(device).fetch();
    device.state.version = '16.0.1';
    device.write('cfg.json', { ...settingsOf('Kitchen'), dmx: { chan: 1 } });
    await expect(run(device).verify(saved)).resolves.toBeUndefined();
    const [outputs] = settingsOf('Kitchen').hw.led.ins;
    device.write('cfg.json', { ...settingsOf('Kitchen'), hw: { led: { ins: [{ ...outputs, rev: true }] } } });
    await expect(run(device).verify(saved)).rejects.toMatchObject({ params: { file: 'cfg.json' } });
    device.write('cfg.json', { ...settingsOf('Kitchen'), hw: { led: { ins: [] } } });
    await expect(run(device).verify(saved)).rejects.toMatchObject({ code: 'restore_different' });
  });

  test('says what the device said', async () => {
    const device = await foreign(500, 'text/plain', 'out of memory');
    const saved = savedOf({ 'cfg.json': '{"hw":{}}' });
    await expect(run(device).restore(saved)).rejects.toMatchObject({
      code: 'restore_refused',
      params: { file: 'cfg.json', reason: 'out of memory' },
    });
  });
});

describe('what is not good', () => {
  const cfg = JSON.stringify(settingsOf('Kitchen'));
  const device = { address: '127.0.0.1' };

  test.each<[string, Record<string, string>, string]>([
    ['cut settings', { 'cfg.json': cfg.slice(0, -20) }, 'artefact_cut'],
    ['cut presets', { 'cfg.json': cfg, 'presets.json': '{"0":{},"1":{"n":"Ev' }, 'artefact_cut'],
    ['a page', { 'cfg.json': '<!DOCTYPE html><html></html>' }, 'artefact_wrong'],
    ['another file', { 'cfg.json': '{"Status":{"Module":1}}' }, 'artefact_wrong'],
    ['presets that are none', { 'cfg.json': cfg, 'presets.json': '["Evening"]' }, 'artefact_wrong'],
    ['no settings', { 'presets.json': '{"0":{}}' }, 'artefact_wrong'],
    ['nothing in it', { 'cfg.json': '' }, 'artefact_wrong'],
  ])('%s', async (_, files, code) => {
    await expect(run(device).validate(savedOf(files))).rejects.toMatchObject({ code });
  });

  test('a list of files that is none', async () => {
    const server = new DeviceServer((request, response) => {
      const info = request.url === '/json/info';
      response.end(info ? '{"ver":"16.0.1","vid":2608190}' : '[{"name":"cfg.json"},{"na');
    });
    running.push(server);
    await server.start();
    await expect(run(server).test()).rejects.toMatchObject({
      code: 'device_unexpected',
      params: { reason: 'no list of files' },
    });
  });
});

test('is compared in order and without secrets of its usermods', async () => {
  const device = await controller();
  device.write('skin.css', 'body {}');
  const saved = await run(device).fetch();
  const text = await run(device).normalised(saved, 'cfg.json');
  expect(text).toContain('"broker": "broker.local"');
  expect(text).not.toMatch(/k3y-of-a-usermod|usermod-token/);
  await expect(run(device).normalised(saved, 'skin.css')).resolves.toBe('body {}');
  const shuffled = Object.fromEntries(Object.entries(settingsOf('Kitchen')).toReversed());
  expect(await run(device).normalised(savedOf({ 'cfg.json': JSON.stringify(shuffled) }), 'cfg.json')).toBe(
    text,
  );
});

describe('what is no WLED', () => {
  test.each([
    ['another device', 200, 'application/json', '{"type":"SHSW-25","mac":"AABBCC"}', 'device_other_kind'],
    ['nothing of the kind', 404, 'text/html', '<html></html>', 'device_other_kind'],
    ['a page', 200, 'text/html', '<!DOCTYPE html><html></html>', 'device_unexpected'],
    ['a sign-in', 401, 'text/plain', 'who?', 'device_password'],
  ])('%s', async (_, status, type, body, code) => {
    const server = await foreign(status, type, body);
    await expect(run(server).test()).rejects.toMatchObject({ code });
  });

  test('is not recognised', async () => {
    const server = await foreign(200, 'application/json', '{"ver":"1.0"}');
    await expect(run(server).recognise(server.address)).resolves.toBeUndefined();
    const device = await controller({ pin: PIN });
    await expect(run(device).recognise(device.address)).resolves.toMatchObject({ id: 'a0b1c2d3e4f5' });
    expect(device.tried).toEqual([]);
  });
});

/** The client of Home Assistant with simulators at these ports: what it makes of them. */
const CLIENT = `
import asyncio, json, sys
import aiohttp
from wled import WLED

async def look(port):
    class Session(aiohttp.ClientSession):
        """Knows the port that the client does not."""
        async def _request(self, method, url, **options):
            return await super()._request(method, url.with_port(port), **options)

    async with Session() as session:
        device = await WLED('127.0.0.1', session=session).update()
        return {
            'name': device.info.name,
            'mac': device.info.mac_address,
            'version': str(device.info.version),
            'architecture': device.info.architecture,
            'leds': device.info.leds.count,
            'effects': len(device.effects),
            'presets': [preset.name for preset in device.presets.values()],
            'playlists': [playlist.name for playlist in device.playlists.values()],
            'outputs': [output.length for output in device.led_config.outputs],
        }

async def main():
    print(json.dumps([await look(int(port)) for port in sys.argv[1:]]))

asyncio.run(main())
`;

describe.runIf(haveReferees())('the client wled', { timeout: REFEREE_TEST_MS }, () => {
  test('takes the simulator for a controller of each version, also after a restore', async () => {
    const devices = await Promise.all(VERSIONS.map((version) => controller({ version })));
    const ports = devices.map(({ server }) => String(server.port));
    const seen = async () => JSON.parse(await referee(CLIENT, ports)) as object[];
    const before = await seen();
    expect(before).toEqual(
      VERSIONS.map((version) => ({
        ...{ name: 'Kitchen', mac: 'a0b1c2d3e4f5', version, architecture: 'esp32', leds: 60, effects: 3 },
        ...{ presets: ['Evening'], playlists: ['Tour'], outputs: [60] },
      })),
    );
    for (const device of devices) {
      const saved = await run(device).fetch();
      device.write('cfg.json', settingsOf('Changed', device.state.version));
      device.write('presets.json', { 0: {} });
      await run(device).restore(saved);
      await device.back();
    }
    await expect(seen()).resolves.toEqual(before);
  });
});
