import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { makeBackup } from '../harness/archives.ts';
import { haveVersitygw } from '../harness/cache.ts';
import type { LocalCore } from '../harness/local-core.ts';
import { bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { S3Proxy, s3Error } from '../simulators/s3-proxy.ts';

describe.skipIf(!haveVersitygw())('a list is read from a bucket', () => {
  const stage = new Stage('listing');
  let proxy: S3Proxy;
  let core: LocalCore;
  let target: Target;
  const { backup, archive } = makeBackup();
  const other = makeBackup();

  beforeAll(async () => {
    const server = await stage.s3(['backups']);
    proxy = new S3Proxy(server.endpoint);
    await proxy.start();
    core = await stage.localCore();
    const input = bucketInput(server, 'Bucket', { endpoint: proxy.endpoint });
    target = await core.client.addTarget(input);
    await core.client.upload(target.id, backup, archive);
    await core.client.upload(target.id, other.backup, other.archive);
  });
  afterEach(() => proxy.reset());
  afterAll(async () => {
    await stage.close();
    await proxy?.stop();
  });

  const database = (work: (opened: SQLite.Database) => unknown): unknown => {
    const opened = new SQLite(join(core.dataDir, 'homestash.db'));
    try {
      return work(opened);
    } finally {
      opened.close();
    }
  };
  const listed = async () =>
    (await core.client.list(target.id, 0)).backups.map(({ backup: { backup_id } }) => backup_id).sort();

  test('by a key that may not look for unfinished uploads, and mended once it may', async () => {
    database((opened) =>
      opened
        .prepare('INSERT INTO unfinished VALUES (?, ?, ?, ?, ?, NULL, NULL, ?)')
        .run('leftover', target.id, 'gone.tar', 'gone.metadata.json', 'uploading', Date.now()),
    );
    const rows = () => database((opened) => opened.prepare('SELECT id FROM unfinished').all());
    proxy.intercept = ({ query }) =>
      query.has('uploads') ? { kind: 'answer', status: 403, body: s3Error('AccessDenied') } : undefined;
    expect(await listed()).toHaveLength(2);
    expect(rows()).toHaveLength(1);
    proxy.reset();
    expect(await listed()).toHaveLength(2);
    expect(rows()).toEqual([]);
  });

  test('although one description has gone into an archive class', async () => {
    const frozen = (all: boolean) => {
      database((opened) => opened.prepare('DELETE FROM catalogue').run());
      proxy.intercept = ({ method, path }) =>
        method === 'GET' &&
        path.endsWith('.metadata.json') &&
        (all || path.includes(other.backup.name.replaceAll(' ', '_')))
          ? { kind: 'answer', status: 403, body: s3Error('InvalidObjectState') }
          : undefined;
    };
    frozen(false);
    expect(await listed()).toEqual([backup.backup_id]);
    // an empty list would be believed
    frozen(true);
    await expect(listed()).rejects.toMatchObject({ problem: { code: 'target_archived' } });
    proxy.reset();
    expect(await listed()).toHaveLength(2);
  });
});
