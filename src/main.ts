import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AccessEvents, createAccess, type IsAdministrator } from './access/index.ts';
import { SessionStore } from './access/session-store.ts';
import { AccessStore } from './access/store.ts';
import { type ActivityEvents, createActivity } from './activity/index.ts';
import { type BackupEvents, BackupStore, createBackups } from './backups/index.ts';
import { API_VERSION, type Info, type Language, MIN_API_VERSION } from './contract/index.ts';
import { openData } from './data.ts';
import { createDevices, type DeviceEvents, DeviceStore } from './devices/index.ts';
import type { RunOptions } from './environment.ts';
import { createGeneral, type GeneralEvents } from './general/index.ts';
import { General } from './general/settings.ts';
import { Discovery } from './home-assistant/discovery.ts';
import { createHomeAssistant, type HomeAssistantEvents } from './home-assistant/index.ts';
import { Supervisor } from './home-assistant/supervisor.ts';
import { openInstance, reachableByOthers, reachableUrl, rememberUrl } from './instance.ts';
import { Bus } from './kernel/bus.ts';
import { type Clock, systemClock, timestamp } from './kernel/clock.ts';
import { Commands } from './kernel/commands.ts';
import { claim } from './kernel/database.ts';
import { DatabaseCopies } from './kernel/database-copies.ts';
import { Problem } from './kernel/errors.ts';
import type { Feature } from './kernel/feature.ts';
import { loadFiles } from './kernel/http/files.ts';
import { startServer } from './kernel/http/server.ts';
import { Jobs } from './kernel/jobs.ts';
import { Journal } from './kernel/journal.ts';
import { createLog, describeError, type Log } from './kernel/log.ts';
import { LogRing } from './kernel/log-ring.ts';
import { Operations } from './kernel/operations.ts';
import { Revisions } from './kernel/revisions.ts';
import { Secrets } from './kernel/secrets.ts';
import { Settings } from './kernel/settings.ts';
import { followLanguage } from './kernel/spoken.ts';
import { State } from './kernel/state.ts';
import { chooseLanguage } from './kernel/texts.ts';
import { listenersOf } from './listeners.ts';
import { noteStart } from './note-start.ts';
import { createMqtt, type MqttEvents } from './outlets/mqtt/index.ts';
import { createPrometheus } from './outlets/prometheus/index.ts';
import { StateFiles, type StateFilesEvents } from './outlets/state-files/index.ts';
import { createWebhooks, type WebhookEvents } from './outlets/webhooks/index.ts';
import { createOverview, type OverviewEvents } from './overview/index.ts';
import { roomIn } from './overview/room.ts';
import { createPortables } from './portables.ts';
import { provision } from './provisioning/index.ts';
import { createRecovery, type RecoveryEvents } from './recovery/index.ts';
import { copyProblem, createSystem } from './system/index.ts';
import { createTransfer } from './transfer/index.ts';
import { VERSION } from './version.ts';

/** How to run; tests bring a clock and a log of their own. */
export interface CoreOptions extends RunOptions {
  readonly clock?: Clock;
  readonly log?: Log;
  /** The folder of the built web UI; beside the program if not given. */
  readonly webDir?: string;
  /** How often the box is measured (milliseconds); tests that leap over time want it seldom. */
  readonly measureEveryMs?: number;
  /** Who says which users of Home Assistant are administrators; Home Assistant if not given. */
  readonly isAdministrator?: IsAdministrator;
}

/** A running core. */
export interface Core {
  readonly url: string;
  /** Where ingress is served, as an app of Home Assistant. */
  readonly ingressPort: number | undefined;
  readonly info: Info;
  /** Resolves when it wants to be started anew: somebody asked for it, or what was taken over reaches everybody only so. */
  readonly outdated: Promise<void>;
  /** Stops everything in reverse; may be called more than once. */
  stop(): Promise<void>;
}

/** Thrown when another process serves the same data folder. */
class DataInUse extends Error {
  override readonly name = 'DataInUse';
}

type Events = AccessEvents &
  ActivityEvents &
  StateFilesEvents &
  WebhookEvents &
  BackupEvents &
  DeviceEvents &
  GeneralEvents &
  HomeAssistantEvents &
  MqttEvents &
  OverviewEvents &
  RecoveryEvents;

/** `npm run build` puts it there, whether the program runs from `src` or from `dist`. */
const WEB_DIR = fileURLToPath(new URL('../dist/web/', import.meta.url));

/** Nobody needs it finer, and each time it is written (milliseconds). */
const MEASURE_EVERY_MS = 60_000;

/** Where the project is at home. */
const HOMEPAGE = 'https://github.com/homestash/homestash';

/** So long the Supervisor is asked who we are: a link to our page is no reason to wait (milliseconds). */
const SELF_MS = 10_000;

