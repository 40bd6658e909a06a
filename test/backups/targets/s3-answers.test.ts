import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { S3Settings } from '../../../src/contract/index.ts';
import { type Clock, systemClock } from '../../../src/kernel/clock.ts';
import { makeBackup } from '../../harness/archives.ts';
import { Stage } from '../../harness/stage.ts';
import {
  FAULTS,
  type Fault,
  type OperationName,
  type S3Simulator,
  startS3Simulator,
} from '../../simulators/s3/index.ts';
import {
  closeTargets,
  collect,
  HastyClock,
  MIB,
  noise,
  openTarget,
  problemOf,
  s3Settings,
  sha256,
  upload,
} from './s3-support.ts';

const KEY = 'homeassistant/backups/a.tar';
const SIZE = 17 * MIB;
const HOUR_MS = 60 * 60_000;

/** What hangs is noticed soon, and a busy machine does not look like it. */
const IDLE_MS = 1_000;

/** The core waits for a list for a moment, and for a long time for what hangs; only pauses between tries are over at once. */
class PatientCoreClock extends HastyClock {
  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return ms === 1_700 ? systemClock.sleep(ms, signal) : super.sleep(ms, signal);
  }
}

/** A clock whose pauses are over at once, however long they are, and whose limits are not. */
class QuickClock extends HastyClock {
  readonly #limits: readonly number[];

  constructor(...limits: readonly number[]) {
    super();
    this.#limits = limits;
  }

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#limits.includes(ms)) return systemClock.sleep(ms, signal);
    this.pauses.push(ms);
    return systemClock.sleep(0, signal);
  }
}

