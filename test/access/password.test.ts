import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeNewSetupCode } from '../../src/one-shot.ts';
import { HurriedClock } from '../harness/hurried-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { Person } from '../harness/person.ts';

const PASSWORD = 'a long enough one';
const OTHER = 'another long one';
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

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
/** What `homestash setup-code` does. */
const forgotten = async () =>
  (
    await makeNewSetupCode({
      ...{ dataDir: core.dataDir, port: 0, bind: '127.0.0.1', logLevel: 'info', idleTimeoutMs: MINUTE_MS },
    })
  ).code;

function changeDatabase(sql: string): void {
  const database = new SQLite(join(core.dataDir, 'homestash.db'));
  database.exec(sql);
  database.close();
}

describe('the first password', () => {
  test('is chosen with the code from the log, and who chose it is signed in', async () => {
    const person = stranger();
    expect(await person.session()).toEqual({ state: 'setup', via: null, user: null, name: 'Homestash' });
    expect(await statusOf(person)).toBe(401);
    expect(core.setupCode()).toMatch(/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/);
    expect(await person.setUp(core.setupCode(), PASSWORD)).toEqual({
      ...{ state: 'signed_in', via: 'password', user: null, name: 'Homestash' },
    });
    expect(await person.session()).toMatchObject({ state: 'signed_in' });
    expect(await statusOf(person)).toBe(200);
    expect(await stranger().session()).toMatchObject({ state: 'signed_out', via: null });
  });

  test('takes the code however it is typed, and a day later, too', async () => {
    clock.forward(30 * HOUR_MS);
    const typed = core.setupCode().toUpperCase().replaceAll('-', ' ');
    expect(await stranger().setUp(` ${typed}`, PASSWORD)).toMatchObject({ state: 'signed_in' });
  });

  test('needs ten characters', async () => {
    expect(await stranger().setUp(core.setupCode(), 'too short')).toMatchObject({ code: 'invalid_request' });
    expect(await stranger().session()).toMatchObject({ state: 'setup' });
  });

  test('is chosen once: of those who come at once with the code one gets in, and it is good for nobody after', async () => {
    const people = [1, 2, 3].map((host) => stranger(`127.0.0.${host}`));
    const answers = await Promise.all(people.map((person) => person.setUp(core.setupCode(), PASSWORD)));
    expect(answers.map(({ state, code }) => state ?? code).toSorted()).toEqual([
      ...['setup_code_invalid', 'setup_code_invalid', 'signed_in'],
    ]);
    expect(await stranger().setUp(core.setupCode(), OTHER)).toMatchObject({ code: 'setup_code_invalid' });
    expect(await stranger('127.0.0.9').signIn(PASSWORD)).toMatchObject({ state: 'signed_in' });
  });

  test('cannot be guessed, nor signed in with before there is one', async () => {
    expect(await stranger().setUp('aaaa-aaaa-aaaa-aaaa', PASSWORD)).toMatchObject({
      code: 'setup_code_invalid',
    });
    expect(await stranger().signIn(PASSWORD)).toMatchObject({ code: 'password_missing' });
    expect(await stranger().session()).toMatchObject({ state: 'setup' });
  });

  test('has a new code at each start, and none once it is there', async () => {
    const first = core.setupCode();
    await core.stop();
    await core.start();
    expect(core.setupCode()).not.toBe(first);
    expect(await stranger().setUp(first, PASSWORD)).toMatchObject({ code: 'setup_code_invalid' });
    await stranger().setUp(core.setupCode(), PASSWORD);
    const lines = core.lines.length;
    await core.stop();
    await core.start();
    expect(core.lines.slice(lines).join('')).not.toContain('setup_code');
    expect(await stranger().signIn(PASSWORD)).toMatchObject({ state: 'signed_in' });
  });
});

