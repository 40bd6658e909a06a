import {
  NOTICES,
  type NoticeCode,
  PROBLEMS,
  type ProblemDocument,
  type Severity,
  type Target,
} from '../contract/index.ts';
import { Problem } from '../kernel/errors.ts';
import { revive } from '../kernel/kept-problem.ts';
import type { Facts } from './facts.ts';
import { DAY_MS, neverMade, patience } from './rhythm.ts';
import type { Finding } from './words.ts';

/** A NAS that sleeps or a line that is down for the evening is no reason to wake somebody (milliseconds). */
const UNREACHED_MS = DAY_MS;

/** A restart of Home Assistant, with an update, is over by then (milliseconds). */
export const HOME_AWAY_MS = 10 * 60_000;

/** More names in a sentence are not read. */
const NAMED_DEVICES = 5;

/** What a storage says of keys and rights. */
const CREDENTIALS: readonly string[] = ['target_wrong_key', 'target_wrong_secret', 'target_forbidden'];

/** How Home Assistant names the location that the integration makes of a target. */
const agentOf = ({ unique_id }: Target): string => `homestash.${unique_id}`;

/** How old a moment is; one in the future is of a clock that was set back, and just now (milliseconds). */
export function ageOf(moment: string | null, now: number): number {
  const ms = Date.parse(moment ?? '');
  return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : Math.max(0, now - ms);
}

function problemNotice(target: Target, problem: ProblemDocument, now: number): NoticeCode {
  if (CREDENTIALS.includes(problem.code)) return 'target_credentials';
  const { code } = revive(problem);
  if (PROBLEMS[code].kind !== 'unreachable') return 'target_broken';
  const unreached = target.problem_since !== null && ageOf(target.problem_since, now) >= UNREACHED_MS;
  return unreached ? 'target_unreachable' : 'target_away';
}

function targetFindings(target: Target, { newest, failed, now }: Facts): Finding[] {
  const { id, name, problem, problem_since: since } = target;
  const findings: Finding[] = [];
  if (problem) {
    const params = { name, problem: revive(problem) };
    findings.push({ code: problemNotice(target, problem, now), target: id, since, params });
  }
  const upload = failed.get(id);
  // of one cause one thing is said
  if (upload && !findings.some(({ code }) => severityOf(code) === 'error')) {
    const params = { name, problem: upload.problem };
    findings.push({ code: 'upload_failed', target: id, since: upload.since, params });
  }
  const last = newest.get(id);
  if (last?.suspect) {
    const params = { name, backup: last.backup.name };
    findings.push({ code: 'backup_suspect', target: id, since: last.stored_at, params });
  }
  return findings;
}

/** Where automatic backups go, as Home Assistant said. */
function automatic({ home, targets }: Facts): { heard: boolean; here: boolean } {
  if (!home.backups) return { heard: false, here: false };
  const ours = new Set(targets.map(agentOf));
  const chosen = home.backups.locations.some((location) => location.automatic && ours.has(location.agent_id));
  return { heard: true, here: chosen && !neverMade(home.backups.schedule) };
}

/** How old the newest backup may be (milliseconds). */
export function patienceOf({ overdueDays, home }: Facts): number {
  return patience(overdueDays, home.backups?.schedule);
}

function backupFindings(facts: Facts): Finding[] {
  const { last, targets, now, paired } = facts;
  if (targets.length === 0) return [{ code: 'no_target' }];
  const findings: Finding[] = [];
  // before that, nobody could make one
  if (!last && paired) findings.push({ code: 'no_backup' });
  else if (last && ageOf(last.at, now) >= patienceOf(facts)) {
    const days = Math.max(1, Math.round(ageOf(last.at, now) / DAY_MS));
    findings.push({ code: 'backup_overdue', since: last.at, params: { days: { days } } });
  }
  const { heard, here } = automatic(facts);
  if (heard && !here) findings.push({ code: 'not_automatic' });
  if (targets.every(({ same_disk }) => same_disk)) findings.push({ code: 'only_same_disk' });
  return findings;
}

function homeFindings({ home, homeAwayMs, paired }: Facts): Finding[] {
  const findings: Finding[] = [];
  if (!paired) findings.push({ code: 'not_paired' });
  if (homeAwayMs !== undefined && homeAwayMs >= HOME_AWAY_MS) {
    const problem = home.problem ? revive(home.problem) : new Problem('home_assistant_away');
    findings.push({ code: 'home_assistant_away', since: home.since, params: { problem } });
  }
  return findings;
}

/** Of many devices one thing is said. */
function deviceFindings({ failingDevices: [first, ...others] }: Facts): Finding[] {
  if (!first) return [];
  const { name, problem } = first;
  if (others.length === 0) return [{ code: 'device_failing', params: { name, problem } }];
  const all = [first, ...others];
  const named = all.slice(0, NAMED_DEVICES).map((device) => device.name);
  const names = `${named.join(', ')}${all.length > named.length ? ' …' : ''}`;
  return [{ code: 'devices_failing', params: { count: String(all.length), names } }];
}

function boxFindings(facts: Facts): Finding[] {
  const { copyProblem, provisioningProblem, stateFilesProblem, unreached, recoveryKeyKept } = facts;
  const findings: Finding[] = [];
  if (copyProblem) findings.push({ code: 'database_not_copied', params: { problem: copyProblem } });
  if (provisioningProblem) {
    findings.push({ code: 'provisioning_wrong', params: { problem: provisioningProblem } });
  }
  if (stateFilesProblem) findings.push({ code: 'state_not_written', params: { problem: stateFilesProblem } });
  if (unreached) findings.push({ code: 'webhook_failing', params: { ...unreached } });
  if (!recoveryKeyKept) findings.push({ code: 'recovery_key_not_kept' });
  return findings;
}

const RANK: readonly Severity[] = ['error', 'warning', 'info'];

/** How bad a notice is. */
export function severityOf(code: NoticeCode): Severity {
  return NOTICES[code].severity;
}

/** Everything that needs a person, the worst first. */
export function findingsIn(facts: Facts): Finding[] {
  const { targets, littleRoom } = facts;
  const findings = [
    ...targets.flatMap((target) => targetFindings(target, facts)),
    ...backupFindings(facts),
    ...deviceFindings(facts),
    ...homeFindings(facts),
    ...(littleRoom === undefined
      ? []
      : [{ code: 'disk_low', params: { free: { bytes: littleRoom } } } as const]),
    ...boxFindings(facts),
  ];
  const codes = Object.keys(NOTICES);
  const rank = ({ code }: Finding) => RANK.indexOf(severityOf(code)) * codes.length + codes.indexOf(code);
  return findings.sort((a, b) => rank(a) - rank(b));
}

/** When Home Assistant makes the next backup that comes here; null where nobody knows of one. */
export function nextBackup(facts: Facts): string | null {
  const { state, backups } = facts.home;
  return state === 'connected' && automatic(facts).here ? (backups?.schedule.next ?? null) : null;
}