describe('answers that are not what they seem', () => {
  const stage = new Stage('answers');
  let simulator: S3Simulator;
  beforeAll(async () => {
    simulator = await startS3Simulator({ buckets: ['bucket'], clock: new HastyClock() });
  });
  afterAll(async () => {
    await stage.close();
    await simulator?.stop();
  });
  beforeEach(() => simulator.reset());
  afterEach(() => {
    closeTargets();
    expect(simulator.mistakes).toEqual([]);
  });

  const open = (options: { clock?: Clock; idleTimeoutMs?: number } = {}, more: Partial<S3Settings> = {}) =>
    openTarget(s3Settings(simulator, more), { clock: new HastyClock(), ...options }).target;
  const asked = (operation: OperationName) => simulator.requests.filter((one) => one.operation === operation);
  const completions = () => asked('CompleteMultipartUpload').length;
  const failing = (operation: OperationName, fault: Fault, times = 1) =>
    simulator.faults.add({ on: { operation }, fault, times });
  /** Everything that is kept: the one object, or nothing at all. */
  const kept = () => ({
    objects: simulator.objects('bucket').map(({ key }) => key),
    uploads: simulator.uploads('bucket').length,
  });

  async function stores(target = open()) {
    const data = noise(SIZE);
    await (await upload(target, 'a.tar', data)).commit();
    expect(sha256(simulator.content('bucket', KEY))).toBe(sha256(data));
    expect(kept()).toEqual({ objects: [KEY], uploads: 0 });
  }

  describe('to a completion', () => {
    it.each<[string, Fault, number]>([
      ['an error behind a 200', { kind: 'error_in_200', code: 'InternalError' }, 2],
      ['a SlowDown behind a 200', { kind: 'error_in_200', code: 'SlowDown' }, 2],
      ['an empty 200', { kind: 'answer', status: 200, body: '' }, 2],
      ['a page', { kind: 'answer', status: 200, body: '<html><body>hello</body></html>' }, 2],
      ['an empty 200 although it was done', { kind: 'answer', status: 200, body: '', when: 'after_work' }, 1],
      [
        'a 500 although it was done',
        { kind: 'answer', status: 500, code: 'InternalError', when: 'after_work' },
        1,
      ],
      ['a 502 of a proxy although it was done', { ...FAULTS.badGateway, when: 'after_work' }, 1],
      ['a lost answer', { kind: 'cut', at: 'before_answer' }, 1],
      ['an answer that is cut', { kind: 'cut', at: 'answer', after: 50 }, 1],
      ['whitespace for five minutes', { kind: 'keep_alive', ms: 300_000, everyMs: 5_000 }, 1],
    ])('%s', async (_words, fault, expected) => {
      failing('CompleteMultipartUpload', fault);
      await stores();
      expect(completions()).toBe(expected);
    });

    it('that trickles is waited for, however long it takes', async () => {
      const slow = await startS3Simulator({ buckets: ['bucket'] });
      const { target } = openTarget(s3Settings(slow), { idleTimeoutMs: IDLE_MS });
      slow.faults.add({
        on: { operation: 'CompleteMultipartUpload' },
        fault: { kind: 'keep_alive', ms: 2 * IDLE_MS, everyMs: IDLE_MS / 10 },
      });
      await (await upload(target, 'a.tar', noise(SIZE))).commit();
      expect(slow.requests.filter((one) => one.operation === 'CompleteMultipartUpload')).toHaveLength(1);
      await slow.stop();
    });

    it('that never comes is looked up, and found done', async () => {
      failing('CompleteMultipartUpload', { kind: 'stall', at: 'before_answer' });
      await stores(open({ clock: new QuickClock(IDLE_MS), idleTimeoutMs: IDLE_MS }));
      expect(completions()).toBe(1);
    });

    it('that never comes and is never done ends, and nothing is left of it', async () => {
      const target = open({ clock: new QuickClock(IDLE_MS), idleTimeoutMs: IDLE_MS });
      failing('CompleteMultipartUpload', FAULTS.hang, Number.POSITIVE_INFINITY);
      const writer = await upload(target, 'a.tar', noise(SIZE));
      expect((await problemOf(writer.commit())).code).toBe('target_timeout');
      simulator.faults.clear();
      await writer.abort();
      expect(kept()).toEqual({ objects: [], uploads: 0 });
    });

    it('that says that the first one is still being worked on is no refusal', async () => {
      failing('CompleteMultipartUpload', { kind: 'answer', status: 500, code: 'InternalError' });
      simulator.faults.add({
        on: { operation: 'CompleteMultipartUpload' },
        skip: 1,
        times: 2,
        fault: { kind: 'answer', status: 409, code: 'OperationAborted' },
      });
      await stores();
      expect(completions()).toBe(4);
    });

    it.each([
      ['it was done and nobody heard of it', { kind: 'cut', at: 'before_answer' }],
      ['it was not done', { kind: 'error_in_200', code: 'InternalError' }],
    ] as const)(
      'when nothing else answers either and %s, the list is true in the end',
      async (_words, fault) => {
        const core = await stage.localCore({ clock: new PatientCoreClock() });
        const settings = s3Settings(simulator, { folder: 'core' });
        const { id } = await core.client.addTarget({ name: 'Bucket', settings });
        const { backup, archive } = makeBackup({}, SIZE);
        const announced = await core.client.announce(id, backup);
        const sum = await core.client.send(id, announced.id, archive);
        const complete = simulator.faults.add({ on: { operation: 'CompleteMultipartUpload' }, fault });
        const head = simulator.faults.add({ on: { operation: 'HeadObject' }, fault: FAULTS.internalError });
        const outcome = await core.client.commit(id, announced.id, sum).then(
          () => 'stored',
          () => 'failed',
        );
        complete.remove();
        head.remove();
        const { backups } = await core.client.list(id, 0);
        const objects = () => simulator.objects('bucket').filter(({ key }) => key.endsWith('.tar'));
        expect(backups).toHaveLength(outcome === 'stored' ? 1 : 0);
        expect(objects()).toHaveLength(backups.length);
        expect(simulator.uploads('bucket')).toEqual([]);
        if (backups.length > 0) expect(await core.client.download(id, backup.backup_id)).toEqual(archive);
        else {
          await core.client.upload(id, backup, archive);
          expect((await core.client.list(id, 0)).backups).toHaveLength(1);
        }
        expect(core.defects()).toEqual([]);
      },
    );
  });

  describe('to a machine whose clock is wrong', () => {
    it.each<[string, (target: ReturnType<typeof open>) => Promise<unknown>]>([
      ['a list', (target) => target.list()],
      ['a look at one object', (target) => target.stat('there.tar')],
      ['a small object', (target) => target.put('b', noise(10))],
      ['an archive in one request', async (target) => (await upload(target, 'c.tar', noise(10))).commit()],
      ['an archive in parts', async (target) => (await upload(target, 'd.tar', noise(SIZE))).commit()],
      [
        'a download',
        async (target) =>
          expect(await collect((await target.open('there.tar'))?.stream ?? [])).toHaveLength(10),
      ],
      ['a deletion', (target) => target.delete('there.tar')],
      ['a sweep', (target) => target.sweep('there.tar')],
    ])('is no obstacle to %s', async (_words, work) => {
      await open().put('there.tar', noise(10));
      simulator.skew(-3 * HOUR_MS);
      await work(open());
    });

    it('is put right in the middle of an archive, too', async () => {
      const target = open();
      const data = noise(SIZE);
      const writer = await upload(target, 'a.tar', data);
      simulator.skew(HOUR_MS);
      await writer.commit();
      expect(sha256(simulator.content('bucket', KEY))).toBe(sha256(data));
      expect(completions()).toBe(2);
    });
  });

  describe('of a server that is busy', () => {
    it.each<[string, Fault]>([
      ['503', FAULTS.slowDown(7)],
      ['429', FAULTS.tooManyRequests(7)],
    ])('are given the time that they ask for: %s', async (_words, fault) => {
      const clock = new HastyClock();
      failing('ListObjectsV2', fault);
      await open({ clock }).list();
      const [pause = 0] = clock.pauses.filter((ms) => ms > 0 && ms < 20_000);
      expect(pause).toBeGreaterThanOrEqual(7_000);
      expect(pause).toBeLessThan(8_000);
    });

    it('are given more in an upload, and never an hour', async () => {
      const clock = new QuickClock(20_000);
      failing('ListObjectsV2', FAULTS.slowDown(3_600));
      failing('UploadPart', FAULTS.slowDown(3_600));
      const target = open({ clock });
      await target.list().catch(() => undefined);
      expect(clock.pauses).toHaveLength(1);
      expect(clock.pauses[0]).toBeGreaterThanOrEqual(10_000);
      expect(clock.pauses[0]).toBeLessThan(11_000);
      await stores(target);
      const longest = Math.max(...clock.pauses);
      expect(longest).toBeGreaterThanOrEqual(60_000);
      expect(longest).toBeLessThan(61_000);
    });

    it('spread those who were sent away together', async () => {
      const pauses = new Set<number>();
      for (let count = 0; count < 5; count += 1) {
        const clock = new QuickClock(20_000);
        failing('ListObjectsV2', FAULTS.slowDown());
        await open({ clock }).list();
        for (const pause of clock.pauses) pauses.add(pause);
      }
      expect(pauses.size).toBe(5);
    });
  });

  it.each([301, 307])('with %i that name the region of the bucket', async (status) => {
    failing('ListObjectsV2', {
      kind: 'answer',
      status,
      code: status === 301 ? 'PermanentRedirect' : 'TemporaryRedirect',
      headers: { 'x-amz-bucket-region': 'eu-south-2', location: 'http://127.0.0.1:1/' },
    });
    expect(await problemOf(open().list())).toMatchObject({
      code: 'target_wrong_region',
      params: { region: 'eu-south-2' },
    });
    failing('HeadObject', {
      kind: 'answer',
      status,
      headers: { 'x-amz-bucket-region': 'eu-south-2' },
      body: '',
    });
    expect((await problemOf(open().stat('a'))).code).toBe('target_wrong_region');
  });

  it.each([200, 204])('to a deletion with %i', async (status) => {
    await open().put('a.tar', noise(10));
    failing('DeleteObject', { kind: 'answer', status, body: '', when: 'after_work' });
    await open().delete('a.tar');
    expect(kept().objects).toEqual([]);
  });
});
