import type { HomeAssistant } from '../contract/index.ts';
import { type Clock, within } from '../kernel/clock.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Way } from './access.ts';
import { openSession, type Session } from './session.ts';
import type { Door } from './socket.ts';

interface LinkOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1, for the jitter. */
  readonly random: () => number;
  /** What is done on a connection, until the signal ends with it. What it throws ends the connection. */
  readonly attend: (session: Session, signal: AbortSignal) => Promise<void>;
  readonly onChange: () => void;
}

/** The pause after the first failure; each further one doubles it (milliseconds). */
const FIRST_PAUSE_MS = 1_000;

/** A restart of Home Assistant is over at some time in a minute or two, and an attempt costs nothing (milliseconds). */
const LONGEST_PAUSE_MS = 15_000;

/** A token that was refused stays so until somebody does something, and Home Assistant bans who tries too often (milliseconds). */
const REFUSED_PAUSE_MS = 6 * 60 * 60_000;

/** The Supervisor bans nobody, and may refuse for a moment when it is updated (milliseconds). */
const SUPERVISOR_REFUSED_PAUSE_MS = 5 * 60_000;

/** A connection that lasted so long was no flash in a storm of restarts (milliseconds). */
const STABLE_MS = 30_000;

/** A person who waits for an answer gets one within this time (milliseconds). */
const PATIENCE_MS = 5_000;

/** Of addresses, certificates and tokens nobody knows who never entered any. */
function throughSupervisor(problem: Problem): Problem {
  const refused = isProblem(problem, 'home_assistant_refused');
  return new Problem(refused ? 'home_assistant_app_refused' : 'home_assistant_away', { cause: problem });
}

/** The connection to Home Assistant: made at once, kept, and made again for ever. */
export class Link {
  readonly #options: LinkOptions;
  #way: Way | undefined;
  #state: HomeAssistant['state'] = 'off';
  #since: number;
  #problem: Problem | undefined;
  #session: Session | undefined;
  #life = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  /** Resolves when the attempt that is under way, or the next one, has ended. */
  #attempt = Promise.withResolvers<void>();
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #connectedAt = Number.POSITIVE_INFINITY;
  #pause: AbortController | undefined;
  #tellConnected = true;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#since = options.clock.now();
  }

  get state(): HomeAssistant['state'] {
    return this.#state;
  }

  /** Since when it is in this state (milliseconds since 1970). */
  get since(): number {
    return this.#since;
  }

  get problem(): Problem | undefined {
    return this.#problem;
  }

  get way(): Way | undefined {
    return this.#way;
  }

  /** Takes this way from now on, or none; whatever was goes at once, and nobody waits for what comes. */
  use(way: Way | undefined): void {
    this.#life.abort();
    this.#life = new AbortController();
    this.#way = way;
    if (!way) this.#set('off');
    else if (way.door instanceof Problem) this.#set('refused', way.door);
    else {
      this.#set('connecting');
      this.#loop = this.#keep(way.door, way.via, this.#life.signal);
    }
  }

  async stop(): Promise<void> {
    this.#life.abort();
    this.#attempt.resolve();
    await this.#loop;
  }

  /** The connection, for something that is wanted now: a pause is cut short for it. @throws Problem why there is none. */
  async session(): Promise<Session> {
    if (!this.#session && (this.#state === 'connecting' || this.#state === 'away')) {
      const { clock } = this.#options;
      if (clock.monotonic() - this.#attemptedAt >= FIRST_PAUSE_MS) this.#pause?.abort();
      await within(clock, PATIENCE_MS, this.#attempt.promise);
    }
    if (this.#session) return this.#session;
    throw this.#problem ?? new Problem(this.#state === 'off' ? 'home_assistant_off' : 'home_assistant_away');
  }

  #set(state: HomeAssistant['state'], problem?: Problem): void {
    if (state !== this.#state) this.#since = this.#options.clock.now();
    this.#state = state;
    this.#problem = problem;
    this.#options.onChange();
  }

  async #keep(door: Door, via: Way['via'], signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.#options;
    const supervised = via === 'supervisor';
    const refusedPause = supervised ? SUPERVISOR_REFUSED_PAUSE_MS : REFUSED_PAUSE_MS;
    for (let failures = 0; !signal.aborted; failures += 1) {
      this.#attemptedAt = clock.monotonic();
      this.#connectedAt = Number.POSITIVE_INFINITY;
      const problem = await this.#live(door, signal);
      if (signal.aborted) return;
      if (clock.monotonic() - this.#connectedAt >= STABLE_MS) failures = 0;
      const refused = isProblem(problem, 'home_assistant_refused');
      // in a storm once: the log is not the place where it is counted
      if (failures === 0 || (refused && this.#state !== 'refused')) {
        log.warning('no connection to Home Assistant', { refused, reason: describeError(problem) });
        this.#tellConnected = true;
      }
      this.#set(refused ? 'refused' : 'away', supervised ? throughSupervisor(problem) : problem);
      this.#attemptEnded();
      const backoff = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
      const pause = (refused ? refusedPause : backoff) * (0.5 + random() / 2);
      log.debug('the next attempt to reach Home Assistant', { in_seconds: Math.round(pause / 1000) });
      this.#pause = new AbortController();
      await clock.sleep(pause, AbortSignal.any([signal, this.#pause.signal])).catch(() => undefined);
      this.#pause = undefined;
    }
  }

  /** One connection from beginning to end, and why it ended. */
  async #live(door: Door, signal: AbortSignal): Promise<Problem> {
    const { clock, log, attend } = this.#options;
    const over = new AbortController();
    try {
      const session = await openSession(door, { clock, signal });
      signal.addEventListener('abort', () => session.close(), { once: true, signal: over.signal });
      void session.closed.then(() => over.abort());
      try {
        // the Supervisor greets in the name of Home Assistant, whether that is there or not
        await session.call('ping');
        signal.throwIfAborted();
        this.#session = session;
        this.#connectedAt = clock.monotonic();
        this.#set('connected');
        this.#attemptEnded();
        if (this.#tellConnected) log.info('connected to Home Assistant');
        this.#tellConnected = false;
        await attend(session, over.signal);
        return new Problem('home_assistant_away');
      } finally {
        if (this.#session === session) this.#session = undefined;
        session.close();
      }
    } catch (error) {
      if (isProblem(error)) return error;
      if (!signal.aborted) log.error('the connection to Home Assistant met a defect', { error });
      return new Problem('home_assistant_away', { cause: error });
    } finally {
      over.abort();
    }
  }

  #attemptEnded(): void {
    this.#attempt.resolve();
    this.#attempt = Promise.withResolvers();
  }
}
