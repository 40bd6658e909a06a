import * as v from 'valibot';
import { Problem } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { SealError, type Secrets } from '../kernel/secrets.ts';
import type { Settings } from '../kernel/settings.ts';
import { doorAt, supervisorDoor } from './address.ts';
import type { Door } from './socket.ts';
import type { SupervisorAccess } from './supervisor.ts';

/** Through which way Home Assistant is reached. */
export type Way =
  | { readonly via: 'supervisor'; readonly url: null; readonly door: Door }
  | { readonly via: 'token'; readonly url: string; readonly door: Door | Problem };

interface AccessOptions {
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly log: Log;
  readonly supervisor: SupervisorAccess | undefined;
}

const NAME = 'home_assistant';
const PURPOSE = 'home-assistant-token';

/** Null: it was forgotten on purpose. */
const Kept = v.nullable(v.object({ url: v.string(), token: v.string() }));

/** How to reach Home Assistant: what a person entered, sealed; under the Supervisor through its proxy. */
export class Access {
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** Whether the Supervisor sees to it, so that there is nothing to enter. */
  get managed(): boolean {
    return this.#options.supervisor !== undefined;
  }

  /** What a person entered; undefined where that is nothing. @throws Problem `home_assistant_token_lost` */
  async entered(): Promise<{ readonly url: string; readonly token: string } | undefined> {
    const { settings, secrets, log } = this.#options;
    const kept = await settings.read(NAME, Kept);
    if (!kept) return undefined;
    try {
      const token = secrets.unseal(kept.token, PURPOSE);
      log.redact(token);
      return { url: kept.url, token };
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      throw new Problem('home_assistant_token_lost', { cause });
    }
  }

  /** The way as it is kept; undefined where there is none. */
  async read(): Promise<Way | undefined> {
    const { supervisor, settings, secrets, log } = this.#options;
    if (supervisor) {
      log.redact(supervisor.token);
      return { via: 'supervisor', url: null, door: supervisorDoor(supervisor.url, supervisor.token) };
    }
    const kept = await settings.read(NAME, Kept);
    if (!kept) return undefined;
    try {
      const token = secrets.unseal(kept.token, PURPOSE);
      log.redact(token);
      return { via: 'token', url: kept.url, door: doorAt(kept.url, token) };
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      return { via: 'token', url: kept.url, door: new Problem('home_assistant_token_lost', { cause }) };
    }
  }

  /** Keeps what was tried. */
  async keep(url: string, token: string): Promise<void> {
    const { settings, secrets } = this.#options;
    await settings.write(NAME, { url, token: secrets.seal(token, PURPOSE) });
  }

  async forget(): Promise<void> {
    await this.#options.settings.write(NAME, null);
  }
}
