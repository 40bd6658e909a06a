import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// What a setting was last changed at does not matter to any test.
const LONG_AGO = '2026-01-01T00:00:00+00:00';
// As Home Assistant 2026.11 writes these stores; a newer one migrates them.
const HTTP_STORE = { version: 3, minor_version: 1 };
const ENTRIES_STORE = { version: 1, minor_version: 5 };
const ONBOARDING_STORE = { version: 4, minor_version: 1 };
const SSL_PROFILE = 'intermediate_v6';

const CONFIGURATION = `# Without default_config: bluetooth, dhcp, ssdp, cloud … need a network and a host of their own.
homeassistant:
  name: Homestash test
  latitude: 0
  longitude: 0
  elevation: 0
  unit_system: metric
  time_zone: UTC
  country: US
logger:
  default: info
`;

function writeStore(configDir: string, key: string, versions: object, data: object): void {
  writeFileSync(join(configDir, '.storage', key), JSON.stringify({ ...versions, key, data }, undefined, 2));
}

/** The address cannot be set in YAML: from there Home Assistant takes it as a trial, and restarts after five minutes. */
function httpSettings(port: number): object {
  return {
    stable: {
      server_host: ['127.0.0.1'],
      server_port: port,
      cors_allowed_origins: ['https://cast.home-assistant.io'],
      login_attempts_threshold: -1,
      ip_ban_enabled: false,
      ssl_profile: SSL_PROFILE,
      use_x_frame_options: true,
      created_at: LONG_AGO,
      error: null,
      error_message: null,
    },
    pending: null,
    yaml_migration_done: true,
  };
}

/** The marketplace sets itself up and asks the internet, unless there is an entry of it that is disabled. */
const disabledMarketplace = {
  created_at: LONG_AGO,
  modified_at: LONG_AGO,
  data: {},
  disabled_by: 'user',
  discovery_keys: {},
  domain: 'marketplace',
  entry_id: '01HOMESTASHTEST00000000000',
  version: 1,
  minor_version: 1,
  options: {},
  pref_disable_new_entities: false,
  pref_disable_polling: false,
  source: 'system',
  subentries: [],
  title: '',
  unique_id: null,
};

/** Makes an empty folder one that Home Assistant starts from without asking the internet for anything. */
export function seedConfiguration(configDir: string, more = ''): void {
  mkdirSync(join(configDir, '.storage'), { recursive: true });
  mkdirSync(join(configDir, 'custom_components'), { recursive: true });
  if (!existsSync(join(configDir, 'configuration.yaml'))) {
    writeFileSync(join(configDir, 'configuration.yaml'), CONFIGURATION + more);
  }
  if (!existsSync(join(configDir, '.storage/core.config_entries'))) {
    writeStore(configDir, 'core.config_entries', ENTRIES_STORE, { entries: [disabledMarketplace] });
  }
  if (!existsSync(join(configDir, '.storage/onboarding'))) {
    // This step of the onboarding starts flows of weather and radio that want the internet.
    writeStore(configDir, 'onboarding', ONBOARDING_STORE, { done: ['core_config'] });
  }
}

/** Before every start, since a restored backup brings the port of the machine that it was made on. */
export function seedPort(configDir: string, port: number): void {
  mkdirSync(join(configDir, '.storage'), { recursive: true });
  const file = join(configDir, '.storage/http');
  if (existsSync(file)) {
    const { data } = JSON.parse(readFileSync(file, 'utf8'));
    if (data.stable?.server_port === port && data.pending === null) return;
  }
  writeStore(configDir, 'http', HTTP_STORE, httpSettings(port));
}

/** Copies a custom component to where Home Assistant loads it from, in place of what was there. */
export function installComponent(configDir: string, component: string, domain: string): void {
  const target = join(configDir, 'custom_components', domain);
  rmSync(target, { recursive: true, force: true });
  cpSync(component, target, {
    recursive: true,
    dereference: true,
    filter: (source) => !source.endsWith('__pycache__'),
  });
}

/** Does this refresh token stand on disk? Home Assistant writes it a second or more after it was made. */
export function tokenIsStored(configDir: string, token: string): boolean {
  const [, body = ''] = token.split('.');
  const { iss } = JSON.parse(Buffer.from(body, 'base64url').toString()) as { iss: string };
  const file = join(configDir, '.storage/auth');
  return existsSync(file) && readFileSync(file, 'utf8').includes(iss);
}
