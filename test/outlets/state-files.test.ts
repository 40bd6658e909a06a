import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TargetState } from '../../src/contract/index.ts';
import { makeBackup } from '../harness/archives.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { SmallDisk } from '../harness/small-disk.ts';
import { temporaryFolder } from '../harness/temporary.ts';
import { waitFor } from '../harness/wait-for.ts';

describe('the files of a core', () => {
  const dir = join(temporaryFolder('state-files'), 'state');
  let core: LocalCore;

  beforeAll(async () => {
    mkdirSync(join(dir, 'backups'), { recursive: true });
    // left by a run that was killed
    writeFileSync(join(dir, 'backups/target-gone.json'), '{"revision":1,"changed_at":"…"}');
    writeFileSync(join(dir, 'core.json.partial'), '{"revi');
    // of somebody else who lives there
    writeFileSync(join(dir, 'mine.json'), '{"precious":true}');
    writeFileSync(join(dir, 'backups/notes.txt'), 'precious');
    core = await startLocalCore({ stateDir: dir });
  });
  afterAll(() => core.remove());

  const read = <Value>(name: string) => JSON.parse(readFileSync(join(dir, name), 'utf8')) as Value;

  test('say how the box and each target are', async () => {
    const target = await core.firstTarget();
    await waitFor(
      'the files',
      () => existsSync(join(dir, 'core.json')) && existsSync(join(dir, 'history.json')),
    );
    expect(read('core.json')).toMatchObject({
      name: 'Homestash',
      disk_total_bytes: expect.any(Number),
      memory_total_bytes: expect.any(Number),
    });
    expect(read(`backups/target-${target.id}.json`)).toMatchObject({ name: target.name, backups: 0 });
  });

  test('what an earlier run left is gone, and what is not ours stays', () => {
    expect(readdirSync(join(dir, 'backups'))).not.toContain('target-gone.json');
    expect(readdirSync(dir)).not.toContain('core.json.partial');
    expect(read('mine.json')).toEqual({ precious: true });
    expect(readFileSync(join(dir, 'backups/notes.txt'), 'utf8')).toBe('precious');
  });

  test('follow what happens, and hold the last hundred happenings', async () => {
    const target = await core.firstTarget();
    const { backup, archive } = makeBackup({ name: 'Tuesday' });
    await core.client.upload(target.id, backup, archive);
    const state = await waitFor('the backup in the file', () => {
      const found = read<TargetState>(`backups/target-${target.id}.json`);
      return found.backups === 1 && found;
    });
    expect(state).toMatchObject({
      ...{ last_backup_name: 'Tuesday', last_backup_bytes: archive.length, bytes: archive.length },
      ...{ problem: false, last_error: null, reachable: true, upload_percent: null },
    });
    await waitFor('the happening in the file', () =>
      read<{ entries: { code: string }[] }>('history.json').entries.some(
        ({ code }) => code === 'backup_stored',
      ),
    );
  });

  test('are readable for others, and are gone with the target and with the core', async () => {
    expect(statSync(join(dir, 'core.json')).mode & 0o777).toBe(0o644);
    const target = await core.client.addTarget({
      name: 'Disk',
      settings: { kind: 'folder', path: join(core.dataDir, 'disk') },
    });
    const file = join(dir, `backups/target-${target.id}.json`);
    await waitFor('the file of the target', () => existsSync(file));
    await core.client.call('DELETE', `/api/v1/targets/${target.id}`);
    await waitFor('the end of the file', () => !existsSync(file));
    await core.stop();
    expect(readdirSync(dir, { recursive: true }).toSorted()).toEqual([
      'backups',
      'backups/notes.txt',
      'mine.json',
      'operations',
    ]);
  });
});

test('a full disk is told, and what it kept from being written is there once there is room', async () => {
  const disk = await SmallDisk.start('4m', 'elsewhere', (mountPoint) => ({
    HOMESTASH_STATE: join(mountPoint, 'state'),
  }));
  try {
    const file = disk.seen(join(disk.mountPoint, 'state/core.json'));
    await waitFor('the file', () => existsSync(file));
    const before = readFileSync(file, 'utf8');
    disk.fill();
    const notices = async () =>
      (await disk.client.call<{ notices: { code: string }[] }>('GET', '/api/v1/overview')).notices;
    const person = () =>
      disk.client.call('POST', '/api/v1/targets', {
        name: `T${Math.random()}`,
        settings: { kind: 'folder', path: `${disk.dataDir}/${Math.random()}` },
      });
    await person();
    await waitFor('the notice', async () =>
      (await notices()).some(({ code }) => code === 'state_not_written'),
    );
    // whatever lies there is whole
    expect(() => JSON.parse(readFileSync(file, 'utf8'))).not.toThrow();
    expect(before).not.toBe('');
    disk.empty();
    const targets = await disk.client.targets();
    await waitFor('the files of all targets', () =>
      targets.every(({ id }) =>
        existsSync(disk.seen(join(disk.mountPoint, `state/backups/target-${id}.json`))),
      ),
    );
    await waitFor(
      'the end of the notice',
      async () => !(await notices()).some(({ code }) => code === 'state_not_written'),
    );
  } finally {
    await disk.close();
  }
});
