import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, DeviceServer, filesIn } from './server.ts';
import { crc, driverFile, dump, rgxPasswordIndex, sum, TasmotaSettings, TEXT, xor } from './tasmota-flash.ts';

/** What a device is; tests change it. */
export interface TasmotaState {
  /** Of the firmware: `15.1.0`. */
  version: string;
  /** As commands name it. */
  hardware: string;
  module: string;
  mac: string;
  /** SetOption128 off: requests must come from its own pages. */
  refererCheck: boolean;
  /** `WebServer 1`: all pages are the first one. */
  userOnly: boolean;
  /** Before 12 commands without the password were answered with status 200. */
  oldRefusal: boolean;
  /** Its log has no room for all of `Status 0`: what came first is lost. */
  shortLog: boolean;
  /** No file system: no files of drivers, and no upload that is larger than the settings. */
  fileSystem: boolean;
  /** What is uploaded arrives damaged. */
  garbles: boolean;
  /** The words of its pages. */
  words: { upload: string; failed: string; successful: string; errors: readonly string[] };
}

const ENGLISH: TasmotaState['words'] = {
  upload: 'Upload',
  failed: 'Failed',
  successful: 'Successful',
  errors: [
    'No file selected',
    'Not enough space',
    'Invalid file signature',
    'Program flash size is larger than real flash size',
    'Upload buffer miscompare',
    'Upload failed. Enable logging 3',
    'Upload aborted',
    'File invalid',
    'File too large',
  ],
};

/** de_DE.h */
export const GERMAN: TasmotaState['words'] = {
  upload: 'Upload',
  failed: 'fehlgeschlagen',
  successful: 'erfolgreich',
  errors: ENGLISH.errors.map((_, index) => (index === 7 ? 'Datei ungültig' : `Fehler ${index + 1}`)),
};

const SETTINGS_BYTES = 4_096;
const versionNumber = (text: string): number =>
  text
    .split('.')
    .concat('0', '0')
    .slice(0, 4)
    .reduce((number, part) => number * 256 + Number(part), 0);

/**
 * A device with the firmware Tasmota, as xdrv_01_9_webserver.ino and settings.ino of 15 answer. After an upload it is away
 * until `back()`.
 */
export class TasmotaDevice {
  readonly state: TasmotaState;
  readonly server: DeviceServer;
  readonly settings: TasmotaSettings;
  readonly files = new Map<string, Buffer>();
  /** Settles when it has gone away to restart. */
  away: Promise<void> = Promise.resolve();
  /** Requests with a wrong password. */
  failures = 0;
  /** Web.upload_file_type: firmware, until the page of the restore was asked for. */
  #uploadsSettings = false;

  constructor(state: Partial<TasmotaState> = {}, chip = 0) {
    this.state = {
      version: '15.1.0',
      hardware: 'ESP8266EX',
      module: 'Nous A1T',
      mac: 'A8:48:FA:12:34:56',
      refererCheck: true,
      userOnly: false,
      oldRefusal: false,
      shortLog: false,
      fileSystem: true,
      garbles: false,
      words: ENGLISH,
      ...state,
    };
    this.settings = new TasmotaSettings(versionNumber(this.state.version), chip);
    const { texts } = this.settings;
    for (const [index, text] of [
      [TEXT.otaUrl, 'http://ota.example/tasmota.bin.gz'],
      [TEXT.ssid1, 'Home'],
      [TEXT.password1, 'secret-of-wifi'],
      [TEXT.hostname, 'tasmota-lamp'],
      [TEXT.webPassword, 'secret-of-web'],
      [TEXT.mqttHost, 'broker.local'],
      [TEXT.mqttUser, 'plug'],
      [TEXT.mqttPassword, 'secret-of-mqtt'],
      [TEXT.fullTopic, '%prefix%/%topic%/'],
      [TEXT.topic, 'lamp'],
      [TEXT.mem1, 'Küche'],
      [TEXT.friendlyName1, 'Lampe'],
      [TEXT.friendlyName2, 'Steckdose'],
      [TEXT.templateName, 'Nous A1T'],
      [TEXT.deviceName, 'Küchenlampe'],
      [TEXT.telegramToken, 'secret-of-telegram'],
      [rgxPasswordIndex(chip), 'secret-of-repeater'],
    ] as const) {
      texts.set(index, text);
    }
    this.settings.rule(
      1,
      'ON Power1#state=1 DO WebSend [192.168.1.9,admin:secret-of-other] Power1 on ENDON ON Time#Minute=60 DO Power1 off ENDON',
    );
    this.server = new DeviceServer((request, response) => {
      void this.#answer(request, response).catch(() => response.destroy());
    });
  }

  get address(): string {
    return this.server.address;
  }

  get password(): string {
    return this.settings.texts.get(TEXT.webPassword) ?? '';
  }

