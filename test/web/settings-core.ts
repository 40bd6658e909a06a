import * as v from 'valibot';
import * as contract from '../../src/contract/index.ts';
import { PATHS } from '../../src/contract/index.ts';
import { hoursAgo } from './shapes.ts';

type Schemas = Readonly<
  Record<string, { readonly body?: v.GenericSchema; readonly response?: v.GenericSchema }>
>;

/** What the API of the settings takes and gives. */
export const SETTINGS_ROUTES: Schemas = {
  [`PUT ${PATHS.session_password}`]: { body: contract.PasswordChange },
  [`GET ${PATHS.settings}`]: { response: contract.GeneralSettings },
  [`PATCH ${PATHS.settings}`]: { body: contract.GeneralSettingsPatch, response: contract.GeneralSettings },
  [`PUT ${PATHS.home_assistant}`]: { body: contract.HomeAssistantAccess, response: contract.HomeAssistant },
  [`DELETE ${PATHS.home_assistant}`]: { response: contract.HomeAssistant },
  [`GET ${PATHS.mqtt}`]: { response: contract.MqttStatus },
  [`PUT ${PATHS.mqtt}`]: { body: contract.MqttSettings, response: contract.MqttStatus },
  [`DELETE ${PATHS.mqtt}`]: { response: contract.MqttStatus },
  [`GET ${PATHS.mqtt_devices}`]: { response: contract.ShownDevices },
  [`GET ${PATHS.webhooks}`]: { response: contract.WebhookList },
  [`POST ${PATHS.webhooks}`]: { body: contract.WebhookInput, response: contract.Webhook },
  [`PATCH ${PATHS.webhook}`]: { body: contract.WebhookPatch, response: contract.Webhook },
  [`DELETE ${PATHS.webhook}`]: {},
  [`POST ${PATHS.webhook_test}`]: {},
  [`POST ${PATHS.webhook_secret}`]: { response: contract.WebhookSecret },
  [`GET ${PATHS.tokens}`]: { response: contract.TokenList },
  [`DELETE ${PATHS.token}`]: {},
  [`POST ${PATHS.pairing_codes}`]: { body: contract.PairingCodeRequest, response: contract.PairingCode },
  [`GET ${PATHS.about}`]: { response: contract.About },
  [`GET ${PATHS.log}`]: { response: contract.LogPage },
  [`GET ${PATHS.diagnostics}`]: { response: v.record(v.string(), v.unknown()) },
  [`PUT ${PATHS.log_level}`]: { body: contract.LogLevelRequest },
  [`GET ${PATHS.recovery_key}`]: { response: contract.RecoveryKeyState },
  [`POST ${PATHS.recovery_key_reveal}`]: { response: contract.RecoveryKey },
  [`POST ${PATHS.recovery_key_kept}`]: { response: contract.RecoveryKeyState },
  [`POST ${PATHS.import}`]: { body: contract.ImportRequest, response: contract.ImportReport },
};

export const GENERAL: contract.GeneralSettings = {
  name: 'Homestash',
  language: 'auto' as const,
  overdue_days: 0,
  cors_origins: [],
};

export const NO_BROKER: contract.MqttStatus = {
  source: 'none',
  state: 'off',
  url: null,
  username: null,
  ca_certificate: null,
  client_certificate: null,
  discovery_prefix: 'homeassistant',
  problem: null,
};

/** A box with one location, as Home Assistant sees them. */
const entity = (name: string, more: Partial<contract.ShownEntity> = {}): contract.ShownEntity => ({
  ...{ key: name, name, platform: 'sensor', device_class: null, value: null, unit: null, ...more },
});
const SHOWN: contract.ShownDevices = {
  devices: [
    {
      key: 'core',
      name: 'Homestash',
      model: 'Homestash',
      entities: [entity('Memory use', { value: 41, unit: '%' })],
    },
    {
      ...{ key: 'target_b1', name: 'Backblaze', model: 'Location for backups' },
      entities: [
        entity('Problem', { platform: 'binary_sensor', value: false }),
        entity('Used space', { value: 41.234, unit: 'GB' }),
        entity('Last error'),
        entity('Back up now', { platform: 'button' }),
      ],
    },
  ],
};

