import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { tasmota } from '../../../src/devices/handlers/tasmota.ts';
import { readDump } from '../../../src/devices/handlers/tasmota-dmp.ts';
import { haveReferees, refereeProgram } from '../../harness/referee.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { DeviceServer } from '../../simulators/devices/server.ts';
import { GERMAN, TasmotaDevice, type TasmotaState } from '../../simulators/devices/tasmota.ts';
import { TasmotaSettings, TEXT, xor } from '../../simulators/devices/tasmota-flash.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

const PASSWORD = 'secret-of-web';
const SECRETS = /secret-of/;

/** `config_version` of some chips. */
const ESP8266 = 0;
const ESP32 = 1;
const ESP32_S3 = 2;
const ESP32_P4 = 7;

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

async function device(state: Partial<TasmotaState> = {}, chip = ESP8266): Promise<TasmotaDevice> {
  const made = new TasmotaDevice(state, chip);
  running.push(made);
  await made.start();
  return made;
}

const run = (of: { address: string }, change: Record<string, unknown> = {}) =>
  new HandlerRun(tasmota, { address: of.address, password: PASSWORD, ...change });

async function foreign(status: number, type: string, body: string): Promise<DeviceServer> {
  const server = new DeviceServer((_, response) =>
    response.writeHead(status, { 'content-type': type }).end(body),
  );
  running.push(server);
  await server.start();
  return server;
}

const text = async (of: TasmotaDevice): Promise<string> => {
  const handler = run(of);
  return (await handler.normalised(await handler.fetch(), 'config.dmp')) ?? '';
};

describe('what it is', () => {
  const expected = {
    id: 'a848fa123456',
    name: 'Küchenlampe',
    firmware: '15.1.0',
    model: 'Nous A1T',
    chip: 'ESP8266',
  };

  test('is asked with the password in a header, and as if from its own page', async () => {
    const plug = await device();
    await expect(run(plug).test()).resolves.toEqual(expected);
    expect(plug.server.asked).toEqual(['GET /cm?cmnd=Status%200', 'GET /dl', 'GET /cm?cmnd=Module']);
  });

  test('is asked under another name than its own', async () => {
    const plug = await device();
    const address = `localhost:${plug.server.port}`;
    await expect(run(plug, { address }).test()).resolves.toEqual(expected);
  });

  test('is asked part by part where its log is too short', async () => {
    const plug = await device({ shortLog: true });
    await expect(run(plug).test()).resolves.toEqual(expected);
  });

  test('is asked without a password where none is set', async () => {
    const plug = await device();
    plug.settings.texts.delete(TEXT.webPassword);
    await expect(run(plug, { password: '' }).test()).resolves.toEqual(expected);
    await expect(run(plug).test()).resolves.toEqual(expected);
  });

  test.each([
    [ESP32, 'ESP32'],
    [ESP32_S3, 'ESP32-S3'],
    [ESP32_P4, 'ESP32-P4'],
    [99, 'chip 99'],
  ])('names the chip %i', async (chip, name) => {
    const plug = await device({}, chip);
    await expect(run(plug).test()).resolves.toMatchObject({ chip: name });
  });
});

describe('the password', () => {
  test.each([
    ['wrong', 'wrong', false],
    ['wrong for an old version', 'wrong', true],
  ])('is sent once where it is %s', async (_, password, oldRefusal) => {
    const plug = await device({ oldRefusal });
    await expect(run(plug, { password }).test()).rejects.toMatchObject({ code: 'device_password' });
    expect(plug.failures).toBe(1);
    await expect(run(plug, { password }).fetch()).rejects.toMatchObject({ code: 'device_password' });
    expect(plug.failures).toBe(2);
    expect(plug.server.asked).toEqual(['GET /cm?cmnd=Status%200', 'GET /dl']);
  });

  test('is missing', async () => {
    const plug = await device();
    await expect(run(plug, { password: '' }).test()).rejects.toMatchObject({ code: 'device_password' });
    expect(plug.failures).toBe(0);
  });

  test('does not help where the administration is switched off', async () => {
    const plug = await device({ userOnly: true });
    await expect(run(plug).test()).rejects.toMatchObject({ code: 'device_forbidden' });
    await expect(run(plug).fetch()).rejects.toMatchObject({ code: 'device_forbidden' });
  });
});

