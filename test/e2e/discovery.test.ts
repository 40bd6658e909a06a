import { afterAll, describe, expect, test } from 'vitest';
import type { MqttStatus, Token } from '../../src/contract/index.ts';
import { agentId } from '../harness/core.ts';
import type { FlowStep, HomeAssistant } from '../harness/home-assistant.ts';
import type { LocalCore } from '../harness/local-core.ts';
import { haveMosquitto } from '../harness/mosquitto.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

/** The flow that a discovery has started, as the page shows it under "Discovered". */
async function discovered(home: HomeAssistant, source: string): Promise<FlowStep> {
  const flow = await waitFor('the discovery', async () =>
    (await home.entries.flowsInProgress()).find(
      ({ handler, context }) => handler === 'homestash' && context.source === source,
    ),
  );
  expect(flow.context.title_placeholders).toEqual({ name: 'Homestash' });
  return home.entries.getFlow(flow.flow_id);
}

async function expectOurLocations(home: HomeAssistant, core: LocalCore): Promise<void> {
  const ours = (await core.client.targets()).map(agentId);
  await waitFor('the locations', async () => {
    const known = (await home.backups.agents()).map(({ agent_id }) => agent_id);
    return ours.every((agent) => known.includes(agent));
  });
  const { outcome } = await home.backups.create({ agentIds: ours });
  expect(outcome.state, JSON.stringify(outcome)).toBe('completed');
}

describe('a core that runs as an app', () => {
  const stage = new Stage('found-app');

  afterAll(() => stage.close());

  test('is found, connected with one click, and backed up to', async () => {
    const supervisor = await stage.supervisor({ hostname: '127.0.0.1' });
    const home = await stage.home({ supervisor });
    const core = await stage.localCore({
      supervisor: { url: supervisor.url, token: supervisor.app.token },
    });
    const ours = async () =>
      (await core.client.tokens()).filter(({ name }: Token) => name.startsWith('Home Assistant'));

    const step = await discovered(home, 'hassio');
    expect(step).toMatchObject({ type: 'form', step_id: 'hassio_confirm', data_schema: [] });
    // nobody has come in: until somebody agrees, the core says that it is not paired
    expect(await ours()).toMatchObject([{ last_used_at: null }]);
    const done = await home.entries.submitFlow(step.flow_id);
    expect(done).toMatchObject({ type: 'create_entry', title: 'Homestash' });
    const { instance_id } = await core.client.info();
    expect((await home.entries.list('homestash'))[0]).toMatchObject({ source: 'hassio', state: 'loaded' });
    await expectOurLocations(home, core);
    expect(await ours()).toHaveLength(1);

    // the message lies with the Supervisor, and Home Assistant reads it again at each start
    await home.restart();
    await expectOurLocations(home, core);
    const flows = await home.entries.flowsInProgress();
    expect(flows.filter(({ handler }) => handler === 'homestash')).toEqual([]);
    expect(JSON.stringify([...supervisor.discovery.messages.values()])).toContain(instance_id);
    expect(home.log()).not.toMatch(/ERROR.*homestash/);
    expect(supervisor.mistakes).toEqual([]);
  });
});

describe.skipIf(!haveMosquitto())('a core that announces itself at a broker', () => {
  const stage = new Stage('found-mqtt');

  afterAll(() => stage.close());

  test('is found through the MQTT integration, and connected with its code', async () => {
    const [broker, home, core] = await Promise.all([
      stage.mosquitto(),
      stage.home(),
      stage.localCore({ bind: '0.0.0.0' }),
    ]);
    const person = await core.person();
    const status = await person.call<MqttStatus>('PUT', '/api/v1/mqtt', { url: broker.url });
    expect(status.state).toBe('connected');

    const form = await home.entries.startFlow('mqtt');
    const connected = await home.entries.submitFlow(form.flow_id, {
      ...{ broker: '127.0.0.1', port: broker.port, protocol: '5' },
      other_settings: { set_client_cert: false, set_ca_cert: 'off', transport: 'tcp' },
    });
    expect(connected.type).toBe('create_entry');

    const step = await discovered(home, 'mqtt');
    expect(step).toMatchObject({ type: 'form', step_id: 'mqtt_confirm' });
    const url = step.data_schema.find(({ name }: { name: string }) => name === 'url');
    expect(url.description).toEqual({ suggested_value: core.url });
    const wrong = await home.entries.submitFlow(step.flow_id, { pairing_code: 'nonsense', url: core.url });
    expect(wrong.errors).toEqual({ pairing_code: 'code_unreadable' });
    const code = await core.client.pairingCode();
    const done = await home.entries.submitFlow(step.flow_id, { pairing_code: code, url: core.url });
    expect(done).toMatchObject({ type: 'create_entry', title: 'Homestash' });
    await expectOurLocations(home, core);

    // a restart hears the retained announcement again
    await home.restart();
    await expectOurLocations(home, core);
    const flows = await home.entries.flowsInProgress();
    expect(flows.filter(({ handler }) => handler === 'homestash')).toEqual([]);
    expect(home.log()).not.toMatch(/ERROR.*homestash/);
  });
});
