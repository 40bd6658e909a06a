import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, DeviceServer, filesIn } from './server.ts';

/** What it is built from: the editor of 14 and 15 knows other requests than that of 16. */
export type WledVersion = '0.14.4' | '0.15.5' | '16.0.1';

/** What a controller is and how it is set; tests change it. */
export interface WledState {
  version: WledVersion;
  arch: string;
  /** Of a vendor's build; `FOSS` in all others. */
  product: string;
  /** Empty: its settings are open. */
  pin: string;
  /** A build without the editor lists no files. */
  editor: boolean;
  /** Its file system takes no more. */
  full: boolean;
}

// const.h
const PIN_RETRY_COOLDOWN_MS = 3_000;
// wled.h, VERSION
const BUILD: Readonly<Record<WledVersion, number>> = {
  '0.14.4': 2405180,
  '0.15.5': 2608120,
  '16.0.1': 2608190,
};

const MAC = 'a0b1c2d3e4f5';
const PAGE_404 =
  '<!DOCTYPE html><html><head><title>Not found</title></head><body>404 Not Found</body></html>';
const EDITOR = '<!DOCTYPE html><html><head><title>ESP Editor</title></head><body></body></html>';

/** Settings as a controller writes them, shortened (cfg.cpp, serializeConfig). */
export const settingsOf = (name: string, version: WledVersion = '16.0.1') => ({
  rev: [1, 0],
  vid: BUILD[version],
  id: { mdns: 'wled-kitchen', name, inv: 'Light', sui: false },
  nw: { ins: [{ ssid: 'Home', pskl: 12, ip: [0, 0, 0, 0], gw: [0, 0, 0, 0], sn: [255, 255, 255, 0] }] },
  ap: { ssid: 'WLED-AP', pskl: 8, chan: 1, hide: 0, behav: 0 },
  hw: {
    led: {
      total: 60,
      maxpwr: 850,
      fps: 42,
      ins: [{ start: 0, len: 60, pin: [16], order: 0, rev: false, type: 22 }],
    },
    relay: { pin: 12, rev: false },
  },
  light: { 'scale-bri': 100, nl: { mode: 1, dur: 60, tbri: 0, macro: 0 } },
  if: { mqtt: { en: true, broker: 'broker.local', port: 1883, user: 'wled', pskl: 9 } },
  um: { Weather: { apiKey: 'k3y-of-a-usermod', token: 'usermod-token' } },
});

const PRESETS = {
  0: {},
  1: { n: 'Evening', on: true, bri: 90, mainseg: 0, seg: [{ id: 0, start: 0, stop: 60, fx: 2, pal: 0 }] },
  2: { n: 'Tour', playlist: { ps: [1], dur: [30], transition: [7], repeat: 0, end: 0 } },
};

/**
 * A controller with the firmware WLED, as wled_server.cpp, json.cpp, file.cpp and util.cpp of 0.15 and 16 answer, and the
 * editor of ESPAsyncWebServer before 16. After its settings were uploaded it is away until `back()`.
 */
export class WledController {
  readonly state: WledState;
  readonly files = new Map<string, Buffer>();
  readonly server: DeviceServer;
  /** PINs that counted. */
  readonly tried: string[] = [];
  /** Milliseconds since it started; tests turn it. */
  uptimeMs = 60_000;
  /** Settles when it has gone away to restart. */
  away: Promise<void> = Promise.resolve();
  #unlocked = true;
  #lastTryMs = 0;

  constructor(state: Partial<WledState> = {}) {
    this.state = {
      version: '16.0.1',
      arch: 'esp32',
      product: 'FOSS',
      pin: '',
      editor: true,
      full: false,
      ...state,
    };
    this.server = new DeviceServer((request, response) => {
      void this.#answer(request, response).catch(() => response.destroy());
    });
    this.write('cfg.json', settingsOf('Kitchen', this.state.version));
    this.write('presets.json', PRESETS);
    this.write('wsec.json', { nw: { ins: [{ psk: 'secret-of-wifi' }] }, pin: this.state.pin });
    this.#unlocked = this.state.pin === '';
  }

  get address(): string {
    return this.server.address;
  }

