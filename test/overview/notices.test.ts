import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Notice, NoticeCode, Overview, Target } from '../../src/contract/index.ts';
import { makeArchive, makeBackup } from '../harness/archives.ts';
import { waitFor } from '../harness/wait-for.ts';
import { DAY_MS, HOUR_MS, Scene } from './scene.ts';

let scene: Scene;
let folder: Target;

beforeEach(async () => {
  scene = await Scene.start();
  folder = await scene.core.firstTarget();
});
afterEach(async () => {
  await scene.remove();
  expect(scene.core.defects()).toEqual([]);
});

const find = ({ notices }: Overview, code: NoticeCode): Notice | undefined =>
  notices.find((notice) => notice.code === code);

/** A notice as it is read in both languages. */
async function words(code: NoticeCode): Promise<Pick<Notice, 'title' | 'text'>[]> {
  const read = async (language: string) => find(await scene.read(language), code) as Notice;
  return [await read('en'), await read('de')].map(({ title, text }) => ({ title, text }));
}

describe('places', () => {
  test('none: that is the one thing to be said', async () => {
    await scene.core.client.call('DELETE', `/api/v1/targets/${folder.id}`);
    expect(await scene.read()).toMatchObject({ verdict: 'unsafe', last_backup: null });
    expect(await scene.codes()).toEqual(['no_target', 'recovery_key_not_kept']);
    expect(await words('no_target')).toMatchObject([
      { title: 'There is no place for backups' },
      { title: 'Es gibt keinen Ort für Sicherungen' },
    ]);
    await scene.addFolder('disk');
    expect(await scene.codes()).not.toContain('no_target');
  });

  test('that all lie on the disk of the core', async () => {
    expect(await scene.codes()).toContain('only_same_disk');
    expect(await words('only_same_disk')).toMatchObject([
      { title: expect.stringContaining('on the disk of this device') },
      { title: expect.stringContaining('auf der Festplatte dieses Geräts') },
    ]);
    await scene.addFolder('second');
    expect(await scene.codes()).toContain('only_same_disk');
    await scene.addBucket();
    expect(await scene.codes()).not.toContain('only_same_disk');
  });

  test('one that refuses its key, until the key is changed', async () => {
    const cloud = await scene.addBucket();
    const settings = { secret_key: scene.store.secretKey };
    const refusal = { kind: 'answer', status: 403, code: 'SignatureDoesNotMatch' } as const;
    scene.store.faults.add({ fault: refusal });
    await scene.look(cloud);
    const since = (await scene.core.client.targets())[1]?.problem_since;
    const notice = find(await scene.read(), 'target_credentials');
    expect(notice).toMatchObject({ target_id: cloud.id, since, action: 'edit_target', repair: true });
    expect(notice?.id).toBe(`target_credentials:${cloud.id}`);
    const [en, de] = await words('target_credentials');
    expect(en?.title).toBe('Cloud refuses the access of Homestash');
    expect(de?.title).toBe('Cloud lehnt den Zugriff von Homestash ab');
    expect(en?.text).not.toBe(de?.text);
    expect(`${en?.text}${de?.text}`).not.toMatch(/[{}?]/);
    scene.store.faults.clear();
    await scene.core.client.call('PATCH', `/api/v1/targets/${cloud.id}`, { settings });
    expect(find(await scene.read(), 'target_credentials')).toBeUndefined();
  });

  test('one that cannot be used as it is, until it can', async () => {
    const cloud = await scene.addBucket();
    const comeBack = scene.store.vanish('backups');
    await scene.look(cloud);
    const notice = find(await scene.read(), 'target_broken');
    expect(notice).toMatchObject({ severity: 'error', repair: true, target_id: cloud.id });
    expect(await words('target_broken')).toMatchObject([
      { title: 'Cloud cannot be used' },
      { title: 'Cloud ist nicht zu benutzen' },
    ]);
    comeBack();
    await scene.look(cloud);
    expect(find(await scene.read(), 'target_broken')).toBeUndefined();
  });

  test('one that is not reached: just now, for a day, and reached again without anybody asking', async () => {
    const cloud = await scene.addBucket();
    await scene.store.refuseConnections();
    await scene.look(cloud);
    expect(find(await scene.read(), 'target_away')).toMatchObject({ severity: 'warning', repair: false });
    expect(await words('target_away')).toMatchObject([
      { title: 'Cloud is not reached at the moment' },
      { title: 'Cloud ist gerade nicht zu erreichen' },
    ]);
    const began = find(await scene.read(), 'target_away')?.since;
    scene.clock.forward(23 * HOUR_MS);
    expect(find(await scene.read(), 'target_away')).toBeDefined();
    await scene.until('the rest of a day', (overview) => find(overview, 'target_unreachable'));
    const notice = find(await scene.read(), 'target_unreachable');
    expect(notice).toMatchObject({ severity: 'error', repair: true, since: began, action: 'check_target' });
    expect(Date.parse(scene.now()) - Date.parse(began ?? '')).toBeGreaterThanOrEqual(DAY_MS);
    expect(find(await scene.read(), 'target_away')).toBeUndefined();
    expect(await words('target_unreachable')).toMatchObject([
      { title: 'Cloud has not been reached for a day' },
      { title: 'Cloud ist seit einem Tag nicht zu erreichen' },
    ]);
    await scene.core.stop();
    await scene.core.start();
    expect(find(await scene.read(), 'target_unreachable')).toMatchObject({ since: began });
    await scene.store.acceptConnections();
    await scene.until('it to be well', ({ notices }) => notices.every(({ target_id }) => target_id === null));
  });
});