/** So long the Supervisor is asked for its broker (milliseconds). */
const BROKER_MS = 10_000;

/** Past operations that are shown to who helps: those of some weeks. */
const SHOWN_OPERATIONS = 100;

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
    const ring = new LogRing({ dir: join(dataDir, 'log'), clock, masked: log.masked });
    started.push(() => ring.flush(), log.tee(ring.write));
    const data = openData(dataDir);
    started.push(data.close);

    // kernel
    const secrets = Secrets.open(dataDir);
    const settings = new Settings(data.tables());
    const portables = createPortables({ secrets, clock, log, dataDir });
    const provided = await provision({ sources: options.provisioning, portables, database: data, log });
    const { instance, fresh } = await openInstance(settings);
    const bus = new Bus<Events>((error) =>
      log.error('a listener met a defect', { reason: describeError(error) }),
    );
    const revisions = await Revisions.open(settings);
    const onError = (error: unknown) =>
      log.error('a watcher of the state met a defect', { reason: describeError(error) });
    const state = new State({ clock, revisions, onError });
    const journal = new Journal({ database: data, bus, clock, log });
    const operations = new Operations(data.tables(), bus, clock, log);
    await operations.start();
    const jobs = new Jobs({ settings, clock, log });
    const general = await General.open(settings, {
      name: instance.name,
      cors_origins: [],
      overdue_days: 0,
      language: 'auto',
    });
    const info: Info = {
      instance_id: instance.id,
      get name() {
        return general.current.name;
      },
      version: VERSION,
      api_version: API_VERSION,
      min_api_version: MIN_API_VERSION,
      started_at: timestamp(clock.now()),
    };
    let url = '';
    const reachablePage = () => (reachableByOthers(options.bind) ? url : undefined);
    let leaving = false;
    const outdated = Promise.withResolvers<void>();

    // features
    const { ingress, supervisor } = options;
    if (supervisor) log.redact(supervisor.token);
    const home = createHomeAssistant({ settings, secrets, bus, clock, log, supervisor });
    const tokens = new AccessStore(data.tables(), clock, () => bus.emit('tokens_changed', {}));
    const language = (): Language => {
      const { language: chosen } = general.current;
      return chosen === 'auto' ? chooseLanguage(home.document().home?.language) : chosen;
    };
    started.push(followLanguage({ bus, language }));
    const access = createAccess({
      tokens,
      journal,
      sessions: new SessionStore(data.tables()),
      people: ingress ? 'home_assistant' : 'password',
      isAdministrator: options.isAdministrator ?? home.isAdministrator,
      bus,
      clock,
      log,
      info,
      url: () => url,
    });
    const backups = createBackups({
      store: new BackupStore(data.tables()),
      secrets,
      operations,
      journal,
      state,
      language,
      backUpTo: (uniqueId) => home.backUp({ agent_ids: [`homestash.${uniqueId}`] }),
      bus,
      clock,
      log,
      dataDir,
      idleTimeoutMs: options.idleTimeoutMs,
      // where others are named, that one is not missed
      fresh: fresh && !provided.parts.includes('targets'),
    });
    const kept = createDevices({
      store: new DeviceStore(data.tables()),
      secrets,
      operations,
      journal,
      state,
      language,
      // it comes into being after all that may use it
      broker: () => mqtt.broker(AbortSignal.timeout(BROKER_MS)),
      home: (signal) => home.around(signal),
      offSite: {
        places: () => backups.places(),
        put: (place, key, file, signal) => backups.keepBeside(place, key, file, signal),
        recipient: () => recovery.recipient(),
      },
      bus,
      clock,
      log,
      dataDir,
      instanceId: instance.id,
    });
    const recovery = createRecovery({ settings, secrets, bus, clock, log });
    const overview = createOverview({
      sources: {
        stored: () => backups.facts(),
        home: () => home.document(),
        paired: () => tokens.anyUsed(),
        room: () => roomIn(dataDir),
        copyProblem: () => copyProblem(jobs),
        provisioningProblem: () => provided.problem,
        stateFilesProblem: () => stateFiles.problem,
        unreached: () => webhooks.unreached(),
        failingDevices: () => kept.failing(),
        recoveryKeyKept: () => recovery.isKept(),
        overdueDays: () => general.current.overdue_days,
      },
      bus,
      clock,
      log,
      journal,
    });
    const features: Feature[] = [
      access,
      createGeneral({ general, bus }),
      backups,
      kept,
      createActivity({
        operations,
        journal,
        state,
        revisions,
        bus,
        clock,
        log,
        instanceId: instance.id,
        language,
      }),
      home,
      recovery,
      overview,
      createTransfer({
        portables,
        database: data,
        version: VERSION,
        clock,
        log,
        isBusy: () => operations.running > 0,
        onImported: () => {
          leaving = true;
          // who this was until now is no longer announced
          bus.emit('settings_changed', {});
          outdated.resolve();
        },
      }),
    ];

    const system = createSystem({
      info,
      mode: supervisor ? 'app' : 'standalone',
      dataDir,
      clock,
      log,
      ring,
      copies: new DatabaseCopies({ dataDir, clock, log }),
      jobs,
      provided,
      sections: {
        settings: () => general.current,
        targets: async () => (await backups.facts()).targets,
        operations: async () => (await operations.list()).slice(0, SHOWN_OPERATIONS),
        home_assistant: () => {
          const { home: facts, ...document } = home.document('en');
          // what a family calls its home helps nobody
          return { ...document, home: facts && { ...facts, name: undefined } };
        },
        mqtt: () => mqtt.status('en'),
        overview: () => overview.read('en'),
        recovery_key: async () => ({ kept: await recovery.isKept() }),
        tokens: async () =>
          (await tokens.tokens()).map(({ created_at, last_used_at }) => ({ created_at, last_used_at })),
      },
      routes: () => [...routes, ...access.api.routes],
      state,
      bus,
      overview: () => overview.read(language()),
      running: () => operations.running,
      measureEveryMs: options.measureEveryMs ?? MEASURE_EVERY_MS,
      restart: () => outdated.resolve(),
    });
    const all: Feature[] = [...features, system];
    const devices = all.flatMap((feature) => feature.devices ?? []);
    const commands = new Commands(all.flatMap((feature) => feature.commands ?? []));

    // outlets
    const stateFiles = new StateFiles({
      state,
      dir: options.stateDir ?? join(dataDir, 'state'),
      clock,
      log,
      bus,
    });
    const supervised = supervisor && new Supervisor({ ...supervisor, clock });
    let appPage: string | undefined;
    supervised?.self(AbortSignal.timeout(SELF_MS)).then(
      ({ slug }) => {
        appPage = `homeassistant://app/${slug}`;
      },
      (error) => log.debug('the Supervisor has not said who we are', { reason: describeError(error) }),
    );
    const mqtt = createMqtt({
      settings,
      secrets,
      bus,
      clock,
      log,
      instanceId: instance.id,
      state,
      language,
      journal,
      devices,
      run: (name, input) => commands.run(name, input),
      origin: () => ({ version: VERSION, url: HOMEPAGE, page: supervised ? appPage : reachablePage() }),
      provided: supervised && ((signal) => supervised.mqtt(signal)),
      announcement: () => {
        // as an app it is found through the Supervisor, and its port is closed to everybody else
        if (leaving || supervised || !reachableByOthers(options.bind)) return undefined;
        const { instance_id, version, api_version, name } = info;
        return { url, instance_id, version, api_version, name };
      },
    });
    const webhooks = createWebhooks({
      settings,
      secrets,
      tables: data.tables,
      journal,
      bus,
      clock,
      log,
      home: () => info.name,
      language,
    });
    const prometheus = createPrometheus({ state, devices, version: VERSION, ended: () => operations.ended });
    const routes = [...all, mqtt, webhooks, prometheus]
      .flatMap((feature) => feature.routes)
      .concat(commands.routes());

    started.push(() => journal.settled());
    started.push(async () => webhooks.stop?.());
    await webhooks.start?.();
    await noteStart({ settings, journal });
    for (const feature of all) {
      started.push(async () => feature.stop?.());
      await feature.start?.();
    }

    started.push(() => stateFiles.stop());
    await stateFiles.start();

    // server
    const stopping = new AbortController();
    const listeners = listenersOf(options, access, {
      routes,
      log,
      stopping: stopping.signal,
      files: await loadFiles(options.webDir ?? WEB_DIR),
      allowsOrigin: (origin) => general.current.cors_origins.includes(origin),
    });
    const server = await startServer({ listeners, clock, log });
    started.push(() => {
      stopping.abort(new Problem('shutting_down'));
      return server.stop();
    });
    const [apiPort = 0, ingressPort] = server.ports;
    url = reachableUrl(options.bind, apiPort);
    await rememberUrl(settings, url);
    await access.welcome();

    started.push(() => jobs.stop());
    jobs.start(all.flatMap((feature) => feature.jobs ?? []));

    // what tells others where we are comes last
    started.push(async () => mqtt.stop?.());
    await mqtt.start?.();
    if (supervised) {
      const discovery = new Discovery({
        supervisor: supervised,
        tokens,
        settings,
        secrets,
        bus,
        clock,
        log,
        info,
        port: apiPort,
      });
      started.push(() => discovery.stop());
      discovery.start();
    }
    return { url, ingressPort, info, outdated: outdated.promise, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
