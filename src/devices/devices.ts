import type {
  Device,
  DeviceInput,
  DevicePatch,
  DeviceTest,
  DeviceTestRequest,
  Language,
} from '../contract/index.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { wordProblem } from '../kernel/texts.ts';
import { ArtefactFolder, tryFolder } from './artefacts/folder.ts';
import { refuseOther } from './back-up.ts';
import type { DeviceHandler, Identity } from './handler.ts';
import { kindName } from './kinds.ts';
import { type Manager, tidy } from './manager.ts';
import { presentDevice } from './present.ts';
import { handlerOf } from './registry.ts';
import { checkSchedule } from './schedule.ts';
import { FirstUse, limited, type SessionOptions, sessionWith, TEST_MS } from './session.ts';
import {
  completeSettings,
  fullIdentity,
  keptIdentity,
  planOf,
  type SealedDevices,
  type Settings,
} from './settings.ts';
import type { DeviceRow, DeviceStore } from './store.ts';

interface DevicesOptions extends SessionOptions {
  readonly store: DeviceStore;
  readonly sealed: SealedDevices;
  readonly manager: Manager;
  readonly dataDir: string;
  readonly onChange: () => void;
  /** Somebody did something to a device. */
  readonly onDeed: (deed: 'device_added' | 'device_removed', name: string) => void;
}

/** What was met when settings were tried. */
interface Tried {
  readonly identity: Identity;
  readonly trust: string | undefined;
}

const KEEP = { last: 10, days: 30, generations: true };

/** The devices: added, tried, changed, forgotten. */
export class Devices {
  readonly #options: DevicesOptions;
  readonly #stopping = new AbortController();

  constructor(options: DevicesOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopping.abort(new Problem('shutting_down'));
  }

  async list(language: Language): Promise<Device[]> {
    const { store, sealed, clock } = this.#options;
    const now = clock.now();
    const [rows, stocks] = await Promise.all([store.devices(), store.stocks()]);
    return rows.map((row) => presentDevice(row, stocks.get(row.id), { sealed, language, now }));
  }

  async get(id: string, language: Language): Promise<Device> {
    const { store, sealed, clock } = this.#options;
    const row = await this.row(id);
    return presentDevice(row, (await store.stocks()).get(id), { sealed, language, now: clock.now() });
  }

  /** @throws Problem `device_not_found` */
  async row(id: string): Promise<DeviceRow> {
    const row = await this.#options.store.device(id);
    if (!row) throw new Problem('device_not_found');
    return row;
  }

  /** Tries settings as a backup would use them, without keeping anything. Faults of the device are in the answer. */
  async test(request: DeviceTestRequest, language: Language, signal: AbortSignal): Promise<DeviceTest> {
    const handler = handlerOf(request.kind);
    const row = request.device_id === undefined ? undefined : await this.row(request.device_id);
    const settings = this.#merged(handler, row, request.settings);
    try {
      const { identity } = await this.#try(handler, settings, signal, row);
      const known = await this.#known(handler, settings, identity, row?.id);
      return {
        identity: fullIdentity(identity),
        name: nameOf(handler, identity, settings, language),
        problem: null,
        known_as: known?.id ?? null,
      };
    } catch (error) {
      if (!isProblem(error) || signal.aborted) throw error;
      const name = nameOf(handler, {}, settings, language);
      return { identity: null, name, problem: wordProblem(error, language), known_as: null };
    }
  }

