import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import { bodyOf, DeviceServer } from './server.ts';
import { type FrameAuth, ShellyAuth } from './shelly-auth.ts';
import { ShellyError, ShellyMethods } from './shelly-methods.ts';

type Json = Record<string, unknown>;

const MAC = 'A8032AB1C2D3';
/** The realm of its sign-ins. */
const ID = 'shellyplugsg3-a8032ab1c2d3';

/** Settings as a plug of the third generation gives them, shortened (after real answers that aioshelly keeps). */
const settings = (firmware: string): Record<string, Json> => ({
  ble: { enable: true, rpc: { enable: true } },
  cloud: { enable: false, server: 'iot.shelly.cloud:6012/jrpc' },
  'input:0': { id: 0, name: null, type: 'switch', enable: true, invert: false },
  mqtt: {
    enable: true,
    server: 'broker.local:1883',
    client_id: ID,
    user: 'plug',
    topic_prefix: ID,
    enable_rpc: true,
  },
  plugs_ui: { leds: { mode: 'switch', night_mode: { enable: false, brightness: 100 } } },
  'switch:0': {
    id: 0,
    name: 'Heater',
    in_mode: 'follow',
    initial_state: 'off',
    auto_off: true,
    auto_off_delay: 60,
    power_limit: 2500,
  },
  sys: {
    device: { name: 'Bathroom', mac: MAC, fw_id: firmware, discoverable: true, eco_mode: false },
    location: { tz: 'Europe/Berlin', lat: 52.52, lon: 13.4 },
    debug: { level: 2, udp: { addr: null } },
    ui_data: {},
    sntp: { server: 'time.cloudflare.com' },
    cfg_rev: 9,
  },
  wifi: {
    sta: { ssid: 'Home', is_open: false, enable: true, ipv4mode: 'dhcp' },
    ap: { ssid: ID, is_open: true, enable: false },
  },
  ws: { enable: false, server: null, ssl_ca: 'ca.pem' },
});

/** More than two pieces, and a character that is cut by the end of the first. */
export const LONG_SCRIPT = `// ${'x'.repeat(1020)}ö end of the first piece\n${'print("warm");\n'.repeat(120)}`;

/** A device of the third generation, as Shelly's documentation of the RPC protocol says, by HTTP and WebSocket. */
export class ShellyDevice {
  readonly server: DeviceServer;
  readonly auth = new ShellyAuth(ID);
  readonly methods: ShellyMethods;
  /** Settles when it has gone away to restart. */
  away: Promise<void> = Promise.resolve();
  readonly #sockets = new WebSocketServer({ noServer: true });
  #rebooting = false;

  constructor({ recent = true, model = 'S3PL-00112EU' } = {}) {
    const firmware = recent ? '20250325-091200/1.5.1-g0123456' : '20231219-133934/1.1.0-g34b5d4f';
    const info = {
      name: 'Bathroom',
      id: ID,
      mac: MAC,
      slot: 1,
      model,
      gen: 3,
      fw_id: firmware,
      ver: recent ? '1.5.1' : '1.1.0',
      app: 'PlugSG3',
    };
    this.methods = new ShellyMethods(info, settings(firmware), recent);
    this.methods.onReboot = () => {
      this.#rebooting = true;
    };
    this.server = new DeviceServer((request, response) => {
      void this.#answer(request, response).catch(() => response.destroy());
    });
    this.server.onUpgrade((request, socket, head) => {
      if (request.url !== '/rpc') return void socket.destroy();
      this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
        accepted.on('message', (data: Buffer) => accepted.send(this.#frame(data.toString('utf8'))));
      });
    });
  }

