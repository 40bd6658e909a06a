import { join } from 'node:path';
import type { Language, MqttSettings, MqttStatus, PairingAnnouncement } from '../../src/contract/index.ts';
import { openData } from '../../src/data.ts';
import { Bus } from '../../src/kernel/bus.ts';
import type { Database } from '../../src/kernel/database.ts';
import type { DeviceDescription } from '../../src/kernel/entities.ts';
import type { Feature } from '../../src/kernel/feature.ts';
import { parseInput } from '../../src/kernel/http/input.ts';
import type { Route } from '../../src/kernel/http/route.ts';
import { Journal } from '../../src/kernel/journal.ts';
import { createLog } from '../../src/kernel/log.ts';
import { Revisions } from '../../src/kernel/revisions.ts';
import { Secrets } from '../../src/kernel/secrets.ts';
import { Settings } from '../../src/kernel/settings.ts';
import { State } from '../../src/kernel/state.ts';
import type { ProvidedBroker } from '../../src/outlets/mqtt/broker.ts';
import type { DeviceEvents, RunCommand } from '../../src/outlets/mqtt/devices.ts';
import { createMqtt, type MqttEvents } from '../../src/outlets/mqtt/index.ts';
import type { IdleClock } from './idle-clock.ts';
import { temporaryFolder } from './temporary.ts';

/** The core's own id in all tests of the outlet. */
export const INSTANCE = 'abc234';

interface OutletOptions {
  readonly clock: IdleClock;
  readonly dataDir?: string;
  readonly provided?: (() => Promise<ProvidedBroker | undefined>) | undefined;
  readonly devices?: readonly DeviceDescription[];
  readonly run?: RunCommand;
  readonly announcement?: (() => PairingAnnouncement | undefined) | undefined;
}

/** The MQTT outlet on a data folder of its own, called as its page calls it. */
export class Outlet {
  readonly clock: IdleClock;
  readonly dataDir: string;
  readonly lines: string[] = [];
  /** How often others were told that something has changed. */
  changes = 0;
  readonly bus = new Bus<MqttEvents & DeviceEvents>((error) => this.lines.push(String(error)));
  readonly state: State;
  readonly journal: Journal;
  language: Language = 'en';
  readonly #data: Database;
  readonly #feature: Feature;

  constructor(options: OutletOptions) {
    this.clock = options.clock;
    this.dataDir = options.dataDir ?? join(temporaryFolder('outlet'), 'data');
    this.#data = openData(this.dataDir);
    this.state = new State({
      clock: options.clock,
      revisions: new Revisions(1_000),
      onError: (error) => this.lines.push(String(error)),
    });
    this.journal = new Journal({
      database: this.#data,
      bus: this.bus as unknown as ConstructorParameters<typeof Journal>[0]['bus'],
      clock: options.clock,
      log: createLog('debug', (line) => this.lines.push(line), Date.now),
    });
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
      state: this.state,
      journal: this.journal,
      devices: options.devices ?? [],
      run: options.run ?? (async () => undefined),
      origin: () => ({ version: '1.2.3', url: 'https://example.org', page: 'http://192.168.1.5:8098' }),
      language: () => this.language,
      random: () => 1,
    });
  }

  async start(): Promise<void> {
    await this.#feature.start?.();
  }

  /** Stops it, to be started again. */
  async halt(): Promise<void> {
    await this.#feature.stop?.();
  }

  async stop(): Promise<void> {
    await this.halt();
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
