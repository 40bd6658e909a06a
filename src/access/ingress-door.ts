import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import type { Credentials, Principal } from '../kernel/http/principal.ts';
import { type Door, NO_SIGN_IN, sessionRoutes } from './door.ts';
import type { AccessEvents } from './events.ts';
import { isSafe } from './same-origin.ts';

/**
 * Whether a user of Home Assistant is an administrator.
 * @throws Problem `home_assistant_away` when it cannot be asked
 */
export type IsAdministrator = (userId: string) => Promise<boolean>;

interface IngressDoorOptions {
  readonly isAdministrator: IsAdministrator;
  readonly bus: Bus<AccessEvents>;
  readonly clock: Clock;
  /** What the core is called. */
  readonly name: () => string;
}

/** An answer is believed so long (milliseconds): a page asks for a dozen things at once, and who loses a right loses it soon. */
const BELIEVED_MS = 60_000;

/** Users remembered at once; a home has fewer. */
const MAX_USERS = 100;

/** Ids of users are 32 hexadecimal digits today. */
const USER_ID = /^[A-Za-z0-9_-]{1,64}$/;

interface Answer {
  readonly at: number;
  readonly answer: Promise<boolean>;
}

/** Names come in UTF-8, and Node reads headers byte by byte. */
function readName(value: string | undefined): string | undefined {
  if (!value) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'latin1'));
  } catch {
    return value;
  }
}

/** Asks about each user once a minute. */
class Administrators {
  readonly #options: IngressDoorOptions;
  readonly #answers = new Map<string, Answer>();

  constructor(options: IngressDoorOptions) {
    this.#options = options;
  }

  async has(userId: string): Promise<boolean> {
    const now = this.#options.clock.monotonic();
    const known = this.#answers.get(userId);
    if (known && now - known.at < BELIEVED_MS) return known.answer;
    const answer = this.#options.isAdministrator(userId);
    this.#answers.delete(userId);
    this.#answers.set(userId, { at: now, answer });
    if (this.#answers.size > MAX_USERS) this.#answers.delete(this.#answers.keys().next().value as string);
    try {
      const isOne = await answer;
      // what was opened as an administrator ends with the right to it
      if (!isOne) this.#options.bus.emit('access_ended', { kind: 'ingress', id: userId });
      return isOne;
    } catch (error) {
      // that nobody could be asked is no answer
      if (this.#answers.get(userId)?.answer === answer) this.#answers.delete(userId);
      throw error;
    }
  }
}

/**
 * Where people come through Home Assistant's ingress, which says who they are; neither tokens nor cookies count. Any
 * user of Home Assistant may come that far, so each must be an administrator. That nobody but the gateway can connect
 * is up to the listener: only therefore are these headers true.
 */
export function ingressDoor(options: IngressDoorOptions): Door {
  const administrators = new Administrators(options);
  const identify = async ({ header, method }: Credentials): Promise<Principal> => {
    // two proxies lie between, so that hosts tell nothing; where the browser says it, it is believed
    const site = header('sec-fetch-site') ?? 'same-origin';
    if (!isSafe(method) && site !== 'same-origin') throw new Problem('cross_site');
    const id = header('x-remote-user-id') ?? '';
    if (!USER_ID.test(id) || !(await administrators.has(id))) throw new Problem('administrators_only');
    const name = header('x-remote-user-display-name') || header('x-remote-user-name');
    return { kind: 'ingress', id, name: readName(name) };
  };
  return {
    identify,
    routes: sessionRoutes('person', {
      ...NO_SIGN_IN,
      state: async ({ principal }) => ({
        state: 'signed_in',
        via: 'home_assistant',
        user: principal?.kind === 'ingress' ? (principal.name ?? null) : null,
        name: options.name(),
      }),
    }),
  };
}
