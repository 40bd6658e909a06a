import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HomeAssistant } from '../../src/contract/index.ts';
import { openData } from '../../src/data.ts';
import {
  createHomeAssistant,
  type FollowedEvents,
  type HomeAssistantEvents,
  type HomeAssistantFeature,
} from '../../src/home-assistant/index.ts';
import { Bus } from '../../src/kernel/bus.ts';
import { createApp } from '../../src/kernel/http/app.ts';
import { startServer } from '../../src/kernel/http/server.ts';
import { createLog } from '../../src/kernel/log.ts';
import { Secrets } from '../../src/kernel/secrets.ts';
import { Settings } from '../../src/kernel/settings.ts';
import { CoreClient } from '../harness/core-client.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { waitFor } from '../harness/wait-for.ts';

/** Sooner than the clock leaps: what has come about is seen before time goes on (milliseconds). */
const LOOK_MS = 5;

interface SceneOptions {
  readonly supervisor?: { readonly url: string; readonly token: string };
}

/** The way back into Home Assistant with a clock that leaps, and its HTTP side for a person who is signed in. */
export class Scene {
  readonly clock = new IdleClock();
  readonly dataDir = mkdtempSync(join(tmpdir(), 'homestash-link-'));
  /** Every line of its log. */
  readonly lines: string[] = [];
  /** What listeners threw. */
  readonly defects: unknown[] = [];
  readonly bus = new Bus<HomeAssistantEvents & FollowedEvents>((error) => this.defects.push(error));
  /** When others were told of a change (milliseconds of the clock). */
  readonly told: number[] = [];
  readonly #options: SceneOptions;
  #feature: HomeAssistantFeature | undefined;
  #client: CoreClient | undefined;
  #stops: (() => Promise<void> | void)[] = [];

  constructor(options: SceneOptions = {}) {
    this.#options = options;
  }

  get feature(): HomeAssistantFeature {
    if (!this.#feature) throw new Error('it was not started');
    return this.#feature;
  }

  /** Asks as a person does. */
  call(method: string, path = '', body?: unknown): Promise<HomeAssistant> {
    if (!this.#client) throw new Error('it was not started');
    return this.#client.call(method, `/api/v1/home-assistant${path}`, body);
  }

  /** Starts it, again on the same data after a stop. */
  async start(): Promise<void> {
    const data = openData(this.dataDir);
    const { bus } = this;
    const log = createLog('debug', (line) => this.lines.push(line), Date.now);
    const { clock } = this;
    const feature = createHomeAssistant({
      settings: new Settings(data.tables()),
      secrets: Secrets.open(this.dataDir),
      bus,
      clock,
      log,
      random: () => 1,
      ...this.#options,
    });
    bus.on('home_assistant_changed', () => this.told.push(clock.monotonic()));
    this.#feature = feature;
    await feature.start?.();
    const app = createApp({
      routes: feature.routes,
      identify: async () => ({ kind: 'session', id: 'me' }),
      log,
      stopping: new AbortController().signal,
    });
    const server = await startServer({ listeners: [{ app, host: '127.0.0.1', port: 0 }], clock, log });
    this.#client = new CoreClient(`http://127.0.0.1:${server.ports[0]}`, '');
    this.#stops = [() => server.stop(), async () => feature.stop?.(), () => data.close()];
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) await stop();
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Waits for a document that is so; time leaps meanwhile. */
  until(what: string, is: (document: HomeAssistant) => unknown): Promise<HomeAssistant> {
    return this.clock.during(
      waitFor(
        what,
        (): HomeAssistant | undefined => {
          const document = this.feature.document();
          return is(document) ? document : undefined;
        },
        { intervalMs: LOOK_MS },
      ),
    );
  }

  /** All that the database holds, as text; after a stop it is one file. */
  stored(): string {
    return readFileSync(join(this.dataDir, 'homestash.db'), 'latin1');
  }
}
