import * as v from 'valibot';
import { DeviceIdentity, KeepRule, Schedule } from '../contract/index.ts';
import { Problem } from '../kernel/errors.ts';
import { parseInput } from '../kernel/http/input.ts';
import type { Log } from '../kernel/log.ts';
import { SealError, type Secrets } from '../kernel/secrets.ts';
import { type SettingValue, secretsOf, settingsSchema } from './fields.ts';
import type { DeviceHandler, Identity } from './handler.ts';
import type { DeviceRow } from './store.ts';

/** Settings of a device of any kind. */
export type Settings = Readonly<Record<string, SettingValue>>;

const Kept = v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]));

/** When a device is backed up and what is kept. */
export const Plan = v.object({
  schedule: v.fallback(Schedule, 'daily'),
  hours: v.fallback(v.string(), ''),
  retry: v.fallback(v.boolean(), true),
  keep: v.fallback(KeepRule, { last: 10, days: 30, generations: true }),
});
export type Plan = v.InferOutput<typeof Plan>;

/** The plan that is kept with a device. */
export function planOf(row: Pick<DeviceRow, 'plan'>): Plan {
  return v.parse(Plan, JSON.parse(row.plan));
}

/** What a device says of itself is shown and kept so far (signs). */
const LONGEST_WORDS = 200;

/** Words of a device as one line that fits anywhere; null where it says nothing. */
function plainWords(said: string | undefined): string | null {
  const line = said?.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
  // a sign that is cut in half is none
  return line?.slice(0, LONGEST_WORDS).toWellFormed() || null;
}

/** What a device said of itself, as it is kept and shown. */
export function fullIdentity({ id, name, model, firmware, chip }: Identity): DeviceIdentity {
  return {
    id: plainWords(id),
    name: plainWords(name),
    model: plainWords(model),
    firmware: plainWords(firmware),
    chip: plainWords(chip),
  };
}

/** What is kept of what a device said of itself. */
export function keptIdentity(kept: string): DeviceIdentity {
  const parsed = v.safeParse(DeviceIdentity, JSON.parse(kept));
  return parsed.success ? parsed.output : fullIdentity({});
}

/** Settings as they were entered, with the defaults of what was left out. @throws Problem `invalid_request` */
export function completeSettings(handler: DeviceHandler, entered: object): Settings {
  return parseInput(settingsSchema(handler.fields), entered);
}

/** Settings that somebody else kept, as far as they are valid; what is not begins as with a new device. */
export function validSettings(handler: DeviceHandler, kept: object): Settings {
  const entered = new Map<string, unknown>(Object.entries(kept));
  return Object.fromEntries(
    Object.entries(handler.fields).map(([name, { schema, default: start }]) => {
      const { success, output } = v.safeParse(schema, entered.get(name));
      return [name, success ? output : start];
    }),
  );
}

/** The settings that may be shown. */
export function shownSettings(row: DeviceRow): Record<string, SettingValue> {
  return v.parse(Kept, JSON.parse(row.settings));
}

interface SealedDevicesOptions {
  readonly secrets: Secrets;
  readonly log: Log;
}

/** Settings as they are kept: in the open what may be shown, and sealed the rest. */
export class SealedDevices {
  readonly #options: SealedDevicesOptions;

  constructor(options: SealedDevicesOptions) {
    this.#options = options;
  }

  /** Splits settings into what may be shown and what is sealed. */
  separate(id: string, handler: DeviceHandler, settings: Settings): Pick<DeviceRow, 'settings' | 'secrets'> {
    const names = secretsOf(handler.fields);
    const entries = Object.entries(settings);
    const secret = Object.fromEntries(
      entries.filter(([name, value]) => names.includes(name) && value !== ''),
    );
    this.redact(handler, settings);
    return {
      settings: JSON.stringify(Object.fromEntries(entries.filter(([name]) => !names.includes(name)))),
      secrets: this.#options.secrets.seal(JSON.stringify(secret), `device ${id}`),
    };
  }

  /** From now on the secrets among these never appear in the log. */
  redact(handler: DeviceHandler, settings: Settings): void {
    for (const name of secretsOf(handler.fields)) {
      for (const line of String(settings[name] ?? '').split('\n')) {
        if (line.trim() !== '') this.#options.log.redact(line.trim());
      }
    }
  }

  /** All settings of a device. @throws Problem `device_secret_lost` */
  open(row: DeviceRow, handler: DeviceHandler): Settings {
    const settings = this.join(row, handler, this.#secrets(row));
    this.redact(handler, settings);
    return settings;
  }

  /** Shown settings and secrets as one. @throws Problem `device_secret_lost` where a secret is needed and there is none */
  join(row: DeviceRow, handler: DeviceHandler, secrets: Settings): Settings {
    const known = Object.fromEntries(
      Object.entries({ ...shownSettings(row), ...secrets }).filter(([name]) => name in handler.fields),
    );
    const parsed = v.safeParse(settingsSchema(handler.fields), known);
    if (parsed.success) return parsed.output;
    throw new Problem('device_secret_lost');
  }

  /** With a lost key file the visible settings stay, and the secrets must be entered again. */
  openForChange(row: DeviceRow): Settings {
    try {
      return { ...shownSettings(row), ...this.#secrets(row) };
    } catch (error) {
      if (error instanceof Problem) return shownSettings(row);
      throw error;
    }
  }

  /** The names of the secrets that are known. */
  known(row: DeviceRow): string[] {
    try {
      return Object.keys(this.#secrets(row));
    } catch {
      return [];
    }
  }

  #secrets(row: DeviceRow): Settings {
    try {
      return v.parse(Kept, JSON.parse(this.#options.secrets.unseal(row.secrets, `device ${row.id}`)));
    } catch (error) {
      if (error instanceof SealError) throw new Problem('device_secret_lost', { cause: error });
      throw error;
    }
  }
}
