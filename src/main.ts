import { type AccessEvents, createAccess, makePairingCode } from './access/index.ts';
import { AccessStore, accessMigration } from './access/store.ts';
import { type ActivityEvents, createActivity } from './activity/index.ts';
import { type BackupEvents, BackupStore, backupsMigration, createBackups } from './backups/index.ts';
import { API_VERSION, type Info, MIN_API_VERSION } from './contract/index.ts';
import type { RunOptions } from './environment.ts';
import { openInstance, reachableUrl, recallUrl, rememberUrl } from './instance.ts';
import { Bus } from './kernel/bus.ts';
import { type Clock, systemClock, timestamp } from './kernel/clock.ts';
import { claim, openDatabase } from './kernel/database.ts';
import { Problem } from './kernel/errors.ts';
import type { Feature } from './kernel/feature.ts';
import { createApp } from './kernel/http/app.ts';
import { startServer } from './kernel/http/server.ts';
import { createLog, describeError, type Log } from './kernel/log.ts';
import { Operations, operationsMigration } from './kernel/operations.ts';
import { Secrets } from './kernel/secrets.ts';
import { Settings, settingsMigration } from './kernel/settings.ts';
import { createSystem } from './system/index.ts';
import { VERSION } from './version.ts';

type Events = AccessEvents & ActivityEvents & BackupEvents;

const MIGRATIONS = [settingsMigration, operationsMigration, accessMigration, backupsMigration];

export interface CoreOptions extends RunOptions {
  readonly clock?: Clock;
  readonly log?: Log;
}

export interface Core {
  readonly url: string;
  readonly info: Info;
  stop(): Promise<void>;
}

/** Thrown when another process serves the same data folder. */
export class DataInUse extends Error {
  override readonly name = 'DataInUse';
}

function openLog(options: CoreOptions): Log {
  return options.log ?? createLog(options.logLevel, (line) => process.stderr.write(line), Date.now);
}

/** Starts the core: data, kernel, features, server; and stops it in reverse. */
export async function startCore(options: CoreOptions): Promise<Core> {
  const clock = options.clock ?? systemClock;
  const log = openLog(options);
  const claimed = claim(options.dataDir);
  if (!claimed) throw new DataInUse(`another Homestash already serves ${options.dataDir}`);
  const undo: (() => Promise<void> | void)[] = [claimed.release];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        log.error('a part did not stop well', { reason: describeError(error) });
      }
    }
  };
  try {
    const database = openDatabase(options.dataDir, MIGRATIONS);
    undo.push(() => database.close());
    const secrets = Secrets.open(options.dataDir);
    const settings = new Settings(database.tables());
    const { instance, fresh } = await openInstance(settings);
    const bus = new Bus<Events>((error) =>
      log.error('a listener met a defect', { reason: describeError(error) }),
    );
    const operations = new Operations(database.tables(), bus, clock, log);
    await operations.start();
    const accessStore = new AccessStore(database.tables(), clock);

    const info: Info = {
      instance_id: instance.id,
      name: instance.name,
      version: VERSION,
      api_version: API_VERSION,
      min_api_version: MIN_API_VERSION,
      started_at: timestamp(clock.now()),
    };
    let url = '';
    const features: Feature[] = [
      createAccess({ store: accessStore, bus, clock, log, info: () => info, url: () => url }),
      createBackups({
        store: new BackupStore(database.tables()),
        secrets,
        operations,
        bus,
        clock,
        log,
        dataDir: options.dataDir,
        idleTimeoutMs: options.idleTimeoutMs,
        firstStart: async () => fresh,
      }),
      createActivity({ operations, bus, instanceId: () => instance.id }),
    ];
    const routes = features.flatMap((feature) => feature.routes);
    const system = createSystem({ info: () => info, routes });

    for (const feature of features) {
      if (feature.stop) undo.push(() => feature.stop?.());
      await feature.start?.();
    }

    const stopping = new AbortController();
    const app = createApp({
      routes: [...routes, ...system.routes],
      authenticate: (token) => accessStore.authenticate(token),
      log,
      stopping: stopping.signal,
    });
    const server = await startServer({ app, host: options.bind, port: options.port });
    undo.push(() => {
      stopping.abort(new Problem('shutting_down'));
      return server.stop();
    });
    url = reachableUrl(options.bind, server.port);
    await rememberUrl(settings, url);
    if ((await accessStore.tokens()).length === 0) {
      const { code } = await makePairingCode(accessStore, url);
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

/** Makes a pairing code in a data folder, whether or not a core is serving it right now. */
export async function pair(
  options: RunOptions & { readonly url?: string },
): Promise<{ code: string; url: string; expires_at: string }> {
  const database = openDatabase(options.dataDir, MIGRATIONS);
  try {
    const url =
      options.url ??
      (await recallUrl(new Settings(database.tables()))) ??
      reachableUrl(options.bind, options.port);
    return await makePairingCode(new AccessStore(database.tables(), systemClock), url);
  } finally {
    await database.close();
  }
}
