import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Overview, PATHS } from '../../src/contract/index.ts';
import { SmallDisk } from '../harness/small-disk.ts';

const MIB = 1024 * 1024;

let disk: SmallDisk;

beforeAll(async () => {
  disk = await SmallDisk.start('64m', 'on it');
});
afterAll(() => disk?.close());

async function notice(language: string) {
  const headers = { 'accept-language': language };
  const response = await disk.client.fetch('GET', PATHS.overview, { headers });
  const { notices } = (await response.json()) as Overview;
  return notices.find(({ code }) => code === 'disk_low');
}

test('a disk that is nearly full is told of, until there is clearly more room', async () => {
  expect(await notice('en')).toBeUndefined();
  disk.fill(3 * MIB);
  expect(await notice('en')).toMatchObject({ severity: 'warning', repair: true, params: { free: '3 MB' } });
  expect((await notice('en'))?.text).toMatch(/^Only 3 MB are free\./);
  expect((await notice('de'))?.text).toMatch(/^Nur 3 MB sind frei\./);
  disk.fill(3.5 * MIB);
  expect(await notice('en')).toBeDefined();
  disk.empty();
  expect(await notice('en')).toBeUndefined();
  disk.fill(3.5 * MIB);
  expect(await notice('en')).toBeUndefined();
});