export const OWN_BROKER: contract.MqttStatus = {
  ...NO_BROKER,
  source: 'settings',
  state: 'connected',
  url: 'mqtt://192.168.1.2:1883',
  username: 'homestash',
};

export const RECOVERY: contract.RecoveryKeyState = {
  recipient: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
  created_at: hoursAgo(50),
  kept_at: null,
};

export const ABOUT: contract.About = {
  name: 'Homestash',
  version: '0.1.0',
  node: '24.5.0',
  platform: 'linux arm64',
  instance_id: '0190f5fe7c2a7b3c9d1e2f3a4b5c6d7e',
  started_at: hoursAgo(52),
  mode: 'standalone',
  data_bytes: 4_321_000,
  disk_free_bytes: 12_345_678_900,
  disk_total_bytes: 31_000_000_000,
  database_copied_at: hoursAgo(5),
  database_copy_problem: null,
  provided: { settings: [], problem: null },
};

export const token = (more: Partial<contract.Token> = {}): contract.Token => ({
  id: 'token1',
  name: 'Home Assistant',
  created_at: hoursAgo(2_000),
  last_used_at: hoursAgo(1),
  ...more,
});

/** A Home Assistant that is reached with a token, and makes backups each day, also for us. */
export function connectedHome(
  more: Partial<contract.HomeAssistant> = {},
  backups: Partial<contract.HomeAssistantBackups> = {},
): contract.HomeAssistant {
  return {
    state: 'connected',
    via: 'token',
    url: 'http://homeassistant.local:8123',
    since: hoursAgo(30),
    problem: null,
    home: {
      name: 'Home',
      version: '2026.3.1',
      language: 'en',
      time_zone: 'Europe/Berlin',
      currency: 'EUR',
      country: 'DE',
    },
    backups: {
      state: 'idle',
      stage: null,
      schedule: {
        recurrence: 'daily',
        days: [],
        time: '04:45:00',
        next: hoursAgo(-5),
        last_attempt: hoursAgo(19),
        last_completed: hoursAgo(18.9),
      },
      encrypted: true,
      locations: [
        { agent_id: 'hassio.local', name: 'This system', automatic: true },
        { agent_id: 'homestash.unique-1', name: 'Backblaze 1', automatic: true },
        { agent_id: 'homestash.unique-2', name: 'NAS in the cellar', automatic: false },
      ],
      last_result: null,
      ...backups,
    },
    ...more,
  };
}

const entry = (level: contract.LogEntry['level'], message: string, fields = {}): contract.LogEntry => ({
  time: hoursAgo(message.length / 10),
  level,
  scope: 'backups',
  message,
  fields,
});

export const LOG: contract.LogPage = {
  level: 'info',
  entries: [
    entry('info', 'a backup was stored', { target_id: 'target1', bytes: 1_234_567 }),
    entry('warning', 'the target is not reached; it is tried again', {
      reason: 'connect ETIMEDOUT 192.168.1.9',
    }),
    entry('error', 'the storage does not know this access key', { target_id: 'target2', status: 403 }),
    entry('info', 'the core has started', {}),
  ],
};

/** What a fresh core answers. */
export const SETTINGS_ANSWERS: readonly (readonly [string, () => unknown])[] = [
  [`GET ${PATHS.settings}`, () => GENERAL],
  [`GET ${PATHS.mqtt}`, () => NO_BROKER],
  [`GET ${PATHS.mqtt_devices}`, () => SHOWN],
  [`GET ${PATHS.webhooks}`, () => ({ webhooks: [] })],
  [`GET ${PATHS.tokens}`, () => ({ tokens: [] })],
  [`GET ${PATHS.about}`, () => ABOUT],
  [`GET ${PATHS.log}`, () => LOG],
  [`GET ${PATHS.diagnostics}`, () => ({ settings: {} })],
  [`GET ${PATHS.recovery_key}`, () => RECOVERY],
];