describe('backups', () => {
  test('none at all', async () => {
    expect(find(await scene.read(), 'no_backup')).toMatchObject({ severity: 'warning', action: 'back_up' });
    expect(await words('no_backup')).toMatchObject([
      { title: 'There is no backup yet' },
      { title: 'Es gibt noch keine Sicherung' },
    ]);
    const { backup } = await scene.backUp(folder);
    expect(await scene.codes()).not.toContain('no_backup');
    await scene.core.client.delete(folder.id, backup.backup_id);
    expect(await scene.codes()).toContain('no_backup');
  });

  test('the newest is too old, by the days that were set', async () => {
    await (await scene.person()).call('PATCH', '/api/v1/settings', { overdue_days: 3 });
    const cloud = await scene.addBucket();
    await scene.backUp(cloud);
    await scene.backUp(folder, { date: scene.now(20 * DAY_MS) });
    scene.clock.forward(3 * DAY_MS - HOUR_MS);
    expect(await scene.codes()).not.toContain('backup_overdue');
    scene.clock.forward(HOUR_MS);
    const notice = find(await scene.read(), 'backup_overdue');
    expect(notice).toMatchObject({ severity: 'error', repair: true, params: { days: '3 days' } });
    expect(await words('backup_overdue')).toMatchObject([
      { title: 'The last backup is 3 days old' },
      { title: 'Die letzte Sicherung ist 3 Tage alt' },
    ]);
    await scene.backUp(folder);
    expect(await scene.codes()).not.toContain('backup_overdue');
  });

  test('without any rhythm that is known, after a week and a day', async () => {
    await scene.backUp(folder);
    scene.clock.forward(8 * DAY_MS - HOUR_MS);
    expect(await scene.codes()).not.toContain('backup_overdue');
    scene.clock.forward(HOUR_MS);
    expect(await scene.codes()).toContain('backup_overdue');
  });

  test('one that did not arrive, until one does', async () => {
    const { backup, archive } = makeBackup({ date: scene.now() });
    const { id } = await scene.core.client.announce(folder.id, backup);
    const cut = new Uint8Array(archive.subarray(0, 5_000));
    await expect(scene.core.client.send(folder.id, id, cut)).rejects.toBeDefined();
    expect(find(await scene.read(), 'upload_failed')).toMatchObject({
      severity: 'error',
      target_id: folder.id,
      since: expect.stringMatching(/Z$/),
    });
    const [en, de] = await words('upload_failed');
    expect(en?.title).toBe('The last backup did not arrive at Local folder');
    expect(de?.title).toBe('Die letzte Sicherung kam bei Local folder nicht an');
    expect(de?.text).toMatch(/^Die Sicherung kam unvollständig an/);
    await scene.core.stop();
    await scene.core.start();
    expect(await scene.codes()).toContain('upload_failed');
    await scene.backUp(folder);
    expect(await scene.codes()).not.toContain('upload_failed');
  });

  test('one that the core itself broke off', async () => {
    const { backup } = makeBackup({ date: scene.now() });
    await scene.core.client.announce(folder.id, backup);
    await scene.core.stop();
    await scene.core.start();
    const [en, de] = await words('upload_failed');
    expect(en?.text).toMatch(/^Homestash ended in the middle of it\./);
    expect(de?.text).toMatch(/^Homestash wurde mittendrin beendet\./);
  });

  test('one that a person cancelled is no failure', async () => {
    const { backup } = makeBackup({ date: scene.now() });
    const { id } = await scene.core.client.announce(folder.id, backup);
    await scene.core.client.call('DELETE', `/api/v1/targets/${folder.id}/uploads/${id}`);
    expect(await scene.codes()).not.toContain('upload_failed');
  });

  test('the newest is odd, until there is another', async () => {
    const { backup } = makeBackup({ date: scene.now(), name: 'Odd one' });
    await scene.backUp(folder, backup, makeArchive('ffffffff'));
    expect(find(await scene.read(), 'backup_suspect')).toMatchObject({ target_id: folder.id });
    const [en, de] = await words('backup_suspect');
    expect(en?.text).toMatch(/^Odd one was stored as it came/);
    expect(de?.text).toMatch(/^Odd one wurde gespeichert, wie sie kam/);
    await scene.backUp(folder);
    expect(await scene.codes()).not.toContain('backup_suspect');
  });

  test('one that nobody takes is looked into at once', async () => {
    const cloud = await scene.addBucket();
    scene.store.faults.add({ fault: { kind: 'answer', status: 403, code: 'InvalidAccessKeyId' } });
    const { backup } = makeBackup({ date: scene.now() });
    await expect(scene.core.client.announce(cloud.id, backup)).rejects.toBeDefined();
    await waitFor('the cause', async () => (await scene.codes()).includes('target_credentials'));
  });

  test('of a disk that is not mounted the cause is said once', async () => {
    await scene.backUp(folder);
    const path = join(scene.core.dataDir, 'backups');
    const { backup, archive } = makeBackup({ date: scene.now() });
    const { id } = await scene.core.client.announce(folder.id, backup);
    const cut = new Uint8Array(archive.subarray(0, 5_000));
    await expect(scene.core.client.send(folder.id, id, cut)).rejects.toBeDefined();
    renameSync(path, `${path}.away`);
    await scene.look(folder);
    const codes = (await scene.codes()).filter((code) => /^target|^upload/.test(code));
    expect(codes).toEqual(['target_broken']);
    renameSync(`${path}.away`, path);
  });
});