  get dump(): Buffer {
    return dump(this.settings.image(), this.state.fileSystem ? this.files : new Map());
  }

  addFile(driver: number, content: string): void {
    this.files.set(`/.drvset${String(driver).padStart(3, '0')}`, driverFile(Buffer.from(content)));
  }

  start(): Promise<void> {
    return this.server.start();
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  /** It has restarted: older settings are brought up to its own version, and its counters have gone on. */
  async back(): Promise<void> {
    await this.away;
    this.#uploadsSettings = false;
    this.settings.version = versionNumber(this.state.version);
    this.tick();
    await this.start();
  }

  /** What changes without anybody setting anything. */
  tick(): void {
    const { bytes } = this.settings;
    for (const at of [0x004, 0x2e8, 0x314, 0x32c, 0x5c0, 0x77c, 0x7b4, 0xf7c, 0xfd4, 0xff8]) {
      bytes.writeUInt32LE((bytes.readUInt32LE(at) + 1) >>> 0, at);
    }
    for (const at of [0x00c, 0x3a4]) bytes.writeUInt16LE(bytes.readUInt16LE(at) + 1, at);
    for (const at of [0x49e, 0xe80, 0xf09]) bytes.writeUInt8((bytes.readUInt8(at) + 1) & 0xff, at);
    bytes.writeUInt8((bytes.readUInt8(0xfd8) & 0xf0) | ((bytes.readUInt8(0xfd8) + 1) & 0x0f), 0xfd8);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://tasmota');
    const body = await bodyOf(request);
    const page = (content: string) => this.#send(response, 200, 'text/html', pageOf(content));
    if (this.state.userOnly) return page('<h2>Lampe</h2>');
    // the file is worked on before anybody asks who sends it (HandleUploadLoop)
    const error = url.pathname === '/u2' && request.method === 'POST' ? this.#upload(request, body) : 0;
    const signedIn = this.#signedIn(request);
    const command = url.pathname === '/cm';
    if (!signedIn && !command) {
      response.setHeader('www-authenticate', 'Basic realm="Login Required"');
      return this.#send(response, 401, 'text/html', '401 Unauthorized');
    }
    // whoever comes from elsewhere gets no answer
    if (this.state.refererCheck && !this.#fromOwnPage(request)) return void response.destroy();
    if (command) {
      const { status, document } = this.#command(url, signedIn);
      return this.#send(response, status, 'application/json', JSON.stringify(document));
    }
    if (url.pathname === '/dl') return this.#download(response);
    if (url.pathname === '/u2' && request.method === 'POST') {
      if (error === 0) this.away = once(response, 'finish').then(() => this.stop());
      return page(this.#uploaded(error));
    }
    if (url.pathname === '/rs') {
      this.#uploadsSettings = true;
      return page(
        "<fieldset><form method='post' action='u2?fsz='><input type='file' name='u2'></form></fieldset>",
      );
    }
    if (url.pathname === '/up') {
      this.#uploadsSettings = false;
      return page("<form method='post' action='u2?fsz='></form>");
    }
    if (url.pathname === '/') return page('<h2>Lampe</h2>');
    this.#send(response, 404, 'text/plain', `File Not Found\n\nURI: ${url.pathname}\n`);
  }

  #send(response: ServerResponse, status: number, type: string, body: string): void {
    const server = `Tasmota/${this.state.version} (${this.state.hardware})`;
    response.writeHead(status, { 'content-type': type, server, 'cache-control': 'no-cache' }).end(body);
  }

  #signedIn({ headers }: IncomingMessage): boolean {
    if (this.password === '') return true;
    const [scheme, given = ''] = (headers.authorization ?? '').split(' ');
    if (scheme === 'Basic' && Buffer.from(given, 'base64').toString() === `admin:${this.password}`)
      return true;
    if (given !== '') this.failures += 1;
    return false;
  }

  #fromOwnPage({ headers }: IncomingMessage): boolean {
    const referer = (headers.referer ?? '').toUpperCase();
    const own = [this.settings.texts.get(TEXT.hostname) ?? '', '127.0.0.1'];
    return own.some((name) => referer.indexOf(name.toUpperCase()) === 7);
  }

