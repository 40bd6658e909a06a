import { afterEach, describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../../src/kernel/admission.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type S3Simulator, startS3Simulator } from '../../simulators/s3/index.ts';
import { closeTargets, MEMORY, MIB, noise, openTarget, s3Settings } from './s3-support.ts';

const [PART, SMALL_PART] = [16 * MIB, 8 * MIB];

describe('the parts of an upload in flight', () => {
  let simulator: S3Simulator;
  afterEach(async () => {
    closeTargets();
    await simulator.stop();
  });

  /** Begins an upload to a store that confirms no part, and returns how many it gets and what memory they take. */
  async function inFlight(
    wanted: number,
    roundTripMs: number,
    more = {},
    capacity = MEMORY,
  ): Promise<number> {
    simulator = await startS3Simulator({ buckets: ['bucket'] });
    simulator.faults.add({ on: { operation: 'UploadPart' }, fault: { kind: 'stall', at: 'before_answer' } });
    let time = 0;
    // every look at it is one way further
    const clock = { ...systemClock, monotonic: () => (time += roundTripMs) };
    const memory = new MemoryBudget(capacity);
    const { target } = openTarget(s3Settings(simulator, more), { clock, memory });
    // how far away it is shows in what is asked before each upload
    await target.stat('a.tar');
    const stop = new AbortController();
    const writer = await target.create('a.tar', { sizeLimit: 200 * MIB, signal: stop.signal });
    const chunk = noise(PART);
    const writing = (async () => {
      for (;;) await writer.write(chunk.subarray());
    })();
    writing.catch(() => undefined);
    const parts = () => simulator.requests.filter(({ operation }) => operation === 'UploadPart').length;
    await waitFor(`${wanted} parts`, () => parts() >= wanted);
    const held = capacity - memory.free;
    stop.abort(new Error('enough'));
    await writing.catch(() => undefined);
    await writer.abort().catch(() => undefined);
    expect(parts()).toBe(wanted);
    await waitFor('the memory to be back', () => memory.free === capacity);
    return held;
  }

  it('are two while the store is near', async () => {
    expect(await inFlight(2, 0)).toBe(2 * PART);
  });

  it('are eight smaller ones when its answers take long', async () => {
    expect(await inFlight(8, 50)).toBe(8 * SMALL_PART);
  });

  it('leave memory for another upload', async () => {
    expect(await inFlight(6, 50, {}, 80 * MIB)).toBe(6 * SMALL_PART);
  });

  it('are as many as somebody asked for, wherever the store is', async () => {
    expect(await inFlight(2, 50, { parallel_parts: 2 })).toBe(2 * PART);
  });
});
