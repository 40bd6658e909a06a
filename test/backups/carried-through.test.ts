import { CreateMultipartUploadCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeBackup } from '../harness/archives.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type S3Simulator, startS3Simulator } from '../simulators/s3/index.ts';

const BUCKET = 'backups';

let simulator: S3Simulator;
let core: LocalCore;

beforeAll(async () => {
  simulator = await startS3Simulator({ buckets: [BUCKET] });
  core = await startLocalCore();
});
afterAll(async () => {
  await core?.remove();
  await simulator?.stop();
});

test('an upload that is carried through after a stop leaves nothing beside its archive', async () => {
  const { endpoint, region, accessKey, secretKey } = simulator;
  const target = await core.client.addTarget({
    name: 'Bucket',
    settings: { kind: 's3', endpoint, region, bucket: BUCKET, access_key: accessKey, secret_key: secretKey },
  });
  const { backup, archive } = makeBackup();
  const { id } = await core.client.announce(target.id, backup);
  const sum = await core.client.send(target.id, id, new Uint8Array(archive));
  const isDescription = { operation: 'PutObject', key: /\.metadata\.json$/ } as const;
  simulator.faults.add({ on: isDescription, fault: { kind: 'stall', at: 'at_once' } });
  const committed = core.client.commit(target.id, id, sum).catch(() => undefined);
  const key = await waitFor('the archive', () =>
    simulator
      .objects(BUCKET)
      .map((object) => object.key)
      .find((name) => name.endsWith('.tar')),
  );

  // the store began it twice, as the answer to the first request was lost
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
  await client.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key: key }));
  client.destroy();

  await core.stop();
  await committed;
  simulator.faults.clear();
  await core.start();
  const listed = () => core.client.list(target.id, 0);
  await waitFor('the backup', async () => (await listed()).backups.length === 1);
  expect(await core.client.download(target.id, backup.backup_id)).toEqual(archive);
  expect(simulator.uploads(BUCKET)).toEqual([]);
  expect(simulator.mistakes).toEqual([]);
});
