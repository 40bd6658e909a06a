import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LogPage } from '../../src/contract/index.ts';
import type { CoreProcess } from '../harness/core.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { Person } from '../harness/person.ts';
import { SmallDisk } from '../harness/small-disk.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

const PASSWORD = 'a long enough one';

describe('the log over the API', () => {
  let core: LocalCore;
  let person: Person;

  beforeAll(async () => {
    core = await startLocalCore();
    person = await core.person(PASSWORD);
  });
  afterAll(() => core.remove());

  const read = (query = '') => person.call<LogPage>('GET', `/api/v1/log${query}`);

  test('is read newest first, as many lines as asked for', async () => {
    // what a start does behind itself is over then
    await waitFor('the recovery key', async () =>
      (await read()).entries.some(({ message }) => message === 'a recovery key was made'),
    );
    await core.client.addTarget({
      name: 'Disk',
      settings: { kind: 'folder', path: `${core.dataDir}/other` },
    });
    const { level, entries } = await read();
    expect(level).toBe('debug');
    expect(entries[0]).toMatchObject({
      level: 'info',
      scope: 'backups',
      message: 'a target was added',
      fields: { kind: 'folder' },
    });
    const times = entries.map(({ time }) => time);
    expect(times).toEqual(times.toSorted().reverse());
    expect((await read('?limit=1')).entries).toEqual([entries[0]]);
    expect((await read('?level=error')).entries).toEqual([]);
  });

  test('shows no code by which somebody comes in', async () => {
    const text = JSON.stringify(await read());
    expect(text).toContain('setup code');
    expect(text).not.toContain(core.setupCode());
  });

  test.for(['?limit=0', '?limit=1001', '?limit=-1', '?level=loud'])('%s is refused', async (query) => {
    expect(await read(query)).toMatchObject({ code: 'invalid_request' });
  });

  test('is made quieter and louder until the next start', async () => {
    await person.call('PUT', '/api/v1/log/level', { level: 'error' });
    const before = core.lines.length;
    const { id } = await core.client.addTarget({
      name: 'Quiet',
      settings: { kind: 'folder', path: `${core.dataDir}/quiet` },
    });
    await core.client.call('DELETE', `/api/v1/targets/${id}`);
    expect(core.lines).toHaveLength(before);
    expect(await read()).toMatchObject({ level: 'error' });
    await core.stop();
    await core.start();
    person = new Person(core.url);
    await person.signIn(PASSWORD);
    expect(await read()).toMatchObject({ level: 'debug' });
  });

  test('a line that is none is passed over', async () => {
    const file = join(core.dataDir, 'log/homestash.log');
    await read();
    appendFileSync(file, '{"time":"torn\nno JSON\n[]\n{"time":"","level":"loud"}\n');
    expect(JSON.stringify(await read())).not.toMatch(/torn|no JSON|loud/);
  });
});

describe('the log on disk', () => {
  const stage = new Stage('log');
  let core: CoreProcess;

  beforeAll(async () => {
    core = await stage.core();
  });
  afterAll(() => stage.close());

  test('survives a stop whole, and a kill -9 without a torn line', async () => {
    const lines = () =>
      readFileSync(join(core.dataDir, 'log/homestash.log'), 'utf8')
        .split('\n')
        .filter((line) => line !== '');
    await core.client.addTarget({ name: 'Disk', settings: { kind: 'folder', path: stage.path('disk') } });
    await core.stop();
    expect(lines().some((line) => line.includes('a target was added'))).toBe(true);
    await core.start();
    const first = lines().length;
    await core.kill9();
    await core.start();
    await core.stop();
    for (const line of lines()) expect(() => JSON.parse(line)).not.toThrow();
    expect(lines().length).toBeGreaterThanOrEqual(first);
  });
});

describe('the log on a full disk', () => {
  let disk: SmallDisk;

  beforeAll(async () => {
    disk = await SmallDisk.start('8m', 'on it');
  });
  afterAll(() => disk.close());

  test('harms nobody, and goes on when there is room again', async () => {
    const person = new Person(disk.client.url);
    const code = /"setup_code":"([^"]+)"/.exec(disk.log())?.[1] ?? '';
    expect(await person.setUp(code, PASSWORD)).toMatchObject({ state: 'signed_in' });
    const addTo = (path: string) =>
      disk.client.addTarget({ name: 'Disk', settings: { kind: 'folder', path } }).catch(() => undefined);
    /** Reading writes first what waits to be written. */
    const read = async () => JSON.stringify(await person.call<LogPage>('GET', '/api/v1/log'));
    expect(await read()).toContain('setup code');

    disk.fill();
    await addTo('/proc/none');
    for (const level of ['debug', 'info']) await person.call('PUT', '/api/v1/log/level', { level });
    expect(await read()).toContain('setup code');
    expect(await disk.client.info()).toBeTruthy();

    disk.empty();
    await addTo(join(disk.mountPoint, 'other'));
    expect(await read()).toContain('a target was added');
  });
});
