import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isInside } from '../../../src/backups/targets/s3/limits.ts';
import { planParts } from '../../../src/backups/targets/s3/parts.ts';
import type { S3Settings } from '../../../src/contract/index.ts';
import { type Clock, systemClock } from '../../../src/kernel/clock.ts';
import { haveVersitygw } from '../../harness/cache.ts';
import type { S3Server } from '../../harness/s3-server.ts';
import { startVersitygw } from '../../harness/versitygw.ts';
import { S3Proxy } from '../../simulators/s3-proxy.ts';
import {
  closeTargets,
  collect,
  discard,
  MIB,
  noise,
  openTarget,
  s3Settings,
  sha256,
  stored,
  upload,
} from './s3-support.ts';

/** The pace looks at the limit this often; whoever sleeps longer waits for something else. */
const LONGEST_PAUSE_MS = 500;

/** A clock that passes only while the pace waits, so that its time is the time that a limit costs. */
class PaceClock implements Clock {
  passed = 0;
  readonly #start: number;

  constructor(start = Date.UTC(2026, 0, 1, 12)) {
    this.#start = start;
  }

  now = (): number => this.#start + this.passed;
  monotonic = (): number => this.passed;

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms > LONGEST_PAUSE_MS) return systemClock.sleep(ms, signal);
    await systemClock.sleep(0, signal);
    this.passed += ms;
  }
}

const MEGABIT = 125_000;

describe.each([
  ['22:00-06:00', ['22:00', '23:59', '00:00', '05:59'], ['06:00', '12:00', '21:59']],
  ['01:30-05:00', ['01:30', '03:00', '04:59'], ['01:29', '05:00', '23:00']],
  ['00:00-00:00', ['00:00', '12:34'], []],
  ['', [], ['00:00', '12:00']],
])('the window %j', (window, inside, outside) => {
  it.each([...inside.map((time) => [time, true] as const), ...outside.map((time) => [time, false] as const)])(
    'at %s: %s',
    (time, expected) => {
      expect(isInside(window, new Date(`2026-01-15T${time}:30`))).toBe(expected);
    },
  );
});

describe('the parts of an upload', () => {
  const MEMORY = 128 * MIB;
  const GIB = 1024 * MIB;

  it.each([
    [10 * MIB, {}, 16, 1],
    [GIB, {}, 16, 2],
    [300 * GIB, {}, 35, 2],
    [GIB, { parallel: 1 }, 16, 1],
    [GIB, { parallel: 2 }, 16, 2],
    [GIB, { parallel: 4 }, 8, 4],
    [GIB, { parallel: 8 }, 8, 8],
    [20 * MIB, { parallel: 8 }, 8, 3],
    [300 * GIB, { parallel: 8 }, 35, 3],
    [GIB, { rate: 0.5 * MEGABIT }, 8, 1],
    [GIB, { rate: 0.5 * MEGABIT, parallel: 8 }, 8, 1],
    [GIB, { rate: 20 * MEGABIT }, 8, 2],
    [GIB, { rate: 20 * MEGABIT, parallel: 4 }, 8, 4],
  ])('of %d bytes with %j are of %d MiB, %d at once', (size, wishes, mebibytes, buffers) => {
    expect(planParts(size, MEMORY, wishes)).toMatchObject({ bufferSize: mebibytes * MIB, buffers });
  });

  it('never take more memory than there is, nor more than 10,000', () => {
    for (let parallel = 0; parallel <= 8; parallel += 1) {
      for (let size = MIB; size < 600 * GIB; size *= 1.7) {
        const { bufferSize, buffers } = planParts(size, MEMORY, { parallel });
        expect(bufferSize * buffers).toBeLessThanOrEqual(MEMORY);
        expect(Math.ceil(size / bufferSize)).toBeLessThanOrEqual(10_000);
      }
    }
  });
});