describe('Home Assistant', () => {
  test('has never come in, until it does; a token that lies about is none', async () => {
    const person = await scene.person();
    for (const { id } of await scene.core.client.tokens()) {
      await person.call('DELETE', `/api/v1/tokens/${id}`);
    }
    const read = (language: string) =>
      person
        .ask('GET', '/api/v1/overview', undefined, { 'accept-language': language })
        .then(({ text }) => JSON.parse(text) as Overview);
    expect(find(await read('en'), 'not_paired')).toMatchObject({ severity: 'warning', action: 'pair' });
    expect(find(await read('en'), 'no_backup')).toBeUndefined();
    expect(find(await read('de'), 'not_paired')?.title).toBe('Home Assistant ist noch nicht gekoppelt');
    const code = await person.call<{ code: string }>('POST', '/api/v1/pairing/codes', {});
    const secret = (JSON.parse(Buffer.from(code.code, 'base64url').toString()) as { s: string }).s;
    const pairing = { secret, client_name: 'home' };
    const { token } = await person.call<{ token: string }>('POST', '/api/v1/pairing', pairing);
    expect(find(await read('en'), 'not_paired')).toBeDefined();
    const { heard } = await person.follow();
    await fetch(`${scene.core.url}/api/v1/info`, { headers: { authorization: `Bearer ${token}` } });
    await waitFor('the notice to go', async () => !find(await read('en'), 'not_paired'));
    await person.signOut();
    expect(await heard).toContain('event: tokens_changed');
  });
});

describe('the recovery key', () => {
  test('is spoken of until a person keeps it, and makes nothing unsafe', async () => {
    const before = await scene.until('the key to be spoken of', (overview) =>
      find(overview, 'recovery_key_not_kept'),
    );
    expect(find(before, 'recovery_key_not_kept')).toMatchObject({
      severity: 'info',
      action: 'keep_recovery_key',
      repair: false,
    });
    await (await scene.person()).call('POST', '/api/v1/recovery-key/kept');
    const after = await scene.read();
    expect(find(after, 'recovery_key_not_kept')).toBeUndefined();
    expect(after.verdict).toBe(before.verdict);
  });
});
