import { afterEach, describe, expect, test } from 'vitest';
import { shelly } from '../../../src/devices/handlers/shelly.ts';
import { DeviceServer } from '../../simulators/devices/server.ts';
import { LONG_SCRIPT, ShellyDevice } from '../../simulators/devices/shelly.ts';
import { ShellyFirst } from '../../simulators/devices/shelly-gen1.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

const PASSWORD = 'drei Wörter & mehr';

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

async function started<Device extends { start(): Promise<void>; stop(): Promise<void> }>(
  device: Device,
): Promise<Device> {
  running.push(device);
  await device.start();
  return device;
}

const run = (of: { address: string }, change: Record<string, unknown> = {}) =>
  new HandlerRun(shelly, { address: of.address, ...change });
const names = (saved: { files: readonly { name: string }[] }) =>
  saved.files.map(({ name }) => name).toSorted();
const json = async (saved: Awaited<ReturnType<HandlerRun['fetch']>>, name: string) =>
  JSON.parse(await saved.get(name).text()) as unknown;

describe('the second generation and later', () => {
  test('says what it is', async () => {
    const device = await started(new ShellyDevice());
    await expect(run(device).test()).resolves.toEqual({
      id: 'a8032ab1c2d3',
      name: 'Bathroom',
      model: 'S3PL-00112EU',
      firmware: '1.5.1',
    });
  });

  test('signs in with digest, and sends no password where none is wanted', async () => {
    const device = await started(new ShellyDevice());
    device.auth.password = PASSWORD;
    await expect(run(device, { password: PASSWORD }).test()).resolves.toMatchObject({
      model: 'S3PL-00112EU',
    });
    expect(device.auth.failures).toBe(0);
    device.auth.password = '';
    await expect(run(device, { password: PASSWORD }).test()).resolves.toMatchObject({
      model: 'S3PL-00112EU',
    });
  });

  test.each([
    ['wrong', 'another', 1],
    ['missing', '', 0],
  ])('tries a password that is %s once at most', async (_, password, failures) => {
    const device = await started(new ShellyDevice());
    device.auth.password = PASSWORD;
    await expect(run(device, { password }).test()).rejects.toMatchObject({ code: 'device_password' });
    expect(device.auth.failures).toBe(failures);
    await expect(run(device, { password }).fetch()).rejects.toMatchObject({ code: 'device_password' });
    expect(device.auth.failures).toBe(2 * failures);
  });

  test('gives all that is set, scripts in full, lists page by page', async () => {
    const device = await started(new ShellyDevice().furnish());
    device.auth.password = PASSWORD;
    const saved = await run(device, { password: PASSWORD }).fetch();
    expect(names(saved)).toEqual([
      'components.json',
      'config.json',
      'kvs.json',
      'schedules.json',
      'script-1-heating-control.js',
      'script-3-brig.js',
      'scripts.json',
      'webhooks.json',
    ]);
    await expect(saved.get('script-1-heating-control.js').text()).resolves.toBe(LONG_SCRIPT);
    await expect(saved.get('script-3-brig.js').text()).resolves.toBe('// ö\nlet a = 1;');
    await expect(json(saved, 'scripts.json')).resolves.toEqual([
      { id: 1, name: 'Heating Control', enable: true, bytes: Buffer.byteLength(LONG_SCRIPT) },
      { id: 3, name: 'übrig', enable: false, bytes: 16 },
      { id: 4, name: 'empty', enable: false, bytes: 0 },
    ]);
    await expect(json(saved, 'kvs.json')).resolves.toEqual({
      target: 21.5,
      api_token: 'token-in-kvs',
      mode: 'auto',
    });
    await expect(json(saved, 'components.json')).resolves.toMatchObject({
      'boolean:200': { config: { name: 'Away' } },
      'group:200': { value: ['boolean:200'] },
      'bthomedevice:200': { config: { addr: 'aa:bb:cc:dd:ee:ff' } },
    });
    await expect(json(saved, 'config.json')).resolves.toMatchObject({ 'switch:0': { name: 'Heater' } });
    await expect(run(device).validate(saved)).resolves.toBeUndefined();
    expect(device.methods.written).toEqual([]);
  });

  test('gives what older firmware has', async () => {
    const device = await started(new ShellyDevice({ recent: false }).furnish());
    const saved = await run(device).fetch();
    expect(names(saved)).not.toContain('components.json');
    await expect(json(saved, 'kvs.json')).resolves.toEqual({
      target: 21.5,
      api_token: 'token-in-kvs',
      mode: 'auto',
    });
    await expect(run(device).validate(saved)).resolves.toBeUndefined();
  });

  test('is compared without counters, and without secrets', async () => {
    const device = await started(new ShellyDevice().furnish());
    const before = await run(device).fetch();
    const sys = device.methods.config.sys as { cfg_rev: number; device: { fw_id: string } };
    sys.cfg_rev += 1;
    sys.device.fw_id = '20260101-000000/1.6.0-g7654321';
    for (const component of Object.values(device.methods.components)) component.status.last_update_ts = 9;
    const after = await run(device).fetch();
    const shown: (string | undefined)[] = [];
    for (const { name } of before.files) {
      const text = await run(device).normalised(before, name);
      expect(await run(device).normalised(after, name), name).toBe(text);
      shown.push(text);
    }
    expect(shown.join()).toContain('hub.local/on');
    expect(shown.join()).not.toMatch(/token-in-kvs|key-of-bluetooth|word-in-address|word-in-query/);
  });

  test.each<[string, string, (result: never, params: { offset?: number }) => unknown]>([
    ['stops in the middle of a script', 'Script.GetCode', (result: object) => ({ ...result, data: '' })],
    [
      'loses bytes of a script',
      'Script.GetCode',
      ({ data, left }: { data: string; left: number }, { offset = 0 }) => ({
        data: offset > 0 ? data.slice(1) : data,
        left,
      }),
    ],
    ['does not say how much is left', 'Script.GetCode', ({ data }: { data: string }) => ({ data })],
    ['never ends a list', 'KVS.GetMany', (result: object) => ({ ...result, items: [], total: 3 })],
    ['gives another thing than settings', 'Shelly.GetConfig', () => ({ hello: 'world' })],
    ['gives nothing', 'Shelly.ListMethods', () => null],
  ])('is not saved in part where it %s', async (_, method, change) => {
    const device = await started(new ShellyDevice().furnish());
    device.methods.spoil = (called, result, params) =>
      called === method ? change(result as never, params) : result;
    await expect(run(device).fetch()).rejects.toMatchObject({ code: 'device_unexpected' });
  });
});

