import { timestamp } from '../kernel/clock.ts';
import type { JobState } from '../kernel/jobs.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { LogRing } from '../kernel/log-ring.ts';
import { scrub } from '../kernel/scrub.ts';
import { readLog } from './log-page.ts';

/** Parts of the document by name; one that cannot be had is missing in it, with the reason. */
export type Sections = Readonly<Record<string, () => unknown>>;

/** Enough to see what led to something, and little enough to be sent (lines). */
const LOG_ENTRIES = 500;

const moment = (ms: number | undefined) => (ms === undefined || !Number.isFinite(ms) ? null : timestamp(ms));

/** A job as people read it. */
function shownJob({ name, running, lastStartedAt, lastEndedAt, problem, nextAt }: JobState): object {
  return {
    name,
    running,
    last_started_at: moment(lastStartedAt),
    last_ended_at: moment(lastEndedAt),
    problem: problem?.code ?? null,
    next_at: moment(nextAt),
  };
}

/** All that helps who helps, as JSON; neither secrets nor what looks like one. */
export async function writeDiagnostics(
  sections: Sections,
  { jobs, ring, log }: { readonly jobs: readonly JobState[]; readonly ring: LogRing; readonly log: Log },
): Promise<string> {
  const { level, entries } = await readLog(ring, log, { level: 'debug', limit: LOG_ENTRIES });
  const all: Sections = { ...sections, jobs: () => jobs.map(shownJob), log: () => ({ level, entries }) };
  const document: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(all)) {
    try {
      document[name] = scrub(await read());
    } catch (error) {
      document[name] = { unavailable: scrub(describeError(error)) };
    }
  }
  // and once more whatever is known to be a secret, by whatever name
  return log.masked(JSON.stringify(document, null, 2));
}
