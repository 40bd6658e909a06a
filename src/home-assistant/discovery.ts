import * as v from 'valibot';
import { Id, type Info, type SupervisorDiscovery } from '../contract/index.ts';
import { backoff } from '../kernel/backoff.ts';
import type { Bus } from '../kernel/bus.ts';
import { type Clock, timestamp } from '../kernel/clock.ts';
import type { Principal } from '../kernel/http/principal.ts';
import { describeError, type Log } from '../kernel/log.ts';
import { SealError, type Secrets } from '../kernel/secrets.ts';
import type { Settings } from '../kernel/settings.ts';
import type { Supervisor } from './supervisor.ts';

/** The tokens of the core, as far as one of them is announced. */
export interface AnnouncedTokens {
  createToken(name: string): Promise<{ token: string; id: string }>;
  /** Whether it has ever been used; undefined when it was revoked. */
  used(id: string): Promise<boolean | undefined>;
}

/** What it hears, and what others must hear of it. */
interface DiscoveryEvents {
  access_ended: Pick<Principal, 'kind' | 'id'> & { turnedAway?: boolean };
  pairing_wanted: Record<never, never>;
  tokens_changed: Record<never, never>;
}

interface DiscoveryOptions {
  readonly supervisor: Pick<Supervisor, 'self' | 'announce' | 'hasIntegration'>;
  readonly tokens: AnnouncedTokens;
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly bus: Bus<DiscoveryEvents>;
  readonly clock: Clock;
  readonly log: Log;
  readonly info: Info;
  /** Where the API listens. */
  readonly port: number;
  /** From 0 to 1; tests bring their own. */
  readonly random?: () => number;
}

/** The integration that the message is for. */
const SERVICE = 'homestash';

/** What a person reads in the list of tokens. */
const TOKEN_NAME = 'Home Assistant (through the Supervisor)';

const NAME = 'discovery';
const PURPOSE = 'discovery-token';

/** Home Assistant looks at a message again when it has changed, and may have got the integration meanwhile (milliseconds). */
const AGAIN_MS = 60_000;

/** Whoever has not come within this time does not want to, or reads of each message in the log (milliseconds). */
const EAGER_MS = 60 * 60_000;
const SELDOM_MS = 10 * 60_000;

/** Once paired there is nothing to do until the token is revoked; a Supervisor that forgot the message is told again (milliseconds). */
const SETTLED_MS = 24 * 60 * 60_000;

/** A Supervisor that restarts is back within seconds; one that is broken shall not fill the log (milliseconds). */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/**
 * What was announced, or that nothing shall be. `posted` makes a message one that is new to Home Assistant; it stays as
 * it is once the token has been used.
 */
const Kept = v.union([
  v.object({ id: Id, token: v.string(), posted: v.optional(v.string()) }),
  v.object({ turned_away: v.literal(true) }),
]);

interface Announced {
  readonly id: string;
  readonly token: string;
  readonly posted: string | undefined;
}

type Sealed = v.InferOutput<(typeof Kept.options)[0]>;

