import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { S3Settings, Target } from '../../src/contract/index.ts';
import { makeBackup } from '../harness/archives.ts';
import { haveVersitygw } from '../harness/cache.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';

let core: LocalCore;

beforeEach(async () => {
  core = await startLocalCore();
});
afterEach(() => core.remove());

/** The targets beside the folder that a fresh core begins with. */
const names = async () => (await core.client.targets()).slice(1).map(({ name }) => name);
const change = (target: Target, patch: object): Promise<Target> =>
  core.client.call('PATCH', `/api/v1/targets/${target.id}`, patch);
const refusal = (code: string, status: number, params: object = {}) => ({
  problem: { code, status, params: expect.objectContaining(params) },
});

describe('a folder', () => {
  const folder = (path: string, name = 'Disk') => ({ name, settings: { kind: 'folder', path } });

  test('is made, marked, closed to others, and the same one a second time is refused', async () => {
    const path = join(core.dataDir, 'disk');
    const target = await core.client.addTarget(folder(path));
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(readdirSync(path)).toEqual(['.homestash-target']);
    const link = join(core.dataDir, 'link');
    symlinkSync(path, link);
    for (const same of [path, `${path}/`, `${path}/../disk`, `${core.dataDir}//disk`, link]) {
      const again = core.client.addTarget(folder(same, 'Twice'));
      await expect(again, same).rejects.toMatchObject(refusal('target_exists', 409, { name: 'Disk' }));
    }
    const first = await core.firstTarget();
    await expect(change(first, { settings: { path } })).rejects.toMatchObject(refusal('target_exists', 409));
    expect(await names()).toEqual(['Disk']);
    expect(await change(target, { settings: { path: `${path}/` } })).toMatchObject({ settings: { path } });
  });

  test('whose parent is missing, or that is a file, is refused in words and nothing is made or saved', async () => {
    const missing = join(core.dataDir, 'mnt/usb');
    await expect(core.client.addTarget(folder(missing))).rejects.toMatchObject(
      refusal('target_folder_missing', 422, { path: missing }),
    );
    const file = join(core.dataDir, 'secret.key');
    await expect(core.client.addTarget(folder(file))).rejects.toMatchObject(
      refusal('target_folder_missing', 422),
    );
    expect(existsSync(join(core.dataDir, 'mnt'))).toBe(false);
    expect(await names()).toEqual([]);
  });

  test('whose disk is not mounted is unreachable, and nothing is written below its mount point', async () => {
    const path = join(core.dataDir, 'disk');
    const target = await core.client.addTarget(folder(path));
    const { backup, archive } = makeBackup();
    await core.client.upload(target.id, backup, archive);
    rmSync(path, { recursive: true });
    mkdirSync(path);
    const calls = [
      () => core.client.list(target.id, 0),
      () => core.client.download(target.id, backup.backup_id),
      () => core.client.delete(target.id, backup.backup_id),
      () => core.client.announce(target.id, backup),
      () => core.client.call('POST', `/api/v1/targets/${target.id}/probe`),
    ];
    for (const [at, call] of calls.entries()) {
      await expect(call(), `${at}`).rejects.toMatchObject({ problem: { code: 'target_folder_missing' } });
    }
    expect(readdirSync(path)).toEqual([]);
  });

  test('follows no link that somebody laid into it', async () => {
    const path = join(core.dataDir, 'disk');
    const victim = join(core.dataDir, 'victim');
    writeFileSync(victim, 'precious');
    mkdirSync(path);
    symlinkSync(victim, join(path, '.homestash-target'));
    symlinkSync(victim, join(path, 'Linked.tar'));
    symlinkSync(victim, join(path, 'Linked.metadata.json'));
    const target = await core.client.addTarget(folder(path));
    const { backup, archive } = makeBackup();
    await core.client.upload(target.id, backup, archive);
    expect((await core.client.list(target.id, 0)).backups).toHaveLength(1);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });
});

describe.skipIf(!haveVersitygw())('a bucket', () => {
  let stage: Stage;
  let server: S3Server;

  beforeEach(async () => {
    stage = new Stage('targets');
    server = await stage.s3();
  });
  afterEach(() => stage.close());

  const bucket = (more: Partial<S3Settings> = {}, name = 'Bucket') => bucketInput(server, name, more);

  test('is refused a second time, however it is spelt, and another folder in it is another place', async () => {
    const target = await core.client.addTarget(bucket());
    const sameAgain: Partial<S3Settings>[] = [
      {},
      { endpoint: `${server.endpoint}/` },
      { endpoint: `${server.endpoint}/backups` },
      { folder: '/homeassistant/backups/' },
      { path_style: 'on', access_key: 'another', secret_key: 'another' },
    ];
    for (const same of sameAgain) {
      const again = core.client.addTarget(bucket(same, 'Twice'));
      await expect(again).rejects.toMatchObject(refusal('target_exists', 409, { name: 'Bucket' }));
    }
    const other = await core.client.addTarget(bucket({ folder: 'other' }, 'Other'));
    expect(other.unique_id).not.toBe(target.unique_id);
    const moving = change(other, { settings: { folder: 'homeassistant/backups' } });
    await expect(moving).rejects.toMatchObject(refusal('target_exists', 409));
    expect(await names()).toEqual(['Bucket', 'Other']);
  });

  test('is tried before it is saved: what fails is said, and nothing is kept', async () => {
    await expect(core.client.addTarget(bucket({ secret_key: 'wrong' }))).rejects.toMatchObject(
      refusal('target_wrong_secret', 422),
    );
    expect(await names()).toEqual([]);
    const target = await core.client.addTarget(bucket());
    const spoiling = change(target, { name: 'Spoilt', settings: { secret_key: 'wrong' } });
    await expect(spoiling).rejects.toMatchObject(refusal('target_wrong_secret', 422));
    expect(await names()).toEqual(['Bucket']);
    expect((await core.client.list(target.id, 0)).backups).toEqual([]);
  });

  test('keeps its secret and its place in Home Assistant when it is renamed or moved', async () => {
    const target = await core.client.addTarget(bucket());
    const renamed = await change(target, { name: 'Renamed' });
    expect(renamed).toMatchObject({ name: 'Renamed', unique_id: target.unique_id });
    const moved = await change(target, { settings: { folder: 'elsewhere' } });
    expect(moved).toMatchObject({ settings: { folder: 'elsewhere' }, unique_id: target.unique_id });
    expect((await core.client.list(target.id, 0)).backups).toEqual([]);
  });

  test('has no setting that is misspelt: it is named, and not passed over', async () => {
    const misspelt = { encription: 'customer' };
    const { name, settings } = bucket();
    const named = (place: string) =>
      refusal('invalid_request', 400, { detail: `${place}encription: not known here` });
    await expect(
      core.client.addTarget({ name, settings: { ...settings, ...misspelt } }),
    ).rejects.toMatchObject(named('settings.'));
    const target = await core.client.addTarget(bucket());
    await expect(change(target, { settings: misspelt })).rejects.toMatchObject(named(''));
    expect(await names()).toEqual(['Bucket']);
  });

  test('that is removed is forgotten, and a new start with the same settings is the same place', async () => {
    const target = await core.client.addTarget(bucket());
    await core.client.call('DELETE', `/api/v1/targets/${target.id}`);
    expect(await names()).toEqual([]);
    expect((await core.client.addTarget(bucket())).unique_id).toBe(target.unique_id);
  });
});
