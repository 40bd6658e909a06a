import { randomBytes } from 'node:crypto';
import { ApiFault, PlainFault } from './answers.ts';
import { onlyCore, readObject } from './call.ts';
import type { User } from './core-link.ts';
import type { RouteTable } from './routes.ts';
import type { World } from './world.ts';

const SESSION_BYTES = 64;
const LIFETIME_MS = 15 * 60_000;

/** The cookie in which the browser keeps the session. */
export const INGRESS_COOKIE = 'ingress_session';

interface Session {
  validUntil: number;
  readonly user: User | undefined;
}

/** Who has opened the app's page through Home Assistant. */
export class Sessions {
  readonly #world: World;
  readonly #sessions = new Map<string, Session>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Opens a session; with a user whom Home Assistant does not know, one of nobody. */
  async open(userId?: string): Promise<string> {
    const { core, users, clock } = this.#world;
    const known = userId === undefined ? [] : core ? await core.users().catch(() => []) : users;
    const session = randomBytes(SESSION_BYTES).toString('hex');
    const user = known.find(({ id }) => id === userId);
    this.#sessions.set(session, { validUntil: clock.now() + LIFETIME_MS, user });
    return session;
  }

  /** Whose session it is, which lives on by being used. @throws PlainFault 401 */
  use(id: string): User | undefined {
    const session = this.#sessions.get(id);
    if (!session || session.validUntil < this.#world.clock.now()) throw new PlainFault(401);
    session.validUntil += LIFETIME_MS;
    return session.user;
  }

  routes(): RouteTable {
    const { app } = this.#world;
    return {
      'GET /ingress/panels': () => ({ panels: app.config.ingress ? { [app.slug]: app.panel } : {} }),
      'POST /ingress/session': async (call) => {
        onlyCore(call);
        const { user_id, ...others } = await readObject(call);
        const wrong =
          Object.keys(others)[0] ??
          (['string', 'undefined'].includes(typeof user_id) ? undefined : 'user_id');
        if (wrong !== undefined) throw new ApiFault(400, `not allowed @ data['${wrong}']`);
        return { session: await this.open(user_id as string | undefined) };
      },
      'POST /ingress/validate_session': async (call) => {
        onlyCore(call);
        this.use(String((await readObject(call)).session));
      },
    };
  }
}