/**
 * Tells Home Assistant, through the Supervisor, where we are and with which token to come in, so that one click pairs
 * us: as soon as it has our integration, anew until the token has been used, and from the beginning when Home Assistant
 * has given that token back. Where a person has taken it away it would come back in without having been asked: then
 * nothing is announced until a pairing code is made.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #log: Log;
  #life: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();
  #hostname: string | undefined;
  #posted: string | undefined;
  #eagerUntil = 0;
  /** The id of the token that is announced. */
  #token: string | undefined;
  /** Undefined until it was read. */
  #turnedAway: boolean | undefined;
  /** Ends the pause before the next look. */
  #pause = new AbortController();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#log = options.log.child('discovery');
  }

  /** Begins, and lets nobody wait for the Supervisor. */
  start(): void {
    if (this.#life) return;
    const life = new AbortController();
    this.#life = life;
    const { bus, clock } = this.#options;
    const unlisten = [
      bus.on('access_ended', ({ kind, id, turnedAway }) => {
        if (kind !== 'token' || id !== this.#token) return;
        if (turnedAway) this.#turnedAway = true;
        this.#pause.abort();
      }),
      bus.on('pairing_wanted', () => {
        if (!this.#turnedAway) return;
        this.#turnedAway = false;
        this.#pause.abort();
      }),
    ];
    life.signal.addEventListener('abort', () => unlisten.map((end) => end()), { once: true });
    this.#eagerUntil = clock.monotonic() + EAGER_MS;
    this.#loop = this.#run(life.signal);
  }

  async stop(): Promise<void> {
    this.#life?.abort();
    this.#life = undefined;
    await this.#loop;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random = Math.random } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      // renewed before the look: what happens during it is not missed
      this.#pause = new AbortController();
      let pause: number;
      try {
        pause = await this.#look(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        pause = backoff(failures, { first: FIRST_PAUSE_MS, longest: LONGEST_PAUSE_MS, random });
        const level = failures === 1 ? 'warning' : 'debug';
        this.#log[level]('Home Assistant could not be told of us', { reason: describeError(error) });
      }
      await clock.sleep(pause, AbortSignal.any([signal, this.#pause.signal])).catch(() => undefined);
    }
  }

  /** Announces what is to be announced, and says when to look again (milliseconds). */
  async #look(signal: AbortSignal): Promise<number> {
    const { tokens, clock, supervisor } = this.#options;
    const kept = await this.#options.settings.read(NAME, Kept);
    const silent = kept !== undefined && 'turned_away' in kept;
    this.#turnedAway ??= silent;
    if (this.#turnedAway) {
      if (!silent) await this.#options.settings.write(NAME, { turned_away: true });
      return SETTLED_MS;
    }
    const known = kept && !('turned_away' in kept) ? await this.#open(kept) : undefined;
    this.#token = known?.id;
    if (known && (await tokens.used(known.id))) {
      await this.#settle(known, signal);
      return SETTLED_MS;
    }
    // a message for an integration that is not there is two errors and a traceback in Home Assistant's log, each time
    if ((await supervisor.hasIntegration(SERVICE, signal)) === false) {
      this.#eagerUntil = clock.monotonic() + EAGER_MS;
      return AGAIN_MS;
    }
    const announced = known ?? (await this.#make());
    this.#posted = timestamp(clock.now());
    await this.#announce(announced, this.#posted, signal);
    return clock.monotonic() < this.#eagerUntil ? AGAIN_MS : SELDOM_MS;
  }

  /** The token has been used: from now on the message stays as it was. */
  async #settle(announced: Announced, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const posted = announced.posted ?? this.#posted ?? timestamp(clock.now());
    if (announced.posted === undefined) {
      await this.#keep({ ...announced, posted });
      this.#log.info('Home Assistant has found us');
    }
    await this.#announce(announced, posted, signal);
  }

  async #announce({ id, token }: Announced, posted: string, signal: AbortSignal): Promise<void> {
    const { supervisor, info, port } = this.#options;
    this.#hostname ??= (await supervisor.self(signal)).hostname;
    const { instance_id, name, api_version } = info;
    const where = { host: this.#hostname, port };
    const access = { token, token_id: id };
    const message: SupervisorDiscovery = { ...where, ...access, instance_id, name, api_version, posted };
    await supervisor.announce(SERVICE, message, signal);
    this.#log.debug('told Home Assistant of us', { posted });
  }

  /** The token that was announced before; undefined where it is of no use any more. */
  async #open({ id, token: sealed, posted }: Sealed): Promise<Announced | undefined> {
    const { secrets, tokens, log } = this.#options;
    if ((await tokens.used(id)) === undefined) return undefined;
    try {
      const token = secrets.unseal(sealed, PURPOSE);
      log.redact(token);
      return { id, token, posted };
    } catch (error) {
      if (error instanceof SealError) return undefined;
      throw error;
    }
  }

  async #make(): Promise<Announced> {
    const { tokens, log, bus } = this.#options;
    const made = { ...(await tokens.createToken(TOKEN_NAME)), posted: undefined };
    log.redact(made.token);
    this.#token = made.id;
    bus.emit('tokens_changed', {});
    await this.#keep(made);
    this.#posted = undefined;
    this.#eagerUntil = this.#options.clock.monotonic() + EAGER_MS;
    return made;
  }

  async #keep({ id, token, posted }: Announced): Promise<void> {
    const { settings, secrets } = this.#options;
    await settings.write(NAME, { id, token: secrets.seal(token, PURPOSE), ...(posted && { posted }) });
  }
}
