import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeBackup, makeArchive } from '../harness/archives.ts';
import { haveVersitygw } from '../harness/cache.ts';
import { agentId, type CoreProcess } from '../harness/core.ts';
import type { HomeAssistant } from '../harness/home-assistant.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import { BucketOnDisk, bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

// More than an S3 server gives in one answer, even if each backup were one object.
const MANY = 1_200;
const FOLDER = 'homeassistant/backups';
// For the page with all of them, from the core's catalogue through Home Assistant (milliseconds).
const PAGE_MS = 5_000;

describe.skipIf(!haveVersitygw())('a bucket that others have filled, in a real Home Assistant', () => {
  const stage = new Stage('filled');
  const ids = Array.from({ length: MANY }, (_, number) => number.toString(16).padStart(8, '0'));
  const [first, second] = ids as [string, string];
  const archive = makeArchive(first);
  let bucket: BucketOnDisk;
  let core: CoreProcess;
  let home: HomeAssistant;
  let agent: string;

  beforeAll(async () => {
    const parts = await Promise.all([stage.s3(), stage.core(), stage.home()]);
    [, core, home] = parts;
    bucket = new BucketOnDisk(parts[0]);
    mkdirSync(bucket.path(FOLDER), { recursive: true });
    const lay = (name: string, content: string | Buffer) =>
      writeFileSync(bucket.path(`${FOLDER}/${name}`), content);
    for (const id of ids) {
      lay(`${id}.tar`, archive);
      const backup = describeBackup({ backup_id: id, size: archive.length });
      lay(`${id}.metadata.json`, JSON.stringify(backup));
    }
    lay('holiday.tar', 'a film');
    lay('holiday.metadata.json', JSON.stringify({ title: 'holiday', seconds: 31 }));
    lay('torn.tar', archive);
    lay('torn.metadata.json', '{"backup_id": "torn", "na');
    agent = agentId(await core.client.addTarget(bucketInput(parts[0], 'Filled', { folder: FOLDER })));
    await pairWithHomeAssistant(home, core);
  });
  afterAll(() => stage.close());

  test('all 1,200 backups are listed, and what only looks like one is left out', async () => {
    const listed = await waitFor('all backups', async () => {
      const { backups, agent_errors } = await home.backups.info();
      return agent_errors[agent] === undefined && backups.length > 0 && backups;
    });
    expect(listed.map(({ backup_id }) => backup_id).toSorted()).toEqual(ids);
    const start = performance.now();
    expect(await home.backups.list()).toHaveLength(MANY);
    expect(performance.now() - start).toBeLessThan(PAGE_MS);
  });

  test('one of them comes back as it lies there', async () => {
    const { status, sha256 } = await home.backups.download(first, agent);
    expect({ status, sha256 }).toEqual({
      status: 200,
      sha256: createHash('sha256').update(archive).digest('hex'),
    });
  });

  test('one that is deleted is gone, and nothing else', async () => {
    const before = bucket.keys();
    expect(await home.backups.delete(second)).toEqual({});
    expect(await home.backups.list()).toHaveLength(MANY - 1);
    const left = new Set(bucket.keys());
    expect(before.filter((key) => !left.has(key))).toEqual([
      `${FOLDER}/${second}.metadata.json`,
      `${FOLDER}/${second}.tar`,
    ]);
  });
});
