import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLog, type Log } from '../../src/kernel/log.ts';
import { LogRing } from '../../src/kernel/log-ring.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { waitFor } from '../harness/wait-for.ts';

let parent: string;
let dir: string;
let clock: IdleClock;
let log: Log;
let ring: LogRing;

function open(): void {
  clock = new IdleClock();
  log = createLog('debug', () => undefined, Date.now);
  ring = new LogRing({ dir, clock, masked: log.masked });
  log.tee(ring.write);
}

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'homestash-ring-'));
  dir = join(parent, 'log');
  open();
});
afterEach(() => {
  ring.flush();
  rmSync(parent, { recursive: true, force: true });
});

const onDisk = () => readFileSync(join(dir, 'homestash.log'), 'utf8');
const messages = async () =>
  (await ring.read()).map((line) => (JSON.parse(line) as { message: string }).message);

test('lines are written together after a few seconds, and at once when something went wrong', async () => {
  log.info('one');
  log.info('two');
  expect(readdirSync(parent)).toEqual([]);
  clock.forward(4_000);
  expect(readdirSync(parent)).toEqual([]);
  clock.forward(2_000);
  await waitFor('the lines', () => onDisk().includes('two'));
  log.info('three');
  expect(onDisk()).not.toContain('three');
  log.error('four');
  expect(onDisk().split('\n').slice(2)).toEqual([
    expect.stringContaining('three'),
    expect.stringContaining('four'),
    '',
  ]);
  expect(await messages()).toEqual(['one', 'two', 'three', 'four']);
});

test('it stays within two files of half a megabyte, closed to others, and the newest lines stay', async () => {
  for (let at = 0; at < 2_000; at += 1) log.info(`line ${at}`, { filler: 'x'.repeat(900) });
  const kept = await messages();
  expect(kept.at(-1)).toBe('line 1999');
  expect(kept.length).toBeGreaterThan(500);
  const files = readdirSync(dir);
  expect(files.toSorted()).toEqual(['homestash.1.log', 'homestash.log']);
  for (const file of files) {
    const { size, mode } = statSync(join(dir, file));
    expect(size).toBeLessThan(620 * 1024);
    expect(mode & 0o077).toBe(0);
  }
});

test('a line that a kill tore spoils no other', async () => {
  log.error('whole');
  appendFileSync(join(dir, 'homestash.log'), '{"time":"2027-');
  open();
  log.error('after it');
  const lines = await ring.read();
  expect(lines).toHaveLength(3);
  expect(lines[1]).toBe('{"time":"2027-');
  expect(lines[2]).toContain('after it');
});

test('a secret that became known only after its line was made is masked on disk', async () => {
  log.info('a code', { code: 'open sesame' });
  log.redact('open sesame');
  log.error('flushed');
  expect(onDisk()).toContain('"code":"***"');
  expect(onDisk()).not.toContain('sesame');
});

test('where nothing can be written, nobody notices', async () => {
  writeFileSync(dir, 'a file where a folder should be');
  log.error('lost');
  expect(await ring.read()).toEqual([]);
  rmSync(dir);
  log.error('kept');
  expect(await messages()).toEqual(['kept']);
});
