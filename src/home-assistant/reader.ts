import type { HomeAssistant, HomeAssistantBackups } from '../contract/index.ts';
import { type Clock, timestamp } from '../kernel/clock.ts';
import { isProblem, type Problem } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { describeBackups, readAgents, readBackupConfig, readHome, readManagerEvent } from './facts.ts';
import { Refusal, refusalProblem } from './faults.ts';
import type { Session } from './session.ts';

interface ReaderOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly onChange: () => void;
}

/** Home Assistant does not tell of new locations and settings, so they are asked for; this also finds out whether it still answers (milliseconds). */
const LOOK_EVERY_MS = 60_000;

/** While it starts, or refuses what it should know, more is new soon (milliseconds). */
const LOOK_SOON_MS = 5_000;

/** However much happens there, it is not asked more often (milliseconds). */
const LOOK_AGAIN_MS = 1_000;

/** What changes on our side shows there within some seconds, and nothing says when (milliseconds). */
const EXPECT_MS = 10_000;

/** Whoever looks at us sees what is no older (milliseconds). */
const FRESH_MS = 5_000;

/** What is known of how a backup goes on. */
type Progress = Pick<HomeAssistantBackups, 'state' | 'stage' | 'last_result'>;

/** What Home Assistant says of itself and of its backups, read on each connection and kept while there is none. */
export class Reader {
  readonly #options: ReaderOptions;
  #home: HomeAssistant['home'] = null;
  #supervised = false;
  #settings: Omit<HomeAssistantBackups, keyof Progress> | undefined;
  #progress: Progress = { state: 'idle', stage: null, last_result: null };
  #problem: Problem | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #expectsUntil = Number.NEGATIVE_INFINITY;
  #homeIsOld = true;
  #nudge: AbortController | undefined;
  #nudged = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  get home(): HomeAssistant['home'] {
    return this.#home;
  }

  /** Whether it runs under a Supervisor, and so has apps and folders. */
  get supervised(): boolean {
    return this.#supervised;
  }

  /** What of it cannot be read although there is a connection. */
  get problem(): Problem | undefined {
    return this.#problem;
  }

  /** Whether it has been read since there is this connection, or this Home Assistant. */
  get read(): boolean {
    return this.#lookedAt !== Number.NEGATIVE_INFINITY;
  }

  get backups(): HomeAssistantBackups | null {
    return this.#settings ? { ...this.#progress, ...this.#settings } : null;
  }

  /** It is another Home Assistant from now on, or none. */
  forget(): void {
    this.#home = null;
    this.#settings = undefined;
    this.#progress = { state: 'idle', stage: null, last_result: null };
    this.#problem = undefined;
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  /** Looks again, unless it has just done so. */
  refresh(): void {
    if (this.#options.clock.monotonic() - this.#lookedAt >= FRESH_MS) this.#lookAgain();
  }

  /** Something has changed here that will show there: looks until it must have. */
  expect(): void {
    this.#expectsUntil = this.#options.clock.monotonic() + EXPECT_MS;
    this.#lookAgain();
  }

  /** Reads and follows, until the signal ends with the connection. @throws Problem when Home Assistant does not answer. */
  async attend(session: Session, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    this.#homeIsOld = true;
    let hearing = false;
    await session.subscribe('subscribe_events', { event_type: 'core_config_updated' }, () => {
      this.#homeIsOld = true;
      this.#lookAgain();
    });
    while (!signal.aborted) {
      this.#nudged = false;
      let soon = false;
      try {
        if (this.#homeIsOld) await this.#readHome(session);
        // a user who becomes an administrator later hears of backups from then on
        if (!hearing) {
          await session.subscribe('backup/subscribe_events', {}, (event) => this.#hear(event));
          hearing = true;
        }
        await this.readBackups(session);
        soon = this.#progress.state === 'blocked';
      } catch (error) {
        soon = this.#noteProblem(error);
      }
      this.#lookedAt = clock.monotonic();
      this.#options.onChange();
      const expects = clock.monotonic() < this.#expectsUntil;
      await this.#rest(expects ? LOOK_AGAIN_MS : soon ? LOOK_SOON_MS : LOOK_EVERY_MS, signal);
    }
  }

  async #readHome(session: Session): Promise<void> {
    this.#homeIsOld = false;
    try {
      const { home, supervised } = readHome(await session.call('get_config'));
      this.#home = home;
      this.#supervised = supervised;
    } catch (error) {
      this.#homeIsOld = true;
      throw error;
    }
  }

  /** Reads the settings and locations of backups at once. @throws Refusal, Problem */
  async readBackups(session: Session): Promise<void> {
    const [config, agents] = await Promise.all([
      session.call('backup/config/info'),
      session.call('backup/agents/info'),
    ]);
    this.#settings = describeBackups(readBackupConfig(config), readAgents(agents));
    this.#problem = undefined;
    this.#options.onChange();
  }

  /** Keeps what is wrong with answers; that there are none ends the connection. Says whether it may be over soon. */
  #noteProblem(error: unknown): boolean {
    const problem = refusalProblem(error);
    if (!isProblem(problem) || problem.code === 'home_assistant_away') throw error;
    if (this.#problem?.code !== problem.code) {
      const said = error instanceof Refusal ? { code: error.code } : problem.params;
      this.#options.log.warning('Home Assistant does not say all', { problem: problem.code, ...said });
    }
    this.#problem = problem;
    this.#settings = undefined;
    return problem.code !== 'home_assistant_not_admin';
  }

  #hear(given: unknown): void {
    const event = readManagerEvent(given);
    if (!event || event.uploaded_bytes !== undefined) return;
    const { manager_state: state, stage, reason } = event;
    const before = this.#progress;
    this.#progress = { ...before, state, stage: state === 'idle' ? null : stage };
    if (state === 'create_backup' && (event.state === 'completed' || event.state === 'failed')) {
      const at = timestamp(this.#options.clock.now());
      this.#progress = { ...this.#progress, last_result: { outcome: event.state, reason, at } };
    }
    // after each of its doings the times of the last and of the next backup may be others
    if (state === 'idle' && before.state !== 'idle') this.#lookAgain();
    this.#options.onChange();
  }

  #lookAgain(): void {
    this.#nudged = true;
    this.#nudge?.abort();
  }

  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const pause = (length: number, until: AbortSignal) => clock.sleep(length, until).catch(() => undefined);
    await pause(LOOK_AGAIN_MS, signal);
    if (this.#nudged || signal.aborted) return;
    this.#nudge = new AbortController();
    await pause(ms - LOOK_AGAIN_MS, AbortSignal.any([signal, this.#nudge.signal]));
    this.#nudge = undefined;
  }
}
