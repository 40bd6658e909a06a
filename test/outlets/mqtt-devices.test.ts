import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { targetDevice } from '../../src/backups/entities.ts';
import type { CoreState, TargetState } from '../../src/contract/index.ts';
import type { DeviceDescription } from '../../src/kernel/entities.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { type Entry, wordEntry } from '../../src/kernel/journal.ts';
import { discoveryPayload } from '../../src/outlets/mqtt/discovery.ts';
import { Topics } from '../../src/outlets/mqtt/topics.ts';
import { coreDevice } from '../../src/system/entities.ts';
import { cacheDir, repositoryRoot, version } from '../harness/cache.ts';
import { CORE, targetDocument } from '../harness/documents.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { haveMosquitto, type Mosquitto } from '../harness/mosquitto.ts';
import { INSTANCE, Outlet } from '../harness/outlet.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import { full, OddBroker, slowly, welcomesAndIsSilent } from '../simulators/mqtt/index.ts';

const NODE = `homestash_${INSTANCE}`;
const configOf = (device: string) => `homeassistant/device/${NODE}/${device}/config`;
const stateOf = (device: string) => `homestash/${INSTANCE}/${device}/state`;

/** A client that nobody here wrote, and all that it hears. */
class Ear {
  readonly client: MqttClient;
  readonly heard: { readonly topic: string; readonly payload: string }[] = [];

  private constructor(client: MqttClient) {
    this.client = client;
    client.on('message', (topic, payload) => this.heard.push({ topic, payload: payload.toString() }));
  }

  static async listen(url: string, ...filters: string[]): Promise<Ear> {
    const ear = new Ear(await mqtt.connectAsync(url, { reconnectPeriod: 100 }));
    await ear.client.subscribeAsync(filters, { qos: 1 });
    return ear;
  }

  newest = (topic: string) => this.heard.findLast((message) => message.topic === topic)?.payload;
  count = (topic: string) => this.heard.filter((message) => message.topic === topic).length;
}

const made: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of made.splice(0).reverse()) await one.stop();
});

async function outlet(options: Partial<ConstructorParameters<typeof Outlet>[0]> = {}): Promise<Outlet> {
  const one = new Outlet({ clock: new IdleClock(), devices: [coreDevice, targetDevice], ...options });
  made.push(one);
  await one.start();
  return one;
}

async function ear(broker: Mosquitto, ...filters: string[]): Promise<Ear> {
  const one = await Ear.listen(broker.url, ...filters);
  made.push({ stop: () => one.client.endAsync(true) });
  return one;
}

const write = (to: Outlet, id: string, more: Partial<TargetState> = {}) =>
  to.state.document<TargetState>(`backups/target-${id}`).set(targetDocument(id, more));

