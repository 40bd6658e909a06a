import { afterEach, describe, expect, it } from 'vitest';
import { ForwardClock } from '../../harness/forward-clock.ts';
import { startS3Simulator } from '../../simulators/s3/index.ts';
import { closeTargets, noise, openTarget, s3Settings } from './s3-support.ts';

const LEFT = 'homestash-probe-0123456789abcdef-8';
const HOUR_MS = 3_600_000;

describe('what a probe had to leave', () => {
  afterEach(closeTargets);

  it.each([true, false])('is removed an hour later, also where it is hidden (%s)', async (hidden) => {
    const clock = new ForwardClock();
    const simulator = await startS3Simulator({ profile: 'b2', clock, buckets: ['bucket'] });
    const { target } = openTarget(s3Settings(simulator, { region: simulator.region, folder: 'home' }), {
      clock,
    });
    for (const key of [LEFT, 'mine.tar']) {
      await target.put(key, noise(10));
      await target.put(key, noise(10));
      if (hidden) await target.delete(key);
    }
    const kept = (name: string) => simulator.versions('bucket').filter(({ key }) => key === `home/${name}`);
    const before = kept('mine.tar').length;
    await target.tidy?.();
    expect(kept(LEFT)).toHaveLength(hidden ? 3 : 2);
    clock.forward(HOUR_MS + 1_000);
    await target.tidy?.();
    expect(kept(LEFT)).toEqual([]);
    expect(kept('mine.tar')).toHaveLength(before);
    expect(simulator.mistakes).toEqual([]);
    await simulator.stop();
  });
});
