import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { About } from '../../src/contract/index.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';

const MIB = 1024 * 1024;

let core: LocalCore;

beforeAll(async () => {
  core = await startLocalCore();
});
afterAll(() => core.remove());

const about = () => core.client.call<About>('GET', '/api/v1/about');

test('says what runs where, and how much room there is', async () => {
  const { instance_id, version, started_at, name } = await core.client.info();
  const seen = await about();
  expect(seen).toMatchObject({
    ...{ instance_id, version, started_at, name, mode: 'standalone', node: process.versions.node },
    platform: `linux ${process.arch}`,
    // none was made yet
    database_copied_at: null,
  });
  expect(seen.disk_free_bytes).toBeGreaterThan(0);
  expect(seen.disk_total_bytes).toBeGreaterThan(seen.disk_free_bytes ?? 0);
});

test('counts what lies in the data folder, at any depth', async () => {
  const before = (await about()).data_bytes ?? 0;
  expect(before).toBeGreaterThan(0);
  writeFileSync(join(core.dataDir, 'backups', 'large'), Buffer.alloc(3 * MIB));
  const asked = await Promise.all([about(), about()]);
  for (const { data_bytes } of asked) {
    expect((data_bytes ?? 0) - before).toBeGreaterThanOrEqual(3 * MIB);
    expect((data_bytes ?? 0) - before).toBeLessThan(4 * MIB);
  }
});