describe('a restore', () => {
  /** All that is set, to be compared. */
  const stateOf = ({ methods }: ShellyDevice) => ({
    config: Object.fromEntries(Object.entries(methods.config).filter(([key]) => key !== 'sys')),
    location: (methods.config.sys as { location: object }).location,
    scripts: methods.scripts.map(({ id, name, enable, code }) => ({
      id,
      name,
      enable,
      code: code.toString(),
    })),
    kvs: Object.fromEntries(methods.kvs),
    schedules: methods.schedules.map(({ id: _, ...job }) => job),
    webhooks: methods.webhooks.map(({ id: _, ...hook }) => hook),
    components: Object.entries(methods.components).map(([key, { config }]) => [key, config]),
    group: methods.components['group:200']?.status,
  });

  /** As if somebody had begun anew. */
  function change({ methods }: ShellyDevice): void {
    methods.config['switch:0'] = { ...methods.config['switch:0'], name: 'Lamp', auto_off: false };
    methods.config.plugs_ui = { leds: { mode: 'off', night_mode: { enable: true, brightness: 10 } } };
    (methods.config.sys as { location: object }).location = { tz: 'Europe/Paris', lat: 48.8, lon: 2.3 };
    methods.scripts = [
      { id: 1, name: 'Heating Control', enable: false, running: true, code: Buffer.from('other();') },
      { id: 5, name: 'more', enable: true, running: true, code: Buffer.from('more();') },
    ];
    methods.kvs = new Map<string, unknown>([
      ['mode', 'manual'],
      ['other', 1],
    ]);
    methods.schedules = [{ id: 9, enable: true, timespec: '@sunrise', calls: [{ method: 'Switch.Toggle' }] }];
    methods.webhooks = [];
    const paired = methods.components['bthomedevice:200'];
    methods.components = { ...(paired && { 'bthomedevice:200': paired }) };
    if (methods.recent) methods.components['number:201'] = { config: { id: 201, name: 'x' }, status: {} };
  }

  test.each([[true], [false]])(
    'brings everything back but connections (recent firmware: %s)',
    async (recent) => {
      const device = await started(new ShellyDevice({ recent }).furnish());
      device.auth.password = PASSWORD;
      const restorer = run(device, { password: PASSWORD });
      const saved = await restorer.fetch();
      const before = stateOf(device);
      change(device);
      await expect(restorer.verify(saved)).rejects.toMatchObject({ code: 'restore_different' });
      await restorer.restore(saved);
      await expect(restorer.verify(saved)).resolves.toBeUndefined();
      const { components: componentsBefore, ...rest } = before;
      const { components, ...restNow } = stateOf(device);
      expect(restNow).toEqual(rest);
      expect(Object.fromEntries(components as never)).toEqual(Object.fromEntries(componentsBefore as never));
      expect(device.methods.scripts.map(({ id, running: runs }) => [id, runs])).toEqual([
        [1, true],
        [3, false],
        [4, false],
      ]);
      expect(device.methods.written.filter((method) => /^(Wifi|Mqtt|BLE|Cloud|WS)\./.test(method))).toEqual(
        [],
      );
    },
  );

  test('writes nothing where nothing is different', async () => {
    const device = await started(new ShellyDevice().furnish());
    const saved = await run(device).fetch();
    await run(device).restore(saved);
    await expect(run(device).verify(saved)).resolves.toBeUndefined();
    expect(device.methods.written).toEqual([]);
  });

  test('writes only what is different', async () => {
    const device = await started(new ShellyDevice().furnish());
    const saved = await run(device).fetch();
    device.methods.config['switch:0'] = { ...device.methods.config['switch:0'], name: 'Lamp' };
    await run(device).restore(saved);
    expect(device.methods.written).toEqual(['Switch.SetConfig']);
  });

  test('writes what may be of any shape as a whole, and leaves out what the firmware of the device does not know', async () => {
    const device = await started(new ShellyDevice().furnish());
    const sys = device.methods.config.sys as { ui_data: object };
    sys.ui_data = { consumption_types: ['Heating'] };
    const saved = await run(device).fetch();
    sys.ui_data = { cover: 'x' };
    const away = device.methods.components['boolean:200'];
    if (away) away.config.meta = null;
    const { power_limit: _, ...older } = device.methods.config['switch:0'] ?? {};
    device.methods.config['switch:0'] = older;
    await run(device).restore(saved);
    await expect(run(device).verify(saved)).resolves.toBeUndefined();
    expect(sys.ui_data).toEqual({ consumption_types: ['Heating'] });
    expect(away?.config.meta).toEqual({ ui: { view: 'toggle' } });
    expect(device.methods.config['switch:0']).toEqual(older);
  });

  test('leaves connections as they are, and another address or password with them', async () => {
    const device = await started(new ShellyDevice());
    const saved = await run(device).fetch();
    device.methods.config.mqtt = { enable: true, server: 'new-broker.local' };
    device.methods.config.wifi = { sta: { ssid: 'New' } };
    await run(device).restore(saved);
    await expect(run(device).verify(saved)).resolves.toBeUndefined();
    expect(device.methods.config).toMatchObject({
      mqtt: { server: 'new-broker.local' },
      wifi: { sta: { ssid: 'New' } },
    });
  });

  test('restarts the device where it asks for that', async () => {
    const device = await started(new ShellyDevice().furnish());
    const saved = await run(device).fetch();
    const sys = device.methods.config.sys as { device: { eco_mode: boolean } };
    sys.device.eco_mode = true;
    await run(device).restore(saved);
    expect(device.methods.written).toEqual(['Sys.SetConfig', 'Shelly.Reboot']);
    await device.back();
    await expect(run(device).verify(saved)).resolves.toBeUndefined();
  });

  test('takes a new device of the same model, with scripts under their numbers', async () => {
    const device = await started(new ShellyDevice().furnish());
    const saved = await run(device).fetch();
    const other = await started(new ShellyDevice());
    await run(other).restore(saved);
    await expect(run(other).verify(saved)).resolves.toBeUndefined();
    expect(other.methods.scripts.map(({ id }) => id).toSorted()).toEqual([1, 3, 4]);
    // what has to be paired is not there
    expect(Object.keys(other.methods.components)).toEqual(['boolean:200', 'group:200']);
  });

  test('says which file the device did not take, and why', async () => {
    const device = await started(new ShellyDevice());
    const kvs = { ['k'.repeat(43)]: 1 };
    const { files } = await run(device).fetch();
    const config = await files.find(({ name }) => name === 'config.json')?.text();
    const saved = savedOf({ 'config.json': config ?? '', 'kvs.json': JSON.stringify(kvs) });
    await expect(run(device).restore(saved)).rejects.toMatchObject({
      code: 'restore_refused',
      params: { file: 'kvs.json', reason: "KVS.Set: Invalid argument 'key' (-103)" },
    });
  });

  test('is refused where the device is used otherwise', async () => {
    const device = await started(new ShellyDevice());
    const config = { sys: { device: { profile: 'cover' } }, 'switch:0': { name: 'x' } };
    await expect(
      run(device).restore(savedOf({ 'config.json': JSON.stringify(config) })),
    ).rejects.toMatchObject({
      code: 'restore_refused',
      params: { file: 'config.json' },
    });
    expect(device.methods.written).toEqual([]);
  });

  test('is found out where an add-on is missing', async () => {
    const device = await started(new ShellyDevice());
    const config = { ...device.methods.config, 'temperature:100': { id: 100, name: 'Outside' } };
    const saved = savedOf({ 'config.json': JSON.stringify(config) });
    await run(device).restore(saved);
    await expect(run(device).verify(saved)).rejects.toMatchObject({
      code: 'restore_different',
      params: { file: 'config.json' },
    });
  });

  test('is only for the same model, and not for the first generation', async () => {
    expect(shelly.restore?.same).toEqual(['model']);
    const first = await started(new ShellyFirst());
    const saved = await run(first).fetch();
    const impossible = { code: 'restore_impossible' };
    await expect(run(first).restore(saved)).rejects.toMatchObject(impossible);
    const device = await started(new ShellyDevice());
    await expect(run(first).restore(await run(device).fetch())).rejects.toMatchObject(impossible);
  });
});

