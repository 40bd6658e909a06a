import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Operation, Target } from '../../src/contract/index.ts';
import { haveVersitygw } from '../harness/cache.ts';
import { agentId, type CoreProcess } from '../harness/core.ts';
import type { Backup, Created, HomeAssistant } from '../harness/home-assistant.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { BucketOnDisk, bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

// Eight parts, and more than all buffers between the disk of the bucket and the reader hold together.
const BALLAST_BYTES = 128 * 1024 * 1024;
// A part takes some ten milliseconds: the server is stopped before the next is complete.
const WATCH_MS = 2;
// Home Assistant lists what the integration knows; a list is read anew after ten seconds.
const LIST_TIMEOUT_MS = 60_000;

describe.skipIf(!haveVersitygw())('a fault in the middle', () => {
  const stage = new Stage('faults');
  let server: S3Server;
  let core: CoreProcess;
  let home: HomeAssistant;
  let bucket: BucketOnDisk;
  let target: Target;
  let agent: string;

  beforeAll(async () => {
    [server, core, home] = await Promise.all([stage.s3(), stage.core(), stage.home()]);
    bucket = new BucketOnDisk(server);
    target = await core.client.addTarget(bucketInput(server, 'Bucket'));
    agent = agentId(target);
    await pairWithHomeAssistant(home, core);
    writeFileSync(join(home.configDir, 'ballast.bin'), randomBytes(BALLAST_BYTES));
  });
  afterEach(async () => {
    await server.start();
    server.resume();
    if (!core.program.running) await core.start();
    await waitFor('an empty page', async () => {
      for (const backup of await home.backups.list()) await home.backups.delete(backup.backup_id);
      return bucket.keys().length === 0;
    });
    expect(await nothingUnfinished()).toBe(true);
  });
  afterAll(() => stage.close());

  const uploads = async (): Promise<Operation[]> =>
    (await core.client.operations()).filter(({ kind }) => kind === 'upload');

  /** No part in the bucket, no row in the database. */
  async function nothingUnfinished(): Promise<boolean> {
    const database = new SQLite(join(core.dataDir, 'homestash.db'), { readonly: true });
    try {
      const rows = database.prepare<[], { count: number }>('SELECT count(*) AS count FROM unfinished').get();
      return rows?.count === 0 && bucket.unfinished().length === 0;
    } finally {
      database.close();
    }
  }

  /** Starts a backup and freezes the bucket once its first part has begun to arrive. */
  async function halfWay(): Promise<{ creating: Promise<Created> }> {
    const creating = home.backups.create({ agentIds: [agent] });
    creating.catch(() => undefined);
    await waitFor('the first part', () => bucket.unfinished().length > 0, {
      intervalMs: WATCH_MS,
      timeoutMs: 120_000,
    });
    server.pause();
    const [upload] = await uploads();
    expect(upload).toMatchObject({ state: 'running' });
    return { creating };
  }

  async function wholeBackup(): Promise<{ backup: Backup; sha256: string }> {
    const { backup, outcome } = await home.backups.create({ agentIds: [agent] });
    if (!backup) throw new Error(`no backup is listed: ${JSON.stringify(outcome)}`);
    return { backup, sha256: sha256OfStored() };
  }

  function sha256OfStored(): string {
    const archives = bucket.keys().filter((key) => key.endsWith('.tar'));
    expect(archives).toHaveLength(1);
    return createHash('sha256')
      .update(bucket.read(archives[0] as string))
      .digest('hex');
  }

  /** What Home Assistant says of a backup that was stored although something went wrong on the way. */
  async function expectStored({ outcome, backup }: Created): Promise<void> {
    expect(outcome, JSON.stringify(outcome)).toMatchObject({ state: 'completed' });
    expect(backup?.failed_agent_ids).toEqual([]);
    expect(bucket.keys()).toHaveLength(2);
    const { sha256 } = await home.backups.download((backup as Backup).backup_id, agent);
    expect(sha256).toBe(sha256OfStored());
    await waitFor('nothing unfinished', nothingUnfinished, { timeoutMs: LIST_TIMEOUT_MS });
  }

  test('the core is killed during an upload: the second try succeeds, and nothing half-written stays', async () => {
    const { creating } = await halfWay();
    await core.kill9();
    server.resume();
    expect(bucket.keys()).toEqual([]);
    await core.start();
    await expectStored(await creating);
    expect((await uploads()).slice(0, 2).map(({ state }) => state)).toEqual(['succeeded', 'interrupted']);
  });

  test('the core is stopped during an upload: it cleans up before it ends, and the second try succeeds', async () => {
    const { creating } = await halfWay();
    core.program.signal('SIGTERM');
    server.resume();
    expect(await core.program.exited).toEqual({ code: 0, signal: null });
    expect(await nothingUnfinished()).toBe(true);
    expect(bucket.keys()).toEqual([]);
    await core.start();
    await expectStored(await creating);
    expect((await uploads())[1]).toMatchObject({ state: 'failed', problem: { code: 'shutting_down' } });
  });

  test('the bucket dies during an upload: it fails in words, and what is left goes when the bucket is back', async () => {
    const { creating } = await halfWay();
    await server.kill9();
    const { outcome, backup } = await creating;
    expect(outcome).toMatchObject({ state: 'failed' });
    expect(backup).toBeUndefined();
    const [upload] = await uploads();
    expect(upload).toMatchObject({
      state: 'failed',
      problem: { code: expect.stringMatching(/^target_(refused|cut)$/) },
    });
    expect(home.log()).toContain(upload?.problem?.title);
    expect(bucket.unfinished()).not.toEqual([]);
    await server.start();
    await waitFor(
      'the parts to be swept',
      async () => (await core.client.list(target.id)).refreshed_at && (await nothingUnfinished()),
      { timeoutMs: LIST_TIMEOUT_MS },
    );
    expect(bucket.keys()).toEqual([]);
    await expectStored(await home.backups.create({ agentIds: [agent] }));
  });

  /** Begins a download and stops reading, so that most of it is still in the bucket. */
  async function halfRead(
    backup: Backup,
  ): Promise<{ read: () => Promise<{ size: number; sha256: string }> }> {
    const { body } = await home.backups.openDownload(backup.backup_id, agent);
    if (!body) throw new Error('the download has no body');
    const reader = body.getReader();
    const hash = createHash('sha256');
    let size = 0;
    const take = async (): Promise<boolean> => {
      const { done, value } = await reader.read();
      if (done) return false;
      hash.update(value);
      size += value.length;
      return true;
    };
    await take();
    const read = async () => {
      while (await take());
      return { size, sha256: hash.digest('hex') };
    };
    return { read };
  }

  test('the bucket is away during a download and comes back: the download is whole', async () => {
    const { backup, sha256 } = await wholeBackup();
    const { read } = await halfRead(backup);
    await server.kill9();
    const reading = read();
    await waitFor('the core to miss the bucket', () => core.program.log().includes('a download is resumed'));
    await server.start();
    expect(await reading).toMatchObject({ sha256 });
  });

  test('the bucket dies during a download: it breaks off, and no short file looks whole', async () => {
    const { backup } = await wholeBackup();
    const { read } = await halfRead(backup);
    await server.kill9();
    await expect(read()).rejects.toThrow();
    const downloads = (await core.client.operations()).filter(({ kind }) => kind === 'download');
    expect(downloads[0]).toMatchObject({ state: 'failed', problem: { code: 'target_refused' } });
    await server.start();
    expect((await home.backups.download(backup.backup_id, agent)).sha256).toBe(sha256OfStored());
  });
});
