import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { zipBytes, zipEntries, zipInMemory } from '../../../src/devices/artefacts/zip.ts';
import { zigbee2mqtt } from '../../../src/devices/handlers/zigbee2mqtt.ts';
import { version } from '../../harness/cache.ts';
import { freePort } from '../../harness/free-port.ts';
import { haveMosquitto, type Mosquitto, startMosquitto } from '../../harness/mosquitto.ts';
import { COORDINATOR, haveZigbee2Mqtt, NETWORK_KEY, Zigbee2Mqtt } from '../../harness/zigbee2mqtt.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

const BACKUP = 'zigbee2mqtt-backup.zip';
const PASSWORD = 'of the broker 77';
const ACCOUNT = { user: 'home', password: PASSWORD };

async function unpacked(bytes: Buffer): Promise<Record<string, Buffer>> {
  const source = zipInMemory(BACKUP, bytes);
  const files: Record<string, Buffer> = {};
  for (const entry of await zipEntries(source)) {
    files[entry.name] = await zipBytes(source, entry, 1024 * 1024);
  }
  return files;
}

function folder(dir: string): Record<string, Buffer> {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => lstatSync(join(dir, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(dir, name))]));
}

describe.runIf(haveZigbee2Mqtt() && haveMosquitto())('a real Zigbee2MQTT', () => {
  let broker: Mosquitto;
  let bridge: Zigbee2Mqtt;
  const run = (change: Record<string, unknown> = {}) =>
    new HandlerRun(zigbee2mqtt, { broker: broker.url, ...ACCOUNT, ...change });

  beforeAll(async () => {
    broker = await startMosquitto({ users: { [ACCOUNT.user]: PASSWORD } });
    bridge = new Zigbee2Mqtt({ broker, ...ACCOUNT });
    await bridge.start();
  }, 150_000);
  afterAll(async () => {
    await bridge?.stop();
    await broker?.stop();
  });

  test('says what it is, over a broker that was named and over our own', async () => {
    const identity = {
      ...{ id: COORDINATOR, name: 'zigbee2mqtt', model: 'Zigbee2MQTT', chip: 'zStack3x0' },
      firmware: version('ZIGBEE2MQTT_VERSION'),
    };
    await expect(run().test()).resolves.toEqual(identity);
    // a field that was emptied
    await expect(run({ base_topic: '' }).test()).resolves.toEqual(identity);
    const own = { url: broker.url, username: ACCOUNT.user, password: PASSWORD };
    await expect(new HandlerRun(zigbee2mqtt, {}, { broker: own }).test()).resolves.toEqual(identity);
  });

  test('gives its folder, without logs and firmware', async () => {
    const saved = await run().fetch();
    expect(saved.files.map(({ name }) => name)).toEqual([BACKUP]);
    await expect(run().validate(saved)).resolves.toBeUndefined();
    const files = await unpacked(await saved.get(BACKUP).bytes());
    const there = Object.entries(folder(bridge.dir)).filter(([name]) => !/^(log|ota)\//.test(name));
    expect(Object.keys(files)).toContain('coordinator_backup.json');
    expect(Object.keys(files).toSorted()).toEqual(there.map(([name]) => name).toSorted());
    for (const [name, content] of there) expect(files[name]?.equals(content), name).toBe(true);
  });

  test('gives it also when it is large', async () => {
    const large = join(bridge.dir, 'large.bin');
    writeFileSync(large, randomBytes(8 * 1024 * 1024));
    const saved = await run().fetch();
    await expect(run().validate(saved)).resolves.toBeUndefined();
    const source = zipInMemory(BACKUP, await saved.get(BACKUP).bytes());
    const entry = (await zipEntries(source)).find(({ name }) => name === 'large.bin');
    if (!entry) throw new Error('it is missing');
    expect((await zipBytes(source, entry, entry.size)).equals(readFileSync(large))).toBe(true);
    rmSync(large);
  }, 30_000);

  test('is compared without secrets and without what changes by itself', async () => {
    const saved = await run().fetch();
    const normalised = await run().normalised(saved, BACKUP);
    expect(normalised).toContain('friendly_name: lamp in the hall');
    expect(normalised).toContain('0x000b57fffec6a5b3 Router IKEA of Sweden TRADFRI bulb E27 WS opal 980lm');
    expect(normalised).toContain('pan_id: 6754');
    expect(normalised).toMatch(/^external_converters\/own\.js 21$/m);
    expect(normalised).not.toContain(PASSWORD);
    expect(normalised).not.toContain(Buffer.from(NETWORK_KEY).toString('hex'));
    for (const byte of NETWORK_KEY.slice(8))
      expect(normalised).not.toMatch(new RegExp(`^\\s*- ${byte}$`, 'm'));
    expect(normalised).not.toContain('1700000000000');
    // the counter of frames in the coordinator went on
    const again = await run().fetch();
    expect(await again.get(BACKUP).bytes()).not.toEqual(await saved.get(BACKUP).bytes());
    await expect(run().normalised(again, BACKUP)).resolves.toBe(normalised);
  });

  test('answers two at once, to each its own', async () => {
    const all = await Promise.all([run().fetch(), run().fetch(), run().fetch()]);
    for (const saved of all) await expect(run().validate(saved)).resolves.toBeUndefined();
  });

  test('refuses a wrong password after one attempt', async () => {
    const refused = () => broker.log().match(/not authorised/g)?.length ?? 0;
    const before = refused();
    await expect(run({ password: 'wrong' }).fetch()).rejects.toMatchObject({ code: 'device_password' });
    expect(refused()).toBe(before + 1);
  });

  test('is not under another topic', async () => {
    await expect(run({ base_topic: 'elsewhere' }).test()).rejects.toMatchObject({
      code: 'device_failed',
      params: { reason: 'no Zigbee2MQTT under the topic elsewhere' },
    });
  }, 20_000);

  test('is known to be stopped at once, and to be gone while it is waited for', async () => {
    const other = new Zigbee2Mqtt({ broker, ...ACCOUNT, base: 'attic', radio: 'broken' });
    await other.start();
    await expect(run({ base_topic: 'attic' }).fetch()).rejects.toMatchObject({
      code: 'device_failed',
      params: { reason: 'the radio does not answer' },
    });
    await other.stop();
    await expect(run({ base_topic: 'attic' }).fetch()).rejects.toMatchObject({
      code: 'device_failed',
      params: { reason: 'Zigbee2MQTT is not running' },
    });
  }, 150_000);
});

describe.runIf(haveMosquitto())('what somebody else publishes', () => {
  let broker: Mosquitto;
  let base = '';
  let count = 0;
  const run = (options = {}) =>
    new HandlerRun(zigbee2mqtt, { broker: broker.url, base_topic: base }, options);

  beforeAll(async () => {
    broker = await startMosquitto();
  }, 30_000);
  afterAll(() => broker?.stop());

  /** Runs with a bridge that answers a request with these messages, one after the other. */
  async function answering(answers: (transaction: string) => readonly (readonly [string, string])[]) {
    count += 1;
    base = `home/${count}`;
    const topic = base;
    const client = await mqtt.connectAsync(broker.url);
    await client.subscribeAsync(`${topic}/bridge/request/backup`);
    client.on('message', (_, payload) => {
      const { transaction } = JSON.parse(payload.toString()) as { transaction: string };
      for (const [where, what] of answers(transaction)) client.publish(`${topic}/${where}`, what, { qos: 1 });
    });
    const info = { version: '1.40.0', coordinator: { type: 'EZSP', ieee_address: '0x01' } };
    await client.publishAsync(`${topic}/bridge/info`, JSON.stringify(info), { retain: true, qos: 1 });
    await client.publishAsync(`${topic}/bridge/state`, 'online', { retain: true, qos: 1 });
    try {
      return await run().fetch();
    } finally {
      await client.endAsync(true);
    }
  }
  const response = (content: unknown) =>
    ['bridge/response/backup', typeof content === 'string' ? content : JSON.stringify(content)] as const;

  test.each([
    ['another shape', { status: 'ok', data: {} }, 'device_unexpected'],
    ['a zip that is no base64 to its end', { status: 'ok', data: { zip: 'UEsDBAo' } }, 'artefact_cut'],
    ['a zip that is no base64 within', { status: 'ok', data: { zip: 'UEs_BAo=' } }, 'artefact_cut'],
    ['an error', { status: 'error', data: {}, error: 'disk full' }, 'device_failed'],
  ])('%s', async (_, content, code) => {
    const answer = answering((transaction) => [response({ ...content, transaction })]);
    await expect(answer).rejects.toMatchObject({ code });
  });

  test('an answer to somebody else is passed over', async () => {
    const answer = (zip: string, transaction?: string) =>
      response({ status: 'ok', data: { zip }, ...(transaction && { transaction }) });
    const saved = await answering((transaction) => [
      answer('AAAA', 'other'),
      answer('BBBB'),
      response('garbage'),
      answer('Q0ND', transaction),
    ]);
    await expect(saved.get(BACKUP).text()).resolves.toBe('CCC');
  });

  test('more than fits is refused before it fills the memory', async () => {
    const zip = 'A'.repeat(66 * 1024 * 1024);
    await expect(
      answering((transaction) => [response({ status: 'ok', data: { zip }, transaction })]),
    ).rejects.toMatchObject({ code: 'artefact_too_large', params: { file: BACKUP, limit: '48 MiB' } });
  }, 30_000);

  test('it goes away in the middle', async () => {
    await expect(answering(() => [['bridge/state', '{"state":"offline"}']])).rejects.toMatchObject({
      code: 'device_failed',
      params: { reason: 'Zigbee2MQTT is not running' },
    });
  });

  test('the broker goes away in the middle, and somebody cancels', async () => {
    const cancel = new AbortController();
    base = 'home/quiet';
    broker.publish(`${base}/bridge/state`, 'online', { retain: true });
    broker.publish(`${base}/bridge/info`, '{"version":"2","coordinator":{}}', { retain: true });
    const client = await mqtt.connectAsync(broker.url);
    await client.subscribeAsync(`${base}/bridge/request/backup`);
    client.on('message', () => cancel.abort(new Error('cancelled')));
    await expect(run({ signal: cancel.signal }).fetch()).rejects.toThrow('cancelled');
    client.removeAllListeners('message');
    client.on('message', () => void broker.program.kill9());
    client.on('error', () => undefined);
    await expect(run().fetch()).rejects.toMatchObject({ code: 'device_cut' });
    client.end(true);
    await expect(run().fetch()).rejects.toMatchObject({ code: 'device_refused' });
  });

  test('there is no broker at all', async () => {
    await expect(new HandlerRun(zigbee2mqtt, {}).test()).rejects.toMatchObject({
      code: 'device_no_broker',
    });
    const nobody = { broker: `mqtt://127.0.0.1:${await freePort()}` };
    await expect(new HandlerRun(zigbee2mqtt, nobody).test()).rejects.toMatchObject({
      code: 'device_refused',
    });
  });
});

describe('what is saved', () => {
  const whole = {
    'configuration.yaml': 'mqtt:\n  server: mqtt://localhost\n',
    'database.db': '{"id":1,"type":"Coordinator","ieeeAddr":"0x01"}\n',
    'coordinator_backup.json': `{"network_key":{"key":"${'0f'.repeat(16)}"}}`,
  };
  const validated = (bytes: Buffer | string) =>
    new HandlerRun(zigbee2mqtt, {}).validate(savedOf({ [BACKUP]: bytes }));

  test('is whole', async () => {
    await expect(validated(zipOf(whole))).resolves.toBeUndefined();
    const { 'coordinator_backup.json': _, ...without } = whole;
    await expect(validated(zipOf(without))).resolves.toBeUndefined();
    const old = { ...whole, 'coordinator_backup.json': '{"adapterType":"zStack","data":{"ZCD_NV_NIB":{}}}' };
    await expect(validated(zipOf(old))).resolves.toBeUndefined();
  });

  test.each([
    ['cut', zipOf(whole).subarray(0, -30), 'artefact_cut'],
    ['empty', '', 'artefact_wrong'],
    ['a page', '<!doctype html><title>x</title>', 'artefact_wrong'],
    ['another archive', zipOf({ 'a.txt': 'a' }), 'artefact_wrong'],
    ['broken settings', zipOf({ ...whole, 'configuration.yaml': 'mqtt: [' }), 'artefact_wrong'],
    ['no settings', zipOf({ ...whole, 'configuration.yaml': '' }), 'artefact_wrong'],
    ['a broken database', zipOf({ ...whole, 'database.db': '{"id":1,' }), 'artefact_wrong'],
    ['an empty database', zipOf({ ...whole, 'database.db': '' }), 'artefact_wrong'],
    ['no key', zipOf({ ...whole, 'coordinator_backup.json': '{"network_key":{}}' }), 'artefact_wrong'],
  ])('is refused: %s', async (_, bytes, code) => {
    await expect(validated(bytes)).rejects.toMatchObject({ code });
  });
});

/** A zip archive with these files (APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 and 4.3.16). */
function zipOf(files: Readonly<Record<string, string>>): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const packed = deflateRawSync(text);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(text), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(Buffer.byteLength(text), 18);
    common.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    const one = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed]);
    local.push(one);
    central.push(Buffer.from('PK\x01\x02\x14\0'), common, place, Buffer.from(name));
    offset += one.length;
  }
  const end = Buffer.alloc(18);
  const count = Object.keys(files).length;
  end.writeUInt16LE(count, 4);
  end.writeUInt16LE(count, 6);
  end.writeUInt32LE(Buffer.concat(central).length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, ...central, Buffer.from('PK\x05\x06'), end]);
}
