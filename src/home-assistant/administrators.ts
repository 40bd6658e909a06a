import type { Clock } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import { readUsers } from './facts.ts';
import { refusalProblem } from './faults.ts';
import type { Session } from './session.ts';

interface AdministratorsOptions {
  readonly clock: Clock;
  /** @throws Problem why there is no connection. */
  readonly session: () => Promise<Session>;
}

/** The group of Home Assistant's own that may do everything. */
const ADMINISTRATORS = 'system-admin';

/** Each click asks; whoever is taken out of the group is let in no longer than this (milliseconds). */
const KNOWN_FOR_MS = 30_000;

/** Who is an administrator of Home Assistant. */
export class Administrators {
  readonly #options: AdministratorsOptions;
  #known: Promise<ReadonlySet<string>> | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: AdministratorsOptions) {
    this.#options = options;
  }

  /** Whether this user is active and the owner or an administrator. @throws Problem `home_assistant_away` when it cannot be asked. */
  async includes(userId: string): Promise<boolean> {
    const { clock } = this.#options;
    if (!this.#known || clock.monotonic() - this.#askedAt > KNOWN_FOR_MS) {
      this.#askedAt = clock.monotonic();
      const asked = this.#ask();
      this.#known = asked;
      // an answer that did not come is asked for again
      asked.catch(() => this.#known === asked && this.forget());
    }
    return (await this.#known).has(userId);
  }

  /** It is another Home Assistant from now on. */
  forget(): void {
    this.#known = undefined;
  }

  async #ask(): Promise<ReadonlySet<string>> {
    try {
      const session = await this.#options.session();
      const users = readUsers(await session.call('config/auth/list'));
      const administrators = users.filter(
        ({ is_active, is_owner, group_ids }) => is_active && (is_owner || group_ids.includes(ADMINISTRATORS)),
      );
      return new Set(administrators.map(({ id }) => id));
    } catch (error) {
      throw new Problem('home_assistant_away', { cause: refusalProblem(error) });
    }
  }
}