  /** Everything that a person may have added. */
  furnish(): this {
    const { methods } = this;
    methods.scripts = [
      { id: 1, name: 'Heating Control', enable: true, running: true, code: Buffer.from(LONG_SCRIPT) },
      { id: 3, name: 'übrig', enable: false, running: false, code: Buffer.from('// ö\nlet a = 1;') },
      { id: 4, name: 'empty', enable: false, running: false, code: Buffer.alloc(0) },
    ];
    methods.kvs = new Map<string, unknown>([
      ['target', 21.5],
      ['api_token', 'token-in-kvs'],
      ['mode', 'auto'],
    ]);
    methods.schedules = [
      {
        id: 2,
        enable: true,
        timespec: '0 30 6 * * MON,TUE',
        calls: [{ method: 'Switch.Set', params: { id: 0, on: true } }],
      },
      {
        id: 5,
        enable: false,
        timespec: '@sunset+0h30m',
        calls: [{ method: 'Script.Start', params: { id: 3 } }],
      },
    ];
    methods.webhooks = [
      {
        id: 1,
        cid: 0,
        enable: true,
        event: 'switch.on',
        name: 'tell',
        ssl_ca: null,
        urls: ['http://me:word-in-address@hub.local/on?token=word-in-query&x=1'],
        condition: null,
        active_between: null,
        repeat_period: 0,
      },
    ];
    if (methods.recent) {
      methods.components = {
        'boolean:200': {
          config: { id: 200, name: 'Away', persisted: true, meta: { ui: { view: 'toggle' } } },
          status: { value: true, last_update_ts: 5 },
        },
        'group:200': { config: { id: 200, name: 'Heating', meta: null }, status: { value: ['boolean:200'] } },
        'bthomedevice:200': {
          config: { id: 200, addr: 'aa:bb:cc:dd:ee:ff', name: 'Window', key: 'key-of-bluetooth', meta: null },
          status: { id: 200, rssi: -58, battery: 90 },
          attrs: { flags: 0, model_id: 1 },
        },
      };
    }
    return this;
  }

  get address(): string {
    return this.server.address;
  }

  start(): Promise<void> {
    return this.server.start();
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    return this.server.stop();
  }

  /** It has restarted: scripts run that start with the device. */
  async back(): Promise<void> {
    await this.away;
    this.#rebooting = false;
    for (const script of this.methods.scripts) script.running = script.enable;
    await this.start();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const json = (status: number, body: string | Buffer, headers: Record<string, string> = {}) =>
      response
        .writeHead(status, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...headers,
        })
        .end(body);
    if (request.method === 'GET' && request.url === '/shelly')
      return void json(200, JSON.stringify(this.#info()));
    if (request.method !== 'POST' || request.url !== '/rpc')
      return void response.writeHead(404).end('Not Found');
    const body = (await bodyOf(request)).toString('utf8');
    const open = body.includes('"Shelly.GetDeviceInfo"');
    if (!open && !this.auth.accepts(request.headers.authorization, 'POST', '/rpc')) {
      return void json(401, '{"code":401,"message":"Unauthorized"}', {
        'www-authenticate': this.auth.challenge(),
      });
    }
    const frame = this.#call(body);
    if (this.#rebooting) this.away = once(response, 'finish').then(() => this.stop());
    // code comes as it is stored, byte by byte
    json(200, Buffer.from(frame, body.includes('"Script.GetCode"') ? 'latin1' : 'utf8'));
  }

  #info(): Json {
    const on = this.auth.password !== '';
    const { device } = this.methods.config.sys as { device: Json };
    return { ...this.methods.info, name: device.name, auth_en: on, auth_domain: on ? ID : null };
  }

  /** A call that came in a WebSocket, where it says itself who calls. */
  #frame(text: string): string {
    const { id, method, src, auth } = JSON.parse(text) as {
      id: number;
      method: string;
      src?: string;
      auth?: FrameAuth;
    };
    if (method !== 'Shelly.GetDeviceInfo' && !this.auth.acceptsFrame(auth)) {
      return JSON.stringify({
        id,
        src: ID,
        dst: src,
        error: { code: 401, message: this.auth.frameChallenge() },
      });
    }
    const frame = this.#call(text);
    return method === 'Script.GetCode' ? Buffer.from(frame, 'latin1').toString('utf8') : frame;
  }

  #call(text: string): string {
    let frame: { id?: unknown; method?: unknown; src?: unknown; params?: Json };
    try {
      frame = JSON.parse(text) as typeof frame;
    } catch {
      return JSON.stringify({ code: -103, message: 'Invalid JSON' });
    }
    const { id, method, src, params = {} } = frame;
    const head = { id, src: ID, ...(src !== undefined && { dst: src }) };
    try {
      if (typeof method !== 'string') throw new ShellyError(-103, "Missing required argument 'method'!");
      const result = method === 'Shelly.GetDeviceInfo' ? this.#info() : this.methods.call(method, params);
      return JSON.stringify({ ...head, result });
    } catch (error) {
      if (!(error instanceof ShellyError)) throw error;
      return JSON.stringify({ ...head, error: { code: error.code, message: error.message } });
    }
  }
}
