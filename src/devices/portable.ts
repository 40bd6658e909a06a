import * as v from 'valibot';
import { DeviceIdentity, DeviceKind, Id, Name } from '../contract/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import { type Portable, portable } from '../kernel/portable.ts';
import type { Secrets } from '../kernel/secrets.ts';
import { blankDevice } from './devices.ts';
import { handlerOf } from './registry.ts';
import { completeSettings, fullIdentity, keptIdentity, Plan, planOf, SealedDevices } from './settings.ts';
import { DeviceStore } from './store.ts';

interface PortableDevicesOptions {
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
}

const Carried = v.strictObject({
  kind: DeviceKind,
  name: Name,
  settings: v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
  plan: v.optional(Plan, {
    schedule: 'daily',
    hours: '',
    retry: true,
    keep: { last: 10, days: 30, generations: true },
  }),
  id: v.optional(Id),
  identity: v.optional(DeviceIdentity),
  trust: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(200)))),
});

/** The devices with their secrets, without what was saved of them: that is fetched anew. One that is known already is changed. */
export function portableDevices(options: PortableDevicesOptions): Portable {
  const sealed = new SealedDevices(options);
  return portable({
    name: 'devices',
    schema: v.array(Carried),
    read: async (tables) => {
      const rows = await new DeviceStore(tables()).devices();
      if (rows.length === 0) return undefined;
      return rows.map((row) => ({
        kind: row.kind,
        name: row.name,
        settings: { ...sealed.open(row, handlerOf(row.kind)) },
        plan: planOf(row),
        id: row.id,
        identity: keptIdentity(row.identity),
        trust: row.trust,
      }));
    },
    write: async (devices, tables) => {
      const store = new DeviceStore(tables());
      let changed = false;
      for (const device of devices) {
        const handler = handlerOf(device.kind);
        const settings = completeSettings(handler, device.settings);
        const place = handler.place(settings as never);
        const known = (await store.devices()).find(
          (row) => row.id === device.id || (row.kind === device.kind && row.place === place),
        );
        const id = known?.id ?? device.id ?? newId();
        const wanted = {
          name: device.name,
          place,
          plan: JSON.stringify(device.plan),
        };
        const same =
          known &&
          known.name === wanted.name &&
          known.place === place &&
          known.plan === wanted.plan &&
          JSON.stringify(sealed.openForChange(known)) === JSON.stringify(settings);
        if (same) continue;
        changed = true;
        const now = options.clock.now();
        const kept = {
          ...wanted,
          ...sealed.separate(id, handler, settings),
          due_at: device.plan.schedule === 'off' ? null : now,
        };
        if (known) await store.update(id, { ...kept, problem: null, failures: 0, given_up: 0 });
        else {
          await store.insert({
            ...blankDevice(id, device.kind, device.name, now),
            ...kept,
            identity: JSON.stringify(device.identity ?? fullIdentity({})),
            trust: device.trust ?? null,
          });
        }
      }
      return changed;
    },
  });
}
