import { expect, test } from 'vitest';
import { expired } from '../../src/devices/retention.ts';

const DAY_MS = 24 * 60 * 60_000;
const now = new Date('2026-11-27T12:00:00').getTime();
const made = (count: number, change: object = {}) =>
  Array.from({ length: count }, (_, index) => ({
    id: `a${index}`,
    made_at: now - index * DAY_MS,
    good: 1 as const,
    pinned: 0 as const,
    added: 1 as number | null,
    removed: 0 as number | null,
    ...change,
  }));
const rule = { last: 3, days: 0, generations: false };

test('the newest stay, and pinned ones', () => {
  const all = made(6).map((one) => (one.id === 'a5' ? { ...one, pinned: 1 as const } : one));
  expect(expired(all, rule, now)).toEqual(['a3', 'a4']);
});

test('all of some days stay', () => {
  expect(expired(made(10), { ...rule, days: 5 }, now)).toEqual(['a5', 'a6', 'a7', 'a8', 'a9']);
});

test('of each month and year one stays', () => {
  const gone = new Set(expired(made(800), { last: 1, days: 0, generations: true }, now));
  const kept = made(800).filter(({ id }) => !gone.has(id));
  const months = new Set(kept.map(({ made_at }) => new Date(made_at).toISOString().slice(0, 7)));
  expect(months.size).toBe(kept.length);
  expect(kept.length).toBe(12 + 1);
});

test('the newest good one stays, whatever came after it, and only some bad ones', () => {
  const bad = made(6, { good: 0 });
  const good = { ...made(1)[0], id: 'good', made_at: now - 100 * DAY_MS } as (typeof bad)[number];
  const gone = expired([...bad, { ...good, good: 1 }], { last: 1, days: 0, generations: false }, now);
  expect(gone).toEqual(['a3', 'a4', 'a5']);
});

test('of those that are not different from each other the newest stays, and for a week all do', () => {
  const all = made(30, { added: 0, removed: 0 }).map((one, index) =>
    index === 29 ? { ...one, added: null } : one,
  );
  const gone = expired(all, { last: 100, days: 0, generations: false }, now);
  expect(all.filter(({ id }) => !gone.includes(id)).map(({ id }) => id)).toEqual(
    Array.from({ length: 7 }, (_, index) => `a${index}`),
  );
});
