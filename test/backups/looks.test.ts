import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Looks } from '../../src/backups/looks.ts';
import { PATHS, type Target } from '../../src/contract/index.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type S3Simulator, startS3Simulator } from '../simulators/s3/index.ts';

const HOUR_MS = 60 * 60_000;

describe('a core that nobody asks', () => {
  const clock = new IdleClock();
  let store: S3Simulator;
  let core: LocalCore;

  beforeEach(async () => {
    store = await startS3Simulator({ buckets: ['backups'], clock });
    core = await startLocalCore({ clock });
  });
  afterEach(async () => {
    await core.remove();
    await store.stop();
    expect(core.defects()).toEqual([]);
  });

  const bucket = () => {
    const { endpoint, region, accessKey: access_key, secretKey: secret_key } = store;
    const settings = { kind: 's3', endpoint, region, bucket: 'backups', access_key, secret_key };
    return core.client.addTarget({ name: 'Cloud', settings });
  };
  const target = ({ id }: Target) => core.client.call<Target>('GET', PATHS.target.replace('{target_id}', id));
  const checkedAfter = (one: Target, moment: number) =>
    clock.during(
      waitFor(
        `a look at ${one.name}`,
        async () => Date.parse((await target(one)).checked_at ?? '') >= moment,
        {
          intervalMs: 100,
        },
      ),
    );

  test('looks at every target all the same, also at one that came later', async () => {
    const cloud = await bucket();
    const settings = { kind: 'folder' as const, path: join(core.dataDir, 'disk') };
    const disk = await core.client.addTarget({ name: 'Disk', settings });
    for (const one of [cloud, disk]) await checkedAfter(one, 0);
    clock.forward(4 * HOUR_MS);
    const moment = clock.now() - 1_000;
    for (const one of [cloud, disk, await core.firstTarget()]) await checkedAfter(one, moment);
  });

  test('is held up by no target that does not answer', async () => {
    const cloud = await bucket();
    await checkedAfter(cloud, 0);
    const stall = store.faults.add({ fault: { kind: 'stall', at: 'at_once' } });
    clock.forward(4 * HOUR_MS);
    const moment = clock.now() - 1_000;
    await waitFor('the look that hangs', () => stall.hits > 0);
    await waitFor(
      'the other look',
      async () => Date.parse((await core.firstTarget()).checked_at ?? '') >= moment,
    );
    expect((await target(cloud)).problem).toBeNull();
    await checkedAfter(cloud, moment);
    expect(await target(cloud)).toMatchObject({ problem: { code: 'target_timeout' } });
    store.faults.clear();
    await clock.during(waitFor('it to be well', async () => (await target(cloud)).problem === null));
  });

  test('has no word of a problem that is over once a person has tried the target', async () => {
    const cloud = await bucket();
    await checkedAfter(cloud, 0);
    await store.refuseConnections();
    await clock.during(core.client.list(cloud.id, 0).catch(() => undefined));
    expect((await target(cloud)).problem).not.toBeNull();
    await store.acceptConnections();
    await core.client.call('POST', PATHS.target_probe.replace('{target_id}', cloud.id));
    await waitFor('the problem to go', async () => (await target(cloud)).problem === null);
  });
});

describe('looks', () => {
  const clock = new IdleClock();
  let ids: string[];
  let looked: { id: string; at: number }[];
  let late: string[];
  let hang: PromiseWithResolvers<void> | undefined;
  let looks: Looks;

  const begin = async (random: () => number) => {
    ids = ['a', 'b'];
    looked = [];
    late = [];
    hang = undefined;
    looks = new Looks({
      clock,
      random,
      targets: async () => ids,
      look: async (id) => {
        looked.push({ id, at: clock.monotonic() });
        if (id === 'a') await hang?.promise;
        if (id === 'b') throw new Error('dead');
      },
      late: async (id) => {
        late.push(id);
      },
    });
  };
  afterEach(() => looks.stop());
  const timesOf = (name: string) => looked.filter(({ id }) => id === name).map(({ at }) => at);
  const seen = (what: string, is: () => boolean) => clock.during(waitFor(what, is, { intervalMs: 5 }));

  test.for([
    ['the soonest', 0, 2.25],
    ['the latest', 1, 3.75],
  ] as const)('come in hours, %s', async ([_which, random, hours]) => {
    await begin(() => random);
    await looks.start();
    await seen('two looks', () => timesOf('a').length === 2);
    const [first = 0, second = 0] = timesOf('a');
    expect((second - first) / HOUR_MS).toBeCloseTo(hours, 1);
    // what is not well is looked at in minutes
    expect(timesOf('b').length).toBeGreaterThan(5);
  });

  test('that take too long are told of, and the others go on; the start is over by then', async () => {
    await begin(() => 0.5);
    hang = Promise.withResolvers();
    await looks.start();
    expect(looks.finding).toBe(true);
    await seen('the end of patience', () => late.includes('a'));
    expect(late).toEqual(['a']);
    await seen('the start to be over', () => !looks.finding);
    hang.resolve();
    hang = undefined;
    await seen('another look', () => timesOf('a').length === 2);
  });

  test('at what was removed are over', async () => {
    await begin(() => 0.5);
    await looks.start();
    await seen('the first looks', () => !looks.finding);
    ids = ['b', 'c'];
    await looks.touch();
    await seen('some looks', () => timesOf('b').length > 20);
    expect(timesOf('a')).toHaveLength(1);
    expect(timesOf('c').length).toBeGreaterThan(1);
  });

  test('are not made after the end', async () => {
    await begin(() => 0.5);
    await looks.start();
    await seen('the first looks', () => !looks.finding);
    looks.stop();
    await looks.touch();
    const before = looked.length;
    clock.forward(10 * HOUR_MS);
    await new Promise((resolve) => setImmediate(resolve));
    expect(looked).toHaveLength(before);
  });
});
