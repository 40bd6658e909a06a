import { expect, test } from 'vitest';
import { type Clock, systemClock, within } from '../../src/kernel/clock.ts';

/** A clock whose time is up at once. */
const impatient: Clock = { ...systemClock, sleep: (_ms, signal) => systemClock.sleep(0, signal) };

test('work that hangs is not waited for, and work that fails has no result', async () => {
  expect(await within(impatient, 1_000, new Promise<string>(() => undefined))).toBeUndefined();
  expect(await within(systemClock, 60_000, Promise.reject(new Error('no')))).toBeUndefined();
  expect(await within(systemClock, 60_000, Promise.resolve('done'))).toBe('done');
});
