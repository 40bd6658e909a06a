import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { About } from '../../src/contract/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { DatabaseCopies } from '../../src/kernel/database-copies.ts';
import { createLog } from '../../src/kernel/log.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { SmallDisk } from '../harness/small-disk.ts';
import { waitFor } from '../harness/wait-for.ts';

const DAY_MS = 24 * 60 * 60_000;

describe('the nightly copy of the database', () => {
  let clock: IdleClock;
  let core: LocalCore;

  beforeEach(async () => {
    clock = new IdleClock();
    core = await startLocalCore({ clock });
  });
  afterEach(() => core.remove());

  const dir = () => join(core.dataDir, 'copies');
  const files = () => (existsSync(dir()) ? readdirSync(dir()).toSorted() : []);
  const about = () => core.client.call<About>('GET', '/api/v1/about');
  const done = () => core.lines.filter((line) => line.includes('"a job ')).length;

  /** Lets a day pass, and waits for its copy, made or not. */
  async function night(): Promise<void> {
    const before = done();
    clock.forward(DAY_MS);
    await waitFor('the night’s work', () => done() > before);
  }

  test('holds everything, can be opened, and is closed to others', async () => {
    expect(await about()).toMatchObject({ database_copied_at: null, database_copy_problem: null });
    await night();
    const [name = ''] = files();
    expect(files()).toEqual([expect.stringMatching(/^homestash-\d{4}-\d\d-\d\d\.db$/)]);
    const path = join(dir(), name);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dir()).mode & 0o777).toBe(0o700);
    const copy = new SQLite(path, { readonly: true });
    expect(copy.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(copy.prepare('SELECT name FROM targets').all()).toEqual([{ name: 'Local folder' }]);
    copy.close();
    const { database_copied_at, database_copy_problem } = await about();
    expect(Date.parse(database_copied_at ?? '')).toBeGreaterThan(Date.now() - 60_000);
    expect(database_copy_problem).toBeNull();
  });

  test('is kept for three nights', async () => {
    for (let at = 0; at < 5; at += 1) await night();
    expect(files()).toHaveLength(3);
    const today = new Date(clock.now()).toISOString().slice(0, 10);
    expect(files().at(-1)).toBe(`homestash-${today}.db`);
  });

  test('what a crash left of one is swept', async () => {
    await night();
    writeFileSync(join(dir(), 'homestash-2020-01-01.db.partial'), 'half');
    await night();
    expect(files().filter((name) => name.includes('partial'))).toEqual([]);
  });

  test('of a damaged database there is none: it is said, and the earlier ones stay', async () => {
    await night();
    const [kept = ''] = files();
    const before = readFileSync(join(dir(), kept));
    await core.stop();
    const path = join(core.dataDir, 'homestash.db');
    const database = readFileSync(path);
    // pages in the middle; the first ones are needed for a start
    const damaged = new SQLite(path, { readonly: true });
    const [{ rootpage }] = damaged
      .prepare<[], { rootpage: number }>("SELECT rootpage FROM sqlite_master WHERE name = 'unfinished'")
      .all() as [{ rootpage: number }];
    const size = damaged.pragma('page_size', { simple: true }) as number;
    damaged.close();
    database.fill(0xff, (rootpage - 1) * size, rootpage * size);
    writeFileSync(path, database);
    const copies = new DatabaseCopies({
      dataDir: core.dataDir,
      clock: { ...systemClock, now: clock.now },
      log: createLog('error', () => undefined, Date.now),
    });
    clock.forward(DAY_MS);
    await expect(copies.make(new AbortController().signal)).rejects.toMatchObject({
      code: 'database_damaged',
    });
    expect(files()).toEqual([kept]);
    expect(readFileSync(join(dir(), kept)).equals(before)).toBe(true);
  });

  test('a stop in the middle leaves nothing half behind', async () => {
    clock.forward(DAY_MS);
    await waitFor('it to begin', () => existsSync(dir()));
    await core.stop();
    expect(files().filter((name) => name.includes('partial'))).toEqual([]);
  });
});

describe('without room for the copy', () => {
  let disk: SmallDisk;

  beforeEach(async () => {
    // less than what a copy leaves free for others
    disk = await SmallDisk.start('12m', 'on it');
  });
  afterEach(() => disk.close());

  test('none is made, with the sizes in the reason, and nothing is left behind', async () => {
    const dataDir = disk.seen(join(disk.mountPoint, 'data'));
    const log = createLog('error', () => undefined, Date.now);
    const copies = new DatabaseCopies({ dataDir, clock: systemClock, log });
    await expect(copies.make(new AbortController().signal)).rejects.toMatchObject({
      code: 'database_copy_no_room',
      params: { needed: expect.stringMatching(/^\d+ MiB$/), free: expect.stringMatching(/^\d+ MiB$/) },
    });
    expect(readdirSync(join(dataDir, 'copies'))).toEqual([]);
    expect(await disk.client.info()).toBeTruthy();
  });
});
