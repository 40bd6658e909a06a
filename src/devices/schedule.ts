import { Cron } from 'croner';
import { Problem } from '../kernel/errors.ts';
import type { Plan } from './settings.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** At night, when nobody uses the devices and no backup of Home Assistant runs (its own are made from 4:45 on). */
const NIGHT = '01:00-04:30';

/** What many want at the same minute begins within so long (milliseconds). */
const SPREAD_MS = 10 * MINUTE_MS;

/** The longest month: no word means a longer pause (milliseconds). */
const MONTH_MS = 31 * DAY_MS;

interface Hours {
  /** Minutes of the day. */
  readonly from: number;
  readonly length: number;
}

const MINUTES_A_DAY = 24 * 60;

function hoursOf(text: string): Hours {
  const [from = 0, to = 0] = text.split('-').map((time) => {
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return hour * 60 + minute;
  });
  const length = (to - from + MINUTES_A_DAY) % MINUTES_A_DAY;
  return { from, length: length === 0 ? MINUTES_A_DAY : length };
}

/** The moment itself where it lies in the hours, else their next beginning. */
function within(moment: number, { from, length }: Hours): number {
  const date = new Date(moment);
  const minute = date.getHours() * 60 + date.getMinutes();
  const since = (minute - from + MINUTES_A_DAY) % MINUTES_A_DAY;
  if (since < length) return moment;
  return moment + (MINUTES_A_DAY - since) * MINUTE_MS;
}

/** A moment of that day, somewhere in the hours. */
function somewhere(day: Date, { from, length }: Hours, seed: number): number {
  const at = new Date(day);
  // set by parts and not added to midnight: a day on which the clocks change has 23 or 25 hours
  at.setHours(0, from + Math.floor(seed * length), Math.floor(seed * 6_000) % 60, 0);
  return at.getTime();
}

/** The days on which a word means a run, from a moment on. */
function dayFits(word: string, day: Date, seed: number): boolean {
  if (word === 'weekly') return day.getDay() === Math.floor(seed * 7);
  if (word === 'monthly') return day.getDate() === 1 + Math.floor(seed * 28);
  return true;
}

/** Whether cron's fields are such. @throws Problem `invalid_request` */
export function checkSchedule({ schedule }: Pick<Plan, 'schedule'>): void {
  if (!isCron(schedule)) return;
  try {
    if (new Cron(schedule).nextRun()) return;
  } catch {
    // the same as one that never comes
  }
  throw new Problem('invalid_request', { params: { detail: 'schedule: fields of cron that come to pass' } });
}

const isCron = (schedule: string): boolean => schedule.split(' ').length === 5;

/**
 * When a device is backed up next, after a moment (milliseconds since 1970); undefined where never by itself.
 * @param seed from 0 to 1 and always the same for a device, so that they are spread over the hours and stay where they are
 */
export function nextRun(
  { schedule, hours }: Pick<Plan, 'schedule' | 'hours'>,
  after: number,
  seed: number,
): number | undefined {
  if (schedule === 'off') return undefined;
  const every = /^every (\d+) (hours|days)$/.exec(schedule);
  if (every || schedule === 'hourly') {
    const pause = every ? Number(every[1]) * (every[2] === 'days' ? DAY_MS : HOUR_MS) : HOUR_MS;
    return hours === '' ? after + pause : within(after + pause, hoursOf(hours));
  }
  if (isCron(schedule)) {
    const next = new Cron(schedule).nextRun(new Date(after))?.getTime();
    if (next === undefined) return undefined;
    const spread = next + Math.floor(seed * SPREAD_MS);
    return hours === '' ? spread : within(spread, hoursOf(hours));
  }
  const wanted = hoursOf(hours === '' ? NIGHT : hours);
  const day = new Date(after);
  day.setHours(12, 0, 0, 0);
  day.setDate(day.getDate() - 1);
  for (const end = after + 2 * MONTH_MS; day.getTime() <= end; day.setDate(day.getDate() + 1)) {
    if (!dayFits(schedule, day, seed)) continue;
    const moment = somewhere(day, wanted, seed);
    if (moment > after) return moment;
  }
  return undefined;
}

/** After so long without a backup something is wrong, whatever the schedule (milliseconds); undefined where nothing is expected. */
export function overdueAfter(
  plan: Pick<Plan, 'schedule' | 'hours'>,
  seed: number,
  now: number,
): number | undefined {
  const first = nextRun(plan, now, seed);
  const second = first === undefined ? undefined : nextRun(plan, first, seed);
  if (first === undefined || second === undefined) return undefined;
  return second - first + DAY_MS;
}

/** A number from 0 to 1 that is always the same for an id. */
export function seedOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const sign of id) hash = Math.imul(hash ^ sign.charCodeAt(0), 0x01000193) >>> 0;
  // the lowest bits of this hash (FNV-1a) are the ones that mix worst
  return ((hash ^ (hash >>> 15)) >>> 8) / 2 ** 24;
}
