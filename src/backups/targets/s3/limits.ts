import type { S3Settings } from '../../../contract/index.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { Pace } from '../../../kernel/pace.ts';
import { type Plan, planParts } from './parts.ts';
import { providerOf } from './providers.ts';

/** A megabit is a million bits, as lines are sold. */
const BYTES_PER_MEGABIT = 1_000_000 / 8;

const MINUTES_PER_HOUR = 60;

/** How fast the bytes of a target may go, and in how many parts at once. */
export class Limits {
  /** Of all uploads together; undefined without a limit. */
  readonly uploads: Pace | undefined;
  /** Of all downloads together; undefined without a limit. */
  readonly downloads: Pace | undefined;
  readonly #uploadRate: number | undefined;
  readonly #parallel: number;
  readonly #mostParts: number | undefined;

  constructor(settings: S3Settings, clock: Clock) {
    const { upload_window, upload_limit_mbit, download_limit_mbit } = settings;
    const up = rateOf(upload_limit_mbit);
    const down = rateOf(download_limit_mbit);
    const free = () => isInside(upload_window, new Date(clock.now()));
    if (up !== undefined) this.uploads = new Pace({ clock, bytesPerSecond: () => (free() ? undefined : up) });
    if (down !== undefined) this.downloads = new Pace({ clock, bytesPerSecond: () => down });
    this.#uploadRate = up;
    this.#parallel = settings.parallel_parts;
    this.#mostParts = providerOf(settings.endpoint)?.parts?.most ?? undefined;
  }

  /** How an archive is cut so that it keeps to all of this. @throws Problem `upload_too_large` */
  plan(sizeLimit: number, memory: number, roundTripMs?: number): Plan {
    return planParts(sizeLimit, memory, {
      parallel: this.#parallel,
      rate: this.#uploadRate,
      roundTripMs,
      mostParts: this.#mostParts,
    });
  }
}

function rateOf(megabits: number): number | undefined {
  return megabits > 0 ? megabits * BYTES_PER_MEGABIT : undefined;
}

/**
 * Whether a moment lies in a window such as `22:00-06:00`, by the clock on the wall of this machine. The window may
 * go over midnight; the minute at its end is outside. One that ends where it begins is the whole day.
 */
export function isInside(window: string, moment: Date): boolean {
  const [, ...times] = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(window) ?? [];
  if (times.length === 0) return false;
  const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = times.map(Number);
  const from = fromHour * MINUTES_PER_HOUR + fromMinute;
  const to = toHour * MINUTES_PER_HOUR + toMinute;
  const at = moment.getHours() * MINUTES_PER_HOUR + moment.getMinutes();
  return from < to ? from <= at && at < to : at >= from || at < to;
}
