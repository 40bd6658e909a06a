import type { CertificateFiles } from '../harness/certificate.ts';
import { bodyOf, DeviceServer, filesIn } from '../simulators/devices/server.ts';

/** A device that the tests of the manager speak to: as little of WLED as its handler asks for. */
export class SmallDevice {
  mac: string;
  version = '0.15.0';
  arch = 'esp32';
  files: Record<string, string> = {
    'cfg.json': JSON.stringify({ hw: { led: { total: 30 } }, id: { name: 'Shelf' }, nw: { psk: 'hush' } }),
    'presets.json': JSON.stringify({ 0: {}, 1: { n: 'Evening', on: true } }),
  };
  /** Waited for before a file is taken. */
  beforeUpload: () => Promise<void> = async () => undefined;
  /** Answers instead of a device where that is set. */
  instead: ConstructorParameters<typeof DeviceServer>[0] | undefined;
  readonly server: DeviceServer;

  constructor(mac = 'aabbccddeeff', tls?: CertificateFiles) {
    this.mac = mac;
    this.server = new DeviceServer((request, response) => {
      if (this.instead) return void this.instead(request, response);
      const url = new URL(request.url ?? '/', 'http://device');
      const json = (value: unknown) => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(value));
      };
      if (url.pathname === '/json/info') {
        return json(this.info());
      }
      if (url.pathname === '/json') return json({ success: true });
      if (url.pathname === '/edit') {
        return json(Object.keys(this.files).map((name) => ({ name, type: 'file', size: 1 })));
      }
      if (url.pathname === '/upload' && request.method === 'POST') {
        return void bodyOf(request).then(async (body) => {
          await this.beforeUpload();
          for (const { filename, bytes } of filesIn(body, request.headers['content-type'] ?? '')) {
            this.files[filename.replace(/^\//, '')] = bytes.toString();
          }
          response.end('File Uploaded!');
        });
      }
      const content = this.files[url.searchParams.get('path')?.slice(1) ?? url.pathname.slice(1)];
      if (content === undefined) {
        response.statusCode = 404;
        return void response.end();
      }
      response.end(content);
    }, tls);
  }

  /** What it says of itself. */
  info(change: object = {}): object {
    const { mac, arch, version: ver } = this;
    return { ver, vid: 2_508_020, name: 'Shelf', mac, arch, brand: 'WLED', ...change };
  }

  get address(): string {
    return this.server.address;
  }

  change(values: object): void {
    const before = JSON.parse(this.files['cfg.json'] ?? '{}') as object;
    this.files['cfg.json'] = JSON.stringify({ ...before, ...values });
  }
}
