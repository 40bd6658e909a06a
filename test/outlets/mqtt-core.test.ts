import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MqttStatus } from '../../src/contract/index.ts';
import type { LocalCore } from '../harness/local-core.ts';
import { haveMosquitto, type Mosquitto } from '../harness/mosquitto.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

describe.skipIf(!haveMosquitto())('a core that is an app, with the broker of Home Assistant', () => {
  const stage = new Stage('mqtt-core');
  const password = 'a password of Mosquitto';
  let broker: Mosquitto;
  let core: LocalCore;

  beforeAll(async () => {
    broker = await stage.mosquitto({ users: { addons: password } });
    const supervisor = await stage.supervisor({
      broker: { host: '127.0.0.1', port: broker.port, username: 'addons', password },
    });
    // as an app it listens everywhere, and is still no business of the broker's other clients
    core = await stage.localCore({
      bind: '0.0.0.0',
      supervisor: { url: supervisor.url, token: supervisor.app.token },
    });
  });
  afterAll(() => stage.close());

  const status = () => core.client.call<MqttStatus>('GET', '/api/v1/mqtt');

  test('connects by itself, and says so', async () => {
    await waitFor('the connection', async () => (await status()).state === 'connected');
    expect(await status()).toEqual({
      ...{ source: 'supervisor', state: 'connected', url: broker.url, username: 'addons' },
      ...{ ca_certificate: '', client_certificate: '', discovery_prefix: 'homeassistant', problem: null },
    });
    expect(core.lines.join('')).not.toContain(password);
  });

  test('is online there, and announces nothing: it is found through the Supervisor', async () => {
    const { instance_id } = await core.client.info();
    const status = `homestash/${instance_id}/status`;
    const kept = await waitFor('the state', async () => {
      const found = await broker.retained(`homestash/${instance_id}/#`);
      return found[status] === 'online' && found;
    });
    expect(kept).not.toHaveProperty([`homestash/${instance_id}/discovery`]);
  });

  test('takes another broker from persons alone', async () => {
    for (const method of ['PUT', 'DELETE']) {
      const refused = core.client.call(method, '/api/v1/mqtt', { url: broker.url });
      await expect(refused).rejects.toMatchObject({ problem: { code: 'persons_only' } });
    }
  });

  test('tells those who follow it that something has changed, and is offline when it stops', async () => {
    const { instance_id } = await core.client.info();
    const events = await core.client.fetch('GET', '/api/v1/events');
    const reader = events.body?.getReader();
    let heard = '';
    const hear = async () => {
      heard += Buffer.from((await reader?.read())?.value ?? []).toString();
      return heard.includes('mqtt_changed');
    };
    await broker.program.kill9();
    await waitFor('the event', hear);
    await broker.start();
    await waitFor('the connection', async () => (await status()).state === 'connected');
    await core.stop();
    const topic = `homestash/${instance_id}/status`;
    expect(await broker.retained(topic)).toEqual({ [topic]: 'offline' });
  });
});

describe.skipIf(!haveMosquitto())('a core of its own, and a person with a broker', () => {
  const stage = new Stage('mqtt-person');

  afterAll(() => stage.close());

  test('is announced there for as long as it is reached by others, and no longer than the person wants', async () => {
    const broker = await stage.mosquitto();
    const core = await stage.localCore({ bind: '0.0.0.0' });
    const person = await core.person();
    const used = await person.call<MqttStatus>('PUT', '/api/v1/mqtt', { url: broker.url });
    expect(used).toMatchObject({ source: 'settings', state: 'connected' });
    const { instance_id, name, version, api_version } = await core.client.info();
    const topic = `homestash/${instance_id}/discovery`;
    const announced = await waitFor('the announcement', async () => (await broker.retained(topic))[topic]);
    expect(JSON.parse(announced)).toEqual({ url: core.url, instance_id, name, version, api_version });

    await person.call('PATCH', '/api/v1/settings', { name: 'Attic' });
    await waitFor('the new name', async () => (await broker.retained(topic))[topic]?.includes('"Attic"'));

    const forgotten = await person.call<MqttStatus>('DELETE', '/api/v1/mqtt');
    expect(forgotten).toMatchObject({ source: 'none', state: 'off' });
    expect(await broker.retained('homestash/#')).toEqual({});
  });

  test('is not announced while it listens to its own machine alone', async () => {
    const broker = await stage.mosquitto();
    const core = await stage.localCore();
    const person = await core.person();
    await person.call('PUT', '/api/v1/mqtt', { url: broker.url });
    const { instance_id } = await core.client.info();
    const kept = await waitFor('the state', async () => {
      const found = Object.keys(await broker.retained('homestash/#'));
      return found.includes(`homestash/${instance_id}/status`) && found;
    });
    expect(kept).not.toContain(`homestash/${instance_id}/discovery`);
  });

  test('says in the language of the person why a broker cannot be used', async () => {
    const core = await stage.localCore();
    const person = await core.person();
    const answer = await person.ask(
      'PUT',
      '/api/v1/mqtt',
      { url: 'mqtt://127.0.0.1:1' },
      { 'accept-language': 'de' },
    );
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
      422,
      { code: 'mqtt_refused', title: 'Der MQTT-Broker 127.0.0.1:1 lehnt die Verbindung ab.' },
    ]);
  });
});