describe('the first generation', () => {
  test('says what it is, and gives its settings and actions', async () => {
    const device = await started(new ShellyFirst());
    await expect(run(device, { password: PASSWORD }).test()).resolves.toEqual({
      id: 'aabbccddeeff',
      name: 'Cellar',
      model: 'SHPLG-S',
      firmware: '20230913-113421/v1.14.0-gcb84623',
    });
    const saved = await run(device).fetch();
    expect(names(saved)).toEqual(['actions.json', 'settings.json']);
    await expect(json(saved, 'settings.json')).resolves.toEqual(device.settings);
    await expect(run(device).validate(saved)).resolves.toBeUndefined();
    device.old = true;
    expect(names(await run(device).fetch())).toEqual(['settings.json']);
  });

  test('signs in with its user where a login is set', async () => {
    const device = await started(new ShellyFirst());
    device.password = PASSWORD;
    device.user = 'cellar';
    await expect(run(device, { password: PASSWORD, user: 'cellar' }).test()).resolves.toMatchObject({
      name: 'Cellar',
    });
    await expect(run(device, { password: 'wrong' }).test()).rejects.toMatchObject({
      code: 'device_password',
    });
    expect(device.failures).toBe(1);
    await expect(run(device).fetch()).rejects.toMatchObject({ code: 'device_password' });
    expect(device.failures).toBe(1);
  });

  test('is compared without the time, what is switched, and secrets', async () => {
    const device = await started(new ShellyFirst());
    const before = await run(device).fetch();
    Object.assign(device.settings, { time: '20:01', unixtime: 1_707_332_481 });
    Object.assign(device.settings.relays[0] ?? {}, { ison: true, has_timer: true });
    device.settings.cloud.connected = true;
    const after = await run(device).fetch();
    const text = await run(device).normalised(before, 'settings.json');
    await expect(run(device).normalised(after, 'settings.json')).resolves.toBe(text);
    expect(text).toContain('"name": "Cellar"');
    expect(text).not.toMatch(/key-of-access-point|4711/);
    await expect(run(device).normalised(before, 'actions.json')).resolves.not.toContain('word-in-query');
  });
});

