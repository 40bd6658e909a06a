import type { Overview } from '../contract/index.ts';
import type { Facts } from './facts.ts';
import { ageOf, findingsIn, HOME_AWAY_MS, nextBackup, patienceOf, severityOf } from './findings.ts';
import { DAY_MS } from './rhythm.ts';
import type { Finding } from './words.ts';

/** What was not looked at for so long is not known: looks come every few hours (milliseconds). */
const STALE_MS = DAY_MS / 2;

/** The overview before it is worded, and when time alone makes it another. */
export interface Judgement extends Omit<Overview, 'notices'> {
  readonly findings: readonly Finding[];
  /** Moments at which something becomes due (milliseconds since 1970). */
  readonly moments: readonly number[];
}

/** Whether a backup that is young enough lies in a place where the next one can go, too. */
function standsOnGround(facts: Facts, findings: readonly Finding[]): boolean {
  const broken = new Set(
    findings.filter(({ code }) => severityOf(code) === 'error').map(({ target }) => target),
  );
  return facts.targets.some(
    ({ id, newest_backup }) => !broken.has(id) && ageOf(newest_backup, facts.now) < patienceOf(facts),
  );
}

/** Whether something that matters has not been heard of, or too long ago. */
function unknown({ targets, home, now }: Facts): boolean {
  const unheard = home.state !== 'off' && home.backups === null;
  return unheard || targets.some(({ checked_at }) => ageOf(checked_at, now) >= STALE_MS);
}

function verdictOn(facts: Facts, findings: readonly Finding[]): Overview['verdict'] {
  if (facts.finding) return 'unknown';
  if (!standsOnGround(facts, findings)) return 'unsafe';
  if (findings.some(({ code }) => severityOf(code) !== 'info')) return 'attention';
  return unknown(facts) ? 'unknown' : 'safe';
}

function momentsAhead(facts: Facts): number[] {
  const { targets, now, homeAwayMs } = facts;
  const after = (moment: string | null, ms: number) => Date.parse(moment ?? '') + ms;
  return [
    ...targets.flatMap((target) => [
      after(target.newest_backup, patienceOf(facts)),
      after(target.problem_since, DAY_MS),
      after(target.checked_at, STALE_MS),
    ]),
    ...(homeAwayMs === undefined ? [] : [now + HOME_AWAY_MS - homeAwayMs]),
  ].filter((moment) => moment > now);
}

/** Is everything safe? */
export function judge(facts: Facts): Judgement {
  const findings = findingsIn(facts);
  return {
    verdict: verdictOn(facts, findings),
    last_backup: facts.last,
    next_backup: nextBackup(facts),
    findings,
    moments: momentsAhead(facts),
  };
}
