import type { HomeAssistant } from '../contract/index.ts';

type Schedule = NonNullable<HomeAssistant['backups']>['schedule'];

/** How long a day is (milliseconds). */
export const DAY_MS = 24 * 60 * 60_000;

/** Home Assistant chooses a time of its own within the night, and a large backup takes hours. */
const GRACE = 1.5;

/** Where nobody knows of a rhythm: once a week, and a day. */
const UNKNOWN_DAYS = 8;

const WEEK = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** Whether Home Assistant makes no backups by itself; a rhythm of chosen days without a day never comes round. */
export function neverMade({ recurrence, days }: Schedule): boolean {
  return recurrence === 'never' || (recurrence === 'custom_days' && days.length === 0);
}

/** The longest time between two backups of a schedule, in days. */
function longestGap(schedule: Schedule): number | undefined {
  if (schedule.recurrence === 'daily') return 1;
  const days = WEEK.flatMap((name, at) => (schedule.days.includes(name) ? at : []));
  const gaps = days.map((day, at) => (days[at + 1] ?? (days[0] as number) + WEEK.length) - day);
  return neverMade(schedule) || gaps.length === 0 ? undefined : Math.max(...gaps);
}

/** How old the newest backup may be before a person is told (milliseconds). */
export function patience(overdueDays: number, schedule: Schedule | undefined): number {
  if (overdueDays > 0) return overdueDays * DAY_MS;
  const gap = schedule && longestGap(schedule);
  return (gap === undefined ? UNKNOWN_DAYS : gap * GRACE) * DAY_MS;
}
