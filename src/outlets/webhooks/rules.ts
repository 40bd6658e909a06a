import { type HappeningTopic, SEVERITIES, type Severity } from '../../contract/index.ts';
import type { Entry } from '../../kernel/journal.ts';
import type { Message } from '../../kernel/outbox.ts';

/** What somebody wants to be told of. */
interface Rule {
  readonly severity: Severity;
  readonly topics: readonly HappeningTopic[];
  readonly enabled: boolean;
}

/** Whoever was told of a problem is reminded of it so seldom, while it comes again and again (milliseconds). */
const REMIND_MS = 24 * 60 * 60_000;

/** Whether a happening is one of those that somebody wants to hear of. */
export function isWanted({ severity, topics, enabled }: Rule, { urgency, about }: Entry): boolean {
  const loudEnough = SEVERITIES.indexOf(urgency) <= SEVERITIES.indexOf(severity);
  return enabled && loudEnough && (topics.length === 0 || topics.includes(about));
}

/**
 * What becomes of a happening, where the newest message about the same matter is known: a problem is told at once; what
 * comes again is added to a message that still waits, and otherwise told once a day; the end is told to whoever heard of
 * the beginning.
 */
export function decide(
  { code, problem, at }: Pick<Entry, 'code' | 'problem' | 'at'>,
  newest: (Pick<Message, 'state' | 'created_at'> & { readonly isEnd: boolean }) | undefined,
): 'send' | 'add' | 'nothing' {
  if (problem === undefined) return 'send';
  const open = newest !== undefined && !newest.isEnd;
  if (code === 'problem_over') return open ? 'send' : 'nothing';
  if (!open) return 'send';
  if (newest.state === 'waiting') return 'add';
  // a clock that was set back makes no reminder late for ever
  const age = Math.abs(at - newest.created_at);
  return age >= REMIND_MS ? 'send' : 'nothing';
}