  write(name: string, content: object | string): void {
    this.files.set(name, Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)));
  }

  read(name: string): unknown {
    return JSON.parse(this.files.get(name)?.toString('utf8') ?? 'null');
  }

  start(): Promise<void> {
    return this.server.start();
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  /** It has restarted: it has read its settings, and another version than the one that wrote them writes its own. */
  async back(): Promise<void> {
    await this.away;
    this.#unlocked = this.state.pin === '';
    this.#lastTryMs = 0;
    let settings: Record<string, unknown>;
    try {
      settings = this.read('cfg.json') as Record<string, unknown>;
    } catch {
      settings = settingsOf('WLED', this.state.version);
    }
    this.write('cfg.json', { ...settings, vid: BUILD[this.state.version] });
    await this.start();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://wled');
    const send = (status: number, type: string, body: string | Buffer) =>
      response
        .writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
        .end(body);
    if (url.pathname === '/edit') return void this.#edit(request, url, send);
    if (request.method === 'POST' && url.pathname === '/upload') return this.#upload(request, response, send);
    if (request.method === 'POST' && url.pathname.startsWith('/json')) return this.#post(request, send);
    if (request.method !== 'GET') return void send(404, 'text/html', PAGE_404);
    if (url.pathname === '/json' || url.pathname.startsWith('/json/'))
      return void this.#json(url.pathname, send);
    const name = decodeURIComponent(url.pathname.slice(1));
    const content = name.includes('sec') ? undefined : this.files.get(name);
    if (content) send(200, name.endsWith('.json') ? 'application/json' : 'application/octet-stream', content);
    else send(404, 'text/html', PAGE_404);
  }

  #edit(request: IncomingMessage, url: URL, send: Send): void {
    const { version, editor } = this.state;
    const query = url.searchParams;
    if (!this.#unlocked) return void send(401, 'text/html', message('Access Denied'));
    if (!editor && version !== '16.0.1') return void send(501, 'text/html', message('Not implemented'));
    if (request.method !== 'GET') return void send(404, 'text/html', PAGE_404);
    const is16 = version === '16.0.1';
    if (query.has('list') || (is16 && query.get('func') === 'list')) {
      return void send(200, 'application/json', JSON.stringify(this.#listing(is16)));
    }
    if (!is16 || !query.has('func')) return void send(200, 'text/html', EDITOR);
    const name = (query.get('path') ?? '').replace(/^\//, '');
    const content = this.files.get(name);
    if (name === '') send(400, 'text/plain', 'Missing path');
    else if (!content) send(404, 'text/plain', 'Not found');
    else if (name.includes('wsec.json')) send(403, 'text/plain', 'Access Denied');
    else if (query.get('func') === 'download') send(200, 'application/octet-stream', content);
    else send(400, 'text/plain', 'Invalid function');
  }

  #listing(is16: boolean): object[] {
    return [...this.files]
      .filter(([name]) => name !== 'wsec.json')
      .map(([name, { length }]) =>
        is16 ? { name, type: 'file', size: length } : { type: 'file', name: `/${name}`, size: length },
      );
  }

  async #post(request: IncomingMessage, send: Send): Promise<void> {
    const body = await bodyOf(request);
    if (!request.headers['content-type']?.startsWith('application/json')) {
      return void send(404, 'text/html', PAGE_404);
    }
    let document: Record<string, unknown>;
    try {
      document = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
    } catch {
      return void send(400, 'application/json', '{"error":9}');
    }
    if (typeof document.pin === 'string') this.#tryPin(document.pin);
    send(200, 'application/json', '{"success":true}');
  }

  /** util.cpp, checkSettingsPIN: within the cooldown even the right one is not heard. */
  #tryPin(pin: string): void {
    if (!this.#unlocked && this.uptimeMs - this.#lastTryMs < PIN_RETRY_COOLDOWN_MS) return;
    this.tried.push(pin);
    this.#unlocked = this.state.pin === '' || pin.slice(0, 4) === this.state.pin;
    this.#lastTryMs = this.uptimeMs;
  }

  async #upload(request: IncomingMessage, response: ServerResponse, send: Send): Promise<void> {
    const body = await bodyOf(request);
    const [file] = filesIn(body, request.headers['content-type'] ?? '');
    if (!file) return void send(501, 'text/plain', 'Handler did not handle the request');
    if (!this.#unlocked) return void send(401, 'text/plain', 'Please unlock settings using PIN code!');
    const name = file.filename.replace(/^\//, '');
    // what does not fit is cut off, and nobody says so
    this.files.set(name, this.state.full ? file.bytes.subarray(0, 10) : file.bytes);
    if (!name.includes('cfg.json')) return void send(200, 'text/plain', 'File Uploaded!');
    const done = this.state.version === '16.0.1' ? 'Config restore ok.' : 'Configuration restore successful.';
    this.away = once(response, 'finish').then(() => this.stop());
    send(200, 'text/plain', `${done}\nRebooting...`);
  }

  #json(path: string, send: Send): void {
    const parts: Readonly<Record<string, object>> = {
      '/json': { state: STATE, info: this.#info(), effects: EFFECTS, palettes: PALETTES },
      '/json/si': { state: STATE, info: this.#info() },
      '/json/state': STATE,
      '/json/info': this.#info(),
      '/json/eff': EFFECTS,
      '/json/pal': PALETTES,
      '/json/fxda': ['', '!,!;!,!;!'],
      '/json/cfg': this.read('cfg.json') as object,
    };
    const part = parts[path];
    if (part) send(200, 'application/json', JSON.stringify(part));
    else send(501, 'application/json', '{"error":4}');
  }

  #info(): object {
    const { version, arch, product } = this.state;
    const { id, hw } = (this.read('cfg.json') ?? settingsOf('WLED')) as ReturnType<typeof settingsOf>;
    return {
      ver: version,
      vid: BUILD[version],
      cn: 'Kagayaki',
      release: arch.toUpperCase(),
      leds: {
        count: hw.led.total,
        pwr: 120,
        fps: 42,
        maxpwr: 850,
        maxseg: 32,
        seglc: [1],
        lc: 1,
        rgbw: false,
        wv: 0,
        cct: 0,
      },
      str: false,
      name: id.name,
      udpport: 21324,
      live: false,
      liveseg: -1,
      lm: '',
      lip: '',
      ws: -1,
      fxcount: EFFECTS.length,
      palcount: PALETTES.length,
      cpalcount: 0,
      maps: [{ id: 0 }],
      wifi: { bssid: '00:11:22:33:44:55', rssi: -50, signal: 100, channel: 6 },
      fs: { u: 12, t: 983, pmt: 1_780_000_000 },
      ndc: 0,
      arch,
      core: 'v3.3.6-16-gcc5440f6a2',
      lwip: 0,
      freeheap: 180_000,
      uptime: Math.floor(this.uptimeMs / 1000),
      opt: 79,
      brand: 'WLED',
      product,
      mac: MAC,
      ip: '127.0.0.1',
    };
  }
}

type Send = (status: number, type: string, body: string | Buffer) => unknown;

const EFFECTS = ['Solid', 'Blink', 'Breathe'];
const PALETTES = ['Default', '* Random Cycle'];
const STATE = {
  on: true,
  bri: 128,
  transition: 7,
  ps: -1,
  pl: -1,
  ledmap: 0,
  nl: { on: false, dur: 60, mode: 1, tbri: 0, rem: -1 },
  udpn: { send: false, recv: true, sgrp: 1, rgrp: 1 },
  lor: 0,
  mainseg: 0,
  seg: [
    {
      id: 0,
      start: 0,
      stop: 60,
      len: 60,
      grp: 1,
      spc: 0,
      of: 0,
      on: true,
      frz: false,
      bri: 255,
      cct: 127,
      set: 0,
      col: [
        [255, 160, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
      fx: 0,
      sx: 128,
      ix: 128,
      pal: 0,
      sel: true,
      rev: false,
      mi: false,
    },
  ],
};

const message = (title: string): string =>
  `<!DOCTYPE html><html><head><title>WLED Message</title></head><body><h2>${title}</h2>Please unlock settings using PIN code!</body></html>`;
