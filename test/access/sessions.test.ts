import { createHash } from 'node:crypto';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { snapshot } from '../api/snapshot.ts';
import { HurriedClock } from '../harness/hurried-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { Person } from '../harness/person.ts';

const PASSWORD = 'a long enough one';
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

let clock: HurriedClock;
let core: LocalCore;

beforeEach(async () => {
  clock = new HurriedClock();
  core = await startLocalCore({ clock });
});
afterEach(async () => {
  expect(core.defects()).toEqual([]);
  await core.remove();
});

const stranger = (from = '127.0.0.1') => new Person(core.url, { from });
const statusOf = async (person: Person) => (await person.ask('GET', '/api/v1/info')).status;

function changeDatabase(sql: string): void {
  const database = new SQLite(join(core.dataDir, 'homestash.db'));
  database.exec(sql);
  database.close();
}

describe('a session', () => {
  test('is kept as a sum only, and neither it nor a password is in the log', async () => {
    const person = await core.person(PASSWORD);
    await person.signIn('not this password');
    const secret = person.cookie?.split('.').at(-1) ?? '';
    expect(secret).toHaveLength(43);
    const kept = snapshot(core.dataDir);
    expect(kept).not.toContain(secret);
    expect(kept).not.toContain(PASSWORD);
    expect(kept).toContain(createHash('sha256').update(secret).digest('hex'));
    const lines = core.lines.join('');
    for (const word of [secret, PASSWORD, 'not this password']) expect(lines).not.toContain(word);
    expect(lines.split(core.setupCode())).toHaveLength(2);
  });

  test.for(['', 'x', '.', 'a.b', `${'a'.repeat(16)}.${'A'.repeat(43)}`, 'a.%00', 'ä', '__proto__.a', '"'])(
    'with %j in the cookie is none',
    async (value) => {
      const person = stranger();
      person.cookie = `homestash_session=${encodeURI(value)}`;
      expect(await statusOf(person)).toBe(401);
      expect(await person.session()).toMatchObject({ state: 'setup' });
    },
  );

  test('does all that a token can, and what a person alone may', async () => {
    const person = await core.person(PASSWORD);
    expect(await person.call('POST', '/api/v1/pairing/codes', {})).toHaveProperty('code');
    expect(await person.call('PATCH', '/api/v1/settings', { overdue_days: 3 })).toMatchObject({
      overdue_days: 3,
    });
    await expect(core.client.call('PATCH', '/api/v1/settings', { overdue_days: 4 })).rejects.toMatchObject({
      problem: { code: 'persons_only', status: 403 },
    });
  });

  test('does not help a token that is wrong, and is not disturbed by the password of a proxy', async () => {
    const person = await core.person(PASSWORD);
    const ask = async (authorization: string) =>
      (await person.ask('GET', '/api/v1/info', undefined, { authorization })).status;
    expect(await ask('Bearer hs_a_b')).toBe(401);
    expect(await ask('Basic dXNlcjpwYXNz')).toBe(200);
  });

  test('ends when nobody came for 15 days, and lives on when somebody does', async () => {
    const [busy, idle] = [await core.person(PASSWORD), stranger()];
    await idle.signIn(PASSWORD);
    for (let half = 0; half < 29; half += 1) {
      clock.forward(DAY_MS / 2);
      expect(await statusOf(busy)).toBe(200);
    }
    clock.forward(DAY_MS / 2 + MINUTE_MS);
    expect(await idle.session()).toMatchObject({ state: 'signed_out' });
    expect(await statusOf(idle)).toBe(401);
    expect(await statusOf(busy)).toBe(200);
  });

  test.for([
    ['it comes again', (person: Person) => person.session()],
    ['anybody else comes by', () => core.client.info()],
  ] as const)('ends after 90 days whatever happens, with its stream, once %s', async ([, come]) => {
    const person = await core.person(PASSWORD);
    for (let day = 1; day < 90; day += 1) {
      clock.forward(DAY_MS);
      expect(await statusOf(person)).toBe(200);
    }
    const { heard } = await person.follow();
    clock.forward(25 * HOUR_MS);
    await come(person);
    expect(await heard).toContain('goodbye');
    expect(await person.session()).toMatchObject({ state: 'signed_out' });
  });

  test('outlives a restart', async () => {
    const person = await core.person(PASSWORD);
    await core.stop();
    await core.start();
    const again = new Person(core.url);
    again.cookie = person.cookie;
    expect(await statusOf(again)).toBe(200);
  });

  test('is good although its use cannot be noted, on a disk that is full', async () => {
    const person = await core.person(PASSWORD);
    changeDatabase("CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'full'); END");
    for (let day = 0; day < 3; day += 1) {
      clock.forward(DAY_MS);
      expect(await statusOf(person)).toBe(200);
    }
  });
});

