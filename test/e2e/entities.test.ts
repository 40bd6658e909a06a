import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Device, Target } from '../../src/contract/index.ts';
import { SmallDevice } from '../devices/wled-like.ts';
import { keepCheapPassword } from '../harness/cheap-password.ts';
import { haveChromium, startChromium } from '../harness/chromium.ts';
import type { CoreProcess } from '../harness/core.ts';
import { openFrontend } from '../harness/home-assistant/frontend.ts';
import type { HomeAssistant } from '../harness/home-assistant.ts';
import { haveMosquitto, type Mosquitto } from '../harness/mosquitto.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import { Person } from '../harness/person.ts';
import { takePicture } from '../harness/pictures.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

const DESKTOP = { width: 1280, height: 1000 };
const USER = 'stash';
const PASSWORD = 'correct horse battery';

/** An automation that says what it is told. */
const AUTOMATION = `
webhook:
automation:
  - alias: Homestash says
    triggers:
      - trigger: webhook
        webhook_id: homestash-says
        local_only: true
        allowed_methods: [POST]
    actions:
      - event: homestash_told
        event_data:
          title: "{{ trigger.json.data.title }}"
          type: "{{ trigger.json.type }}"
`;

interface Shown {
  readonly entity_id: string;
  readonly state: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

describe.skipIf(!haveMosquitto())('entities in a real Home Assistant', () => {
  const stage = new Stage('entities');
  let home: HomeAssistant;
  let broker: Mosquitto;
  let core: CoreProcess;
  let target: Target;
  let instance: string;

  beforeAll(async () => {
    [home, broker] = await Promise.all([
      stage.home({ yaml: AUTOMATION }),
      stage.mosquitto({ users: { [USER]: PASSWORD } }),
    ]);
    const token = await home.call('auth/long_lived_access_token', { client_name: 'Homestash', lifespan: 1 });
    core = await stage.core({
      env: {
        ...{
          HOMESTASH_MQTT_URL: broker.url,
          HOMESTASH_MQTT_USERNAME: USER,
          HOMESTASH_MQTT_PASSWORD: PASSWORD,
        },
        ...{ HOMESTASH_HOME_ASSISTANT_URL: home.url, HOMESTASH_HOME_ASSISTANT_TOKEN: token },
      },
    });
    instance = (await core.client.info()).instance_id;
    target = (await core.client.targets())[0] as Target;
    await pairWithHomeAssistant(home, core);
    const form = await home.entries.startFlow('mqtt');
    const connected = await home.entries.submitFlow(form.flow_id, {
      ...{ broker: '127.0.0.1', port: broker.port, username: USER, password: PASSWORD, protocol: '5' },
      other_settings: { set_client_cert: false, set_ca_cert: 'off', transport: 'tcp' },
    });
    expect(connected.type).toBe('create_entry');
  });
  afterAll(() => stage.close());

  const states = async () => (await home.call('get_states')) as unknown as Shown[];

  /** The entity that MQTT discovery made under this unique id, as it stands in the registry and now. */
  async function entity(device: string, key: string): Promise<Shown | undefined> {
    const unique = `homestash_${instance}${device === 'core' ? '' : `_${device}`}_${key}`;
    const registry = (await home.call('config/entity_registry/list')) as unknown as {
      readonly entity_id: string;
      readonly unique_id: string;
    }[];
    const known = registry.find(({ unique_id }) => unique_id === unique);
    return known && (await states()).find(({ entity_id }) => entity_id === known.entity_id);
  }

  const until = (what: string, device: string, key: string, is: (shown: Shown) => unknown) =>
    waitFor(
      what,
      async () => {
        const shown = await entity(device, key);
        return shown && is(shown) ? shown : undefined;
      },
      { timeoutMs: 30_000, intervalMs: 500 },
    );

  const press = async (device: string, key: string) => {
    const { entity_id } = await until(`the button ${key}`, device, key, () => true);
    await home.rest('POST', '/api/services/button/press', { entity_id });
  };
  const place = () => `target_${target.id}`;

  /** Looks at the page of a device in Home Assistant, where there is a browser, and takes a picture of it. */
  async function onPage(
    is: (device: { readonly name: string; readonly model: string }) => boolean,
    words: readonly string[],
    picture: string,
  ): Promise<void> {
    if (!haveChromium()) return;
    const devices = (await home.call('config/device_registry/list')) as unknown as {
      readonly id: string;
      readonly name: string;
      readonly model: string;
    }[];
    const browser = await startChromium();
    try {
      const page = await openFrontend(browser, home, `/config/devices/device/${devices.find(is)?.id}`, {
        viewport: DESKTOP,
      });
      for (const word of words) await page.getByText(word, { exact: true }).first().waitFor();
      await takePicture(page, `home-assistant-${picture}-desktop-light-en`);
    } finally {
      await browser.close();
    }
  }

  test('appear with their values, in the way of Home Assistant', async () => {
    await until('a value', 'core', 'version', ({ state }) => state !== 'unknown');
    expect(await entity('core', 'safety')).toMatchObject({
      attributes: { device_class: 'enum', options: ['safe', 'attention', 'unsafe', 'unknown'] },
    });
    expect((await entity('core', 'memory'))?.attributes).toMatchObject({ unit_of_measurement: '%' });
    await until('a moment', 'core', 'uptime', ({ state }) => !Number.isNaN(Date.parse(state)));
    const backups = await until('the number', place(), 'backups', ({ state }) => state === '0');
    expect(backups.attributes.friendly_name).toBe(`${target.name} Backups`);
    expect(await entity(place(), 'last_backup')).toMatchObject({ state: 'unknown' });
    expect(await entity(place(), 'reachable')).toMatchObject({ state: 'on' });
    // switched off until somebody wants it
    expect(await entity('core', 'core_memory')).toBeUndefined();
    const devices = (await home.call('config/device_registry/list')) as unknown as {
      readonly id: string;
      readonly name: string;
      readonly model: string;
      readonly via_device_id: string | null;
    }[];
    const hub = devices.find(({ name, model }) => name === 'Homestash' && model === 'Homestash');
    const under = devices.find(({ model }) => model === 'Location for backups');
    expect(under).toMatchObject({ name: target.name, via_device_id: hub?.id });
  });

  test('a device whose configuration is kept stands beside them, and is backed up by its button', async () => {
    const device = new SmallDevice();
    await device.server.start();
    try {
      const { id } = await core.client.call<Device>('POST', '/api/v1/devices', {
        kind: 'wled',
        settings: { address: device.address },
      });
      const there = `device_${id}`;
      const moment = await until('its backup', there, 'last_backup', ({ state }) => state !== 'unknown');
      expect(moment.attributes.friendly_name).toBe('Shelf Last backup');
      await until('no problem', there, 'problem', ({ state }) => state === 'off');
      await until('the firmware', there, 'firmware', ({ state }) => state === '0.15.0');
      await until('no change', there, 'changed', ({ state }) => state === 'off');
      device.change({ id: { name: 'Shelf above' } });
      await press(there, 'back_up_device');
      await until('the change', there, 'changed', ({ state }) => state === 'on');
      expect(Number((await entity(there, 'size'))?.state)).toBeGreaterThan(0);
      const names = ['Back up now', 'Last backup', 'Size', 'Problem', 'Changed', 'Firmware'];
      await onPage(({ name }) => name === 'Shelf', names, 'kept-device');
      await device.server.stop();
      await press(there, 'back_up_device');
      const wrong = await until('the problem', there, 'problem', ({ state }) => state === 'on');
      expect(wrong.attributes).toMatchObject({ problem_code: 'device_refused' });
      await core.client.call('DELETE', `/api/v1/devices/${id}`);
      await waitFor('it to be gone', async () => (await entity(there, 'problem')) === undefined);
    } finally {
      await device.server.stop();
    }
  });

  test('a button makes a backup, and all of it is seen', async () => {
    await waitFor('the way back', async () => {
      const { state } = await core.client.call<{ state: string }>('GET', '/api/v1/home-assistant');
      return state === 'connected';
    });
    await press(place(), 'back_up_now');
    const stored = await until(
      'the event',
      place(),
      'backup',
      ({ attributes }) => attributes.event_type === 'stored',
    );
    expect(stored.attributes).toMatchObject({ event_types: ['stored', 'failed'], name: expect.any(String) });
    await until('the number', place(), 'backups', ({ state }) => state === '1');
    const last = await until('the moment', place(), 'last_backup', ({ state }) => state !== 'unknown');
    expect(last.attributes).toMatchObject({
      device_class: 'timestamp',
      last_backup_name: expect.any(String),
    });
    expect(Number((await entity(place(), 'last_backup_size'))?.state)).toBeGreaterThan(0);
    await press(place(), 'check_now');
    expect(core.program.log()).not.toContain('"level":"error"');
  });

  test('stand on the pages of Home Assistant as a person sees them', async () => {
    const names = ['Back up now', 'Last backup', 'Used space', 'Upload progress', 'Last error', 'Reachable'];
    await onPage(({ model }) => model === 'Location for backups', names, 'device');
  });

  test('a message reaches an automation of Home Assistant', async () => {
    const password = 'a long enough one';
    keepCheapPassword(core.dataDir, password);
    const person = new Person(core.url);
    await person.signIn(password);
    const { id } = await person.call<{ id: string }>('POST', '/api/v1/webhooks', {
      ...{ name: 'Automation', kind: 'home_assistant', severity: 'info' },
      url: `${home.url}/api/webhook/homestash-says`,
    });
    await person.call('POST', `/api/v1/webhooks/${id}/test`);
    const triggered = async () =>
      (await states()).find(({ entity_id }) => entity_id === 'automation.homestash_says')?.attributes
        .last_triggered;
    await waitFor('the automation', triggered);
  });

  test('are unavailable when the core is killed, and back with it', async () => {
    await core.kill9();
    await until('nobody there', place(), 'backups', ({ state }) => state === 'unavailable');
    expect((await entity('core', 'version'))?.state).toBe('unavailable');
    await core.start();
    await until('the number again', place(), 'backups', ({ state }) => state === '1');
  });

  test('are there after a restart of Home Assistant', async () => {
    await home.restart();
    await until('the number', place(), 'backups', ({ state }) => state === '1');
    await until('the box', 'core', 'version', ({ state }) => state !== 'unknown' && state !== 'unavailable');
  });

  test('restart the core', async () => {
    const { started_at } = await core.client.info();
    await press('core', 'restart');
    await waitFor('the new start', async () => {
      const info = await core.client.info().catch(() => undefined);
      return info !== undefined && info.started_at !== started_at;
    });
    await until('the box', 'core', 'uptime', ({ state }) => Date.parse(state) > Date.parse(started_at));
  });

  test('vanish with their target', async () => {
    await core.client.call('DELETE', `/api/v1/targets/${target.id}`);
    await waitFor('the end of the entities', async () => (await entity(place(), 'backups')) === undefined);
    const devices = (await home.call('config/device_registry/list')) as unknown as {
      readonly model: string;
    }[];
    await waitFor('the end of the device', async () =>
      ((await home.call('config/device_registry/list')) as unknown as { readonly model: string }[]).every(
        ({ model }) => model !== 'Location for backups',
      ),
    );
    expect(devices.length).toBeGreaterThan(0);
    expect(home.log()).not.toMatch(/(ERROR|WARNING).*mqtt.*homestash/i);
  });
});
