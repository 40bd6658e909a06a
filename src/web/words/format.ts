import { locale } from './index.ts';

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const;
const THOUSAND = 1000;

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** So many days back a weekday is understood as the last one of that name. */
const WEEKDAYS = 6;

/** From which distance on (seconds) time is told in which unit; weeks are told as days, as people count backups. */
const STEPS: readonly (readonly [number, Intl.RelativeTimeFormatUnit, number])[] = [
  [365 * DAY, 'year', 365 * DAY],
  [60 * DAY, 'month', 30 * DAY],
  [DAY, 'day', DAY],
  [HOUR, 'hour', HOUR],
  [0, 'minute', MINUTE],
];

/** `41.2 GB`: as providers count, a thousand to the next. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= THOUSAND && unit < UNITS.length - 1) {
    value /= THOUSAND;
    unit += 1;
  }
  return new Intl.NumberFormat(locale(), {
    style: 'unit',
    unit: UNITS[unit] as string,
    unitDisplay: unit === 0 ? 'long' : 'short',
    maximumFractionDigits: value < 10 && unit > 1 ? 1 : 0,
  }).format(value);
}

/** `12 MB/s` */
export const speed = (bytesPerSecond: number): string => `${bytes(Math.round(bytesPerSecond))}/s`;

export const number = (value: number): string => new Intl.NumberFormat(locale()).format(value);

export const percent = (share: number): string =>
  new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 0 }).format(share);

/** `6 hours ago`, `in 3 days`. */
export function relative(at: Date, now: Date): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  const distance = Math.abs(seconds);
  const [, unit, size] = STEPS.find(([from]) => distance >= from) as (typeof STEPS)[number];
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' });
  // "in 0 minutes" would be "this minute"
  if (distance < MINUTE) return format.format(0, 'second');
  return format.format(Math.round(seconds / size), unit);
}

/** `6 minutes`: how long something still takes. */
export function duration(seconds: number): string {
  const [, unit, size] =
    seconds < MINUTE
      ? [0, 'second', 1]
      : (STEPS.slice(2).find(([from]) => seconds >= from) ?? [0, 'minute', MINUTE]);
  const value = Math.max(1, Math.round(seconds / (size as number)));
  return new Intl.NumberFormat(locale(), {
    style: 'unit',
    unit: unit as string,
    unitDisplay: 'long',
  }).format(value);
}

/** `3 March 2026, 04:45` */
export const exact = (at: Date): string =>
  new Intl.DateTimeFormat(locale(), { dateStyle: 'long', timeStyle: 'short' }).format(at);

/** `3 Mar 2026, 04:45` */
export const short = (at: Date): string =>
  new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }).format(at);

/** `Tuesday`, `04:45` or `3 March 2026`, as one says since when. */
export function sinceWhen(at: Date, now: Date): string {
  const days = (now.getTime() - at.getTime()) / (DAY * 1000);
  const how: Intl.DateTimeFormatOptions =
    at.toDateString() === now.toDateString()
      ? { timeStyle: 'short' }
      : days < WEEKDAYS
        ? { weekday: 'long' }
        : { dateStyle: 'long' };
  return new Intl.DateTimeFormat(locale(), how).format(at);
}

/** `3 Mar` */
export const day = (at: Date): string =>
  new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short' }).format(at);

/** `today`, `yesterday` or `3 March 2026`: the day of a moment. */
export function wholeDay(at: Date, now: Date): string {
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  const days = Math.round((midnight(at) - midnight(now)) / (DAY * 1000));
  if (days < -1 || days > 0) return new Intl.DateTimeFormat(locale(), { dateStyle: 'long' }).format(at);
  const word = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(days, 'day');
  return word.charAt(0).toLocaleUpperCase(locale()) + word.slice(1);
}
