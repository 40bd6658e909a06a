import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { makeArchive, makeBackup, sumOf } from '../harness/archives.ts';
import { type CoreProcess, startCoreProcess } from '../harness/core.ts';

let core: CoreProcess;
let target: Target;
let folder: string;

beforeEach(async () => {
  core = await startCoreProcess();
  target = (await core.client.targets())[0] as Target;
  folder = join(core.dataDir, 'backups');
});
afterEach(() => core.cleanUp());

const visible = () => readdirSync(folder).filter((name) => !name.startsWith('.'));
const hidden = () =>
  readdirSync(folder).filter((name) => name.startsWith('.homestash-') && name !== '.homestash-target');
const listed = async () => (await core.client.list(target.id, 0)).backups;

/** Writes into the database what a crash at some moment would have left there. */
function leaveUnfinished(row: {
  state: string;
  archive: string;
  description: unknown;
  replaces?: string;
}): void {
  const database = new SQLite(join(core.dataDir, 'homestash.db'));
  database.prepare('DELETE FROM catalogue').run();
  database
    .prepare('INSERT INTO unfinished VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
    .run(
      'leftover',
      target.id,
      row.archive,
      row.archive.replace(/\.tar$/, '.metadata.json'),
      row.state,
      JSON.stringify(row.description),
      row.replaces ?? null,
      Date.now(),
    );
  database.close();
}

describe('an upload', () => {
  test('of a backup that is there already takes its place', async () => {
    const { backup, archive } = makeBackup();
    await core.client.upload(target.id, backup, archive);
    const second = makeArchive(backup.backup_id, 50_000);
    await core.client.upload(target.id, backup, second);
    expect(visible()).toHaveLength(2);
    expect(await listed()).toMatchObject([{ crc32: sumOf(second).crc32 }]);
    expect(await core.client.download(target.id, backup.backup_id)).toEqual(second);
  });

  test('never takes the place of another backup with the same name and time', async () => {
    const first = makeBackup({ name: 'Same', date: '2026-01-01T00:00:00.000000+00:00' });
    const second = makeBackup({ name: 'Same', date: '2026-01-01T00:00:00.000000+00:00' });
    await core.client.upload(target.id, first.backup, first.archive);
    await core.client.upload(target.id, second.backup, second.archive);
    expect(await core.client.download(target.id, first.backup.backup_id)).toEqual(first.archive);
    expect(await core.client.download(target.id, second.backup.backup_id)).toEqual(second.archive);
  });

  test('that broke off does not disturb the second try that follows at once', async () => {
    const { backup, archive } = makeBackup({}, 3_000_000);
    for (let round = 0; round < 5; round += 1) {
      const { id } = await core.client.announce(target.id, backup);
      const half = new Uint8Array(archive.subarray(0, archive.length / 2));
      const [cut] = await Promise.allSettled([
        core.client.send(target.id, id, half),
        core.client.call('DELETE', `/api/v1/targets/${target.id}/uploads/${id}`),
      ]);
      expect(cut.status).toBe('rejected');
      await core.client.upload(target.id, backup, archive);
      expect(await core.client.download(target.id, backup.backup_id)).toEqual(archive);
      await core.client.delete(target.id, backup.backup_id);
    }
    expect([...visible(), ...hidden()]).toEqual([]);
  });

  test('whose sums agreed before a crash is carried through', async () => {
    const { backup, archive } = makeBackup();
    const description = await core.client.upload(target.id, backup, archive);
    await core.kill9();
    const [sidecar = '', tar = ''] = visible().sort();
    rmSync(join(folder, sidecar));
    leaveUnfinished({ state: 'committing', archive: tar, description });
    await core.start();
    expect(await listed()).toMatchObject([{ crc32: sumOf(archive).crc32 }]);
    expect(existsSync(join(folder, sidecar))).toBe(true);
  });

  test('that takes the place of one whose last step failed keeps its own sum', async () => {
    const { backup, archive } = makeBackup();
    const description = await core.client.upload(target.id, backup, archive);
    leaveUnfinished({
      state: 'committing',
      archive: visible().find((name) => name.endsWith('.tar')) ?? '',
      description,
    });
    // as long as the first, as the second try of Home Assistant is
    const second = makeArchive(backup.backup_id);
    expect(second).toHaveLength(archive.length);
    const { id } = await core.client.announce(target.id, backup);
    await core.client.send(target.id, id, new Uint8Array(second));
    await core.client.commit(target.id, id, sumOf(second));
    await core.kill9();
    await core.start();
    expect(await listed()).toMatchObject([{ crc32: sumOf(second).crc32 }]);
    expect(await core.client.download(target.id, backup.backup_id)).toEqual(second);
  });

  test('that was to replace an archive and did not leaves the old one as it was', async () => {
    const { backup, archive } = makeBackup();
    const description = await core.client.upload(target.id, backup, archive);
    await core.kill9();
    const tar = visible().find((name) => name.endsWith('.tar')) ?? '';
    const { size, mtimeMs } = statSync(join(folder, tar));
    leaveUnfinished({
      state: 'committing',
      archive: tar,
      description: { ...description, crc32: '00000000' },
      replaces: `${size}-${Math.round(mtimeMs)}`,
    });
    await core.start();
    expect(await listed()).toMatchObject([{ crc32: sumOf(archive).crc32 }]);
    expect(await core.client.download(target.id, backup.backup_id)).toEqual(archive);
  });
});

describe('a deletion', () => {
  test('that a crash interrupted is carried through', async () => {
    const { backup, archive } = makeBackup();
    const description = await core.client.upload(target.id, backup, archive);
    await core.kill9();
    const [sidecar = '', tar = ''] = visible().sort();
    rmSync(join(folder, sidecar));
    leaveUnfinished({ state: 'deleting', archive: tar, description });
    await core.start();
    expect(await listed()).toEqual([]);
    expect(visible()).toEqual([]);
  });

  test('takes every copy of a backup, so that it does not come back', async () => {
    const { backup, archive } = makeBackup();
    await core.client.upload(target.id, backup, archive);
    for (const name of visible()) copyFileSync(join(folder, name), join(folder, `Copy_of_${name}`));
    expect(await listed()).toHaveLength(1);
    await core.client.delete(target.id, backup.backup_id);
    expect(visible()).toEqual([]);
    expect(await listed()).toEqual([]);
  });

  test('never lists what has lost its archive', async () => {
    const { backup, archive } = makeBackup();
    await core.client.upload(target.id, backup, archive);
    const tar = visible().find((name) => name.endsWith('.tar')) ?? '';
    renameSync(join(folder, tar), join(core.dataDir, 'taken.tar'));
    expect(await listed()).toEqual([]);
    await expect(core.client.download(target.id, backup.backup_id)).rejects.toMatchObject({
      problem: { code: 'backup_not_found' },
    });
  });
});
