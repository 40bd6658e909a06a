import { expect, test } from 'vitest';
import { Throttle } from '../../src/kernel/throttle.ts';
import { IdleClock } from '../harness/idle-clock.ts';

const INTERVAL_MS = 1_000;

function makeThrottle(work: (key: string) => Promise<number | undefined> = async () => undefined) {
  const clock = new IdleClock();
  const runs: [string, number][] = [];
  const errors: unknown[] = [];
  const throttle = new Throttle({
    clock,
    intervalMs: INTERVAL_MS,
    run: (key) => {
      runs.push([key, clock.monotonic()]);
      return work(key);
    },
    onError: (error) => errors.push(error),
  });
  /** Lets time pass, and what is due happen. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const pass = async (ms: number) => {
    await settle();
    clock.forward(ms);
    await settle();
  };
  const count = (key = 'a') => runs.filter(([name]) => name === key).length;
  return { throttle, runs, errors, pass, count };
}

test('the first touch runs at once, and a storm once in an interval, with a last run after the last touch', async () => {
  const { throttle, runs, pass, count } = makeThrottle();
  for (let n = 0; n < 1_000; n += 1) throttle.touch('a');
  expect(count()).toBe(1);
  await pass(INTERVAL_MS);
  expect(count()).toBe(2);
  await pass(INTERVAL_MS);
  expect(count()).toBe(2);
  throttle.touch('a');
  expect(count()).toBe(3);
  const gaps = runs.slice(1).map(([, at], index) => at - (runs[index]?.[1] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(INTERVAL_MS);
});

test('keys do not wait for each other', async () => {
  const { throttle, count, pass } = makeThrottle(async (key) => {
    if (key === 'stuck') await new Promise(() => undefined);
    return undefined;
  });
  throttle.touch('stuck');
  throttle.touch('a');
  throttle.touch('a');
  await pass(INTERVAL_MS);
  expect(count()).toBe(2);
  throttle.touch('stuck');
  await pass(INTERVAL_MS);
  expect(count('stuck')).toBe(1);
});

test('what failed is tried again when it asked for it, and a defect is told and forgotten', async () => {
  let fails = 2;
  const { throttle, count, pass, errors } = makeThrottle(async (key) => {
    if (key === 'broken') throw new Error('broken');
    fails -= 1;
    return fails >= 0 ? 5_000 : undefined;
  });
  throttle.touch('a');
  throttle.touch('broken');
  await pass(INTERVAL_MS);
  expect(count()).toBe(1);
  await pass(4_000);
  expect(count()).toBe(2);
  await pass(5_000);
  expect(count()).toBe(3);
  await pass(60_000);
  expect([count(), count('broken'), errors.length]).toEqual([3, 1, 1]);
});

test('nothing runs after a stop', async () => {
  const { throttle, count, pass } = makeThrottle();
  throttle.touch('a');
  throttle.touch('a');
  throttle.stop();
  await pass(10 * INTERVAL_MS);
  throttle.touch('a');
  expect(count()).toBe(1);
  throttle.start();
  throttle.touch('a');
  throttle.touch('a');
  expect(count()).toBe(2);
  await pass(INTERVAL_MS);
  expect(count()).toBe(3);
});
