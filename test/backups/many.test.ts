import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { describeBackup } from '../harness/archives.ts';
import { haveVersitygw } from '../harness/cache.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

const MANY = 1_200;
// Two objects for each backup, and an S3 server gives 1,000 in one answer.
const PAGES = Math.ceil((2 * MANY) / 1_000);
const FOLDER = 'homeassistant/backups';
const WRITERS = 16;
// A list that is younger is not read anew (milliseconds).
const FRESH_MS = 10_000;
// What people accept to wait for a page (milliseconds).
const PATIENCE_MS = 2_000;

describe.skipIf(!haveVersitygw())('a bucket with 1,200 backups', () => {
  const stage = new Stage('many');
  const ids = Array.from({ length: MANY }, (_, number) => number.toString(16).padStart(8, '0'));
  let server: S3Server;
  let client: S3Client;
  let core: LocalCore;
  let target: Target;
  let ahead = 0;

  beforeAll(async () => {
    server = await stage.s3();
    client = new S3Client({
      endpoint: server.endpoint,
      region: server.region,
      forcePathStyle: true,
      credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
    });
    const rest = [...ids];
    const writer = async () => {
      for (let id = rest.pop(); id !== undefined; id = rest.pop()) await putBackup(id);
    };
    await Promise.all(Array.from({ length: WRITERS }, writer));
    await waitFor('the log of the server', () => asked().descriptions === 0);
    mark();
    core = await startLocalCore({ clock: { ...systemClock, now: () => Date.now() + ahead } });
    target = await core.client.addTarget(bucketInput(server, 'Many', { folder: FOLDER }));
  }, 120_000);
  afterAll(async () => {
    client?.destroy();
    await core?.remove();
    await stage.close();
  });

  function put(key: string, Body: string): Promise<unknown> {
    if (key.endsWith('.metadata.json')) ownRequests += 1;
    return client.send(new PutObjectCommand({ Bucket: 'backups', Key: `${FOLDER}/${key}`, Body }));
  }

  /** As CloudStash and Home Assistant's own integrations store one. */
  async function putBackup(id: string, name = `Backup ${id}`): Promise<void> {
    await put(`Backup_${id}.tar`, 'archive');
    const backup = describeBackup({ backup_id: id, name, size: 7 });
    await put(`Backup_${id}.metadata.json`, JSON.stringify(backup));
  }

  async function deleteBackup(id: string): Promise<void> {
    ownRequests += 1;
    for (const ending of ['metadata.json', 'tar']) {
      const Key = `${FOLDER}/Backup_${id}.${ending}`;
      await client.send(new DeleteObjectCommand({ Bucket: 'backups', Key }));
    }
  }

  /**
   * What the core has asked since the last `mark`, from the server's log. Words are counted, since lines of requests
   * that end together get into each other.
   */
  let marked = 0;
  let ownRequests = 0;
  function mark(): void {
    [marked, ownRequests] = [server.log().length, 0];
  }
  const asked = () => {
    // where a list goes on is told by a key, and is no request for it
    const text = server
      .log()
      .slice(marked)
      .replaceAll(/continuation-token=[^&\s]*/g, '');
    const count = (word: string) => text.split(word).length - 1;
    return { descriptions: count('.metadata.json') - ownRequests, pages: count('list-type=2') };
  };

  /** Lets the list become old, asks for it, and waits until it was read anew. */
  async function refreshed(): Promise<void> {
    const before = (await core.client.list(target.id)).refreshed_at;
    ahead += FRESH_MS + 1;
    await waitFor('a new list', async () => (await core.client.list(target.id)).refreshed_at !== before);
  }

  test('all are listed, pages are followed, and each description is read once', async () => {
    await waitFor('the first list', async () => (await core.client.list(target.id)).refreshed_at);
    const { backups } = await core.client.list(target.id);
    expect(backups.map(({ backup }) => backup.backup_id).toSorted()).toEqual(ids);
    await expect.poll(() => asked().descriptions).toBe(MANY);
    expect(asked().pages).toBeGreaterThanOrEqual(PAGES);
    expect(await core.client.targets()).toContainEqual(
      expect.objectContaining({ id: target.id, backups: MANY, bytes: 7 * MANY, problem: null }),
    );
  });

  test('a new reading reads no description that has not changed', async () => {
    mark();
    await refreshed();
    await expect.poll(() => asked().pages).toBeGreaterThanOrEqual(PAGES);
    expect(asked().descriptions).toBe(0);
  });

  test('only what changed is read', async () => {
    mark();
    await putBackup(ids[5] as string, 'Renamed');
    await putBackup('abcdef01');
    await deleteBackup(ids[7] as string);
    await put('notes.metadata.json', '{"not": "a backup"}');
    await put('notes.tar', 'archive');
    await put('lonely.metadata.json', JSON.stringify(describeBackup({ backup_id: 'lonely' })));
    await refreshed();
    await expect.poll(() => asked().descriptions).toBe(3);
    const { backups } = await core.client.list(target.id);
    const named = new Map(backups.map(({ backup }) => [backup.backup_id, backup.name]));
    expect(named.size).toBe(MANY);
    expect(named.get(ids[5] as string)).toBe('Renamed');
    expect(named.has('abcdef01')).toBe(true);
    expect(named.has(ids[7] as string)).toBe(false);
    expect(named.has('lonely')).toBe(false);
    mark();
    await refreshed();
    await expect.poll(() => asked().pages).toBeGreaterThanOrEqual(PAGES);
    expect(asked().descriptions, 'what describes no backup is not read again').toBe(0);
  });

  test('the catalogue answers although the bucket does not', async () => {
    ahead += FRESH_MS + 1;
    server.pause();
    try {
      const start = performance.now();
      expect((await core.client.list(target.id, 600)).backups).toHaveLength(MANY);
      expect(performance.now() - start).toBeLessThan(PATIENCE_MS);
    } finally {
      server.resume();
    }
  });

  test('after a restart the list is there at once, and no description is read again', async () => {
    await core.stop();
    mark();
    await core.start();
    expect((await core.client.list(target.id)).backups).toHaveLength(MANY);
    await refreshed();
    await expect.poll(() => asked().pages).toBeGreaterThanOrEqual(PAGES);
    expect(asked().descriptions).toBe(0);
  });
});
