import { isDeepStrictEqual } from 'node:util';
import type * as v from 'valibot';
import { type GeneralSettings, GeneralSettingsPatch } from '../contract/index.ts';
import type { Settings } from '../kernel/settings.ts';

type Patch = v.InferOutput<typeof GeneralSettingsPatch>;

/** Where the settings are kept. */
export const GENERAL_DOCUMENT = 'general';

function changed(settings: GeneralSettings, patch: Patch): GeneralSettings {
  return {
    name: patch.name ?? settings.name,
    cors_origins: patch.cors_origins ?? settings.cors_origins,
    overdue_days: patch.overdue_days ?? settings.overdue_days,
    language: patch.language ?? settings.language,
  };
}

/** What can be set of the core as a whole, at hand at any time. */
export class General {
  readonly #settings: Settings;
  readonly #defaults: GeneralSettings;
  /** Only what was ever set, so that a later default reaches whoever did not. */
  #set: Patch;

  private constructor(settings: Settings, defaults: GeneralSettings, set: Patch) {
    this.#settings = settings;
    this.#defaults = defaults;
    this.#set = set;
  }

  static async open(settings: Settings, defaults: GeneralSettings): Promise<General> {
    return new General(
      settings,
      defaults,
      (await settings.read(GENERAL_DOCUMENT, GeneralSettingsPatch)) ?? {},
    );
  }

  get current(): GeneralSettings {
    return changed(this.#defaults, this.#set);
  }

  /** Changes what the patch names. Returns whether anything is different now. */
  async change(patch: Patch): Promise<boolean> {
    const before = this.#set;
    if (isDeepStrictEqual(changed(this.current, patch), this.current)) return false;
    // at once: a change that comes while this one is written must not undo it
    this.#set = { ...before, ...patch };
    try {
      await this.#settings.write(GENERAL_DOCUMENT, this.#set);
    } catch (error) {
      this.#set = before;
      throw error;
    }
    return true;
  }
}
