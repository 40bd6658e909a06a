import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../src/kernel/database.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { type Job, Jobs } from '../../src/kernel/jobs.ts';
import { createLog } from '../../src/kernel/log.ts';
import { Settings, settingsMigration } from '../../src/kernel/settings.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { waitFor } from '../harness/wait-for.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const JITTER_MS = 30 * 60_000;

let dir: string;
let data: ReturnType<typeof openDatabase>;
let clock: IdleClock;
let jobs: Jobs;
let ran: number[];
let lines: string[];
let work: (signal: AbortSignal) => Promise<void>;

const job = (): Job => ({
  name: 'nightly',
  pattern: '30 3 * * *',
  jitterMs: JITTER_MS,
  run: async (signal) => {
    ran.push(clock.now());
    await work(signal);
  },
});
const state = () => jobs.states()[0];

function make(): Jobs {
  const log = createLog('debug', (line) => lines.push(line), Date.now);
  return new Jobs({ settings: new Settings(data.tables()), clock, log, random: () => 0.5 });
}

/** Lets time pass, and waits for one more run. */
async function pass(ms: number): Promise<void> {
  const before = ran.length;
  clock.forward(ms);
  await waitFor('a run', () => ran.length > before && !state()?.running);
}

const nextKnown = () => waitFor('the next moment', () => (state()?.nextAt ?? 0) > clock.now());

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'homestash-jobs-'));
  data = openDatabase(dir, [settingsMigration]);
  clock = new IdleClock();
  ran = [];
  lines = [];
  work = async () => undefined;
  jobs = make();
  jobs.start([job()]);
  await nextKnown();
});
afterEach(async () => {
  await jobs.stop();
  await data.close();
  rmSync(dir, { recursive: true, force: true });
});

test('a job runs each night, a little later than planned, and tells when it did and when it will', async () => {
  const next = state()?.nextAt ?? 0;
  const planned = new Date(next - JITTER_MS / 2);
  expect([planned.getHours(), planned.getMinutes()]).toEqual([3, 30]);
  expect(next - clock.now()).toBeLessThan(DAY_MS + JITTER_MS);
  clock.forward(next - clock.now() - 1_000);
  expect(ran).toEqual([]);
  await pass(1_500);
  expect(ran[0]).toBeGreaterThanOrEqual(next);
  await nextKnown();
  expect(state()).toMatchObject({ name: 'nightly', running: false, problem: undefined });
  expect(state()?.lastStartedAt).toBeGreaterThanOrEqual(next);
  expect(state()?.lastStartedAt).toBeLessThanOrEqual(ran[0] ?? 0);
  expect((state()?.nextAt ?? 0) - next).toBeGreaterThan(DAY_MS - 2 * HOUR_MS);
  await pass(DAY_MS + HOUR_MS);
  expect(ran).toHaveLength(2);
});

test('one that takes days does not run twice at once', async () => {
  const done = Promise.withResolvers<void>();
  work = () => done.promise;
  clock.forward(DAY_MS + HOUR_MS);
  await waitFor('it to run', () => state()?.running);
  clock.forward(3 * DAY_MS);
  await clock.during(new Promise((resolve) => setTimeout(resolve, 50)));
  expect(ran).toHaveLength(1);
  done.resolve();
  await waitFor('its end', () => !state()?.running);
});

test.for([
  [new Problem('disk_full'), 'disk_full', 'warning'],
  [new Error('a defect'), 'internal', 'error'],
] as const)('a failure (%s) is told, and the next night is another one', async ([error, code, level]) => {
  work = () => Promise.reject(error);
  await pass(DAY_MS + HOUR_MS);
  expect(state()?.problem?.code).toBe(code);
  expect(lines.some((line) => line.includes(`"level":"${level}"`) && line.includes('nightly'))).toBe(true);
  work = async () => undefined;
  await nextKnown();
  await pass(DAY_MS + HOUR_MS);
  expect(state()?.problem).toBeUndefined();
});

test('a stop ends what is under way', async () => {
  let ended = false;
  work = (signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        ended = true;
        reject(signal.reason);
      });
    });
  clock.forward(DAY_MS + HOUR_MS);
  await waitFor('it to run', () => state()?.running);
  await jobs.stop();
  expect(ended).toBe(true);
});

test('a night that was missed is made up for soon after the start; one that was not is not', async () => {
  await pass(DAY_MS + HOUR_MS);
  await nextKnown();
  await jobs.stop();
  jobs = make();
  jobs.start([job()]);
  await nextKnown();
  expect((state()?.nextAt ?? 0) - clock.now()).toBeGreaterThan(HOUR_MS);
  await jobs.stop();

  clock.forward(2 * DAY_MS);
  jobs = make();
  jobs.start([job()]);
  await nextKnown();
  expect((state()?.nextAt ?? 0) - clock.now()).toBeLessThan(HOUR_MS);
  await pass(HOUR_MS);
  expect(ran).toHaveLength(2);
});

test('a clock that was a year ahead, and is set right, holds nothing up', async () => {
  await jobs.stop();
  clock.forward(365 * DAY_MS);
  jobs = make();
  jobs.start([job()]);
  await nextKnown();
  const ahead = clock.now;
  clock.now = () => ahead() - 365 * DAY_MS;
  clock.forward(11 * 60_000);
  await waitFor('the right moment', () => (state()?.nextAt ?? 0) - clock.now() < 2 * DAY_MS);
});