describe('a forgotten password', () => {
  test('is replaced with a code of the command line; all sessions end, and so do their streams', async () => {
    const before = await core.person(PASSWORD);
    const { heard } = await before.follow();
    const code = await forgotten();
    const person = stranger();
    expect(await person.setUp(code, OTHER)).toMatchObject({ state: 'signed_in' });
    expect(await heard).toContain('goodbye');
    expect(await statusOf(before)).toBe(401);
    expect(await statusOf(person)).toBe(200);
    expect(await stranger().signIn(PASSWORD)).toMatchObject({ code: 'password_wrong' });
    expect(await stranger().signIn(OTHER)).toMatchObject({ state: 'signed_in' });
    expect(await stranger().setUp(code, PASSWORD)).toMatchObject({ code: 'setup_code_invalid' });
  });

  test('its code is good for 15 minutes, also when the clock was set back', async () => {
    await core.person(PASSWORD);
    const code = await forgotten();
    clock.forward(15 * MINUTE_MS);
    expect(await stranger().setUp(code, OTHER)).toMatchObject({ code: 'setup_code_invalid' });
    clock.forward(-2 * HOUR_MS);
    expect(await stranger().setUp(code, OTHER)).toMatchObject({ code: 'setup_code_invalid' });
    clock.forward(2 * HOUR_MS - 2 * MINUTE_MS);
    expect(await stranger().setUp(code, OTHER)).toMatchObject({ state: 'signed_in' });
  });

  test('the code in the log of the first start opens nothing once a password was chosen with another one', async () => {
    expect(await stranger().setUp(await forgotten(), PASSWORD)).toMatchObject({ state: 'signed_in' });
    expect(await stranger().setUp(core.setupCode(), OTHER)).toMatchObject({ code: 'setup_code_invalid' });
  });
});

describe('signing in', () => {
  test('with the password opens everything; out, and the session is gone on the server, too', async () => {
    await core.person(PASSWORD);
    const person = stranger();
    expect(await person.signIn(PASSWORD)).toMatchObject({ state: 'signed_in', via: 'password' });
    const thief = person.copy();
    await person.signOut();
    expect(person.cookie).toBeUndefined();
    expect(await person.session()).toMatchObject({ state: 'signed_out' });
    const answer = await thief.ask('GET', '/api/v1/info');
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([401, { code: 'session_ended' }]);
    await person.signOut();
  });

  test('the cookie is kept from scripts, from other sites, and from plain http where the page came over https', async () => {
    await core.person(PASSWORD);
    const attributes = async (headers: Record<string, string>) => {
      const answer = await stranger().ask('POST', '/api/v1/session', { password: PASSWORD }, headers);
      const [cookie] = answer.headers['set-cookie'] ?? [];
      return cookie?.split('; ').slice(1).toSorted();
    };
    const plain = ['HttpOnly', `Max-Age=${15 * 24 * 3600}`, 'Path=/', 'SameSite=Strict'];
    expect(await attributes({})).toEqual(plain);
    expect(await attributes({ 'x-forwarded-proto': 'http' })).toEqual(plain);
    expect(await attributes({ 'x-forwarded-proto': 'https, http' })).toEqual([...plain, 'Secure']);
  });

  test('always gives a new session, and ends the one that the browser had', async () => {
    const person = await core.person(PASSWORD);
    const before = person.copy();
    await person.signIn(PASSWORD);
    expect(person.cookie).not.toBe(before.cookie);
    expect(await statusOf(before)).toBe(401);
    // nor can anybody say which id it shall have
    const victim = stranger();
    victim.cookie = 'homestash_session=aaaaaaaaaaaaaaaa.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    await victim.signIn(PASSWORD);
    expect(victim.cookie).not.toContain('aaaaaaaaaaaaaaaa');
  });

  test('with a wrong password takes a while, and says what is wrong and what helps', async () => {
    await core.person(PASSWORD);
    clock.slept.length = 0;
    const answer = await stranger().ask('POST', '/api/v1/session', { password: OTHER });
    expect(answer.status).toBe(403);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(JSON.parse(answer.text)).toMatchObject({
      ...{
        code: 'password_wrong',
        title: 'This password is wrong.',
        hint: expect.stringContaining('setup-code'),
      },
    });
    expect(clock.slept).toContain(SECOND_MS);
  });

  test('the same letters from another keyboard are the same password', async () => {
    await core.person('Schlüsselbrett');
    expect(await stranger().signIn('Schlu\u0308sselbrett')).toMatchObject({ state: 'signed_in' });
    expect(await stranger().signIn('Schlusselbrett')).toMatchObject({ code: 'password_wrong' });
  });

  test('guessed five times: the address waits a minute, with the right password, too; nobody else does', async () => {
    await core.person(PASSWORD);
    const guesser = stranger('127.0.0.2');
    for (let count = 0; count < 5; count += 1) {
      expect(await guesser.signIn(`a wrong guess ${count}`)).toMatchObject({ code: 'password_wrong' });
    }
    const refused = await guesser.ask('POST', '/api/v1/session', { password: PASSWORD });
    expect([refused.status, JSON.parse(refused.text).code]).toEqual([429, 'rate_limited']);
    const seconds = Number(refused.headers['retry-after']);
    expect(await stranger('127.0.0.3').signIn(PASSWORD)).toMatchObject({ state: 'signed_in' });
    clock.forward(seconds * SECOND_MS);
    expect(await guesser.signIn(PASSWORD)).toMatchObject({ state: 'signed_in' });
  });

  test('from many addresses is limited as a whole', async () => {
    const guesses = Array.from({ length: 60 }, (_, host) => stranger(`127.0.1.${host + 1}`).signIn('guess'));
    const codes = (await Promise.all(guesses)).map(({ code }) => code);
    // there is no password yet: nothing is computed
    expect(codes.filter((code) => code === 'password_missing')).toHaveLength(50);
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(10);
  });

  test('whoever signs in again and again is not kept out', async () => {
    await core.person(PASSWORD);
    for (let count = 0; count < 6; count += 1) {
      expect(await stranger().signIn(PASSWORD)).toMatchObject({ state: 'signed_in' });
    }
  });

  test('goes on with a password that was kept with other parameters', async () => {
    await core.person(PASSWORD);
    // scrypt of RFC 7914, section 12: P="pleaseletmein", S="SodiumChloride", N=16384, r=8, p=1
    const hash = Buffer.from(
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2' +
        'd5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
      'hex',
    ).toString('base64');
    const salt = Buffer.from('SodiumChloride').toString('base64');
    changeDatabase(
      `UPDATE password SET hash = '${hash}', salt = '${salt}', cost = 16384, block_size = 8, parallelism = 1`,
    );
    expect(await stranger().signIn('pleaseletmein')).toMatchObject({ state: 'signed_in' });
    expect(await stranger().signIn(PASSWORD)).toMatchObject({ code: 'password_wrong' });
  });
});

