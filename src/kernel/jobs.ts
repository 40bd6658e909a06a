import { Cron } from 'croner';
import * as v from 'valibot';
import type { Clock } from './clock.ts';
import { Problem, toProblem } from './errors.ts';
import { describeError, type Log } from './log.ts';
import type { Settings } from './settings.ts';

/** Work that is done again and again, by the clock. */
export interface Job {
  /** Its name in the log and in the settings; never changes. */
  readonly name: string;
  /** When, as cron writes it, by the clock of the box: `30 3 * * *`. */
  readonly pattern: string;
  /** It begins up to so much later, another time each day, so that many boxes do not knock in step (milliseconds). */
  readonly jitterMs: number;
  run(signal: AbortSignal): Promise<void>;
}

/** How a job stands; moments in milliseconds since 1970. */
export interface JobState {
  readonly name: string;
  readonly running: boolean;
  readonly lastStartedAt: number | undefined;
  readonly lastEndedAt: number | undefined;
  /** Why the last run failed; undefined where it went well, or before the first since the start. */
  readonly problem: Problem | undefined;
  readonly nextAt: number | undefined;
}

interface JobsOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1, for the jitter; tests bring their own. */
  readonly random?: () => number;
}

/** So long is slept at once: a clock that was set, or a box that slept, is noticed soon (milliseconds). */
const LONGEST_SLEEP_MS = 10 * 60_000;

/** What was missed while nothing ran is made up for so long after the start, when all is quiet again (milliseconds). */
const SETTLE_MS = 5 * 60_000;

const Ended = v.object({ ended_at: v.number() });

interface Entry {
  readonly job: Job;
  running: boolean;
  lastStartedAt: number | undefined;
  lastEndedAt: number | undefined;
  problem: Problem | undefined;
  nextAt: number | undefined;
}

/** Runs jobs by the clock: each of them never twice at once, and what one does disturbs no other. */
export class Jobs {
  readonly #options: JobsOptions;
  readonly #entries: Entry[] = [];
  #life: AbortController | undefined;
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** How all jobs stand. */
  states(): JobState[] {
    return this.#entries.map(({ job, ...state }) => ({ name: job.name, ...state }));
  }

  start(jobs: readonly Job[]): void {
    if (this.#life) return;
    const life = new AbortController();
    this.#life = life;
    this.#entries.splice(0);
    const loops = jobs.map((job) => {
      const entry: Entry = {
        job,
        running: false,
        lastStartedAt: undefined,
        lastEndedAt: undefined,
        problem: undefined,
        nextAt: undefined,
      };
      this.#entries.push(entry);
      return this.#repeat(entry, life.signal);
    });
    this.#loops = Promise.all(loops);
  }

  /** What is under way is told to end, and waited for. */
  async stop(): Promise<void> {
    this.#life?.abort(new Problem('shutting_down'));
    this.#life = undefined;
    await this.#loops;
  }

  async #repeat(entry: Entry, signal: AbortSignal): Promise<void> {
    const { clock, settings, log, random = Math.random } = this.#options;
    const { job } = entry;
    const schedule = new Cron(job.pattern);
    /** The first regular moment after another. */
    const after = (moment: number) =>
      schedule.nextRun(new Date(moment))?.getTime() ?? Number.POSITIVE_INFINITY;
    const begun = clock.now();
    entry.lastEndedAt = await settings
      .read(`job ${job.name}`, Ended)
      .then((kept) => kept?.ended_at)
      .catch(() => undefined);
    let due = after(begun);
    if (entry.lastEndedAt !== undefined && after(entry.lastEndedAt) < begun) due = begun + SETTLE_MS;
    while (!signal.aborted) {
      entry.nextAt = due + Math.floor(random() * job.jitterMs);
      try {
        await this.#until(entry, after, signal);
      } catch {
        return;
      }
      await this.#run(entry, signal);
      if (signal.aborted) return;
      due = after(clock.now());
      await settings
        .write(`job ${job.name}`, { ended_at: entry.lastEndedAt })
        .catch((error) =>
          log.warning('when a job ran was not noted', { job: job.name, reason: describeError(error) }),
        );
    }
  }

  async #until(entry: Entry, after: (moment: number) => number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const left = () => (entry.nextAt ?? 0) - clock.now();
    while (left() > 0) {
      await clock.sleep(Math.min(left(), LONGEST_SLEEP_MS), signal);
      // a clock that was wrong, and set back since, must not hold it up for a year
      entry.nextAt = Math.min(entry.nextAt ?? 0, after(clock.now()) + entry.job.jitterMs);
    }
    signal.throwIfAborted();
  }

  async #run(entry: Entry, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const { name } = entry.job;
    entry.running = true;
    entry.lastStartedAt = clock.now();
    try {
      await entry.job.run(signal);
      entry.problem = undefined;
      log.debug('a job is done', { job: name });
    } catch (error) {
      if (signal.aborted) return;
      entry.problem = toProblem(error);
      const reason = describeError(error);
      if (entry.problem.code === 'internal') log.error('a job met a defect', { job: name, reason });
      else log.warning('a job failed', { job: name, reason });
    } finally {
      entry.running = false;
      entry.lastEndedAt = clock.now();
    }
  }
}
