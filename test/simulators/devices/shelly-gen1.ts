import type { IncomingMessage, ServerResponse } from 'node:http';
import { DeviceServer } from './server.ts';

/** Settings of a plug of the first generation (after a real answer that aioshelly keeps), with secrets where old firmware has them. */
const settings = () => ({
  device: {
    type: 'SHPLG-S',
    mac: 'AABBCCDDEEFF',
    hostname: 'shellyplug-s-DDEEFF',
    num_outputs: 1,
    num_meters: 1,
  },
  wifi_ap: { enabled: false, ssid: 'shellyplug-s-DDEEFF', key: 'key-of-access-point' },
  wifi_sta: { enabled: true, ssid: 'Home', ipv4_method: 'dhcp', ip: null, gw: null, mask: null, dns: null },
  mqtt: { enable: true, server: '192.168.1.10:1883', user: 'plug', id: 'shellyplug-s-DDEEFF', retain: false },
  coiot: { enabled: true, update_period: 15, peer: '' },
  sntp: { server: 'time.google.com', enabled: true },
  login: { enabled: false, unprotected: false, username: 'admin' },
  pin_code: '4711',
  name: 'Cellar',
  fw: '20230913-113421/v1.14.0-gcb84623',
  build_info: {
    build_id: '20230913-113421/v1.14.0-gcb84623',
    build_timestamp: '2023-09-13T11:34:21Z',
    build_version: '1.0',
  },
  cloud: { enabled: false, connected: false },
  timezone: 'Europe/Berlin',
  time: '19:57',
  unixtime: 1_707_332_241,
  actions: { active: true, names: ['btn_on_url', 'out_on_url', 'out_off_url'] },
  max_power: 1800,
  relays: [
    {
      name: null,
      appliance_type: 'Light',
      ison: false,
      has_timer: false,
      default_state: 'off',
      schedule: true,
      schedule_rules: ['0700-0123456-on'],
      max_power: 1800,
    },
  ],
});

/** A device of the first generation: all settings by `GET`, with Basic where a login is set (Shelly's documentation of that API). */
export class ShellyFirst {
  readonly server: DeviceServer;
  /** Empty: no login. */
  password = '';
  user = 'admin';
  /** Firmware before 1.8 has no list of actions. */
  old = false;
  /** Sign-ins that were wrong. */
  failures = 0;
  settings = settings();

  constructor() {
    this.server = new DeviceServer((request, response) => this.#answer(request, response));
  }

  get address(): string {
    return this.server.address;
  }

  start(): Promise<void> {
    return this.server.start();
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const json = (content: object) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(content));
    const { device, fw } = this.settings;
    if (request.url === '/shelly') {
      const auth = this.password !== '';
      return void json({
        type: device.type,
        mac: device.mac,
        auth,
        fw,
        discoverable: true,
        num_outputs: 1,
        num_meters: 1,
      });
    }
    if (this.password !== '' && !this.#signedIn(request)) {
      response
        .writeHead(401, { 'www-authenticate': `Basic realm="${device.hostname}"` })
        .end('401 Unauthorized');
      return;
    }
    if (request.method !== 'GET') response.writeHead(404).end('Not Found');
    else if (request.url === '/settings') json(this.settings);
    else if (request.url === '/settings/actions' && !this.old) {
      json({
        actions: {
          out_on_url: [{ index: 0, urls: ['http://hub.local/on?key=word-in-query'], enabled: true }],
        },
      });
    } else if (request.url === '/status') json({ relays: [{ ison: false }], uptime: 12 });
    else response.writeHead(404).end('Not Found');
  }

  #signedIn({ headers }: IncomingMessage): boolean {
    const right = `Basic ${Buffer.from(`${this.user}:${this.password}`).toString('base64')}`;
    if (headers.authorization === undefined) return false;
    if (headers.authorization !== right) this.failures += 1;
    return headers.authorization === right;
  }
}
