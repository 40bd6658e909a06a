import { randomBytes } from 'node:crypto';
import type { AppConfig } from './app-config.ts';

const TOKEN_BYTES = 56;
const INGRESS_TOKEN_BYTES = 32;

/** Where the repository of an app has its number, which stands in front of the slug. */
const REPOSITORY = 'c0ffee42';

interface AppOptions {
  readonly config: AppConfig;
  /** Where its ingress port really is. */
  readonly ingress?: { readonly host: string; readonly port: number };
  readonly hostname?: string;
}

/** The installed app. */
export class App {
  readonly config: AppConfig;
  readonly repository = REPOSITORY;
  readonly slug: string;
  /** What the app calls the Supervisor with. */
  readonly token = randomBytes(TOKEN_BYTES).toString('hex');
  readonly ingressToken = randomBytes(INGRESS_TOKEN_BYTES).toString('base64url');
  /** The name by which other containers reach it. */
  readonly hostname: string;
  ingress: { readonly host: string; readonly port: number };
  state: 'started' | 'stopped' | 'startup' = 'started';
  /** Whether a person wants it in the sidebar, and is asked only after the installation. */
  inSidebar = false;

  constructor({ config, ingress, hostname }: AppOptions) {
    this.config = config;
    this.slug = `${REPOSITORY}_${config.slug}`;
    this.hostname = hostname ?? this.slug.replaceAll('_', '-');
    this.ingress = ingress ?? { host: '127.0.0.1', port: config.ingress_port };
  }

  get ingressUrl(): string {
    return `/api/hassio_ingress/${this.ingressToken}/${this.config.ingress_entry ?? ''}`;
  }

  get panel(): object {
    const { panel_title, panel_icon, panel_admin, name } = this.config;
    return { title: panel_title ?? name, icon: panel_icon, admin: panel_admin, enable: this.inSidebar };
  }

  /** What it may do with a service of another app. */
  rightTo(service: string): string | undefined {
    return this.config.services.find((entry) => entry.startsWith(`${service}:`))?.split(':')[1];
  }

  /** As `GET /addons` lists it. */
  listed(): object {
    const { config } = this;
    return {
      name: config.name,
      slug: this.slug,
      description: config.description,
      advanced: false,
      stage: config.stage,
      version: config.version,
      version_latest: config.version,
      update_available: false,
      available: true,
      detached: false,
      homeassistant: config.homeassistant ?? null,
      state: this.state,
      repository: this.repository,
      build: false,
      url: config.url ?? null,
      icon: true,
      logo: true,
      system_managed: false,
    };
  }

  /** As `GET /addons/{slug}/info` describes it. */
  described(): object {
    const { config } = this;
    return {
      ...this.listed(),
      hostname: this.hostname,
      dns: [],
      long_description: null,
      protected: true,
      rating: 7,
      boot_config: 'auto',
      boot: 'auto',
      options: config.options,
      schema: [],
      arch: config.arch,
      machine: [],
      network: config.ports,
      network_description: {},
      ...unused(),
      homeassistant_api: config.homeassistant_api,
      hassio_api: false,
      hassio_role: 'default',
      startup: config.startup,
      services: config.services,
      discovery: config.discovery,
      ingress: config.ingress,
      ingress_entry: config.ingress ? `/api/hassio_ingress/${this.ingressToken}` : null,
      ingress_url: config.ingress ? this.ingressUrl : null,
      ingress_port: config.ingress ? config.ingress_port : null,
      ingress_panel: config.ingress ? this.inSidebar : null,
      ip_address: '172.30.33.5',
    };
  }
}

/** What our app has no use for. */
function unused(): object {
  const off = [
    'host_network',
    'host_pid',
    'host_ipc',
    'host_uts',
    'host_dbus',
    'full_access',
    'stdin',
    'auth_api',
  ];
  const hardware = [
    'gpio',
    'usb',
    'uart',
    'kernel_modules',
    'devicetree',
    'udev',
    'docker_api',
    'video',
    'audio',
  ];
  return {
    ...Object.fromEntries([...off, ...hardware].map((name) => [name, false])),
    privileged: [],
    apparmor: 'default',
    changelog: true,
    documentation: true,
    signed: false,
    translations: {},
    webui: null,
    audio_input: null,
    audio_output: null,
    auto_update: false,
    watchdog: false,
    devices: [],
    system_managed_config_entry: null,
  };
}
