import { fileURLToPath } from 'node:url';
import { type AccessEvents, createAccess, makePairingCode } from './access/index.ts';
import { AccessStore } from './access/store.ts';
import { type ActivityEvents, createActivity } from './activity/index.ts';
import { type BackupEvents, BackupStore, createBackups } from './backups/index.ts';
import { API_VERSION, type Info, MIN_API_VERSION } from './contract/index.ts';
import { openData } from './data.ts';
import type { RunOptions } from './environment.ts';
import { openInstance, reachableUrl, rememberUrl } from './instance.ts';
import { Bus } from './kernel/bus.ts';
import { type Clock, systemClock, timestamp } from './kernel/clock.ts';
import { claim } from './kernel/database.ts';
import { Problem } from './kernel/errors.ts';
import type { Feature } from './kernel/feature.ts';
import { createApp } from './kernel/http/app.ts';
import { loadFiles } from './kernel/http/files.ts';
import { bearerToken } from './kernel/http/principal.ts';
import { startServer } from './kernel/http/server.ts';
import { createLog, describeError, type Log } from './kernel/log.ts';
import { Operations } from './kernel/operations.ts';
import { Secrets } from './kernel/secrets.ts';
import { Settings } from './kernel/settings.ts';
import { createSystem } from './system/index.ts';
import { VERSION } from './version.ts';

/** How to run; tests bring a clock and a log of their own. */
export interface CoreOptions extends RunOptions {
  readonly clock?: Clock;
  readonly log?: Log;
  /** The folder of the built web UI; beside the program if not given. */
  readonly webDir?: string;
}

/** A running core. */
export interface Core {
  readonly url: string;
  readonly info: Info;
  /** Stops everything in reverse; may be called more than once. */
  stop(): Promise<void>;
}

/** Thrown when another process serves the same data folder. */
class DataInUse extends Error {
  override readonly name = 'DataInUse';
}

type Events = AccessEvents & ActivityEvents & BackupEvents;

/** `npm run build` puts it there, whether the program runs from `src` or from `dist`. */
const WEB_DIR = fileURLToPath(new URL('../dist/web/', import.meta.url));

/** Starts the core: data, kernel, features, server. What was started is stopped in reverse, also when a start fails. */
export async function startCore(options: CoreOptions): Promise<Core> {
  const { dataDir, clock = systemClock } = options;
  const log = options.log ?? createLog(options.logLevel, (line) => process.stderr.write(line), Date.now);
  const started: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (const undo of started.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        log.error('a part did not stop well', { reason: describeError(error) });
      }
    }
  };
  try {
    // data
    const claimed = claim(dataDir);
    if (!claimed) throw new DataInUse(`another Homestash already serves ${dataDir}`);
    started.push(claimed.release);
    const data = openData(dataDir);
    started.push(data.close);

    // kernel
    const secrets = Secrets.open(dataDir);
    const settings = new Settings(data.tables());
    const { instance, fresh } = await openInstance(settings);
    const bus = new Bus<Events>((error) =>
      log.error('a listener met a defect', { reason: describeError(error) }),
    );
    const operations = new Operations(data.tables(), bus, clock, log);
    await operations.start();
    const tokens = new AccessStore(data.tables(), clock);
    const info: Info = {
      instance_id: instance.id,
      name: instance.name,
      version: VERSION,
      api_version: API_VERSION,
      min_api_version: MIN_API_VERSION,
      started_at: timestamp(clock.now()),
    };
    let url = '';

    // features
    const features: Feature[] = [
      createAccess({ store: tokens, bus, clock, log, info, url: () => url }),
      createBackups({
        store: new BackupStore(data.tables()),
        secrets,
        operations,
        bus,
        clock,
        log,
        dataDir,
        idleTimeoutMs: options.idleTimeoutMs,
        fresh,
      }),
      createActivity({ operations, bus, instanceId: instance.id }),
    ];
    const system = createSystem({ info, routes: features.flatMap((feature) => feature.routes) });
    for (const feature of features) {
      started.push(async () => feature.stop?.());
      await feature.start?.();
    }

    // server
    const stopping = new AbortController();
    const app = createApp({
      routes: [...features, system].flatMap((feature) => feature.routes),
      identify: async (credentials) => {
        const token = bearerToken(credentials);
        const id = token === undefined ? undefined : await tokens.authenticate(token);
        return id === undefined ? undefined : { kind: 'token', id };
      },
      log,
      stopping: stopping.signal,
      files: await loadFiles(options.webDir ?? WEB_DIR),
    });
    const listeners = [{ app, host: options.bind, port: options.port }];
    const server = await startServer({ listeners, clock, log });
    started.push(() => {
      stopping.abort(new Problem('shutting_down'));
      return server.stop();
    });
    url = reachableUrl(options.bind, server.ports[0] ?? options.port);
    await rememberUrl(settings, url);
    if ((await tokens.tokens()).length === 0) {
      const { code } = await makePairingCode(tokens, url);
      log.info('not paired yet: paste this code into Home Assistant within 15 minutes', {
        pairing_code: code,
      });
    }
    return { url, info, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