describe('what is not good', () => {
  const device = { address: '127.0.0.1' };
  const config = '{"sys":{"device":{"mac":"A"}}}';

  test.each<[string, Record<string, string>, string]>([
    ['cut settings', { 'config.json': config.slice(0, -3) }, 'artefact_cut'],
    ['a page', { 'config.json': '<!DOCTYPE html><html></html>' }, 'artefact_wrong'],
    ['another file', { 'config.json': '{"hw":{}}' }, 'artefact_wrong'],
    ['no settings', { 'kvs.json': '{}' }, 'artefact_wrong'],
    ['nothing in it', { 'config.json': '' }, 'artefact_wrong'],
    [
      'a script that is missing',
      { 'config.json': config, 'scripts.json': '[{"id":1,"name":"a","enable":true,"bytes":9}]' },
      'artefact_wrong',
    ],
    [
      'a script that is cut',
      {
        'config.json': config,
        'scripts.json': '[{"id":1,"name":"a","enable":true,"bytes":9}]',
        'script-1-a.js': 'let a',
      },
      'artefact_cut',
    ],
    ['schedules that are none', { 'config.json': config, 'schedules.json': '{"jobs":[]}' }, 'artefact_wrong'],
    [
      'cut settings of the first generation',
      { 'settings.json': '{"device":{"type":"SHPLG-S",' },
      'artefact_cut',
    ],
    ['other settings', { 'settings.json': '{"device":{}}' }, 'artefact_wrong'],
    [
      'a page instead of actions',
      { 'settings.json': '{"device":{"type":"a","mac":"b"}}', 'actions.json': '<html>' },
      'artefact_wrong',
    ],
  ])('%s', async (_, files, code) => {
    await expect(run(device).validate(savedOf(files))).rejects.toMatchObject({ code });
  });
});

