import type { PasswordChange, Session, SetupRequest } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import { homeOf } from '../kernel/http/peer.ts';
import { bearerToken, type Credentials, type Principal } from '../kernel/http/principal.ts';
import type { Log } from '../kernel/log.ts';
import { RateLimit } from '../kernel/rate-limit.ts';
import { readCookie, writeCookie } from './cookie.ts';
import { type Door, type SignIn, sessionRoutes, type Visit } from './door.ts';
import type { AccessEvents } from './events.ts';
import { hashPassword, isPassword } from './password.ts';
import { comesFrom, isSafe } from './same-origin.ts';
import type { SessionStore } from './session-store.ts';
import { Sessions } from './sessions.ts';
import { SETUP_CODE_LIFETIME_MS } from './setup-code.ts';
import type { AccessStore } from './store.ts';
import { identifyToken } from './token-door.ts';

interface PasswordDoorOptions {
  readonly tokens: AccessStore;
  readonly store: SessionStore;
  readonly bus: Bus<AccessEvents>;
  readonly clock: Clock;
  readonly log: Log;
  /** What the core is called. */
  readonly name: () => string;
}

/** Wrong passwords and codes that one address has within a minute: enough for mistakes, useless for guessing. */
const ATTEMPTS = 5;
const MINUTE_MS = 60_000;

/** A wrong answer comes no sooner than this (milliseconds): a person hardly notices, who guesses does. */
const FAILURE_DELAY_MS = 1_000;

/** Where people sign in with a password, and programs come with tokens: without the Supervisor. */
export class PasswordDoor implements SignIn, Door {
  readonly routes = sessionRoutes('open', this);
  readonly #options: PasswordDoorOptions;
  readonly #sessions: Sessions;
  readonly #limit: RateLimit;
  /** The last that is being checked: one after the other, for each takes 32 MiB. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PasswordDoorOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options);
    this.#limit = new RateLimit(ATTEMPTS, MINUTE_MS, options.clock);
  }

  identify = async (credentials: Credentials): Promise<Principal | undefined> => {
    await this.#sessions.sweep().catch(() => undefined);
    // a proxy may want a password of its own (`Basic`): only a token speaks for itself
    if (bearerToken(credentials) !== undefined) return identifyToken(this.#options.tokens, credentials);
    const cookie = readCookie(credentials.header);
    if (cookie === undefined) return undefined;
    if (!isSafe(credentials.method) && comesFrom(credentials) !== 'own page') throw new Problem('cross_site');
    const id = await this.#recognise(cookie, credentials);
    if (id === undefined) throw new Problem('session_ended');
    return { kind: 'session', id };
  };

  async state(visit: Visit): Promise<Session> {
    const cookie = readCookie(visit.header);
    if (cookie !== undefined && (await this.#recognise(cookie, visit)) !== undefined) return this.#signedIn();
    const password = await this.#options.store.password();
    return { ...this.#signedIn(), state: password ? 'signed_out' : 'setup', via: null };
  }

  async signIn(password: string, visit: Visit): Promise<Session> {
    return this.#attempt(visit, async () => {
      const kept = await this.#options.store.password();
      if (!kept) throw new Problem('password_missing');
      if (!(await isPassword(password, kept))) throw new Problem('password_wrong');
      return this.#begin(visit);
    });
  }

  async setUp({ code, password }: SetupRequest, visit: Visit): Promise<Session> {
    const { store, clock, log } = this.#options;
    return this.#attempt(visit, async () => {
      if (!(await store.isSetupCode(code, clock.now(), SETUP_CODE_LIFETIME_MS)))
        throw new Problem('setup_code_invalid');
      const ended = await store.setUp(code, await hashPassword(password));
      if (!ended) throw new Problem('setup_code_invalid');
      log.info('a password was chosen with a setup code', { sessions_ended: ended.length });
      this.#sessions.announceEnd(ended);
      return this.#begin(visit);
    });
  }

  async signOut(visit: Visit): Promise<void> {
    const cookie = readCookie(visit.header);
    if (cookie === undefined) return;
    this.#refuseOtherPages(visit);
    const session = await this.#sessions.recognise(cookie);
    if (session) await this.#sessions.end(session.id);
    visit.answer('set-cookie', writeCookie('', 0, visit.header));
  }

  async changePassword({ current, password }: PasswordChange, visit: Visit): Promise<void> {
    const { store, log } = this.#options;
    const id = visit.principal?.id ?? '';
    await this.#attempt(visit, async () => {
      const kept = await store.password();
      if (!kept || !(await isPassword(current, kept))) throw new Problem('password_wrong');
      const ended = await store.changePassword(await hashPassword(password), id);
      log.info('the password was changed', { sessions_ended: ended.length });
      this.#sessions.announceEnd(ended);
      const cookie = await this.#sessions.replaceSecret(id);
      if (cookie) visit.answer('set-cookie', writeCookie(cookie.value, cookie.maxAgeMs, visit.header));
    });
  }

  #signedIn(): Session {
    return { state: 'signed_in', via: 'password', user: null, name: this.#options.name() };
  }

  /** Checks what somebody claims to know: not too often, one after the other, and slow to say no. */
  async #attempt<Result>(visit: Visit, check: () => Promise<Result>): Promise<Result> {
    this.#refuseOtherPages(visit);
    const home = homeOf(visit.peer);
    this.#limit.attempt(home);
    const turn = this.#turn.then(() => {
      visit.signal.throwIfAborted();
      return check();
    });
    this.#turn = turn.catch(() => undefined);
    try {
      const result = await turn;
      this.#limit.forget(home);
      return result;
    } catch (error) {
      await this.#options.clock.sleep(FAILURE_DELAY_MS, visit.signal);
      throw error;
    }
  }

  /** Nor may another page sign anybody in or out; who is no browser may. */
  #refuseOtherPages(visit: Visit): void {
    if (comesFrom(visit) === 'other page') throw new Problem('cross_site');
  }

  /** A new session always has a new id; the one that this browser had ends. */
  async #begin(visit: Visit): Promise<Session> {
    const before = await this.#sessions.recognise(readCookie(visit.header) ?? '');
    if (before) await this.#sessions.end(before.id);
    const { value, maxAgeMs } = await this.#sessions.begin();
    visit.answer('set-cookie', writeCookie(value, maxAgeMs, visit.header));
    return this.#signedIn();
  }

  async #recognise(cookie: string, credentials: Credentials): Promise<string | undefined> {
    const session = await this.#sessions.recognise(cookie);
    if (session?.renewed) {
      const { value, maxAgeMs } = session.renewed;
      credentials.answer('set-cookie', writeCookie(value, maxAgeMs, credentials.header));
    }
    return session?.id;
  }
}
