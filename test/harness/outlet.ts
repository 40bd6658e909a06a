import { join } from 'node:path';
import type { MqttSettings, MqttStatus, PairingAnnouncement } from '../../src/contract/index.ts';
import { openData } from '../../src/data.ts';
import { Bus } from '../../src/kernel/bus.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { Database } from '../../src/kernel/database.ts';
import type { Feature } from '../../src/kernel/feature.ts';
import { parseInput } from '../../src/kernel/http/input.ts';
import type { Route } from '../../src/kernel/http/route.ts';
import { createLog } from '../../src/kernel/log.ts';
import { Secrets } from '../../src/kernel/secrets.ts';
import { Settings } from '../../src/kernel/settings.ts';
import type { ProvidedBroker } from '../../src/outlets/mqtt/broker.ts';
import { createMqtt, type MqttEvents } from '../../src/outlets/mqtt/index.ts';
import { temporaryFolder } from './temporary.ts';

/** The core's own id in all tests of the outlet. */
export const INSTANCE = 'abc234';

interface OutletOptions {
  readonly clock: Clock;
  readonly dataDir?: string;
  readonly provided?: (() => Promise<ProvidedBroker | undefined>) | undefined;
  readonly announcement?: (() => PairingAnnouncement | undefined) | undefined;
}

/** The MQTT outlet on a data folder of its own, called as its page calls it. */
export class Outlet {
  readonly dataDir: string;
  readonly lines: string[] = [];
  /** How often others were told that something has changed. */
  changes = 0;
  readonly bus = new Bus<MqttEvents>((error) => this.lines.push(String(error)));
  readonly #data: Database;
  readonly #feature: Feature;

  constructor(options: OutletOptions) {
    this.dataDir = options.dataDir ?? join(temporaryFolder('outlet'), 'data');
    this.#data = openData(this.dataDir);
    this.bus.on('mqtt_changed', () => {
      this.changes += 1;
    });
    this.#feature = createMqtt({
      settings: new Settings(this.#data.tables()),
      secrets: Secrets.open(this.dataDir),
      bus: this.bus,
      clock: options.clock,
      log: createLog('debug', (line) => this.lines.push(line), Date.now),
      instanceId: INSTANCE,
      provided: options.provided,
      announcement: options.announcement ?? (() => undefined),
      random: () => 1,
    });
  }

  async start(): Promise<void> {
    await this.#feature.start?.();
  }

  async stop(): Promise<void> {
    await this.#feature.stop?.();
    await this.#data.close();
  }

  status(language = 'en'): Promise<MqttStatus> {
    return this.#call('GET', undefined, language);
  }

  /** What the settings page sends; rejects with the Problem that it would show. */
  use(settings: MqttSettings | Record<string, unknown>): Promise<MqttStatus> {
    return this.#call('PUT', settings);
  }

  forget(): Promise<MqttStatus> {
    return this.#call('DELETE');
  }

  async #call(method: string, body?: object, language = 'en'): Promise<MqttStatus> {
    const route = this.#feature.routes.find((candidate) => candidate.method === method) as Route;
    const call = {
      method,
      answer: () => undefined,
      params: undefined,
      query: undefined,
      body: route.body && parseInput(route.body, body),
      signal: new AbortController().signal,
      peer: '127.0.0.1',
      principal: undefined,
      header: (name: string) => (name === 'accept-language' ? language : undefined),
    };
    return (await route.handle(call, undefined as never, undefined as never)) as MqttStatus;
  }
}