describe('what is fetched', () => {
  test('is the configuration as the device gives it', async () => {
    const plug = await device();
    const saved = await run(plug).fetch();
    expect(saved.files.map(({ name }) => name)).toEqual(['config.dmp']);
    await expect(saved.get('config.dmp').bytes()).resolves.toEqual(plug.dump);
    await expect(run(plug).validate(saved)).resolves.toBeUndefined();
  });

  test('has files of drivers in it', async () => {
    const plug = await device({}, ESP32);
    plug.addFile(3, 'energy');
    plug.addFile(12, 'twelve of them..');
    const saved = await run(plug).fetch();
    await expect(run(plug).validate(saved)).resolves.toBeUndefined();
    const { files } = readDump('config.dmp', await saved.get('config.dmp').bytes());
    expect(files.map(({ name, bytes }) => [name, bytes.subarray(4).toString()])).toEqual([
      ['/.drvset003', 'energy'],
      ['/.drvset012', 'twelve of them..'],
    ]);
  });

  test('may be of a version with a sum instead of a CRC', async () => {
    const old = new TasmotaSettings(0x06060005, ESP8266);
    old.bytes.write('plug', 0x165);
    old.bytes.write('Lamp', 0x3ac);
    old.bytes.write('secret-of-wifi', 0x0e3);
    old.bytes.write('secret-of-web', 0x4a9);
    const saved = savedOf({ 'config.dmp': xor(old.image()) });
    const handler = run({ address: '127.0.0.1' });
    await expect(handler.validate(saved)).resolves.toBeUndefined();
    const lines = await handler.normalised(saved, 'config.dmp');
    expect(lines).toMatch(/^Version: 6\.6\.0\.5\nChip: ESP8266\nHostname: plug\nFriendlyName1: Lamp\n/);
    expect(lines).not.toMatch(SECRETS);
    expect(lines).not.toContain('0x');
  });
});

describe('what is not good', () => {
  const handler = run({ address: '127.0.0.1' });
  const good = new TasmotaDevice();
  const large = new TasmotaDevice({}, ESP32);
  large.addFile(12, 'x'.repeat(100));
  const changed = Buffer.from(good.dump);
  changed.writeUInt8(changed.readUInt8(0x700) ^ 1, 0x700);

  test.each<[string, Buffer | string, string]>([
    ['a cut one', good.dump.subarray(0, 4_000), 'artefact_cut'],
    ['one that was cut early', good.dump.subarray(0, 100), 'artefact_cut'],
    ['a container that was cut', large.dump.subarray(0, -20), 'artefact_cut'],
    ['a container that was cut in its settings', large.dump.subarray(0, 2_000), 'artefact_cut'],
    ['the head of a container', large.dump.subarray(0, 20), 'artefact_cut'],
    ['a changed one', changed, 'artefact_wrong'],
    ['a page', '<!DOCTYPE html><html><head></head></html>', 'artefact_wrong'],
    ['another file', '{"Status":{"Module":1}}'.repeat(200), 'artefact_wrong'],
    ['nothing but zeros', Buffer.alloc(4_096), 'artefact_wrong'],
    ['nothing', '', 'artefact_wrong'],
  ])('%s', async (_, content, code) => {
    const saved = savedOf({ 'config.dmp': content });
    await expect(handler.validate(saved)).rejects.toMatchObject({ code });
    await expect(handler.normalised(saved, 'config.dmp')).resolves.toBeUndefined();
  });

  test('another file in its place', async () => {
    await expect(handler.validate(savedOf({ 'cfg.json': '{}' }))).rejects.toMatchObject({
      code: 'artefact_wrong',
    });
  });
});

