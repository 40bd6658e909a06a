import { describe, expect, test } from 'vitest';
import { nextRun, overdueAfter, seedOf } from '../../src/devices/schedule.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const at = (text: string) => new Date(text).getTime();
const noon = at('2026-11-27T12:00:00');
const next = (schedule: string, hours = '', after = noon, seed = 0.5) =>
  new Date(nextRun({ schedule, hours }, after, seed) ?? Number.NaN);

describe('a schedule', () => {
  test('in words comes at night, once a day, week or month', () => {
    for (const [word, most] of [
      ['daily', 1],
      ['weekly', 7],
      ['monthly', 31],
    ] as const) {
      for (const seed of [0, 0.3, 0.7, 0.999]) {
        const first = next(word, '', noon, seed);
        expect(first.getTime()).toBeGreaterThan(noon);
        expect(first.getTime() - noon).toBeLessThanOrEqual(most * DAY_MS);
        expect(first.getHours() * 60 + first.getMinutes()).toBeGreaterThanOrEqual(60);
        expect(first.getHours() * 60 + first.getMinutes()).toBeLessThan(4 * 60 + 30);
        const second = next(word, '', first.getTime(), seed);
        expect(Math.round((second.getTime() - first.getTime()) / DAY_MS)).toBeLessThanOrEqual(most);
        expect(second.getTime() - first.getTime()).toBeGreaterThan(12 * HOUR_MS);
      }
    }
  });

  test('keeps to the hours that were chosen, over midnight too', () => {
    for (const seed of [0, 0.5, 0.999]) {
      const { length } = [next('daily', '22:00-02:00', noon, seed)].filter(
        (moment) => moment.getHours() >= 22 || moment.getHours() < 2,
      );
      expect(length).toBe(1);
    }
    expect(next('every 3 hours', '01:00-02:00').getHours()).toBe(1);
    expect(next('0 12 * * *', '20:00-21:00').getHours()).toBe(20);
  });

  test('in hours and days is counted from the last time, and in fields as cron does', () => {
    expect(next('every 6 hours').getTime()).toBe(noon + 6 * HOUR_MS);
    expect(next('every 2 days').getTime()).toBe(noon + 2 * DAY_MS);
    expect(next('hourly').getTime()).toBe(noon + HOUR_MS);
    expect(next('30 3 * * 1', '', noon, 0)).toEqual(new Date('2026-11-30T03:30:00'));
    expect(nextRun({ schedule: 'off', hours: '' }, noon, 0.5)).toBeUndefined();
  });

  test('spreads devices over the night, each always at its own moment', () => {
    const seeds = Array.from({ length: 200 }, (_, index) => seedOf(`device${index}x`));
    expect(new Set(seeds).size).toBe(200);
    const tenths = new Set(seeds.map((seed) => Math.floor(seed * 10)));
    expect(tenths.size).toBe(10);
    expect(seedOf('device1x')).toBe(seeds[1]);
  });

  test('says after how long something is wrong', () => {
    expect(overdueAfter({ schedule: 'off', hours: '' }, 0.5, noon)).toBeUndefined();
    expect(overdueAfter({ schedule: 'every 2 days', hours: '' }, 0.5, noon)).toBe(3 * DAY_MS);
  });
});
