import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { type MadeBackup, makeBackup } from '../harness/archives.ts';
import { haveVersitygw } from '../harness/cache.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { BucketOnDisk, bucketInput } from '../harness/s3-target.ts';
import { startVersitygw } from '../harness/versitygw.ts';
import { type Recorded, S3Proxy } from '../simulators/s3-proxy.ts';

const MIB = 1024 * 1024;

const isArchive = (one: Recorded) => one.method === 'GET' && one.path.endsWith('.tar');

describe.skipIf(!haveVersitygw())('a download from a bucket whose connection is cut', () => {
  let server: S3Server;
  let proxy: S3Proxy;
  let core: LocalCore;
  let target: Target;
  let stored: MadeBackup;

  beforeAll(async () => {
    server = await startVersitygw();
    server.createBucket('backups');
    proxy = new S3Proxy(server.endpoint);
    await proxy.start();
    core = await startLocalCore();
    target = await core.client.addTarget(bucketInput(server, 'Bucket', { endpoint: proxy.endpoint }));
    stored = makeBackup({}, 12 * MIB);
    await core.client.upload(target.id, stored.backup, stored.archive);
  });
  beforeEach(() => proxy.reset());
  afterAll(async () => {
    await core?.remove();
    await proxy?.stop();
    await server?.stop();
    if (server) rmSync(dirname(server.dataDir), { recursive: true, force: true });
  });

  test('is resumed where it broke, twice, and arrives whole and in order', async () => {
    const cuts = [5 * MIB, 2 * MIB];
    proxy.intercept = (one) => {
      const after = isArchive(one) ? cuts.shift() : undefined;
      return after === undefined ? undefined : { kind: 'cut_body', after };
    };
    const archive = await core.client.download(target.id, stored.backup.backup_id);
    expect(archive.equals(stored.archive)).toBe(true);
    const starts = proxy.requests.filter(isArchive).map(({ headers }) => headers.range ?? 'bytes=0-');
    expect(starts).toHaveLength(3);
    const positions = starts.map((range) => Number(/^bytes=(\d+)-/.exec(range)?.[1]));
    expect(positions[0]).toBe(0);
    expect(positions[1]).toBeGreaterThan(0);
    expect(positions[2]).toBeGreaterThan(positions[1] ?? 0);
  });

  test('is not glued together from two archives', async () => {
    const bucket = new BucketOnDisk(server);
    const key = bucket.keys().find((name) => name.endsWith('.tar')) ?? '';
    let cut = false;
    proxy.intercept = (one) => {
      if (!isArchive(one) || cut) return undefined;
      cut = true;
      // somebody puts another archive of the same size there meanwhile
      writeFileSync(bucket.path(key), randomBytes(stored.archive.length));
      return { kind: 'cut_body', after: 3 * MIB };
    };
    await expect(core.client.download(target.id, stored.backup.backup_id)).rejects.toThrow();
    writeFileSync(bucket.path(key), stored.archive);
  });
});
