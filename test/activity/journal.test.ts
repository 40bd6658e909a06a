import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Happening, JournalPage } from '../../src/contract/index.ts';
import { makeBackup } from '../harness/archives.ts';
import { waitFor } from '../harness/wait-for.ts';
import { DAY_MS, Scene } from '../overview/scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.start();
});
afterAll(() => scene.remove());

const page = (query = '', language = 'en'): Promise<JournalPage> =>
  scene.core.client
    .fetch('GET', `/api/v1/journal${query}`, { headers: { 'accept-language': language } })
    .then((answer) => answer.json() as Promise<JournalPage>);

const all = async () => (await page('?limit=200')).entries;

/** Waits for an entry that is so; time leaps meanwhile. */
const until = (what: string, is: (entry: Happening) => boolean): Promise<Happening> =>
  scene.clock.during(waitFor(what, async () => (await all()).find(is), { intervalMs: 100 }));

test('begins with the start, and tells what becomes of backups, in the language of who reads', async () => {
  const target = await scene.addBucket();
  const { backup } = await scene.backUp(target, { name: 'Tuesday' });
  const stored = await until('stored', ({ code }) => code === 'backup_stored');
  expect(stored).toMatchObject({
    ...{ title: 'Tuesday is stored in Cloud', about: 'backups', severity: 'info' },
    ...{ target_id: target.id, backup_id: backup.backup_id },
  });
  await scene.core.client.delete(target.id, backup.backup_id);
  await until('deleted', ({ code }) => code === 'backup_deleted');
  const german = (await page('', 'de')).entries.find(({ code }) => code === 'backup_deleted');
  expect(german?.title).toBe('Tuesday wurde aus Cloud gelöscht');
  const codes = (await all()).map(({ code }) => code);
  expect(codes.filter((code) => code === 'core_started')).toHaveLength(1);
  expect(codes).toContain('target_added');
});

test('a backup that does not arrive is told each time, and once that the matter is over', async () => {
  const target = await scene.addBucket('NAS', 'nas');
  const failures = async () =>
    (await all()).filter(({ code, target_id }) => code === 'backup_failed' && target_id === target.id);
  for (let n = 1; n <= 3; n += 1) {
    const { backup, archive } = makeBackup({ date: scene.now() });
    const cut = archive.subarray(0, archive.length / 2);
    await expect(scene.core.client.upload(target.id, backup, cut)).rejects.toMatchObject({
      problem: { code: 'archive_cut' },
    });
    await scene.clock.during(
      waitFor('the failure', async () => (await failures()).length === n, { intervalMs: 100 }),
    );
  }
  const problem_id = `upload_failed:${target.id}`;
  const entries = await failures();
  expect(entries).toHaveLength(3);
  expect(entries.every((entry) => entry.problem_id === problem_id)).toBe(true);
  await scene.until('the notice', ({ notices }) => notices.some(({ id }) => id === problem_id));
  await scene.backUp(target);
  const over = await until(
    'the end',
    (entry) => entry.code === 'problem_over' && entry.problem_id === problem_id,
  );
  expect(over.title).toBe('Over: The last backup did not arrive at NAS');
  // that it was a notice meanwhile is no second beginning
  const entriesOf = (await all()).filter((entry) => entry.problem_id === problem_id);
  expect(entriesOf.map(({ code }) => code)).toEqual([
    'problem_over',
    'backup_failed',
    'backup_failed',
    'backup_failed',
  ]);
});

test('a problem begins once and lasts over restarts', async () => {
  const beginnings = async () => (await all()).filter(({ problem_id }) => problem_id === 'not_paired').length;
  scene.clock.forward(40 * DAY_MS);
  await until('overdue', ({ problem_id }) => problem_id === 'backup_overdue');
  const before = await beginnings();
  await scene.core.stop();
  await scene.core.start();
  expect((await all()).filter(({ code }) => code === 'core_started')).toHaveLength(2);
  await scene.until('the first looks', ({ verdict }) => verdict !== 'unknown');
  const codes = (await all()).filter(({ problem_id }) => problem_id === 'backup_overdue');
  expect(codes.map(({ code }) => code)).toEqual(['problem']);
  expect(await beginnings()).toBe(before);
});

test('is read page by page', async () => {
  const whole = await all();
  expect(whole.length).toBeGreaterThan(5);
  const read: Happening[] = [];
  let query = '?limit=3';
  for (;;) {
    const { entries, next } = await page(query);
    read.push(...entries);
    if (next === null) break;
    query = `?limit=3&before=${next}`;
  }
  expect(read.map(({ id }) => id)).toEqual(whole.map(({ id }) => id));
});
