import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PATHS, type Target } from '../../src/contract/index.ts';
import { waitFor } from '../harness/wait-for.ts';
import { DAY_MS, HOUR_MS, Scene } from './scene.ts';

let scene: Scene;
let folder: Target;
let cloud: Target;

beforeEach(async () => {
  scene = await Scene.start();
  await scene.keepRecoveryKey();
  folder = await scene.core.firstTarget();
  cloud = await scene.addBucket();
});
afterEach(async () => {
  await scene.remove();
  expect(scene.core.defects()).toEqual([]);
});

const refused = { kind: 'answer', status: 403, code: 'InvalidAccessKeyId' } as const;

describe('the verdict', () => {
  test('is unsafe while there is no backup, and safe with one in a place elsewhere', async () => {
    expect((await scene.read()).verdict).toBe('unsafe');
    const { backup } = await scene.backUp(cloud);
    const last = { name: backup.name, size: backup.size, places: 1, at: backup.date };
    expect(await scene.read()).toEqual({
      verdict: 'safe',
      last_backup: last,
      next_backup: null,
      notices: [],
    });
    await scene.backUp(folder, backup);
    expect((await scene.read()).last_backup?.places).toBe(1);
  });

  test('counts the places of the newest backup', async () => {
    const { backup, archive } = await scene.backUp(cloud);
    await scene.core.client.upload(folder.id, backup, archive);
    await scene.backUp(folder, { date: scene.now(DAY_MS) });
    expect((await scene.read()).last_backup).toMatchObject({ name: backup.name, places: 2 });
  });

  test('is a matter of attention when one of two places is lost, and unsafe when none is left', async () => {
    const { backup, archive } = await scene.backUp(cloud);
    await scene.core.client.upload(folder.id, backup, archive);
    scene.store.faults.add({ fault: refused });
    await scene.look(cloud);
    expect((await scene.read()).verdict).toBe('attention');
    const path = join(scene.core.dataDir, 'backups');
    renameSync(path, `${path}.away`);
    await scene.look(folder);
    expect((await scene.read()).verdict).toBe('unsafe');
    renameSync(`${path}.away`, path);
  });

  test('is unsafe when the new backups lie where nothing new arrives any more', async () => {
    await scene.backUp(cloud);
    await scene.backUp(folder, { date: scene.now(30 * DAY_MS) });
    expect((await scene.read()).verdict).toBe('safe');
    scene.store.faults.add({ fault: refused });
    await scene.look(cloud);
    expect((await scene.read()).verdict).toBe('unsafe');
  });

  test('is never safe while a place is not reached', async () => {
    await scene.backUp(cloud);
    await scene.store.refuseConnections();
    await scene.look(cloud);
    expect((await scene.read()).verdict).toBe('attention');
    await scene.store.acceptConnections();
    await scene.look(cloud);
    expect((await scene.read()).verdict).toBe('safe');
  });

  test('is unknown while the first looks still run, and says what was known', async () => {
    await scene.backUp(cloud);
    await scene.core.stop();
    const stall = scene.store.faults.add({ fault: { kind: 'stall', at: 'at_once' } });
    await scene.core.start();
    await waitFor('the look', () => stall.hits > 0);
    expect(await scene.read()).toMatchObject({ verdict: 'unknown', last_backup: { places: 1 } });
    scene.store.faults.clear();
    await scene.until('an answer', ({ verdict }) => verdict === 'safe');
  });

  test('a clock that is set back does no harm, and what comes after it counts', async () => {
    await scene.backUp(cloud);
    scene.clock.setBack(10 * DAY_MS);
    expect(await scene.read()).toMatchObject({ verdict: 'safe', notices: [] });
    await scene.until('a look', async () => {
      const [, target] = await scene.core.client.targets();
      return Date.parse(target?.checked_at ?? '') <= scene.clock.now();
    });
    expect(await scene.read()).toMatchObject({ verdict: 'safe', notices: [] });
  });
});

describe('overview_changed', () => {
  let ends = 0;

  /** All events that are told while something is done. */
  async function told(work: () => Promise<unknown>): Promise<string[]> {
    const gone = new AbortController();
    const response = await scene.core.client.fetch('GET', PATHS.events, { signal: gone.signal });
    let heard = '';
    const listening = (async () => {
      for await (const chunk of response.body ?? []) heard += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    await waitFor('the first event', () => heard.includes('hello'));
    await work();
    // what comes in order comes after all before it
    const person = await scene.person();
    ends += 1;
    await person.call('PATCH', '/api/v1/settings', { name: `The end ${ends}` });
    await waitFor('the end', () => heard.includes('settings_changed'));
    gone.abort();
    await listening;
    return [...heard.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name as string);
  }
  /** Lets the overview settle: whatever was done before was told. */
  const settled = () => scene.clock.during(scene.clock.sleep(2_000));

  test('is told when something is done, once for much at once, and not when all is as before', async () => {
    await settled();
    const events = await told(async () => {
      await scene.backUp(cloud);
      await settled();
    });
    expect(events.filter((name) => name === 'overview_changed')).toHaveLength(1);
    const looks = await told(async () => {
      await scene.look(cloud);
      await scene.look(folder);
      await settled();
    });
    expect(looks).toContain('targets_changed');
    expect(looks).not.toContain('overview_changed');
  });

  test('is told when time alone makes it another', async () => {
    await scene.backUp(cloud);
    scene.clock.forward(8 * DAY_MS - HOUR_MS);
    for (const target of [cloud, folder]) await scene.look(target);
    expect((await scene.read()).verdict).toBe('safe');
    await settled();
    const events = await told(async () => {
      scene.clock.forward(HOUR_MS);
      expect((await scene.read()).verdict).toBe('unsafe');
      await settled();
    });
    expect(events).toContain('overview_changed');
  });
});