describe('changing the password', () => {
  const change = (person: Person, current: string, password: string) =>
    person.ask('PUT', '/api/v1/session/password', { current, password });

  test('needs the present one', async () => {
    const person = await core.person(PASSWORD);
    const answer = await change(person, 'a wrong password', OTHER);
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([403, 'password_wrong']);
    expect(await stranger().signIn(PASSWORD)).toMatchObject({ state: 'signed_in' });
    expect((await change(stranger(), PASSWORD, OTHER)).status).toBe(401);
    await expect(
      core.client.call('PUT', '/api/v1/session/password', { current: PASSWORD, password: OTHER }),
    ).rejects.toMatchObject({ problem: { code: 'persons_only' } });
  });

  test('ends all other sessions and their streams, and what was copied of this one', async () => {
    const person = await core.person(PASSWORD);
    const other = stranger();
    await other.signIn(PASSWORD);
    const [{ heard }, own] = [await other.follow(), await person.follow()];
    const copied = person.copy();
    expect((await change(person, PASSWORD, OTHER)).status).toBe(204);
    expect(await heard).toContain('goodbye');
    expect(await statusOf(other)).toBe(401);
    expect(await statusOf(person)).toBe(200);
    expect(person.cookie).not.toBe(copied.cookie);
    expect(await stranger().signIn(PASSWORD)).toMatchObject({ code: 'password_wrong' });
    expect(await stranger().signIn(OTHER)).toMatchObject({ state: 'signed_in' });
    clock.forward(2 * MINUTE_MS);
    expect(await statusOf(copied)).toBe(401);
    expect(await own.heard).toContain('goodbye');
  });

  test('is guessed no faster than signing in', async () => {
    const person = await core.person(PASSWORD);
    for (let count = 0; count < 5; count += 1) {
      expect((await change(person, `a wrong guess ${count}`, OTHER)).status).toBe(403);
    }
    expect((await change(person, PASSWORD, OTHER)).status).toBe(429);
  });
});
