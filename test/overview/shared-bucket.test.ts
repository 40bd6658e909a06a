import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeBackup } from '../harness/archives.ts';
import { startLocalCore } from '../harness/local-core.ts';
import { DAY_MS, Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start();
});
afterAll(() => scene.remove());

/** The folder that everybody here uses. */
const shared = () => ({
  ...{ kind: 's3', endpoint: scene.store.endpoint, region: scene.store.region, bucket: 'backups' },
  ...{ folder: 'shared', access_key: scene.store.accessKey, secret_key: scene.store.secretKey },
});

const of = (home: string, name: string) => ({ name, extra_metadata: { instance_id: home } });

test('in a folder that two homes share, the backup of the other one makes nobody safe', async () => {
  const target = await scene.addBucket('Shared', 'shared');
  await scene.backUp(target, of('our-home', 'Ours'));
  await scene.until('our backup', ({ last_backup }) => last_backup?.name === 'Ours');

  scene.clock.forward(10 * DAY_MS);
  const neighbour = await startLocalCore({ clock: scene.clock });
  try {
    const place = await neighbour.client.addTarget({ name: 'Shared', settings: shared() });
    const { backup, archive } = makeBackup({ date: scene.now(), ...of('their-home', 'Theirs') });
    await scene.clock.during(neighbour.client.upload(place.id, backup, archive));
  } finally {
    await neighbour.remove();
  }
  await scene.look(target);
  const [ours] = (await scene.core.client.targets()).filter(({ id }) => id === target.id);
  expect(ours?.backups).toBe(2);
  const { last_backup, verdict, notices } = await scene.read();
  expect(last_backup?.name).toBe('Ours');
  expect(verdict).toBe('unsafe');
  expect(notices.map(({ code }) => code)).toContain('backup_overdue');

  // a core that is new there, and has sent nothing yet, shows what there is
  const fresh = await startLocalCore({ clock: scene.clock });
  try {
    const place = await fresh.client.addTarget({ name: 'Shared', settings: shared() });
    await scene.clock.during(fresh.client.list(place.id, 0));
    const seen = await fresh.client.call<{ last_backup: { name: string } | null }>('GET', '/api/v1/overview');
    expect(seen.last_backup?.name).toBe('Theirs');
  } finally {
    await fresh.remove();
  }
});
