import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { makeBackup } from '../harness/archives.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { type S3Simulator, startS3Simulator } from '../simulators/s3/index.ts';

let simulator: S3Simulator;
let core: LocalCore;
let target: Target;

beforeAll(async () => {
  simulator = await startS3Simulator({ buckets: ['backups'] });
  core = await startLocalCore();
  target = await core.client.addTarget({
    name: 'Bucket',
    settings: {
      kind: 's3',
      endpoint: simulator.endpoint,
      region: simulator.region,
      bucket: 'backups',
      access_key: simulator.accessKey,
      secret_key: simulator.secretKey,
    },
  });
});
afterAll(async () => {
  await core?.remove();
  await simulator?.stop();
});

test('a list that was read while backups came and went does not undo that', async () => {
  // a list that is told late: each of them is old before it is known
  simulator.faults.add({
    on: { operation: 'ListObjectsV2' },
    fault: { kind: 'stall', at: 'before_answer', ms: 300 },
  });
  const ids = async () => (await core.client.list(target.id)).backups.map(({ backup }) => backup.backup_id);
  const there: string[] = [];
  const listed = core.client.list(target.id, 0);
  let reading = true;
  void listed.finally(() => {
    reading = false;
  });
  while (reading) {
    const { backup, archive } = makeBackup({}, 1_000);
    await core.client.upload(target.id, backup, archive);
    there.push(backup.backup_id);
    if (there.length > 3) await core.client.delete(target.id, there.shift() ?? '');
  }
  await listed;
  expect((await ids()).sort()).toEqual(there.sort());
});