describe.skipIf(!haveVersitygw())('a limit', () => {
  let server: S3Server;
  let proxy: S3Proxy;
  beforeAll(async () => {
    server = await startVersitygw();
    server.createBucket('bucket');
    proxy = new S3Proxy(server.endpoint);
    await proxy.start();
  });
  afterAll(async () => {
    await proxy?.stop();
    await discard(server);
  });
  beforeEach(() => proxy.reset());
  afterEach(closeTargets);

  const open = (clock: Clock, settings: Partial<S3Settings>) =>
    openTarget(s3Settings({ ...server, endpoint: proxy.endpoint }, settings), { clock }).target;

  const seconds = (clock: PaceClock): number => clock.passed / 1000;

  it.each([0.5, 8, 100])('of %d Mbit/s is kept by an upload', async (mbit) => {
    const clock = new PaceClock();
    const size = Math.min(20 * MIB, mbit * MEGABIT * 40);
    const data = noise(size);
    const writer = await upload(open(clock, { upload_limit_mbit: mbit }), 'up.tar', data);
    await writer.commit();
    expect(sha256(stored(server, 'homeassistant/backups/up.tar') as Buffer)).toBe(sha256(data));
    const ideal = size / (mbit * MEGABIT);
    expect(seconds(clock)).toBeGreaterThan(ideal - 1);
    expect(seconds(clock)).toBeLessThan(ideal * 1.02 + 1);
  });

  it('is shared by the uploads of a target', async () => {
    const clock = new PaceClock();
    const target = open(clock, { upload_limit_mbit: 8, parallel_parts: 3 });
    await Promise.all(
      ['one', 'two'].map(async (key) => (await upload(target, key, noise(10 * MIB))).commit()),
    );
    expect(seconds(clock)).toBeGreaterThan((20 * MIB) / (8 * MEGABIT) - 1);
    expect(seconds(clock)).toBeLessThan((20 * MIB) / (8 * MEGABIT) + 2);
  });

  it('is none inside of the window, and holds as soon as it ends', async () => {
    // half past five and ten seconds before the end
    const clock = new PaceClock(new Date(2026, 0, 15, 5, 59, 50).getTime());
    const target = open(clock, { upload_limit_mbit: 8, upload_window: '22:00-06:00' });
    const writer = await target.create('window.tar', { sizeLimit: 60 * MIB });
    await writer.write(noise(24 * MIB));
    await expect.poll(() => proxy.parts().length).toBe(2);
    expect(clock.passed).toBe(0);
    clock.passed = 10_000;
    await writer.write(noise(24 * MIB));
    await writer.finish();
    // three parts went before; the rest is limited
    expect(seconds(clock) - 10).toBeGreaterThan((16 * MIB) / (8 * MEGABIT));
    await writer.commit();
  });

  it('ends in the middle of an upload when the window begins', async () => {
    const clock = new PaceClock(new Date(2026, 0, 15, 21, 59, 50).getTime());
    const target = open(clock, { upload_limit_mbit: 8, upload_window: '22:00-06:00' });
    await (await upload(target, 'window.tar', noise(48 * MIB))).commit();
    // ten seconds of it, and no more
    expect(seconds(clock)).toBeGreaterThan(9);
    expect(seconds(clock)).toBeLessThan(12);
  });

  it.each(['the stream', 'the blocks'])('is kept by a download that reads %s', async (way) => {
    const clock = new PaceClock();
    const data = noise(20 * MIB);
    const target = open(clock, { download_limit_mbit: 16 });
    await target.put('down.tar', data);
    const object = await target.open('down.tar');
    const chunks: Buffer[] = [];
    if (way === 'the stream') chunks.push(await collect(object?.stream ?? []));
    else
      for await (const block of object?.blocks?.() ?? []) {
        chunks.push(Buffer.from(block.bytes));
        block.release();
      }
    expect(Buffer.concat(chunks).equals(data)).toBe(true);
    const ideal = data.length / (16 * MEGABIT);
    expect(seconds(clock)).toBeGreaterThan(ideal - 1);
    expect(seconds(clock)).toBeLessThan(ideal * 1.02 + 1);
  });

  it('does not hold up descriptions, nor who gives up', async () => {
    const clock = new PaceClock();
    const target = open(clock, { upload_limit_mbit: 0.5, download_limit_mbit: 0.5 });
    for (let index = 0; index < 20; index += 1) {
      await target.put('a.metadata.json', noise(20_000));
      expect(await target.read('a.metadata.json', MIB)).toHaveLength(20_000);
    }
    expect(clock.passed).toBe(0);
    const controller = new AbortController();
    const reason = new Error('enough');
    const writer = await target.create('a.tar', { sizeLimit: 60 * MIB, signal: controller.signal });
    await writer.write(noise(9 * MIB));
    await expect.poll(() => clock.passed).toBeGreaterThan(1_000);
    controller.abort(reason);
    await writer.abort();
    const { passed } = clock;
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.passed - passed).toBeLessThanOrEqual(LONGEST_PAUSE_MS);
  });
});