describe.skipIf(!haveMosquitto())('devices at a broker', () => {
  const stage = new Stage('mqtt-devices');
  let broker: Mosquitto;

  beforeAll(async () => {
    broker = await stage.mosquitto();
  });
  afterAll(() => stage.close());

  test('stand there as long as there are such things, the box first', async () => {
    const one = await outlet();
    const listener = await ear(broker, 'homeassistant/#', `homestash/${INSTANCE}/#`);
    write(one, 'b1');
    one.state.document<CoreState>('core').set(CORE);
    one.state.document<{ entries: [] }>('history').set({ entries: [] });
    await one.use({ url: broker.url });
    await waitFor(
      'all of it',
      () => listener.newest(stateOf('target_b1')) && listener.newest(stateOf('core')),
    );
    const configs = listener.heard.filter(({ topic }) => topic.endsWith('/config')).map(({ topic }) => topic);
    expect(configs).toEqual([configOf('core'), configOf('target_b1')]);
    const config = JSON.parse(listener.newest(configOf('target_b1')) ?? '');
    expect(config).toMatchObject({
      dev: { ids: [`${NODE}_target_b1`], name: 'Place b1', via_device: NODE, cu: 'http://192.168.1.5:8098' },
      o: { name: 'Homestash', sw: '1.2.3' },
      avty: [{ t: `homestash/${INSTANCE}/status` }],
      stat_t: stateOf('target_b1'),
    });
    expect(config.cmps.last_backup).toMatchObject({ p: 'sensor', name: 'Last backup', dev_cla: 'timestamp' });
    expect(JSON.parse(listener.newest(stateOf('target_b1')) ?? '')).toMatchObject({ id: 'b1', backups: 0 });
    one.state.document('backups/target-b1').delete();
    await waitFor('the end', async () => {
      const kept = Object.keys(await broker.retained('#'));
      return !kept.includes(configOf('target_b1')) && !kept.includes(stateOf('target_b1'));
    });
    expect(Object.keys(await broker.retained('#'))).toContain(configOf('core'));
    await one.forget();
    expect(Object.keys(await broker.retained(`homestash/${INSTANCE}/#`))).toEqual([]);
    expect(Object.keys(await broker.retained('homeassistant/#'))).toEqual([]);
  });

  test('what an earlier run left goes: devices that are no more, and entities that a device no longer has', async () => {
    broker.publish(configOf('target_old'), '{"dev":{}}', { retain: true });
    broker.publish(stateOf('target_old'), '{}', { retain: true });
    broker.publish(
      configOf('target_b1'),
      '{"cmps":{"moon":{"p":"sensor","uniq_id":"x"},"used":{"p":"sensor"}}}',
      {
        retain: true,
      },
    );
    broker.publish('homeassistant/device/somebody_else/config', '{"dev":{}}', { retain: true });
    const listener = await ear(broker, configOf('+'));
    const one = await outlet();
    write(one, 'b1');
    await one.use({ url: broker.url });
    await waitFor('the old one to go', async () => {
      const kept = Object.keys(await broker.retained('#'));
      return !kept.includes(configOf('target_old')) && !kept.includes(stateOf('target_old'));
    });
    // first that it is to be forgotten, then no word of it
    const said = () =>
      listener.heard.flatMap(({ topic, payload }) =>
        topic === configOf('target_b1') ? [JSON.parse(payload).cmps.moon as unknown] : [],
      );
    await waitFor(
      'both words',
      () => said().some((moon) => JSON.stringify(moon) === '{"p":"sensor"}') && said().at(-1) === undefined,
    );
    expect(Object.keys(await broker.retained('homeassistant/device/somebody_else/config'))).toHaveLength(1);
    broker.publish('homeassistant/device/somebody_else/config', '', { retain: true });
    await one.forget();
  });

  test('do what they are told, by whoever may write there, and only what they can', async () => {
    const done: [string, object][] = [];
    const one = await outlet({
      run: async (name, input) => {
        done.push([name, input]);
        if (name === 'check_now') throw new Problem('target_dns', { params: { host: 'nas.local' } });
      },
    });
    const press = (device: string, command: string, retain = false) =>
      broker.publish(`homestash/${INSTANCE}/${device}/${command}/set`, 'PRESS', { retain });
    // a button that somebody glued down is not pressed with each connection
    press('target_b1', 'back_up_now', true);
    write(one, 'b1');
    one.state.document<CoreState>('core').set(CORE);
    await one.use({ url: broker.url });
    await waitFor(
      'the device',
      async () => Object.keys(await broker.retained(stateOf('target_b1'))).length > 0,
    );
    press('target_b2', 'back_up_now');
    press('target_b1', 'restart');
    press('target_b1', 'check_now');
    press('core', 'restart');
    await waitFor('the deeds', () => done.length === 2);
    expect(done).toEqual([
      ['check_now', { target_id: 'b1' }],
      ['restart', {}],
    ]);
    // whoever pressed it reads why nothing came of it
    await one.journal.settled();
    const [failed] = await one.journal.list({ limit: 1 });
    expect(failed && wordEntry(failed, 'en').title).toBe(
      'Check now was pressed in Home Assistant, but was not done',
    );
    press('target_b1', 'back_up_now', true);
    broker.publish(`homestash/${INSTANCE}/target_b1/back_up_now/set`, '', { retain: true });
    await one.forget();
  });

  test('are told anew when Home Assistant has started, after a moment', async () => {
    const clock = new IdleClock();
    const one = await outlet({ clock });
    const listener = await ear(broker, configOf('+'));
    write(one, 'b1');
    await one.use({ url: broker.url });
    await waitFor('the device', () => listener.count(configOf('target_b1')) > 0);
    const before = listener.count(configOf('target_b1'));
    broker.publish('homeassistant/status', 'online');
    await waitFor('the second telling', () => {
      clock.forward(1_000);
      return listener.count(configOf('target_b1')) === before + 1;
    });
    await one.forget();
  });

  test('speak the language of the home, under the prefix of the home', async () => {
    const one = await outlet();
    one.language = 'de';
    write(one, 'b1');
    await one.use({ url: broker.url, discovery_prefix: 'ha/found' });
    const topic = `ha/found/device/${NODE}/target_b1/config`;
    const kept = await waitFor('the device', async () => (await broker.retained(topic))[topic]);
    expect(JSON.parse(kept).cmps.back_up_now.name).toBe('Jetzt sichern');
    one.language = 'en';
    one.bus.emit('language_changed', {});
    await waitFor('the other language', async () =>
      (await broker.retained(topic))[topic]?.includes('Back up now'),
    );
    // another prefix: nothing is left below the old one
    await one.use({ url: broker.url });
    expect(await broker.retained('ha/#')).toEqual({});
    await one.forget();
  });

  test('tell what happened as an event, and keep no event', async () => {
    const one = await outlet();
    write(one, 'b1');
    await one.use({ url: broker.url });
    const topic = `homestash/${INSTANCE}/target_b1/event`;
    const listener = await ear(broker, topic);
    const entry = {
      code: 'backup_stored',
      at: 0,
      target: 'b1',
      params: { name: 'Tuesday' },
    } as unknown as Entry;
    one.bus.emit('happened', entry);
    one.bus.emit('happened', { ...entry, code: 'target_changed' } as Entry);
    await waitFor('the event', () => listener.newest(topic));
    expect(listener.heard.map(({ payload }) => JSON.parse(payload))).toEqual([
      { event_type: 'stored', at: '1970-01-01T00:00:00.000Z', name: 'Tuesday' },
    ]);
    expect(await broker.retained(topic)).toEqual({});
    await one.forget();
  });

  test('take 50 writers at once and documents of 200 KB', async () => {
    const one = await outlet();
    const ids = Array.from({ length: 50 }, (_, at) => `w${at}`);
    await one.use({ url: broker.url });
    const listener = await ear(broker, `homestash/${INSTANCE}/+/state`);
    const long = 'x'.repeat(200_000);
    for (let n = 1; n <= 20; n += 1) for (const id of ids) write(one, id, { backups: n, last_error: long });
    const newest = (id: string) => listener.newest(stateOf(`target_${id}`)) ?? '';
    await waitFor('the newest of each', () => {
      one.clock.forward(1_000);
      return ids.every((id) => newest(id).includes('"backups":20'));
    });
    expect(JSON.parse(newest('w7')).last_error).toBe(long);
    // of twenty changes each the first and the newest
    expect(listener.heard.length).toBeLessThanOrEqual(2 * ids.length);
    for (const id of ids) one.state.document(`backups/target-${id}`).delete();
    await one.forget();
  });
});

