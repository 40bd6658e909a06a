import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { settingsSchema } from '../../src/devices/fields.ts';
import type {
  BrokerAccess,
  DeviceContext,
  DeviceHandler,
  Identity,
  SavedFile,
  SavedFiles,
  Trust,
} from '../../src/devices/handler.ts';
import { portUnlessSaid } from '../../src/devices/http/address.ts';
import { DeviceHttp } from '../../src/devices/http/client.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { temporaryFolder } from '../harness/temporary.ts';

interface RunOptions {
  readonly clock?: Clock;
  readonly broker?: BrokerAccess;
  /** What was met when the device was added. */
  readonly trusted?: string;
  readonly signal?: AbortSignal;
}

/** A handler with one device, as the manager drives it, without a core around it. */
export class HandlerRun {
  /** Fingerprints that were met. */
  readonly met: string[] = [];
  readonly #handler: DeviceHandler;
  readonly #context: DeviceContext<never>;
  readonly #settings: never;

  constructor(handler: DeviceHandler, settings: Record<string, unknown>, options: RunOptions = {}) {
    const signal = options.signal ?? new AbortController().signal;
    const known = options.trusted;
    const trust: Trust = {
      known,
      meet: (fingerprint, host) => {
        this.met.push(fingerprint);
        if (known !== undefined && known !== fingerprint) {
          throw new Problem('device_pin', { params: { host, fingerprint } });
        }
      },
    };
    this.#handler = handler;
    this.#settings = v.parse(settingsSchema(handler.fields), settings) as never;
    this.#context = {
      settings: this.#settings,
      signal,
      clock: options.clock ?? systemClock,
      log: { debug: () => undefined, warning: () => undefined },
      trust,
      workDir: async () => temporaryFolder('work'),
      broker: async () => options.broker,
      http: (http, until = signal) => new DeviceHttp(http, trust, until),
    };
  }

  test(): Promise<Identity> {
    return this.#handler.test(this.#context);
  }

  /** What is asked before each backup. */
  identify(): Promise<Identity> {
    return (this.#handler.identify ?? this.#handler.test)(this.#context);
  }

  /** Fetches all files. */
  async fetch(): Promise<SavedFiles> {
    const dir = temporaryFolder('artefact');
    const files: SavedFile[] = [];
    for await (const { name, content } of this.#handler.fetch(this.#context)) {
      const chunks: Uint8Array[] = [];
      if (typeof content === 'string') chunks.push(Buffer.from(content));
      else if (content instanceof Uint8Array) chunks.push(content);
      else for await (const chunk of content) chunks.push(chunk);
      files.push(savedFile(dir, name, Buffer.concat(chunks)));
    }
    return savedFiles(files);
  }

  validate(saved: SavedFiles): Promise<void> {
    return this.#handler.validate(saved, this.#settings);
  }

  /** A file as it is compared. */
  async normalised(saved: SavedFiles, name: string): Promise<string | undefined> {
    return this.#handler.normalise(name, await saved.get(name).bytes());
  }

  async restore(saved: SavedFiles): Promise<void> {
    await this.#handler.restore?.run(this.#context, saved);
  }

  async verify(saved: SavedFiles): Promise<void> {
    await this.#handler.restore?.verify?.(this.#context, saved);
  }

  /** What the handler says of an address, without credentials. */
  async recognise(address: string): Promise<Identity | undefined> {
    const { discovery } = this.#handler;
    return discovery?.recognise(this.#context.http({ address, ...portUnlessSaid(address, discovery.port) }));
  }
}

/** Files as if they had been fetched: to be spoilt before they are validated or restored. */
export function savedOf(contents: Readonly<Record<string, Buffer | string>>): SavedFiles {
  const dir = temporaryFolder('artefact');
  return savedFiles(
    Object.entries(contents).map(([name, content]) => savedFile(dir, name, Buffer.from(content))),
  );
}

function savedFile(dir: string, name: string, bytes: Buffer): SavedFile {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, name.replaceAll('/', '_'));
  writeFileSync(path, bytes);
  return {
    name,
    path,
    size: statSync(path).size,
    bytes: async () => readFileSync(path),
    text: async () => readFileSync(path, 'utf8'),
  };
}

function savedFiles(files: SavedFile[]): SavedFiles {
  return {
    files,
    get: (name) => {
      const found = files.find((file) => file.name === name);
      if (!found) throw new Problem('artefact_wrong', { params: { file: name, reason: 'missing' } });
      return found;
    },
  };
}