describe('the secret of a session', () => {
  test('is another one each day; requests that were on their way with the old one are served', async () => {
    const person = await core.person(PASSWORD);
    const old = person.copy();
    clock.forward(23 * HOUR_MS);
    expect((await person.ask('GET', '/api/v1/info')).headers['set-cookie']).toBeUndefined();
    clock.forward(HOUR_MS);
    const many = await Promise.all(Array.from({ length: 5 }, () => old.ask('GET', '/api/v1/info')));
    const offered = many.map(({ status, headers }) => [status, headers['set-cookie']?.[0]]);
    expect(new Set(offered.map((one) => JSON.stringify(one))).size, 'all get the same').toBe(1);
    const late = person.copy();
    expect(await statusOf(person)).toBe(200);
    expect(person.cookie).toBe(old.cookie);
    expect(person.cookie).not.toBe(late.cookie);
    expect(await statusOf(person)).toBe(200);
    clock.forward(59 * SECOND_MS);
    expect(await statusOf(late)).toBe(200);
    expect(late.cookie, 'what is old is not renewed').not.toBe(person.cookie);
    expect(await statusOf(person)).toBe(200);
  });

  test('stays good where the answer with the new one was lost', async () => {
    const person = await core.person(PASSWORD);
    const { cookie } = person;
    for (let day = 0; day < 3; day += 1) {
      clock.forward(DAY_MS);
      person.cookie = cookie;
      expect(await statusOf(person)).toBe(200);
    }
  });

  test('also comes with streams and refusals', async () => {
    const person = await core.person(PASSWORD);
    clock.forward(DAY_MS);
    const refused = await person.copy().ask('GET', '/api/v1/operations/none');
    expect([refused.status, refused.headers['set-cookie']]).toEqual([404, [expect.any(String)]]);
    const head = await person.copy().ask('HEAD', '/api/v1/events');
    expect([head.status, head.headers['set-cookie']]).toEqual([200, [expect.any(String)]]);
  });

  test('that was stolen and is used after it was replaced ends the session for both, and the log says so', async () => {
    const owner = await core.person(PASSWORD);
    const thief = owner.copy({ from: '127.0.0.66' });
    clock.forward(DAY_MS);
    await statusOf(owner);
    expect(await statusOf(owner)).toBe(200);
    const { heard } = await owner.follow();
    clock.forward(2 * MINUTE_MS);
    expect(await statusOf(thief)).toBe(401);
    expect(await heard).toContain('goodbye');
    expect(await statusOf(owner)).toBe(401);
    expect(core.lines.join('')).toContain('a secret of it that had been replaced');
  });

  test('that the thief replaced first is noticed when the owner comes', async () => {
    const owner = await core.person(PASSWORD);
    const thief = owner.copy({ from: '127.0.0.66' });
    clock.forward(DAY_MS);
    await statusOf(thief);
    expect(await statusOf(thief)).toBe(200);
    clock.forward(2 * MINUTE_MS);
    expect(await statusOf(owner)).toBe(401);
    expect(await statusOf(thief)).toBe(401);
  });
});
