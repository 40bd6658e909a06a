import { renameSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CoreEvent, Operation, Target } from '../../src/contract/index.ts';
import { makeBackup } from '../harness/archives.ts';
import { eventsOf } from '../harness/event-stream.ts';
import { ForwardClock } from '../harness/forward-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';

const HOUR_MS = 60 * 60_000;

let clock: ForwardClock;
let core: LocalCore;
let path: string;

beforeEach(async () => {
  clock = new ForwardClock();
  core = await startLocalCore({ clock });
  path = join(core.dataDir, 'backups');
  await waitFor('the first look', async () => (await core.firstTarget()).checked_at);
});
afterEach(() => core.remove());

const away = () => renameSync(path, `${path}.away`);
const back = () => renameSync(`${path}.away`, path);
const look = async (): Promise<Target> => {
  const { id } = await core.firstTarget();
  await core.client.list(id, 0).catch(() => undefined);
  return core.firstTarget();
};
const inGerman = async <Result>(what: string): Promise<Result> => {
  const headers = { 'accept-language': 'de' };
  return (await core.client.fetch('GET', what, { headers })).json() as Promise<Result>;
};
const since = (target: Target): number => Date.parse(target.problem_since ?? '');

test('a problem has its beginning, which lasts over looks and restarts, and ends with it', async () => {
  away();
  const broken = await look();
  expect(broken).toMatchObject({ problem: { code: 'target_folder_missing' } });
  clock.forward(5 * HOUR_MS);
  const later = await look();
  expect(since(later)).toBe(since(broken));
  expect(Date.parse(later.checked_at ?? '')).toBeGreaterThanOrEqual(since(broken) + 5 * HOUR_MS);
  await core.stop();
  await core.start();
  expect(since(await look())).toBe(since(broken));
  back();
  expect(await look()).toMatchObject({ problem: null, problem_since: null });
  away();
  expect(since(await look())).toBeGreaterThanOrEqual(since(broken) + 5 * HOUR_MS);
});

test('of a clock that was set back nobody takes over when it began', async () => {
  away();
  const broken = await look();
  clock.forward(-48 * HOUR_MS);
  const before = clock.now();
  const later = await look();
  expect(since(later)).toBeGreaterThanOrEqual(before);
  expect(since(later)).toBeLessThan(since(broken));
});

test('what is kept is worded for whoever reads it, whoever was there when it happened', async () => {
  const { backup, archive } = makeBackup();
  const { id } = await core.firstTarget();
  const upload = await core.client.announce(id, backup);
  const cut = new Uint8Array(archive.subarray(0, 5_000));
  await expect(core.client.send(id, upload.id, cut)).rejects.toBeDefined();
  away();
  await look();
  await core.stop();
  const database = new SQLite(join(core.dataDir, 'homestash.db'), { readonly: true });
  const kept = [
    database.prepare('SELECT problem FROM targets').get(),
    database.prepare('SELECT problem FROM operations').get(),
  ] as { problem: string }[];
  database.close();
  for (const { problem } of kept) expect(Object.keys(JSON.parse(problem))).toEqual(['code', 'params']);
  await core.start();
  const { targets } = await inGerman<{ targets: Target[] }>('/api/v1/targets');
  const { operations } = await inGerman<{ operations: Operation[] }>('/api/v1/operations');
  const one = await inGerman<Operation>(`/api/v1/operations/${operations[0]?.id}`);
  expect(targets[0]?.problem?.title).toBe(`Der Ordner ${path} ist nicht vorhanden.`);
  for (const { problem } of [operations[0] as Operation, one]) {
    expect(problem).toMatchObject({ code: 'archive_cut', status: 422 });
    expect(problem?.title).toMatch(/^Die Sicherung/);
  }
  expect((await core.firstTarget()).problem?.title).toBe(`The folder ${path} does not exist.`);
});

test('what fails is told to everybody who listens in the language of each', async () => {
  const gone = new AbortController();
  const listen = async (language: string): Promise<string | undefined> => {
    const init = { headers: { 'accept-language': language }, signal: gone.signal };
    const response = await core.client.fetch('GET', '/api/v1/events', init);
    for await (const event of eventsOf<CoreEvent>(response)) {
      if (event.event === 'hello') listening += 1;
      if (event.event === 'operation_changed' && event.operation.problem)
        return event.operation.problem.title;
    }
    return undefined;
  };
  let listening = 0;
  const heard = Promise.all([listen('en'), listen('de')]);
  await waitFor('both to listen', () => listening === 2);
  const { backup, archive } = makeBackup();
  const { id } = await core.firstTarget();
  const upload = await core.client.announce(id, backup);
  const cut = new Uint8Array(archive.subarray(0, 5_000));
  await expect(core.client.send(id, upload.id, cut)).rejects.toBeDefined();
  expect(await heard).toEqual([
    expect.stringMatching(/^The backup/),
    expect.stringMatching(/^Die Sicherung/),
  ]);
  gone.abort();
});

test('what an older version kept as sentences, or a newer one by other names, is read', async () => {
  away();
  const { id } = await look();
  await core.stop();
  const keep = (problem: object) => {
    const database = new SQLite(join(core.dataDir, 'homestash.db'));
    database.prepare('UPDATE targets SET problem = ?, problem_since = NULL').run(JSON.stringify(problem));
    database.close();
  };
  const params = { path };
  keep({ type: 't', title: 'T', status: 502, code: 'target_folder_missing', hint: 'H', params });
  await core.start();
  expect((await core.firstTarget()).problem?.title).toContain(path);
  await core.stop();
  keep({ code: 'target_of_tomorrow', params: {} });
  await core.start();
  expect((await core.client.call<Target>('GET', `/api/v1/targets/${id}`)).problem).not.toBeNull();
});
