import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Operation, PROBLEMS, type Target } from '../../src/contract/index.ts';
import { type MadeBackup, makeBackup } from '../harness/archives.ts';
import { SmallDisk } from '../harness/small-disk.ts';
import { waitFor } from '../harness/wait-for.ts';

const MIB = 1024 * 1024;

describe('a full disk under a folder', () => {
  let disk: SmallDisk;
  let target: Target;
  let earlier: MadeBackup;
  let folder: string;

  beforeAll(async () => {
    disk = await SmallDisk.start('64m', 'elsewhere');
    folder = join(disk.mountPoint, 'backups');
    target = await disk.client.addTarget({ name: 'Small', settings: { kind: 'folder', path: folder } });
    earlier = makeBackup({}, MIB);
    await disk.client.upload(target.id, earlier.backup, earlier.archive);
  });
  afterAll(() => disk?.close());

  const files = () => readdirSync(disk.seen(folder)).filter((name) => name !== '.homestash-target');

  async function expectOnlyEarlier(): Promise<void> {
    expect(files()).toHaveLength(2);
    const listed = (await disk.client.list(target.id)).backups.map(({ backup }) => backup.backup_id);
    expect(listed).toEqual([earlier.backup.backup_id]);
    const download = await disk.client.download(target.id, earlier.backup.backup_id);
    expect(download.equals(earlier.archive)).toBe(true);
  }

  const newest = async (): Promise<Operation> =>
    (await disk.client.operations()).find(({ kind }) => kind === 'upload') as Operation;

  test('what cannot fit is refused before the first byte', async () => {
    const { backup } = makeBackup();
    const size = disk.free() + 1;
    await expect(disk.client.announce(target.id, { ...backup, size })).rejects.toMatchObject({
      problem: { code: 'target_full', status: 507 },
    });
    expect(await newest()).toMatchObject({ state: 'failed', done: 0, problem: { code: 'target_full' } });
    await expectOnlyEarlier();
  });

  test('a disk that others fill meanwhile: the upload fails, nothing of it stays, and the next one works', async () => {
    const { backup, archive } = makeBackup({}, 16 * MIB);
    const { id } = await disk.client.announce(target.id, backup);
    disk.fill(4 * MIB);
    await expect(disk.client.send(target.id, id, new Uint8Array(archive))).rejects.toBeDefined();
    const failed = await waitFor('the end of the upload', async () => {
      const operation = await newest();
      return operation.state !== 'running' && operation;
    });
    expect(failed).toMatchObject({ state: 'failed', problem: { code: 'target_full' } });
    expect(failed.done).toBeGreaterThan(0);
    await expectOnlyEarlier();
    disk.empty();
    await disk.client.upload(target.id, backup, archive);
    expect((await disk.client.list(target.id)).backups).toHaveLength(2);
    await disk.client.delete(target.id, backup.backup_id);
    await expectOnlyEarlier();
  });

  test('a disk with no room for the description: the archive is not left behind unlisted', async () => {
    const { backup, archive } = makeBackup({}, 4 * MIB);
    const { id } = await disk.client.announce(target.id, backup);
    const sum = await disk.client.send(target.id, id, new Uint8Array(archive));
    disk.fill();
    await expect(disk.client.commit(target.id, id, sum)).rejects.toMatchObject({
      problem: { code: 'target_full', status: 507 },
    });
    disk.empty();
    await expectOnlyEarlier();
  });
});

describe('a full disk under the data of the core', () => {
  let disk: SmallDisk;
  let target: Target;
  let earlier: MadeBackup;

  beforeAll(async () => {
    disk = await SmallDisk.start('32m', 'on it');
    target = (await disk.client.targets())[0] as Target;
    earlier = makeBackup({}, MIB);
    await disk.client.upload(target.id, earlier.backup, earlier.archive);
  });
  afterAll(() => disk?.close());

  /** Renames until the database has no page left to write to. */
  async function renameUntilFull(): Promise<unknown> {
    for (let number = 0; number < 2_000; number += 1) {
      try {
        await disk.client.call('PATCH', `/api/v1/targets/${target.id}`, { name: `Name ${number}` });
      } catch (error) {
        return error;
      }
    }
    throw new Error('the database never ran out of room');
  }

  test('says so, goes on reading, and heals by itself', async () => {
    disk.fill();
    expect(await renameUntilFull()).toMatchObject({
      problem: { code: 'disk_full', status: PROBLEMS.disk_full.status },
    });
    expect((await disk.client.targets()).map(({ id }) => id)).toEqual([target.id]);
    expect((await disk.client.list(target.id)).backups).toHaveLength(1);
    disk.empty();
    const { backup, archive } = makeBackup({}, MIB);
    await disk.client.upload(target.id, backup, archive);
    await disk.client.call('PATCH', `/api/v1/targets/${target.id}`, { name: 'Healed' });
    expect(await disk.client.targets()).toMatchObject([{ name: 'Healed', backups: 2 }]);
    const download = await disk.client.download(target.id, earlier.backup.backup_id);
    expect(download.equals(earlier.archive)).toBe(true);
  });

  test('a backup can still be read while the disk is full', async () => {
    disk.fill();
    const download = await disk.client.download(target.id, earlier.backup.backup_id);
    expect(download.equals(earlier.archive)).toBe(true);
    disk.empty();
  });

  test('a backup can be deleted, which makes room', async () => {
    const { backup, archive } = makeBackup({}, MIB);
    await disk.client.upload(target.id, backup, archive);
    disk.fill();
    await renameUntilFull();
    await disk.client.delete(target.id, backup.backup_id);
    const left = (await disk.client.list(target.id)).backups.map((one) => one.backup.backup_id);
    expect(left).not.toContain(backup.backup_id);
    expect(disk.free()).toBeGreaterThan(MIB / 2);
    disk.empty();
    const running = (await disk.client.operations()).filter(({ state }) => state === 'running');
    expect(running).toEqual([]);
  });
});
