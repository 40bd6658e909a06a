import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { type MadeBackup, makeBackup } from '../harness/archives.ts';
import { haveVersitygw } from '../harness/cache.ts';
import type { LocalCore } from '../harness/local-core.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { BucketOnDisk, bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';

const HUGE_BYTES = 8 * 1024 * 1024;
// Buckets keep the time in seconds.
const LAST_MODIFIED_STEP_MS = 1_100;
// `entered`: what a person may enter as the folder who does not know where exactly the other tool put its backups.
const LAYOUTS = [
  { tool: 'aws_s3 without a prefix', bucket: 'aws-root', folder: '', entered: ['homeassistant/backups', ''] },
  { tool: 'aws_s3 with a prefix', bucket: 'aws-prefix', folder: 'attic', entered: ['attic', 'attic/mine'] },
  { tool: 'a sister of aws_s3', bucket: 'sister', folder: 'attic/backups', entered: ['attic'] },
  {
    tool: 'CloudStash',
    bucket: 'cloudstash',
    folder: 'homeassistant/backups',
    entered: ['homeassistant/backups', '', 'anywhere'],
  },
];

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

describe.skipIf(!haveVersitygw())('backups that other tools left in a bucket', () => {
  const stage = new Stage('adoption');
  let server: S3Server;
  let core: LocalCore;
  let s3: S3Client;

  beforeAll(async () => {
    server = await stage.s3([...LAYOUTS.map(({ bucket }) => bucket), 'mixed']);
    core = await stage.localCore();
    s3 = new S3Client({
      endpoint: server.endpoint,
      region: server.region,
      forcePathStyle: true,
      credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
    });
  });
  afterAll(async () => {
    s3?.destroy();
    await stage.close();
  });

  async function put(bucket: string, key: string, content: Uint8Array | string): Promise<void> {
    const body = Buffer.from(content as string);
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentLength: body.length }));
  }

  /** As the other tools do it: the archive, then `AgentBackup.as_dict()` and nothing else. */
  async function leave(bucket: string, folder: string, change = {}): Promise<MadeBackup> {
    const made = makeBackup(change);
    const date = made.backup.date.slice(0, 19).replace('T', '_').replaceAll(':', '.');
    const stem = `${folder === '' ? '' : `${folder}/`}${made.backup.name.replaceAll(' ', '_')}_${date}`;
    await put(bucket, `${stem}.tar`, made.archive);
    await put(bucket, `${stem}.metadata.json`, JSON.stringify(made.backup));
    return made;
  }

  async function expectWhole(target: Target, expected: readonly MadeBackup[]): Promise<void> {
    const { backups } = await core.client.list(target.id);
    const byId = (a: { backup_id: string }, b: { backup_id: string }) =>
      a.backup_id.localeCompare(b.backup_id);
    expect(backups.map(({ backup }) => backup).sort(byId)).toEqual(
      expected.map(({ backup }) => backup).sort(byId),
    );
    for (const { backup, archive } of expected) {
      const download = await core.client.download(target.id, backup.backup_id);
      expect(sha256(download)).toBe(sha256(archive));
    }
  }

  test.each(LAYOUTS)(
    '$tool: offered, listed, downloaded, and deleted like our own',
    async ({ bucket, folder, entered }) => {
      const left = [await leave(bucket, folder), await leave(bucket, folder, { protected: true })];
      for (const guess of entered) {
        const probe = await core.client.probe(bucketInput(server, 'Mine', { bucket, folder: guess }));
        expect(probe.ok).toBe(true);
        expect(probe.found).toEqual([
          { folder, backups: 2, newest: expect.any(String), current: guess === folder, homes: 1 },
        ]);
      }
      const target = await core.client.addTarget(
        bucketInput(server, `Mine at ${bucket}`, { bucket, folder }),
      );
      await expectWhole(target, left);

      const [first, second] = left as [MadeBackup, MadeBackup];
      await core.client.delete(target.id, first.backup.backup_id);
      await expectWhole(target, [second]);
      expect(new BucketOnDisk(server, bucket).keys()).toHaveLength(2);
    },
  );

  test('files that only look like descriptions are left alone and hide nothing', async () => {
    const folder = 'homeassistant/backups';
    const real = await leave('mixed', folder);
    const foreign: [string, string | Uint8Array][] = [
      ['garbage', Uint8Array.from([0xff, 0xfe, 0x00, 0x80])],
      ['empty', ''],
      ['list', '[1, 2, 3]'],
      ['other', JSON.stringify({ title: 'holiday.mp4', seconds: 31 })],
      ['almost', JSON.stringify({ ...real.backup, backup_id: '../../etc/passwd' })],
      ['deep', '['.repeat(100_000)],
      ['huge', JSON.stringify({ ...real.backup, name: 'x'.repeat(HUGE_BYTES) })],
    ];
    // more of them, and newer, than the probe looks at first
    await sleep(LAST_MODIFIED_STEP_MS);
    for (const [name, content] of foreign) {
      await put('mixed', `${folder}/${name}.tar`, 'not an archive');
      await put('mixed', `${folder}/${name}.metadata.json`, content);
    }
    // A description whose archive is gone is nothing that could be restored.
    await put(
      'mixed',
      `${folder}/orphan.metadata.json`,
      JSON.stringify({ ...real.backup, backup_id: 'gone' }),
    );
    const before = new BucketOnDisk(server, 'mixed').keys();

    const input = bucketInput(server, 'Mixed', { bucket: 'mixed', folder });
    expect(await core.client.probe(input)).toMatchObject({ ok: true, found: [{ folder, current: true }] });
    await expectWhole(await core.client.addTarget(input), [real]);
    expect(new BucketOnDisk(server, 'mixed').keys()).toEqual(before);
    expect(core.defects()).toEqual([]);
  });

  test('a backup of ours takes its place beside them', async () => {
    const [target] = (await core.client.targets()).filter(({ name }) => name === 'Mixed');
    if (!target) throw new Error('the target of the test before is not there');
    const ours = makeBackup();
    await core.client.upload(target.id, ours.backup, ours.archive);
    const { backups } = await core.client.list(target.id);
    expect(backups.map(({ backup }) => backup.backup_id)).toContain(ours.backup.backup_id);
    expect(backups).toHaveLength(2);
  });
});
