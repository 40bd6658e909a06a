import * as v from 'valibot';
import { Id, type Language, type Operation } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { command } from '../kernel/commands.ts';
import { Problem } from '../kernel/errors.ts';
import type { Feature } from '../kernel/feature.ts';
import type { Journal } from '../kernel/journal.ts';
import { keptProblem } from '../kernel/kept-problem.ts';
import type { Log } from '../kernel/log.ts';
import type { Operations } from '../kernel/operations.ts';
import type { Secrets } from '../kernel/secrets.ts';
import type { State } from '../kernel/state.ts';
import { Adoptions } from './adoption.ts';
import { Devices } from './devices.ts';
import { Discovery, type KnownAtHome } from './discovery.ts';
import { keptDevice } from './entities.ts';
import { type FailingDevices, failingDevices } from './failing.ts';
import type { BrokerAccess } from './handler.ts';
import { History } from './history.ts';
import { DeviceImports } from './import.ts';
import { Manager } from './manager.ts';
import { listen } from './mdns.ts';
import { MirrorPlan } from './mirror.ts';
import { Notes } from './notes.ts';
import { OffSite, type OffSitePlaces } from './off-site.ts';
import { Restorer } from './restorer.ts';
import { deviceRoutes } from './routes.ts';
import { SealedDevices } from './settings.ts';
import { DeviceStates } from './states.ts';
import type { DeviceStore } from './store.ts';

export { DeviceStore } from './store.ts';

/** What others must hear of devices. */
export interface DeviceEvents {
  devices_changed: Record<never, never>;
}

/** What it listens to. */
interface HeardEvents {
  operation: Operation;
  language_changed: Record<never, never>;
  targets_changed: Record<never, never>;
}

interface DevicesOptions {
  readonly store: DeviceStore;
  readonly secrets: Secrets;
  readonly operations: Operations;
  readonly journal: Journal;
  readonly state: State;
  readonly bus: Bus<DeviceEvents & HeardEvents>;
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDir: string;
  readonly instanceId: string;
  /** In which language those are told who cannot be asked. */
  readonly language: () => Language;
  /** The broker that Homestash is connected to. */
  readonly broker: () => Promise<BrokerAccess | undefined>;
  /** Where sealed copies go. */
  readonly offSite: OffSitePlaces;
  /** Devices that Home Assistant knows of. */
  readonly home: (signal: AbortSignal) => Promise<readonly KnownAtHome[]>;
  /** From 0 to 1, so that many homes do not knock in step; tests bring their own. */
  readonly random?: () => number;
}

/** Devices, with what the rest of the core wants to know of them. */
export interface DevicesFeature extends Feature {
  /** Which are not being backed up. */
  failing(): Promise<FailingDevices>;
}

const DeviceOf = v.object({ device_id: Id });

/** The configurations of devices: fetched by schedule, checked, kept, and written back. */
export function createDevices(options: DevicesOptions): DevicesFeature {
  const { store, bus, clock, journal, operations, dataDir, state, language, broker } = options;
  const log = options.log.child('devices');
  const sealed = new SealedDevices({ secrets: options.secrets, log });
  const notes = new Notes(journal);
  const onChange = () => bus.emit('devices_changed', {});
  const session = { clock, log, broker };
  const shared = { ...session, store, sealed, operations, dataDir, onChange };
  const manager = new Manager({
    ...shared,
    random: options.random ?? Math.random,
    onEnd: (row, result) => {
      if (result instanceof Problem) notes.failed(row, result, keptProblem(row.problem));
      else notes.backedUp(row, result);
    },
  });
  const devices = new Devices({ ...shared, manager, onDeed: (deed, name) => notes.deed(deed, name) });
  const restorer = new Restorer({
    ...shared,
    manager,
    onEnd: (row, artefact, problem) => notes.restored(row, artefact, problem),
  });
  const adoptions = new Adoptions({
    ...shared,
    onAdopted: (count) => {
      notes.adopted(count);
      onChange();
    },
  });
  const discovery = new Discovery({
    ...shared,
    home: options.home,
    announced: (services, signal) => listen(services, { clock, signal }),
  });
  const offSite = new OffSite({ ...shared, ...options.offSite, random: options.random ?? Math.random });
  let unlisten: (() => void)[] = [];
  const states = new DeviceStates({
    ...{ store, state, bus, clock, log, language },
    isBusy: (id) => manager.isBusy(id),
  });
  return {
    name: 'devices',
    devices: [keptDevice],
    commands: [
      command({
        name: 'back_up_device',
        input: DeviceOf,
        run: ({ device_id }) => manager.now(device_id),
      }),
      command({ name: 'back_up_devices', input: v.object({}), run: () => manager.all() }),
    ],
    failing: () => failingDevices(store, clock.now()),
    routes: deviceRoutes({
      devices,
      restorer,
      discovery,
      adoptions,
      history: new History({ ...shared, alone: (id, work) => manager.alone(id, work) }),
      imports: new DeviceImports(devices),
      mirror: new MirrorPlan({ store, instanceId: options.instanceId }),
    }),
    start: async () => {
      await states.start();
      await manager.start();
      const touch = () => offSite.touch();
      unlisten = [bus.on('devices_changed', touch), bus.on('targets_changed', touch)];
      offSite.start();
    },
    stop: async () => {
      for (const end of unlisten.splice(0)) end();
      devices.stop();
      await manager.stop();
      await offSite.stop();
      await adoptions.forget();
      states.stop();
    },
  };
}
