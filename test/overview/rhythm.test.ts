import { expect, test } from 'vitest';
import { DAY_MS, patience } from '../../src/overview/rhythm.ts';

const schedule = (recurrence: 'never' | 'daily' | 'custom_days', ...days: string[]) => ({
  recurrence,
  days,
  time: null,
  next: null,
  last_attempt: null,
  last_completed: null,
});

test.for([
  ['every day', schedule('daily'), 1.5],
  ['on every day of the week', schedule('custom_days', ...'mon tue wed thu fri sat sun'.split(' ')), 1.5],
  ['on one', schedule('custom_days', 'wed'), 10.5],
  ['on two, in whatever order', schedule('custom_days', 'fri', 'mon'), 6],
  ['over the weekend', schedule('custom_days', 'sun', 'sat'), 9],
  ['on days of another calendar', schedule('custom_days', 'gwener'), 8],
  ['on none', schedule('custom_days'), 8],
  ['never', schedule('never'), 8],
  ['nobody knows when', undefined, 8],
] as const)('backups %s may be so old', ([_when, known, days]) => {
  expect(patience(0, known) / DAY_MS).toBe(days);
  expect(patience(2, known) / DAY_MS).toBe(2);
});
