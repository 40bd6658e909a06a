import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Person } from '../harness/person.ts';
import { SmallDisk } from '../harness/small-disk.ts';
import { documentOf, PASSPHRASE, sealed } from './sealed.ts';

const PASSWORD = 'a long enough one';

/** More than what is left, so that it ends in the middle. */
const TARGETS = 200;

let disk: SmallDisk;
let person: Person;

beforeAll(async () => {
  disk = await SmallDisk.start('16m', 'on it');
  person = new Person(disk.client.url);
  await person.setUp(/"setup_code":"([^"]+)"/.exec(disk.log())?.[1] ?? '', PASSWORD);
});
afterAll(() => disk.close());

test('where the disk is full in the middle of it, nothing was taken over', async () => {
  const before = [await disk.client.targets(), await disk.client.call('GET', '/api/v1/settings')];
  const targets = Array.from({ length: TARGETS }, (_, at) => ({
    name: `Target ${at}`,
    settings: { kind: 'folder', path: join('/nowhere', `${at}`, 'x'.repeat(2_000)) },
  }));
  const file = (await sealed(documentOf({ general: { name: 'Cellar' }, targets }))).toString('base64');
  disk.fill(64 * 1024);
  const answer = await person.call('POST', '/api/v1/import', { passphrase: PASSPHRASE, file });
  expect(answer).toMatchObject({ code: 'disk_full', status: 507 });
  expect([await disk.client.targets(), await disk.client.call('GET', '/api/v1/settings')]).toEqual(before);
  disk.empty();
  expect(await person.call('POST', '/api/v1/import', { passphrase: PASSPHRASE, file })).toEqual({
    targets: TARGETS,
    settings: ['general'],
  });
});
