import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AgentBackup, Target } from '../../src/contract/index.ts';
import { describeBackup, makeArchive, makeBackup, sumOf } from '../harness/archives.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';

const BLOCK = 512;

let core: LocalCore;
let target: Target;
let folder: string;

beforeAll(async () => {
  core = await startLocalCore();
  target = await core.firstTarget();
  folder = join(core.dataDir, 'backups');
});
afterEach(async () => {
  for (const { backup } of (await core.client.list(target.id)).backups) {
    await core.client.delete(target.id, backup.backup_id);
  }
  expect(stored()).toEqual([]);
  expect(core.defects()).toEqual([]);
});
afterAll(() => core.remove());

/** Everything in the folder but the mark by which it is recognised, temporary files included. */
const stored = () => readdirSync(folder).filter((name) => name !== '.homestash-target');

const upload = (backup: AgentBackup, archive: Buffer) =>
  core.client.upload(target.id, { ...backup, size: archive.length }, archive);

describe('an archive that is cut is refused, and nothing of it stays', () => {
  test.for([
    ['in the middle of its content', (archive: Buffer) => archive.length / 2],
    ['in a header', () => 100],
    ['behind a header', () => BLOCK],
    ['before its end marker', (archive: Buffer) => archive.lastIndexOf(1) + 1],
    ['to nothing', () => 0],
  ] as const)('%s', async ([_where, lengthOf]) => {
    const { backup, archive } = makeBackup();
    const cut = archive.subarray(0, Math.floor(lengthOf(archive)));
    await expect(upload(backup, cut)).rejects.toMatchObject({
      problem: { code: 'archive_cut', status: 422 },
    });
    expect(stored()).toEqual([]);
    expect((await core.client.list(target.id)).backups).toEqual([]);
    const [operation] = await core.client.operations();
    expect(operation).toMatchObject({ state: 'failed', problem: { code: 'archive_cut' } });
  });
});

describe('an archive that is odd is stored as it is, marked and listed', () => {
  const { backup, archive } = makeBackup();
  const secondHeader = archive.indexOf('./homeassistant.tar');

  test.for([
    [
      'damaged_header',
      'garbage in place of a header',
      () => Buffer.from(archive).fill(0xa5, secondHeader, secondHeader + BLOCK),
    ],
    [
      'no_backup_json',
      'no description inside',
      () => makeArchive(backup.backup_id, 1_000, ['--exclude=backup.json']),
    ],
    ['other_backup', 'the description of another one', () => makeArchive('ffffffff')],
    [
      'unreadable_backup_json',
      'a description that is no JSON',
      () => Buffer.from(archive.toString('latin1').replace('{"slug"', '["slug"'), 'latin1'),
    ],
    ['data_after_end', 'bytes behind its end', () => Buffer.concat([archive, Buffer.from('more')])],
    ['damaged_header', 'something that is no archive', () => Buffer.alloc(10_000, 'no tar ')],
  ] as const)('%s: %s', async ([suspect, _what, make]) => {
    const odd = make();
    expect((await upload(backup, odd)).suspect).toBe(suspect);
    const listed = (await core.client.list(target.id)).backups;
    expect(listed).toMatchObject([{ suspect, backup: { backup_id: backup.backup_id, size: odd.length } }]);
    expect((await core.client.download(target.id, backup.backup_id)).equals(odd)).toBe(true);
  });
});

describe('sums', () => {
  test.for([
    ['another sum', { crc32: '00000000' }],
    ['another size', { size: 1 }],
  ] as const)('%s at the commit is refused, and nothing stays', async ([_what, wrong]) => {
    const { backup, archive } = makeBackup();
    const { id } = await core.client.announce(target.id, backup);
    await core.client.send(target.id, id, new Uint8Array(archive));
    await expect(core.client.commit(target.id, id, { ...sumOf(archive), ...wrong })).rejects.toMatchObject({
      problem: { code: 'archive_mismatch' },
    });
    expect(stored()).toEqual([]);
    await expect(core.client.commit(target.id, id, sumOf(archive))).rejects.toMatchObject({
      problem: { code: 'upload_not_found' },
    });
  });

  test('an archive that was damaged where it lies never arrives as a whole one', async () => {
    const { backup, archive } = makeBackup({}, 5_000_000);
    await core.client.upload(target.id, backup, archive);
    const file = join(folder, stored().find((name) => name.endsWith('.tar')) as string);
    for (const at of [0, Math.floor(archive.length / 2), archive.length - 1]) {
      const damaged = readFileSync(file);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      writeFileSync(file, damaged);
      await expect(core.client.download(target.id, backup.backup_id)).rejects.toThrow('terminated');
      const [operation] = await core.client.operations();
      expect(operation).toMatchObject({
        kind: 'download',
        state: 'failed',
        problem: { code: 'target_corrupt' },
      });
      writeFileSync(file, archive);
    }
    expect((await core.client.download(target.id, backup.backup_id)).equals(archive)).toBe(true);
  });

  test('an archive that was cut where it lies is not passed on as whole', async () => {
    const { backup, archive } = makeBackup({}, 5_000_000);
    await core.client.upload(target.id, backup, archive);
    const file = join(folder, stored().find((name) => name.endsWith('.tar')) as string);
    writeFileSync(file, archive.subarray(0, archive.length / 2));
    await expect(core.client.download(target.id, backup.backup_id)).rejects.toThrow();
  });
});

test('more than was announced is refused, and nothing stays', async () => {
  const { archive } = makeBackup({}, 20_000_000);
  const backup = describeBackup({ size: 1_000 });
  const { id } = await core.client.announce(target.id, backup);
  await expect(core.client.send(target.id, id, new Uint8Array(archive))).rejects.toMatchObject({
    problem: { code: 'upload_too_large' },
  });
  expect(stored()).toEqual([]);
});
