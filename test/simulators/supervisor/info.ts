import { ANSWERED, ApiFault } from './answers.ts';
import { onlyCore, readObject } from './call.ts';
import type { Handler, RouteTable } from './routes.ts';
import type { World } from './world.ts';

/** A Supervisor that Home Assistant 2026.11 finds new enough. */
const SUPERVISOR_VERSION = '2026.10.0';
const OS_VERSION = '16.2';
const ARCH = 'amd64';
const FEATURES = [
  'reboot',
  'shutdown',
  'services',
  'network',
  'hostname',
  'timedate',
  'os_agent',
  'haos',
  'resolved',
  'journal',
  'disk',
  'mount',
];

/** Nothing to say, but well: what Core tells the Supervisor here changes nothing in the play. */
const noted: Handler = async (call) => {
  onlyCore(call);
  await readObject(call);
};

const stats: Handler = () => ({
  cpu_percent: 1,
  memory_usage: 50_000_000,
  memory_limit: 1_000_000_000,
  memory_percent: 5,
  network_rx: 0,
  network_tx: 0,
  blk_read: 0,
  blk_write: 0,
});

/** What the Supervisor says of the machine, of Core and of itself: a healthy Home Assistant OS without other apps. */
export function info(world: World): RouteTable {
  const { app } = world;
  const coreVersion = () => world.core?.version ?? null;
  const root: Handler = () => ({
    supervisor: SUPERVISOR_VERSION,
    homeassistant: coreVersion(),
    hassos: OS_VERSION,
    docker: '28.3.3',
    hostname: 'homeassistant',
    operating_system: `Home Assistant OS ${OS_VERSION}`,
    features: FEATURES,
    machine: 'generic-x86-64',
    machine_id: null,
    arch: ARCH,
    state: 'running',
    supported_arch: [ARCH],
    supported: true,
    channel: 'stable',
    logging: 'info',
    timezone: 'UTC',
  });
  return {
    'GET /info': root,
    'GET /core/info': () => ({
      version: coreVersion(),
      version_latest: coreVersion(),
      update_available: false,
      machine: 'generic-x86-64',
      ip_address: '172.30.32.1',
      arch: ARCH,
      image: 'ghcr.io/home-assistant/generic-x86-64-homeassistant',
      boot: true,
      port: 8123,
      ssl: false,
      watchdog: true,
      audio_input: null,
      audio_output: null,
      backups_exclude_database: false,
      duplicate_log_file: false,
    }),
    'GET /core/stats': stats,
    'POST /core/options': noted,
    'POST /core/restart': async (call) => {
      await noted(call);
      void world.core?.container.restart();
    },
    'POST /core/stop': async (call) => {
      await noted(call);
      void world.core?.container.stop();
    },
    'GET /core/logs/latest': ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('');
      return ANSWERED;
    },
    'GET /supervisor/ping': () => undefined,
    'GET /supervisor/info': () => ({
      version: SUPERVISOR_VERSION,
      version_latest: SUPERVISOR_VERSION,
      update_available: false,
      channel: 'stable',
      arch: ARCH,
      supported: true,
      healthy: true,
      ip_address: '172.30.32.2',
      timezone: 'UTC',
      logging: 'info',
      debug: false,
      debug_block: false,
      diagnostics: false,
      auto_update: true,
      country: null,
      detect_blocking_io: false,
      feature_flags: {},
    }),
    'GET /supervisor/stats': stats,
    'POST /supervisor/options': noted,
    'POST /supervisor/update': () => {
      throw new ApiFault(400, 'No supervisor update available');
    },
    'GET /os/info': () => ({
      version: OS_VERSION,
      version_latest: OS_VERSION,
      version_pending: null,
      update_available: false,
      board: 'generic-x86-64',
      boot: 'A',
      data_disk: null,
      boot_slots: {},
    }),
    'GET /host/info': () => ({
      agent_version: '1.7.2',
      apparmor_version: '3.1.2',
      chassis: 'vm',
      virtualization: 'kvm',
      cpe: null,
      deployment: 'production',
      disk_free: 20,
      disk_total: 30,
      disk_used: 10,
      disk_life_time: null,
      features: FEATURES,
      hostname: 'homeassistant',
      llmnr_hostname: 'homeassistant',
      kernel: '6.12.0-haos',
      operating_system: `Home Assistant OS ${OS_VERSION}`,
      timezone: 'UTC',
      dt_utc: new Date(world.clock.now()).toISOString(),
      dt_synchronized: true,
      use_ntp: true,
      startup_time: 10,
      boot_timestamp: null,
      broadcast_llmnr: true,
      broadcast_mdns: true,
    }),
    'GET /network/info': () => ({
      interfaces: [],
      docker: { interface: 'hassio', address: '172.30.32.0/23', gateway: '172.30.32.1', dns: '172.30.32.3' },
      host_internet: true,
      supervisor_internet: true,
    }),
    'GET /mounts': () => ({ default_backup_mount: null, mounts: [] }),
    'GET /resolution/info': () => ({
      suggestions: [],
      unsupported: [],
      unhealthy: [],
      issues: [],
      checks: [],
    }),
    'GET /store': () => ({ addons: [], repositories: [repository(app.repository)] }),
    'POST /store/reload': noted,
    'POST /reload_updates': noted,
    'GET /addons': () => ({ addons: [app.listed()] }),
    'GET /addons/{slug}/stats': stats,
    'GET /addons/{slug}/info': ({ params, from }) => {
      const { slug = '' } = params;
      if (slug === 'self' && from !== 'app') throw new ApiFault(400, 'Self is not an App');
      if (slug !== 'self' && slug !== app.slug) throw new ApiFault(404, `App ${slug} does not exist`);
      return app.described();
    },
  };
}

function repository(slug: string): object {
  return {
    slug,
    name: 'Homestash',
    source: 'https://example.org',
    url: 'https://example.org',
    maintainer: 'Homestash',
  };
}
