import type { CoreProcess } from '../test/harness/core.ts';
import { DeviceServer } from '../test/simulators/devices/server.ts';

/** What each of them gives. */
export const FILES_EACH = 2;

/** Controllers that answer as WLED does, each at an address of this machine of its own. */
export class Controllers {
  readonly addresses: string[] = [];
  /** Increased, it makes the settings of all of them others. */
  version = 1;
  /** How many have given their last file. */
  given = 0;
  readonly #servers: DeviceServer[] = [];
  readonly #count: number;
  readonly #delayOf: (at: number) => number;

  /** @param delayOf how long each takes for its settings (milliseconds) */
  constructor(count: number, delayOf: (at: number) => number) {
    this.#count = count;
    this.#delayOf = delayOf;
  }

  async start(): Promise<void> {
    for (let at = 0; at < this.#count; at += 1) {
      const server = this.#controller(at);
      const host = `127.0.1.${at + 1}`;
      await server.start(0, host);
      this.#servers.push(server);
      this.addresses.push(`${host}:${server.port}`);
    }
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) await server.stop();
  }

  #controller(at: number): DeviceServer {
    const mac = at.toString(16).padStart(12, '0');
    const info = { ver: '16.0.1', vid: 2_608_190, name: `Light ${at}`, mac, arch: 'esp32', product: 'FOSS' };
    const presets = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [index, index === 0 ? {} : { n: `Scene ${index}`, on: true }]),
    );
    const listing = ['cfg.json', 'presets.json'].map((name) => ({ name, type: 'file', size: 1 }));
    return new DeviceServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://device');
      const json = (value: unknown) => response.end(JSON.stringify(value));
      if (pathname === '/json/info') json(info);
      else if (pathname === '/edit') json(listing);
      else if (pathname === '/cfg.json') setTimeout(() => json(this.#settings(at)), this.#delayOf(at));
      else if (pathname === '/presets.json') {
        this.given += 1;
        json(presets);
      } else response.writeHead(404).end();
    });
  }

  #settings(at: number): object {
    const outputs = Array.from({ length: 10 }, (_, index) => ({ start: index * 30, len: 30, pin: [index] }));
    return { hw: { led: { total: 300, ins: outputs } }, id: { name: `Light ${at}`, version: this.version } };
  }
}

/** Adds all of them as a person does who has a table. */
export async function addControllers(core: CoreProcess, { addresses }: Controllers): Promise<void> {
  const lines = addresses.map((address, at) => `wled;Light ${String(at).padStart(3, '0')};${address}`);
  const csv = ['kind;name;address', ...lines].join('\n');
  await core.client.call('POST', '/api/v1/devices/import', { csv, save: true });
}
