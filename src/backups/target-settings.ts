import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { PublicTargetSettings, TargetSettings } from '../contract/index.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { SealError, type Secrets } from '../kernel/secrets.ts';
import type { TargetRow } from './store.ts';
import { targetType } from './targets/registry.ts';

/** The bytes of SHA-256 that tell places apart: 64 bits, as Home Assistant's ids stay readable. */
const UNIQUE_ID_BYTES = 8;

/** A target's address in Home Assistant: from where it is, never from when it was added. */
export function uniqueIdOf(settings: TargetSettings): string {
  const place = targetType(settings.kind).place(settings);
  return createHash('sha256')
    .update(place)
    .digest('hex')
    .slice(0, UNIQUE_ID_BYTES * 2);
}

/** The settings without secrets; those that only another version knows are passed over. */
export function shownSettings(row: TargetRow): PublicTargetSettings {
  return v.parse(PublicTargetSettings, JSON.parse(row.settings));
}

interface SealedSettingsOptions {
  readonly secrets: Secrets;
  readonly log: Log;
}

/** Settings as they are kept: in the open what may be shown, and sealed the rest. */
export class SealedSettings {
  readonly #options: SealedSettingsOptions;

  constructor(options: SealedSettingsOptions) {
    this.#options = options;
  }

  /** Splits settings into what may be shown and what is sealed. */
  separate(id: string, settings: TargetSettings): Pick<TargetRow, 'settings' | 'secrets'> {
    const names = targetType(settings.kind).secrets;
    const secret = Object.entries(settings).filter(([name]) => names.includes(name));
    for (const [, value] of secret) this.#options.log.redact(String(value));
    return {
      settings: JSON.stringify(
        Object.fromEntries(Object.entries(settings).filter(([name]) => !names.includes(name))),
      ),
      secrets: this.#options.secrets.seal(JSON.stringify(Object.fromEntries(secret)), `target ${id}`),
    };
  }

  /** All settings of a target. @throws Problem `target_secret_lost` */
  open(row: TargetRow): TargetSettings {
    try {
      const secret = JSON.parse(this.#options.secrets.unseal(row.secrets, `target ${row.id}`)) as Record<
        string,
        unknown
      >;
      for (const value of Object.values(secret)) this.#options.log.redact(String(value));
      return v.parse(TargetSettings, { ...shownSettings(row), ...secret });
    } catch (error) {
      if (error instanceof SealError) throw new Problem('target_secret_lost', { cause: error });
      throw error;
    }
  }

  /** With a lost key file the visible settings stay, and the secret must be entered again. */
  openForChange(row: TargetRow): object {
    try {
      return this.open(row);
    } catch (error) {
      if (isProblem(error, 'target_secret_lost')) return shownSettings(row);
      throw error;
    }
  }
}