describe.skipIf(!haveMosquitto())('bad days of a broker', () => {
  const stage = new Stage('mqtt-bad-days');
  afterAll(() => stage.close());

  test('killed and back during a storm of 10,000 changes: no writer waits, and then the newest is there, once', async () => {
    const broker = await stage.mosquitto();
    const one = await outlet();
    write(one, 'b1');
    one.state.document<CoreState>('core').set(CORE);
    await one.use({ url: broker.url });
    await waitFor(
      'the device',
      async () => Object.keys(await broker.retained(stateOf('target_b1'))).length > 0,
    );
    const storm = (from: number, to: number) => {
      for (let n = from; n < to; n += 1) write(one, 'b1', { bytes: n });
    };
    storm(0, 5_000);
    await broker.program.kill9();
    storm(5_000, 9_000);
    await waitFor('the failure', async () => (await one.status()).state !== 'connected');
    storm(9_000, 9_999);
    await broker.start();
    const listener = await ear(broker, '#');
    await waitFor('the connection', async () => {
      one.clock.forward(60_000);
      return (await one.status()).state === 'connected';
    });
    write(one, 'b1', { bytes: 10_000 });
    await waitFor('the newest', () => {
      one.clock.forward(1_000);
      return listener.newest(stateOf('target_b1'))?.includes('"bytes":10000');
    });
    // once for each connection that came about, however the clock was turned
    const connections = one.lines.filter((line) => line.includes('connected to the MQTT broker')).length - 1;
    expect(listener.count(configOf('target_b1'))).toBeLessThanOrEqual(connections);
    expect(listener.count(stateOf('target_b1'))).toBeLessThanOrEqual(connections + 1);
    expect(listener.newest(`homestash/${INSTANCE}/status`)).toBe('online');
  });

  test('one that welcomes and never answers is given up, and costs nobody anything', async () => {
    const odd = await new OddBroker(welcomesAndIsSilent).start();
    made.push({ stop: () => odd.stop() });
    const one = await outlet();
    write(one, 'b1');
    await one.use({ url: odd.url });
    for (let n = 0; n < 10_000; n += 1) write(one, 'b1', { bytes: n });
    await waitFor('the end of patience', () => {
      one.clock.forward(5_000);
      return one.lines.some((line) => line.includes('takes no messages'));
    });
    expect(one.lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });

  test('a slow line gets the newest of everything, and no writer waits for it', async () => {
    const broker = await stage.mosquitto();
    const way = await new OddBroker(slowly(broker.port, 250)).start();
    made.push({ stop: () => way.stop() });
    const one = await outlet();
    const ids = Array.from({ length: 20 }, (_, at) => `s${at}`);
    await one.use({ url: way.url });
    const listener = await ear(broker, `homestash/${INSTANCE}/+/state`);
    for (let n = 1; n <= 50; n += 1) for (const id of ids) write(one, id, { backups: n });
    await waitFor('the newest of each', () =>
      ids.every((id) => listener.newest(stateOf(`target_${id}`))?.includes('"backups":50')),
    );
    expect(listener.heard.length).toBeLessThanOrEqual(2 * ids.length);
  });

  test('one that is full is asked again, and holds nobody up', async () => {
    const odd = await new OddBroker(full()).start();
    made.push({ stop: () => odd.stop() });
    const one = await outlet();
    write(one, 'b1');
    await one.use({ url: odd.url });
    const refusals = () => one.lines.filter((line) => line.includes('a message was not published')).length;
    await waitFor('the first refusal', () => refusals() > 0);
    const before = refusals();
    for (let n = 0; n < 10_000; n += 1) write(one, 'b1', { bytes: n });
    await waitFor('another attempt', () => {
      one.clock.forward(1_000);
      return refusals() > before;
    });
    // a few attempts, and not one for each of ten thousand changes
    expect(refusals()).toBeLessThan(100);
    expect(one.lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });

  test('1,000 starts and stops leave nothing behind', async () => {
    const broker = await stage.mosquitto();
    const one = await outlet();
    write(one, 'b1');
    await one.use({ url: broker.url });
    const rounds = async (count: number) => {
      for (let n = 0; n < count; n += 1) {
        await one.halt();
        await one.start();
      }
    };
    await rounds(50);
    const handles = () => process.getActiveResourcesInfo().length;
    const before = handles();
    await rounds(950);
    await waitFor('everything to be let go', () => handles() <= before + 5);
    await waitFor('the connection', async () => (await one.status()).state === 'connected');
    const listener = await ear(broker, stateOf('target_b1'));
    write(one, 'b1', { bytes: 77 });
    await waitFor('the change', () => {
      one.clock.forward(1_000);
      return listener.newest(stateOf('target_b1'))?.includes('"bytes":77');
    });
  });
});

const VENVS = ['HOME_ASSISTANT_VERSION home-assistant', 'SHIM_FLOOR_VERSION shim-floor'].map((name) => {
  const [variable = '', folder = ''] = name.split(' ');
  return join(cacheDir, `${folder}-${version(variable)}`, 'bin/python');
});

const describedAs = (description: DeviceDescription, id: string, key: string, document: object) => ({
  device: { description, id, key },
  document: document as Record<string, unknown>,
});

test.for(VENVS)(
  'every payload passes the schemas of Home Assistant in %s, which reads our documents well',
  // a Home Assistant that is loaded on a busy machine takes its time
  { timeout: 180_000 },
  (python) => {
    const long = 'It does not work. '.repeat(40);
    const worst = targetDocument('b1', {
      problem: true,
      last_error: long,
      last_backup_bytes: 2_500_000_000,
      upload_percent: 40,
    });
    const things = [
      describedAs(coreDevice, '', 'core', CORE),
      describedAs(coreDevice, '', 'core', { ...CORE, cpu_temperature_celsius: 47.2 }),
      describedAs(targetDevice, 'b1', 'target_b1', targetDocument('b1', { reachable: null })),
      describedAs(targetDevice, 'b1', 'target_b1', worst),
    ];
    const asked = things.flatMap(({ device, document }) =>
      (['en', 'de'] as const).map((language) => ({
        payload: discoveryPayload({
          ...{ topics: new Topics(INSTANCE, 'homeassistant'), device, document, language },
          origin: { version: '1.2.3', url: 'https://example.org', page: undefined },
        }),
        document: JSON.stringify(document),
      })),
    );
    const script = join(repositoryRoot, 'test/outlets/discovery_schemas.py');
    const said = JSON.parse(
      execFileSync(python, [script], { input: JSON.stringify(asked), encoding: 'utf8' }),
    ) as {
      complaints: string[];
      values: Record<string, unknown>[];
    };
    expect(said.complaints).toEqual([]);
    const [core, , warm, , fresh, , bad] = said.values;
    expect(core).toMatchObject({ safety: 'safe', problem: 'OFF', last_backup: 'None', disk: '12' });
    expect(core).not.toHaveProperty('temperature');
    expect(warm).toMatchObject({ temperature: '47.2' });
    expect(fresh).toMatchObject({
      reachable: 'None',
      last_backup_size: 'None',
      backups: '0',
      last_error: 'None',
    });
    expect(bad).toMatchObject({
      reachable: 'ON',
      problem: 'ON',
      last_backup_size: '2.5',
      upload_progress: '40',
    });
    expect(bad).toMatchObject({ 'problem attributes': { problem_code: null, last_error: long } });
    expect(String(bad?.last_error).length).toBeLessThanOrEqual(255);
    expect(String(bad?.last_error).length).toBeGreaterThan(200);
  },
);
