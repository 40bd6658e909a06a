import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { sumOf } from '../harness/archives.ts';
import { haveVersitygw } from '../harness/cache.ts';
import { agentId, type CoreProcess } from '../harness/core.ts';
import { readAsHomeAssistant } from '../harness/home-assistant/witness.ts';
import type { Answer, Backup, HomeAssistant } from '../harness/home-assistant.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import { BucketOnDisk, bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';

const FOLDER = 'homeassistant/backups';
// More than two parts of the smallest size, so that the archive goes in as a multipart upload.
const BALLAST_BYTES = 40 * 1024 * 1024;
const KINDS = [
  { kind: 'a plain backup', name: 'Küche & Keller: 50 % (täglich)', password: undefined },
  { kind: 'an encrypted backup', name: 'Every night', password: 'correct horse battery staple' },
];

describe.skipIf(!haveVersitygw())('a bucket in a real Home Assistant', () => {
  const stage = new Stage('s3');
  let core: CoreProcess;
  let home: HomeAssistant;
  let bucket: BucketOnDisk;
  let target: Target;
  let agent: string;

  beforeAll(async () => {
    const parts = await Promise.all([stage.s3(), stage.core(), stage.home()]);
    [, core, home] = parts;
    bucket = new BucketOnDisk(parts[0]);
    target = await core.client.addTarget(bucketInput(parts[0], 'Bucket', { folder: FOLDER }));
    agent = agentId(target);
    writeFileSync(join(home.configDir, 'ballast.bin'), randomBytes(BALLAST_BYTES));
    await pairWithHomeAssistant(home, core);
  });
  afterAll(() => stage.close());

  test('is a location under Backups', async () => {
    expect(await home.backups.agents()).toContainEqual({ agent_id: agent, name: 'Bucket' });
  });

  describe.each(KINDS)('$kind', ({ name, password }) => {
    let backup: Backup;
    let events: Answer[];
    let archive: Buffer;

    beforeAll(async () => {
      writeFileSync(join(home.configDir, 'marker.txt'), name);
      const created = await home.backups.create({
        agentIds: [agent],
        name,
        ...(password === undefined ? {} : { password }),
      });
      expect(created.outcome.state, JSON.stringify(created.outcome)).toBe('completed');
      if (!created.backup) throw new Error('no backup is listed');
      ({ backup, events } = { backup: created.backup, events: created.events });
    });

    test('is laid out as Home Assistant’s own integrations and CloudStash do', async () => {
      const keys = bucket.keys();
      expect(keys).toHaveLength(2);
      const sidecar = keys.find((key) => key.endsWith('.metadata.json')) ?? '';
      const { backup: described, filename } = await readAsHomeAssistant(bucket.path(sidecar));
      expect(keys).toEqual([
        `${FOLDER}/${filename.replace(/tar$/, 'metadata.json')}`,
        `${FOLDER}/${filename}`,
      ]);
      archive = bucket.read(`${FOLDER}/${filename}`);
      expect(described).toMatchObject({
        backup_id: backup.backup_id,
        name,
        size: archive.length,
        protected: password !== undefined,
        homeassistant_included: true,
      });
      expect(bucket.unfinished()).toEqual([]);
    });

    test('has told Home Assistant how far it was', () => {
      const uploaded = events
        .filter((event) => event.agent_id === agent && event.uploaded_bytes !== undefined)
        .map((event) => Number(event.uploaded_bytes));
      expect(uploaded.some((bytes) => bytes > 0 && bytes < archive.length)).toBe(true);
      expect(uploaded).toEqual(uploaded.toSorted((a, b) => a - b));
      expect(uploaded.at(-1)).toBe(archive.length);
    });

    test('comes down as it lies there', async () => {
      expect(backup.agents[agent]).toEqual({
        protected: password !== undefined,
        size: archive.length,
      });
      const [ours] = (await core.client.list(target.id)).backups;
      expect(ours).toMatchObject({ crc32: sumOf(archive).crc32, suspect: null });
      const sha256 = createHash('sha256').update(archive).digest('hex');
      expect(await home.backups.download(backup.backup_id, agent)).toMatchObject({
        status: 200,
        size: archive.length,
        sha256,
      });
    });

    test('brings a lost file back', async () => {
      const marker = join(home.configDir, 'marker.txt');
      rmSync(marker);
      const restored = await home.backups.restore(backup.backup_id, agent, password);
      expect(restored).toMatchObject({ state: 'completed' });
      expect(existsSync(marker) && readFileSync(marker, 'utf8')).toBe(name);
    });

    test('is gone once it is deleted', async () => {
      expect(await home.backups.delete(backup.backup_id)).toEqual({});
      expect(await home.backups.list()).toEqual([]);
      expect(bucket.keys()).toEqual([]);
      expect(bucket.unfinished()).toEqual([]);
    });
  });
});