describe('what is compared', () => {
  test('has names and no secrets', async () => {
    const lines = await text(await device());
    for (const line of [
      'Version: 15.1.0.0',
      'SSId1: Home',
      'Hostname: tasmota-lamp',
      'MqttHost: broker.local',
      'Topic: lamp',
      'Mem1: Küche',
      'FriendlyName2: Steckdose',
      'TemplateName: Nous A1T',
      'DeviceName: Küchenlampe',
      'Password1: ••••••',
      'WebPassword: ••••••',
      'MqttPassword: ••••••',
      'TelegramToken: ••••••',
      'RgxPassword: ••••••',
      'SetOption0-31: 00008009',
      'MqttPort: 1883',
      'Rule1: ON Power1#state=1 DO WebSend [192.168.1.9,admin:••••••] Power1 on ENDON',
      '  ON Time#Minute=60 DO Power1 off ENDON',
    ]) {
      expect(lines.split('\n')).toContain(line);
    }
    expect(lines).not.toMatch(SECRETS);
  });

  test.each([ESP8266, ESP32, ESP32_P4])(
    'has the password of the repeater of chip %i masked',
    async (chip) => {
      const plug = await device({}, chip);
      const lines = await text(plug);
      expect(lines).toContain('RgxPassword: ••••••');
      expect(lines).not.toMatch(SECRETS);
    },
  );

  test('does not change by itself', async () => {
    const plug = await device({}, ESP32);
    plug.addFile(3, 'energy 1');
    const before = await text(plug);
    plug.tick();
    plug.addFile(3, 'energy 2');
    expect(await text(plug)).toBe(before);
  });

  test('shows what a person has changed', async () => {
    const plug = await device({}, ESP32);
    plug.addFile(12, 'one');
    const before = await text(plug);
    plug.settings.texts.set(TEXT.topic, 'lamp2');
    plug.settings.bytes.writeUInt8(7, 0xf05);
    plug.addFile(12, 'two');
    const after = await text(plug);
    const changed = after.split('\n').filter((line) => !before.split('\n').includes(line));
    expect(changed).toEqual([
      'Topic: lamp2',
      expect.stringMatching(/^0xF00: (00|--) .* 07 /),
      expect.stringMatching(/^File \/\.drvset012: 7 bytes, [0-9a-f]{16}$/),
    ]);
  });

  test('hides the keys of radio networks, and compressed rules', async () => {
    const plug = await device();
    plug.settings.bytes.fill(0xab, 0xf20, 0xf30);
    plug.settings.bytes.fill(0xcd, 0xfbc, 0xfc8);
    plug.settings.bytes.fill(0, 0x800, 0xa00);
    plug.settings.bytes.fill(0xef, 0x801, 0x840);
    const lines = await text(plug);
    expect(lines).toContain('0xF20: ** ** ');
    expect(lines).not.toMatch(/AB|CD CD|EF EF/);
    expect(lines).toMatch(/\nRule1: compressed, [0-9a-f]{16}\n/);
  });

  test('reads a script where rules would be', async () => {
    const plug = await device();
    plug.settings.bytes.fill(0, 0x800, 0xe00);
    plug.settings.bytes.writeUInt8(0x80, 0x4a0);
    plug.settings.bytes.write(
      '>D\ntoken="secret-of-service"\n>S\nurl=http://me:secret-of-script@box/?password=secret-of-query',
      0x800,
    );
    const lines = await text(plug);
    expect(lines).toContain('Script: >D\n  token=••••••\n  >S\n');
    expect(lines).not.toMatch(SECRETS);
  });
});