  #download(response: ServerResponse): void {
    const bytes = this.dump;
    const name = `Config_${(this.settings.texts.get(TEXT.hostname) ?? '').replace(/[^A-Za-z0-9]/g, '_')}_${this.state.version}.dmp`;
    response
      .writeHead(200, {
        'content-type': 'application/octet-stream',
        'content-length': bytes.length,
        'content-disposition': `attachment; filename=${name}`,
      })
      .end(bytes);
  }

  #command(url: URL, signedIn: boolean): { status: number; document: object } {
    const query = url.searchParams;
    const inQuery = query.get('user') === 'admin' && query.get('password') === this.password;
    if (!signedIn && !inQuery) {
      const document = { WARNING: 'Need user=<username>&password=<password>' };
      return { status: this.state.oldRefusal ? 200 : 401, document };
    }
    const { Status, StatusPRM, StatusFWR, StatusNET } = this.#status();
    const answers: Readonly<Record<string, object>> = {
      '': { WARNING: 'Enter command cmnd=' },
      'status 0': this.state.shortLog ? { StatusNET } : { Status, StatusPRM, StatusFWR, StatusNET },
      status: { Status },
      'status 2': { StatusFWR },
      'status 5': { StatusNET },
      module: { Module: { 0: this.state.module } },
    };
    const words = (query.get('cmnd') ?? '').trim().toLowerCase();
    return { status: 200, document: answers[words] ?? { Command: 'Unknown' } };
  }

  #status() {
    const text = (index: number) => this.settings.texts.get(index) ?? '';
    const { version, hardware, mac } = this.state;
    return {
      Status: {
        Module: 0,
        DeviceName: text(TEXT.deviceName),
        FriendlyName: [text(TEXT.friendlyName1)],
        Topic: text(TEXT.topic),
        Power: '0',
      },
      StatusPRM: { Baudrate: 115200, OtaUrl: text(TEXT.otaUrl), Uptime: '0T00:03:37' },
      StatusFWR: { Version: `${version}(release-tasmota)`, Core: '2_7_8', Hardware: hardware, CR: '342/699' },
      StatusNET: { Hostname: text(TEXT.hostname), IPAddress: '127.0.0.1', Mac: mac, Webserver: 2 },
    };
  }

  /** HandleUploadLoop; 0 where nothing was wrong with it. */
  #upload(request: IncomingMessage, body: Buffer): number {
    const file = filesIn(body, request.headers['content-type'] ?? '').find(({ field }) => field === 'u2');
    if (!file?.filename) return 1;
    if (!this.#uploadsSettings) return file.bytes[0] === 0xe9 || file.bytes[0] === 0x1f ? 2 : 3;
    const container = this.state.fileSystem && file.bytes.subarray(2, 4).toString() === 'se';
    const room = container ? file.bytes.readUInt16LE(14) : SETTINGS_BYTES;
    if (file.bytes.length > room) return 9;
    const whole = Buffer.alloc(room);
    file.bytes.copy(whole);
    if (this.state.garbles) whole.writeUInt8(whole.readUInt8(0x700) ^ 1, 0x700);
    return this.#restore(whole) ? 0 : 8;
  }

  /** SettingsConfigRestore. */
  #restore(bytes: Buffer): boolean {
    const readable = xor(bytes);
    const plain = readable.length > SETTINGS_BYTES ? readable.subarray(16) : readable;
    const settings = plain.subarray(0, SETTINGS_BYTES);
    const version = settings.readUInt32LE(8);
    const size = settings.readUInt16LE(2);
    if (version <= 0x06000000 || size > SETTINGS_BYTES) return false;
    const valid =
      version > 0x0606000a
        ? crc(settings.subarray(0, size - 4)) === settings.readUInt32LE(4092)
        : sum(settings.subarray(0, size)) === settings.readUInt16LE(14);
    if (!valid || settings.readUInt8(0xf36) !== this.settings.chip) return false;
    settings.copy(this.settings.bytes, 16, 16);
    this.settings.version = version;
    this.settings.texts.clear();
    const texts = settings
      .subarray(0x017, 0x017 + 699)
      .toString('utf8')
      .split('\0');
    for (const [index, text] of texts.entries()) if (text !== '') this.settings.texts.set(index, text);
    for (let at = SETTINGS_BYTES; at + 16 < plain.length; ) {
      const name = plain
        .subarray(at, at + 14)
        .toString('latin1')
        .replace(/\0.*$/s, '');
      const length = plain.readUInt16LE(at + 14);
      const content = plain.subarray(at + 16, at + 16 + length);
      if (crc(content.subarray(4)) === content.readUInt32LE(0)) this.files.set(name, Buffer.from(content));
      at += 16 + Math.floor(length / 16) * 16 + 16;
    }
    return true;
  }

  /** HandleUploadDone. */
  #uploaded(error: number): string {
    const { upload, failed, successful, errors } = this.state.words;
    const begin = `<div style='text-align:center;'><b>${upload} <font color='#`;
    if (error !== 0) return `${begin}ff5661'>${failed}</font></b><br><br>${errors[error - 1]}</div><br>`;
    return `${begin}008000'>${successful}</font></b><br><br><div style='text-align:center;'>Device will restart in a few seconds</div><br></div><br>`;
  }
}

const pageOf = (content: string): string =>
  `<!DOCTYPE html><html lang="en" class=""><head><meta charset='utf-8'><title>Lampe</title></head><body>${content}<div style='text-align:right;font-size:11px;'><hr/><a href='https://bit.ly/tasmota' target='_blank' style='color:#aaa;'>Tasmota by Theo Arends</a></div></body></html>`;
