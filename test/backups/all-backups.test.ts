import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentBackup, type AllBackups, PATHS, type Target } from '../../src/contract/index.ts';
import { makeArchive, makeBackup } from '../harness/archives.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';

let core: LocalCore;
let first: Target;
let second: Target;

beforeAll(async () => {
  core = await startLocalCore();
  first = await core.firstTarget();
  const settings = { kind: 'folder' as const, path: join(core.dataDir, 'second') };
  second = await core.client.addTarget({ name: 'Second', settings });
});
afterAll(() => core.remove());

const all = () => core.client.call<AllBackups>('GET', PATHS.all_backups);
const one = async (id: string) => (await all()).backups.filter(({ backup }) => backup.backup_id === id);
const at = (day: number): string => `2026-11-${day}T04:45:00.000000+01:00`;

test('without backups it is empty, and nothing is missing', async () => {
  await core.client.list(first.id, 0);
  await core.client.list(second.id, 0);
  expect(await all()).toEqual({ backups: [], targets_unread: [] });
});

test('a backup in two places is one, with both, and the newest comes first', async () => {
  const older = makeBackup({ date: at(11) });
  const newer = makeBackup({ date: at(12) });
  await core.client.upload(second.id, older.backup, older.archive);
  await core.client.upload(first.id, newer.backup, newer.archive);
  const stored = await core.client.upload(first.id, older.backup, older.archive);
  const { backups } = await all();
  expect(backups.map(({ backup }) => backup.backup_id)).toEqual([
    newer.backup.backup_id,
    older.backup.backup_id,
  ]);
  const { crc32 } = stored;
  const place = { crc32, suspect: null, storage_class: null, archived: false };
  expect(backups[1]).toMatchObject({
    backup: { name: older.backup.name, size: older.archive.length },
    places: [
      { target_id: first.id, ...place },
      { target_id: second.id, ...place },
    ],
  });
});

test.for<[string, Partial<AgentBackup>, boolean]>([
  ['of another date', { date: at(14) }, false],
  ['that is encrypted', { protected: true }, false],
  ['of the same moment in other words', { date: '2026-11-13T03:45:00Z' }, true],
])('an archive %s is one of its own: %j', async ([_what, change, same]) => {
  const { backup, archive } = makeBackup({ date: at(13) });
  await core.client.upload(first.id, backup, archive);
  await core.client.upload(second.id, { ...backup, ...change }, archive);
  expect((await one(backup.backup_id)).map(({ places }) => places.length)).toEqual(same ? [2] : [1, 1]);
});

test('two archives with one id, and of one size, are two', async () => {
  const { backup, archive } = makeBackup({ date: at(15) });
  await core.client.upload(first.id, backup, archive);
  await core.client.upload(second.id, backup, makeArchive(backup.backup_id));
  expect((await one(backup.backup_id)).map(({ places }) => places.length)).toEqual([1, 1]);
});

test('one that another tool stored, without a sum, is the same', async () => {
  const { backup, archive } = makeBackup({ date: at(16) });
  await core.client.upload(first.id, backup, archive);
  writeFileSync(join(core.dataDir, 'second/Foreign.tar'), archive);
  writeFileSync(join(core.dataDir, 'second/Foreign.metadata.json'), JSON.stringify(backup));
  await core.client.list(second.id, 0);
  const [found] = await one(backup.backup_id);
  expect(found?.places.map(({ target_id, crc32 }) => [target_id, crc32 === null])).toEqual([
    [first.id, false],
    [second.id, true],
  ]);
});

test('what was never read is named, and what was read before stays', async () => {
  const before = (await all()).backups.length;
  const path = join(core.dataDir, 'second');
  cpSync(path, `${path}.away`, { recursive: true });
  rmSync(path, { recursive: true });
  await expect(core.client.list(second.id, 0)).rejects.toBeDefined();
  expect(await all()).toMatchObject({ targets_unread: [] });
  expect((await all()).backups).toHaveLength(before);
  cpSync(`${path}.away`, path, { recursive: true });
});

test('each target says when its newest backup was made, and forgets it with the backup', async () => {
  const { backup, archive } = makeBackup({ date: at(28) });
  await core.client.upload(first.id, backup, archive);
  const newest = async () => (await core.firstTarget()).newest_backup;
  expect(await newest()).toBe(new Date(at(28)).toISOString());
  const older = makeBackup({ date: at(27) });
  await core.client.upload(first.id, older.backup, older.archive);
  expect(await newest()).toBe(new Date(at(28)).toISOString());
  await core.client.delete(first.id, backup.backup_id);
  expect(await newest()).not.toBe(new Date(at(28)).toISOString());
});