describe('a restore', () => {
  test.each([ESP8266, ESP32])('is taken, and read back after the restart (chip %i)', async (chip) => {
    const plug = await device({}, chip);
    if (chip === ESP32) plug.addFile(12, 'twelve');
    const restorer = run(plug);
    const saved = await restorer.fetch();
    const before = await text(plug);
    plug.settings.texts.set(TEXT.deviceName, 'Changed');
    plug.settings.rule(2, 'ON x DO y ENDON');
    plug.files.clear();
    plug.server.asked.length = 0;

    await restorer.restore(saved);
    await plug.away;
    const size = (await saved.get('config.dmp').bytes()).length;
    expect(plug.server.asked).toEqual(['GET /dl', 'GET /rs', `POST /u2?fsz=${size}`]);
    await expect(restorer.test()).rejects.toMatchObject({ code: 'device_refused' });
    await plug.back();
    await expect(restorer.verify(saved)).resolves.toBeUndefined();
    expect(await text(plug)).toBe(before);
  });

  test('is refused for another chip before anything is sent, and by what the guard knows', async () => {
    expect(tasmota.restore?.same).toEqual(['chip']);
    const saved = await run(await device({}, ESP32)).fetch();
    const plug = await device({}, ESP8266);
    await expect(run(plug).restore(saved)).rejects.toMatchObject({
      code: 'restore_other_chip',
      params: { saved: 'ESP32', now: 'ESP8266' },
    });
    expect(plug.server.asked).toEqual(['GET /dl']);
  });

  test.each<[string, Partial<TasmotaState>, string]>([
    ['its own words', {}, 'File invalid'],
    ['the words of another language', { words: GERMAN }, 'Datei ungültig'],
  ])('is not taken, which the page says in %s with status 200', async (_, state, reason) => {
    const plug = await device(state);
    const saved = await run(plug).fetch();
    plug.state.garbles = true;
    await expect(run(plug).restore(saved)).rejects.toMatchObject({
      code: 'restore_refused',
      params: { file: 'config.dmp', reason },
    });
  });

  test('succeeds in another language', async () => {
    const plug = await device({ words: GERMAN });
    const saved = await run(plug).fetch();
    await expect(run(plug).restore(saved)).resolves.toBeUndefined();
  });

  test('is not taken where there is no room for files of drivers', async () => {
    const plug = await device();
    plug.addFile(12, 'twelve');
    const saved = await run(plug).fetch();
    plug.state.fileSystem = false;
    await expect(run(plug).restore(saved)).rejects.toMatchObject({ params: { reason: 'File too large' } });
  });

  test('is found out where something reads otherwise', async () => {
    const plug = await device();
    const saved = await run(plug).fetch();
    plug.settings.texts.set(TEXT.friendlyName1, 'Changed');
    await expect(run(plug).verify(saved)).rejects.toMatchObject({ code: 'restore_different' });
  });

  test('may be of an older version, which the device brings up to its own', async () => {
    const plug = await device();
    const saved = await run(plug).fetch();
    plug.state.version = '15.2.0';
    await run(plug).restore(saved);
    await plug.back();
    plug.settings.bytes.writeUInt32LE(1, 0xf74);
    await expect(run(plug).verify(saved)).resolves.toBeUndefined();
    plug.settings.texts.set(TEXT.topic, 'other');
    await expect(run(plug).verify(saved)).rejects.toMatchObject({ code: 'restore_different' });
  });

  test('is nothing without the page before it: the device takes the file for firmware', async () => {
    const plug = await device();
    const form = new FormData();
    form.set('u2', new Blob([new Uint8Array(plug.dump)]), 'config.dmp');
    const answer = await fetch(`http://${plug.address}/u2`, {
      method: 'POST',
      body: form,
      headers: {
        referer: 'http://127.0.0.1/',
        authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`,
      },
    });
    expect(answer.status).toBe(200);
    await expect(answer.text()).resolves.toContain('Invalid file signature');
  });
});

describe('what is no Tasmota', () => {
  test.each([
    ['another device', 200, 'application/json', '{"type":"SHSW-25","mac":"AABBCC"}', 'device_other_kind'],
    ['nothing of the kind', 404, 'text/html', '<html></html>', 'device_other_kind'],
    ['a page', 200, 'text/html', '<!DOCTYPE html><html></html>', 'device_other_kind'],
    ['a sign-in', 401, 'text/plain', 'who?', 'device_password'],
  ])('%s', async (_, status, type, body, code) => {
    const server = await foreign(status, type, body);
    await expect(run(server).test()).rejects.toMatchObject({ code });
  });

  test('is not recognised', async () => {
    for (const [status, type, body] of [
      [200, 'application/json', '{"ver":"1.0"}'],
      [200, 'text/html', '<html></html>'],
      [401, 'text/plain', 'who?'],
    ] as const) {
      const server = await foreign(status, type, body);
      await expect(run(server).recognise(server.address), body).resolves.toBeUndefined();
    }
  });

  test('is a Tasmota, with a password or without', async () => {
    const plug = await device();
    await expect(run(plug).recognise(plug.address)).resolves.toEqual({ firmware: '15.1.0' });
    expect(plug.failures).toBe(0);
    plug.settings.texts.delete(TEXT.webPassword);
    await expect(run(plug).recognise(plug.address)).resolves.toMatchObject({ id: 'a848fa123456' });
    const old = await foreign(
      200,
      'application/json',
      '{"WARNING":"Need user=<username>&password=<password>"}',
    );
    await expect(run(old).recognise(old.address)).resolves.toEqual({});
  });

  test('a device that does not like who asks', async () => {
    const plug = await device();
    await expect(fetch(`http://admin@${plug.address}/dl`).catch(() => 'nothing')).resolves.toBeDefined();
    const answer = fetch(`http://${plug.address}/cm?cmnd=Status`, { headers: { referer: 'http://evil/' } });
    await expect(answer).rejects.toThrow();
  });
});

/** It takes seconds to start, and longer beside other tests. */
const DECODE_MS = 120_000;

interface Decoded {
  readonly [name: string]: unknown;
  readonly header: { readonly data: { readonly version: { readonly name: string } } };
}

/** What decode-config makes of a file or a device. */
async function decoded(source: string): Promise<Decoded> {
  const written = await refereeProgram('decode-config.py', ['--source', source, '--json-show-pw']);
  return JSON.parse(written) as Decoded;
}

/** Has decode-config write settings into a file or onto a device. */
async function encode(source: string, wanted: object): Promise<void> {
  const path = join(temporaryFolder('decode'), 'wanted.json');
  writeFileSync(path, JSON.stringify(wanted));
  await refereeProgram('decode-config.py', ['--source', source, '--restore-file', path]);
}

describe.runIf(haveReferees())('decode-config', { timeout: DECODE_MS }, () => {
  const file = (bytes: Buffer): string => {
    const path = join(temporaryFolder('decode'), 'config.dmp');
    writeFileSync(path, bytes);
    return path;
  };
  const urlOf = (plug: TasmotaDevice) => `http://admin:${PASSWORD}@${plug.address}`;

  test.each([ESP8266, ESP32_S3])('reads what we read, before and after a restore (chip %i)', async (chip) => {
    const plug = await device({}, chip);
    if (chip !== ESP8266) plug.addFile(12, 'twelve');
    const saved = await run(plug).fetch();
    const before = await decoded(file(await saved.get('config.dmp').bytes()));
    expect(before).toMatchObject({ mqtt_pwd: 'secret-of-mqtt', web_password: PASSWORD });
    const lines = await text(plug);
    const ours = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(lines)?.[1];
    expect(ours('Version')).toBe(`${before.header.data.version.name}.0`);
    expect(ours('DeviceName')).toBe(before.devicename);
    expect(ours('Hostname')).toBe(before.hostname);
    expect(ours('MqttHost')).toBe(before.mqtt_host);
    expect(Number(ours('MqttPort'))).toBe(before.mqtt_port);
    expect(ours('Topic')).toBe(before.mqtt_topic);
    expect(ours('FullTopic')).toBe(before.mqtt_fulltopic);
    expect(ours('TemplateName')).toBe(before.templatename);
    expect(ours('OtaUrl')).toBe(before.ota_url);
    expect(Number(ours('TelePeriod'))).toBe(before.tele_period);
    expect(before.friendlyname).toEqual(
      expect.arrayContaining([ours('FriendlyName1'), ours('FriendlyName2')]),
    );
    expect(before.mems).toContain(ours('Mem1'));

    plug.settings.texts.set(TEXT.deviceName, 'Changed');
    plug.settings.rule(1, '');
    plug.files.clear();
    await run(plug).restore(saved);
    await plug.back();
    const after = await decoded(urlOf(plug));
    expect(after).toMatchObject({
      devicename: before.devicename,
      rules: before.rules,
      flag: before.flag,
      mqtt_pwd: before.mqtt_pwd,
    });
  });

  test('takes the simulator for a device, and what it writes there we read', async () => {
    const plug = await device();
    await encode(urlOf(plug), { devicename: 'Von nebenan', mqtt_topic: 'elsewhere' });
    await plug.back();
    const lines = await text(plug);
    expect(lines).toContain('DeviceName: Von nebenan\n');
    expect(lines).toContain('Topic: elsewhere\n');
  });

  test('writes files that we find to be good', async () => {
    const path = file((await device()).dump);
    await encode(path, { hostname: 'written' });
    const handler = run({ address: '127.0.0.1' });
    const saved = savedOf({ 'config.dmp': readFileSync(path) });
    await expect(handler.validate(saved)).resolves.toBeUndefined();
    await expect(handler.normalised(saved, 'config.dmp')).resolves.toContain('Hostname: written\n');
  });
});
