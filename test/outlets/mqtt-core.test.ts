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
      ...{ ca_certificate: '', problem: null },
    });
    expect(core.lines.join('')).not.toContain(password);
  });

  test('is online there, and announces nothing: it is found through the Supervisor', async () => {
    const { instance_id } = await core.client.info();
    const retained = await waitFor('the state', async () => {
      const found = await broker.retained(`homestash/${instance_id}/#`);
      return Object.keys(found).length > 0 && found;
    });
    expect(retained).toEqual({ [`homestash/${instance_id}/status`]: 'online' });
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
    expect(await broker.retained('homestash/#')).toEqual({ [`homestash/${instance_id}/status`]: 'offline' });
  });
});
