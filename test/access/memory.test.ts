import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CoreProcess } from '../harness/core.ts';
import { Person } from '../harness/person.ts';
import { Stage } from '../harness/stage.ts';

const PASSWORD = 'a long enough one';
const MIB = 1024 * 1024;

// scrypt takes 32 MiB; the threads of Node would do four at once.
const ONE_AT_A_TIME = 32 * MIB;
const ELSE = 24 * MIB;

const stage = new Stage('sign-ins');
let core: CoreProcess;

beforeAll(async () => {
  core = await stage.core();
});
afterAll(() => stage.close());

test('people who sign in at once are served one after the other: no crowd eats the memory', async () => {
  const [, code] = /"setup_code":"([^"]+)"/.exec(core.program.log()) ?? [];
  const first = new Person(core.url);
  expect(await first.setUp(code as string, PASSWORD)).toMatchObject({ state: 'signed_in' });
  await first.signIn(PASSWORD);
  const before = core.program.rss();
  core.program.resetPeakRss();
  const people = Array.from(
    { length: 8 },
    (_, host) => new Person(core.url, { from: `127.0.0.${host + 1}` }),
  );
  const answers = await Promise.all(people.map((person) => person.signIn(PASSWORD)));
  expect(answers.map(({ state }) => state)).toEqual(Array(8).fill('signed_in'));
  expect(core.program.peakRss() - before).toBeGreaterThan(ONE_AT_A_TIME / 2);
  expect(core.program.peakRss() - before).toBeLessThan(ONE_AT_A_TIME + ELSE);
});