describe('what is no Shelly', () => {
  const foreign = (status: number, type: string, body: string) =>
    started(
      new DeviceServer((_, response) => response.writeHead(status, { 'content-type': type }).end(body)),
    );

  test.each([
    ['another device', 200, 'application/json', '{"ver":"16.0.1","vid":2608190}', 'device_other_kind'],
    ['nothing of the kind', 404, 'text/html', '<html></html>', 'device_other_kind'],
    ['a page', 200, 'text/html', '<!DOCTYPE html><html></html>', 'device_unexpected'],
    ['what is out of order', 503, 'text/plain', 'later', 'device_unavailable'],
  ])('%s', async (_, status, type, body, code) => {
    const server = await foreign(status, type, body);
    await expect(run(server).test()).rejects.toMatchObject({ code });
    if (code === 'device_other_kind')
      await expect(run(server).recognise(server.address)).resolves.toBeUndefined();
  });

  test('others are recognised without a password', async () => {
    const device = await started(new ShellyDevice());
    device.auth.password = PASSWORD;
    await expect(run(device).recognise(device.address)).resolves.toMatchObject({ id: 'a8032ab1c2d3' });
    const first = await started(new ShellyFirst());
    first.password = PASSWORD;
    await expect(run(first).recognise(first.address)).resolves.toMatchObject({ id: 'aabbccddeeff' });
    expect([...device.server.asked, ...first.server.asked]).toEqual(['GET /shelly', 'GET /shelly']);
  });

  test('frames that are none', async () => {
    const server = await started(
      new DeviceServer((request, response) => {
        const info = { gen: 2, mac: 'A', model: 'M', ver: '1.0.0' };
        response.end(request.url === '/shelly' ? JSON.stringify(info) : '[1,2');
      }),
    );
    await expect(run(server).test()).rejects.toMatchObject({ code: 'device_unexpected' });
  });
});
