import { expect, test } from 'vitest';
import type { Clock } from '../../src/kernel/clock.ts';
import { Pace } from '../../src/kernel/pace.ts';

const MIB = 1024 * 1024;

/** A clock that leaps from sleeper to sleeper, each of which oversleeps a little as real ones do. */
class LeapingClock implements Clock {
  time = 0;
  sleepers = 0;
  longest = 0;
  now = (): number => this.time;
  monotonic = (): number => this.time;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.longest = Math.max(this.longest, ms);
    this.sleepers += 1;
    const until = this.time + ms + 3;
    return new Promise<void>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      setImmediate(() => {
        this.time = Math.max(this.time, until);
        resolve();
      });
    }).finally(() => {
      this.sleepers -= 1;
    });
  }
}

function paceOf(bytesPerSecond: () => number | undefined) {
  const clock = new LeapingClock();
  return { clock, pace: new Pace({ clock, bytesPerSecond }) };
}

/** Lets bytes pass slice by slice, and tells how many had passed at which time. */
async function send(
  pace: Pace,
  clock: Clock,
  bytes: number,
  signal?: AbortSignal,
): Promise<[number, number][]> {
  const passed: [number, number][] = [];
  for (let done = 0; done < bytes; ) {
    const slice = Math.min(pace.slice, bytes - done);
    await pace.take(slice, signal);
    done += slice;
    passed.push([clock.monotonic(), done]);
  }
  return passed;
}

test('without a limit nobody waits', async () => {
  const { clock, pace } = paceOf(() => undefined);
  for (let slice = 0; slice < 100; slice += 1) expect(pace.take(pace.slice)).toBeUndefined();
  expect(clock.time).toBe(0);
});

test.for([62_500, 125_000, 1_250_000, 12_500_000, 125_000_000])(
  'the limit of %d bytes a second is kept, at each moment and over hours',
  async (rate) => {
    const { clock, pace } = paceOf(() => rate);
    const seconds = 3_600;
    const total = Math.min(rate * seconds, 2_000 * pace.slice);
    const passed = await send(pace, clock, total);
    const ideal = total / rate;
    expect(clock.time / 1000).toBeGreaterThan(ideal * 0.99 - 1);
    expect(clock.time / 1000).toBeLessThan(ideal * 1.01 + 1);
    // never a second ahead
    for (const [time, done] of passed) expect(done).toBeLessThanOrEqual(rate * (time / 1000 + 1));
  },
);

test('a rest is not made up for', async () => {
  const { clock, pace } = paceOf(() => MIB);
  await send(pace, clock, 2 * MIB);
  clock.time += 3_600_000;
  const before = clock.time;
  await send(pace, clock, 10 * MIB);
  expect(clock.time - before).toBeGreaterThan(9_000);
});

test('transfers share it evenly, and together keep it', async () => {
  const { clock, pace } = paceOf(() => MIB);
  const ends: number[] = [];
  await Promise.all(
    [1, 2, 3].map(async () => {
      await send(pace, clock, 4 * MIB);
      ends.push(clock.time);
    }),
  );
  expect(clock.time).toBeGreaterThan(11_000);
  expect(clock.time).toBeLessThan(13_000);
  expect(Math.max(...ends) - Math.min(...ends)).toBeLessThan(1_000);
});

test('a change of the limit holds at once, also for who waits already', async () => {
  let rate: number | undefined = 16 * 1024;
  const { clock, pace } = paceOf(() => rate);
  await send(pace, clock, 64 * 1024);
  pace.take(MIB);
  const waiting = pace.take(1);
  const before = clock.time;
  setImmediate(() => {
    rate = undefined;
  });
  await waiting;
  expect(clock.time - before).toBeLessThan(2_000);
  rate = MIB;
  const limited = clock.time;
  await send(pace, clock, 4 * MIB);
  expect(clock.time - limited).toBeGreaterThan(3_000);
});

test('who gives up is not charged, and no timer stays', async () => {
  const { clock, pace } = paceOf(() => 1_000);
  const reason = new Error('enough');
  const controller = new AbortController();
  pace.take(1_000);
  const first = pace.take(1_000_000, controller.signal);
  controller.abort(reason);
  await expect(first).rejects.toBe(reason);
  expect(() => pace.take(1, controller.signal)).toThrow(reason);
  await new Promise((resolve) => setImmediate(resolve));
  expect(clock.sleepers).toBe(0);
  const before = clock.time;
  await pace.take(1);
  expect(clock.time - before).toBeLessThan(2_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(clock.sleepers).toBe(0);
});
