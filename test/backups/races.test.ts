import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Operation, Target } from '../../src/contract/index.ts';
import { makeArchive, makeBackup, sumOf } from '../harness/archives.ts';
import { haveVersitygw } from '../harness/cache.ts';
import type { LocalCore } from '../harness/local-core.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { BucketOnDisk, bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

// What fills the memory for uploads: small ones, of 16 MiB each. With a number of parts that is set they stay so large
// also where a machine that is busy answers as slowly as a store that is far away.
const MEMORY_FOR_UPLOADS = 8;
const PARTS = { parallel_parts: 2 };

describe.skipIf(!haveVersitygw())('work that overlaps on one target', () => {
  const stage = new Stage('races');
  let server: S3Server;
  let core: LocalCore;
  let target: Target;
  let bucket: BucketOnDisk;

  beforeAll(async () => {
    server = await stage.s3(['backups']);
    core = await stage.localCore();
    target = await core.client.addTarget(bucketInput(server, 'Bucket', PARTS));
    bucket = new BucketOnDisk(server);
  });
  afterEach(() => server.resume());
  afterAll(() => stage.close());

  const operation = async (id: string): Promise<Operation> =>
    core.client.call('GET', `/api/v1/operations/${id}`);

  function stateOf(uploadId: string): string | undefined {
    const database = new SQLite(join(core.dataDir, 'homestash.db'), { readonly: true });
    try {
      const row = database.prepare('SELECT state FROM unfinished WHERE id = ?').get(uploadId);
      return (row as { state: string } | undefined)?.state;
    } finally {
      database.close();
    }
  }

  /** An upload that is just being made visible, by a server that does not answer yet. */
  async function committing(targetId: string, { backup, archive } = makeBackup()) {
    const { id } = await core.client.announce(targetId, backup);
    const sum = await core.client.send(targetId, id, new Uint8Array(archive));
    server.pause();
    const committed = core.client.commit(targetId, id, sum);
    committed.catch(() => undefined);
    await waitFor('the commit to begin', () => stateOf(id) === 'committing');
    return { backup, archive, committed };
  }

  test('a target is not removed while a backup is made visible there', async () => {
    const other = await core.client.addTarget(bucketInput(server, 'Other', { folder: 'other' }));
    const { backup, archive, committed } = await committing(other.id);
    await expect(core.client.call('DELETE', `/api/v1/targets/${other.id}`)).rejects.toMatchObject({
      problem: { code: 'upload_busy' },
    });
    server.resume();
    expect(await committed).toMatchObject({ crc32: sumOf(archive).crc32 });
    expect(await core.client.download(other.id, backup.backup_id)).toEqual(archive);
    await core.client.call('DELETE', `/api/v1/targets/${other.id}`);
    expect(bucket.keys().filter((key) => key.startsWith('other/'))).toHaveLength(2);
  });

  test('a backup is not deleted while a newer upload of it is made visible', async () => {
    const { backup, archive: first } = makeBackup();
    await core.client.upload(target.id, backup, first);
    const { archive, committed } = await committing(target.id, {
      backup,
      archive: makeArchive(backup.backup_id),
    });
    await expect(core.client.delete(target.id, backup.backup_id)).rejects.toMatchObject({
      problem: { code: 'upload_busy' },
    });
    server.resume();
    await committed;
    expect(await core.client.download(target.id, backup.backup_id)).toEqual(archive);
    await core.client.delete(target.id, backup.backup_id);
    expect(bucket.keys().filter((key) => key.startsWith('homeassistant/'))).toEqual([]);
  });

  test('an upload to a target that is removed meanwhile says so', async () => {
    const other = await core.client.addTarget(bucketInput(server, 'Short-lived', { folder: 'short' }));
    await core.client.list(other.id, 0);
    server.pause();
    const announced = core.client.announce(other.id, makeBackup().backup);
    const listed = core.client.list(other.id, 0);
    for (const promise of [announced, listed]) promise.catch(() => undefined);
    await core.client.call('DELETE', `/api/v1/targets/${other.id}`);
    server.resume();
    for (const promise of [announced, listed]) {
      await expect(promise).rejects.toMatchObject({ problem: { code: 'target_not_found' } });
    }
    expect(core.defects()).toEqual([]);
  });

  test('an upload that waits for memory can be cancelled, and ends with its client', async () => {
    const held = await Promise.all(
      Array.from({ length: MEMORY_FOR_UPLOADS }, () => core.client.announce(target.id, makeBackup().backup)),
    );
    const waiting = async (call: () => Promise<unknown>): Promise<Operation> => {
      const known = (await core.client.operations()).map(({ id }) => id);
      call().catch(() => undefined);
      return waitFor('the upload to wait', async () =>
        (await core.client.operations()).find(({ id }) => !known.includes(id)),
      );
    };
    const cancelled = await waiting(() => core.client.announce(target.id, makeBackup().backup));
    await core.client.call('POST', `/api/v1/operations/${cancelled.id}/cancel`);
    const client = new AbortController();
    const body = JSON.stringify({ backup: makeBackup().backup });
    const left = await waiting(() =>
      core.client.fetch('POST', `/api/v1/targets/${target.id}/uploads`, { body, signal: client.signal }),
    );
    client.abort();
    await waitFor('both to end', async () =>
      (await Promise.all([cancelled, left].map(({ id }) => operation(id)))).every(
        ({ state }) => state !== 'running',
      ),
    );
    expect((await operation(cancelled.id)).state).toBe('cancelled');
    for (const { id } of held) await core.client.call('DELETE', `/api/v1/targets/${target.id}/uploads/${id}`);
  });
});