  /** Adds a device after it was tried, and backs it up. @throws Problem `device_exists`, or what the device met it with */
  async create(input: DeviceInput, language: Language, signal: AbortSignal): Promise<Device> {
    const handler = handlerOf(input.kind);
    const settings = completeSettings(handler, input.settings);
    checkSchedule({ schedule: input.schedule });
    await this.#refuseSecond(handler, settings);
    const { identity, trust } = await this.#try(handler, settings, signal);
    const twin = await this.#known(handler, settings, identity);
    if (twin) throw new Problem('device_exists', { params: { name: twin.name } });
    const id = newId();
    const { schedule, hours, retry, keep } = input;
    const name = input.name ?? nameOf(handler, identity, settings, language);
    await this.#options.store.insert({
      ...blankDevice(id, handler.kind, name, this.#options.clock.now()),
      ...this.#options.sealed.separate(id, handler, settings),
      place: handler.place(settings as never),
      plan: JSON.stringify({ schedule, hours, retry, keep: { ...KEEP, ...keep } }),
      identity: JSON.stringify(fullIdentity(identity)),
      trust: trust ?? null,
    });
    this.#options.log.info('a device was added', { device: id, kind: handler.kind });
    this.#options.onDeed('device_added', name);
    this.#options.onChange();
    await this.#options.manager.planned(await this.row(id));
    await this.#options.manager.now(id);
    return this.get(id, language);
  }

  /** Changes a device; new settings are tried first, and then it is backed up. */
  async update(id: string, patch: DevicePatch, language: Language, signal: AbortSignal): Promise<Device> {
    const { store, manager, clock, dataDir } = this.#options;
    await this.row(id);
    if (patch.schedule !== undefined) checkSchedule({ schedule: patch.schedule });
    const tried = patch.settings !== undefined || patch.replaced === true;
    // what a backup with the former settings would find does not count any more
    if (tried) await manager.instead(id, () => this.#change(id, patch, signal));
    await this.#rename(id, patch);
    const changed = await this.row(id);
    if (changed.given_up === 0) await manager.planned(changed);
    // while something else is done with it, that tidies up at its end
    if (patch.keep !== undefined && !manager.isBusy(id)) {
      await manager.alone(id, () => tidy(store, new ArtefactFolder(dataDir, id), changed, clock.now()));
    }
    this.#options.onChange();
    if (tried && !manager.isBusy(id)) await manager.now(id);
    return this.get(id, language);
  }

  /** Tries the settings of a patch and keeps them. */
  async #change(id: string, patch: DevicePatch, signal: AbortSignal): Promise<void> {
    const { store, sealed } = this.#options;
    const row = await this.row(id);
    const handler = handlerOf(row.kind);
    const settings = this.#merged(handler, row, patch.settings ?? {});
    await this.#refuseSecond(handler, settings, id);
    // who saves it without a change, or says that it was replaced, trusts what is there now
    const anew = patch.replaced === true || Object.keys(patch.settings ?? {}).length === 0;
    const { identity, trust } = await this.#try(handler, settings, signal, anew ? undefined : row);
    if (patch.replaced !== true) refuseOther(row, fullIdentity(identity));
    await store.update(id, {
      ...sealed.separate(id, handler, settings),
      place: handler.place(settings as never),
      identity: JSON.stringify(fullIdentity(identity)),
      trust: trust ?? null,
      ...{ problem: null, problem_since: null, failures: 0, given_up: 0 },
    });
  }

  /** Keeps the name and the plan of a patch; what it does not name stays as it is by now. */
  async #rename(id: string, { name, schedule, hours, retry, keep }: DevicePatch): Promise<void> {
    const row = await this.row(id);
    const plan = planOf(row);
    await this.#options.store.update(id, {
      name: name ?? row.name,
      plan: JSON.stringify({
        schedule: schedule ?? plan.schedule,
        hours: hours ?? plan.hours,
        retry: retry ?? plan.retry,
        keep: keep ?? plan.keep,
      }),
    });
  }

  /** Forgets a device and all that was saved of it. */
  async remove(id: string): Promise<void> {
    const { store, manager, dataDir, log } = this.#options;
    const { name } = await this.row(id);
    await manager.instead(id, async () => {
      await store.delete(id);
      await new ArtefactFolder(dataDir, id).removeAll();
    });
    log.info('a device was removed', { device: id });
    this.#options.onDeed('device_removed', name);
    this.#options.onChange();
  }

  #merged(handler: DeviceHandler, row: DeviceRow | undefined, entered: object): Settings {
    if (!row) return completeSettings(handler, entered);
    const known = this.#options.sealed.openForChange(row);
    const still = Object.fromEntries(Object.entries(known).filter(([name]) => name in handler.fields));
    return completeSettings(handler, { ...still, ...entered });
  }

  /** @param row the device that it is: at the same place, what was met there first is what must be met */
  async #try(
    handler: DeviceHandler,
    settings: Settings,
    signal: AbortSignal,
    row?: DeviceRow,
  ): Promise<Tried> {
    this.#options.sealed.redact(handler, settings);
    const known = row?.place === handler.place(settings as never) ? (row.trust ?? undefined) : undefined;
    const trust = new FirstUse(known);
    const folder = tryFolder(this.#options.dataDir);
    const incoming = await folder.receive();
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    const host = handler.place(settings as never);
    try {
      const identity = await limited(
        { clock: this.#options.clock, signal: either, host, ms: TEST_MS },
        (limit) =>
          handler.test(
            sessionWith(this.#options, { settings, trust, signal: limit, workDir: () => incoming.workDir() }),
          ),
      );
      return { identity, trust: trust.met };
    } finally {
      await folder.removeAll();
    }
  }

  /** The device that these settings, or this identity, belong to. */
  async #known(
    handler: DeviceHandler,
    settings: Settings,
    identity: Identity,
    except?: string,
  ): Promise<DeviceRow | undefined> {
    const place = handler.place(settings as never);
    const others = (await this.#options.store.devices()).filter(
      (row) => row.kind === handler.kind && row.id !== except,
    );
    return others.find(
      (row) =>
        row.place === place ||
        // what has an address of its own and a number is one device; of others several may live on one host
        (handler.discovery !== undefined &&
          identity.id !== undefined &&
          keptIdentity(row.identity).id === identity.id),
    );
  }

  async #refuseSecond(handler: DeviceHandler, settings: Settings, except?: string): Promise<void> {
    const twin = await this.#known(handler, settings, {}, except);
    if (twin) throw new Problem('device_exists', { params: { name: twin.name } });
  }
}

/** The name that a device gets where nobody gives it one. */
function nameOf(handler: DeviceHandler, identity: Identity, settings: Settings, language: Language): string {
  const place = handler.place(settings as never);
  const kind = kindName(handler.kind, language);
  const own = identity.name?.replace(/\p{Cc}+/gu, ' ').trim();
  // a sign that is cut in half is none
  return (own || (place === '' ? kind : `${kind} ${place}`)).slice(0, 100).toWellFormed();
}

/** A device of which nothing is known yet. */
export function blankDevice(id: string, kind: string, name: string, now: number): DeviceRow {
  return {
    ...{ id, kind, name, created_at: now },
    ...{ settings: '{}', secrets: '', place: '', plan: '{}', identity: JSON.stringify(fullIdentity({})) },
    ...{ trust: null, tried_at: null, backed_up_at: null, changed_at: null, due_at: null },
    ...{ problem: null, problem_since: null, failures: 0, given_up: 0 },
  };
}
