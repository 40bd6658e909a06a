import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Problem } from '../../src/kernel/errors.ts';
import { ForwardClock } from '../harness/forward-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { Person } from '../harness/person.ts';

// The gateway of Home Assistant's ingress, and another app on the same network.
const GATEWAY = '127.0.0.1';
const OTHER_APP = '127.0.0.2';

const ADMINISTRATOR = '0123456789abcdef0123456789abcdef';
const USER = 'fedcba9876543210fedcba9876543210';
const MINUTE_MS = 60_000;

let core: LocalCore;
let clock: ForwardClock;
/** What Home Assistant says when it is asked. */
let administrators: Set<string>;
let away: boolean;
let asked: string[];

beforeAll(async () => {
  clock = new ForwardClock();
  core = await startLocalCore({
    clock,
    supervisor: { url: 'http://127.0.0.1:1', token: 'the token of the Supervisor' },
    ingress: { port: 0, gateway: GATEWAY, bind: '0.0.0.0' },
    isAdministrator: async (userId) => {
      asked.push(userId);
      if (away) throw new Problem('home_assistant_away');
      return administrators.has(userId);
    },
  });
});
beforeEach(() => {
  administrators = new Set([ADMINISTRATOR]);
  away = false;
  asked = [];
  clock.forward(2 * MINUTE_MS);
});
afterEach(() => expect(core.defects()).toEqual([]));
afterAll(() => core.remove());

/** What the Supervisor adds to a request of somebody's browser; it strips what the browser says of these. */
const ingressHeaders = (userId: string, name = 'Ada') => ({
  'x-ingress-path': '/api/hassio_ingress/token',
  'x-remote-user-id': userId,
  'x-remote-user-name': 'ada',
  // aiohttp writes UTF-8
  'x-remote-user-display-name': Buffer.from(name).toString('latin1'),
  'x-forwarded-for': '192.168.1.20',
  'x-forwarded-host': 'homeassistant.local:8123',
  'x-forwarded-proto': 'http',
  'x-hass-source': 'core.ingress',
  origin: 'http://homeassistant.local:8123',
});

const through = (headers: Record<string, string>, from = GATEWAY) =>
  new Person(core.ingressUrl, { from, headers });
const administrator = () => through(ingressHeaders(ADMINISTRATOR));
const codeOf = async (person: Person, method = 'GET', path = '/api/v1/info', body?: unknown) => {
  const { status, text } = await person.ask(method, path, body);
  return status < 300 ? 'let in' : (JSON.parse(text) as { code: string }).code;
};

describe('through ingress', () => {
  test('an administrator is signed in by Home Assistant, under their own name', async () => {
    expect(await administrator().session()).toEqual({
      ...{ state: 'signed_in', via: 'home_assistant', user: 'Ada', name: 'Homestash' },
    });
    expect(await through(ingressHeaders(ADMINISTRATOR, 'Jörg 🏡')).session()).toMatchObject({
      user: 'Jörg 🏡',
    });
    const { 'x-remote-user-display-name': _, ...nameless } = ingressHeaders(ADMINISTRATOR);
    expect(await through(nameless).session()).toMatchObject({ user: 'ada' });
  });

  test('does what a person may', async () => {
    const person = administrator();
    expect(await codeOf(person)).toBe('let in');
    expect(await codeOf(person, 'PATCH', '/api/v1/settings', { overdue_days: 5 })).toBe('let in');
    expect(await codeOf(person, 'POST', '/api/v1/pairing/codes', {})).toBe('let in');
  });

  test('another user of Home Assistant is refused everywhere, and told why', async () => {
    const person = through(ingressHeaders(USER));
    for (const path of ['/api/v1/session', '/api/v1/info', '/api/v1/tokens', '/api/v1/events']) {
      const answer = await person.ask('GET', path);
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
        ...[403, { code: 'administrators_only', title: expect.stringContaining('administrators') }],
      ]);
    }
  });

  test.for(['', ' ', '../', "' OR 1=1", 'x'.repeat(100), 'a b'])('the user %j is nobody', async (userId) => {
    expect(await codeOf(through({ ...ingressHeaders(ADMINISTRATOR), 'x-remote-user-id': userId }))).toBe(
      'administrators_only',
    );
    expect(asked).toEqual([]);
  });

  test('while Home Assistant cannot be asked nobody is let in, and it is asked again at once when it is back', async () => {
    away = true;
    const answer = await administrator().ask('GET', '/api/v1/info');
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([503, 'home_assistant_away']);
    away = false;
    expect(await codeOf(administrator())).toBe('let in');
  });

  test('Home Assistant is asked once a minute, however many requests come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => codeOf(administrator())));
    expect(new Set(answers)).toEqual(new Set(['let in']));
    expect(asked).toEqual([ADMINISTRATOR]);
    clock.forward(MINUTE_MS);
    await codeOf(administrator());
    expect(asked).toEqual([ADMINISTRATOR, ADMINISTRATOR]);
  });

  test('who is no administrator any more is out within a minute, and hears nothing any more', async () => {
    const { heard } = await administrator().follow();
    administrators.clear();
    expect(await codeOf(administrator())).toBe('let in');
    clock.forward(MINUTE_MS);
    expect(await codeOf(administrator())).toBe('administrators_only');
    expect(await heard).toContain('goodbye');
  });

  test('neither tokens nor cookies open anything', async () => {
    const authorization = `Bearer ${core.client.token}`;
    expect(await codeOf(through({ authorization }))).toBe('administrators_only');
    expect(await codeOf(through({ ...ingressHeaders(USER), authorization }))).toBe('administrators_only');
    expect(await codeOf(through({ cookie: 'homestash_session=a.b' }))).toBe('administrators_only');
  });

  test('there is no password to sign in with', async () => {
    const person = administrator();
    expect(await person.signIn('a long enough one')).toMatchObject({ code: 'no_sign_in' });
    expect(await person.setUp('a-b-c-d', 'a long enough one')).toMatchObject({ code: 'no_sign_in' });
    expect(await person.signOut()).toMatchObject({ code: 'no_sign_in' });
    const change = { current: 'a long enough one', password: 'another long one' };
    expect(await codeOf(person, 'PUT', '/api/v1/session/password', change)).toBe('no_sign_in');
    expect(core.lines.join('')).not.toContain('setup_code');
  });

  test('a page on another port of the same host changes nothing, where the browser tells', async () => {
    for (const site of ['same-site', 'cross-site', 'none']) {
      const person = through({ ...ingressHeaders(ADMINISTRATOR), 'sec-fetch-site': site });
      expect(await codeOf(person, 'PATCH', '/api/v1/settings', { overdue_days: 6 })).toBe('cross_site');
    }
    const own = through({ ...ingressHeaders(ADMINISTRATOR), 'sec-fetch-site': 'same-origin' });
    expect(await codeOf(own, 'PATCH', '/api/v1/settings', { overdue_days: 6 })).toBe('let in');
  });
});

describe('who is not the gateway', () => {
  /** What a connection hears that sends a whole request at once. */
  const knock = (from: string) =>
    new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(core.ingressUrl);
      const socket = connect({ host: hostname, port: Number(port), localAddress: from });
      let said = '';
      socket.on('data', (chunk) => {
        said += chunk;
        socket.destroy();
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
      });
      socket.on('close', () => resolve(said));
      const headers = Object.entries({ ...ingressHeaders(ADMINISTRATOR), host: 'localhost' });
      socket.write(
        `GET /api/v1/info HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
        'latin1',
      );
    });

  test('is cut off, whatever headers it sends, before anybody looks at them', async () => {
    expect(await knock(GATEWAY)).toMatch(/^HTTP\/1\.1 200 /);
    asked = [];
    clock.forward(2 * MINUTE_MS);
    for (const from of [OTHER_APP, '127.0.0.3']) expect(await knock(from)).toBe('');
    expect(asked).toEqual([]);
    for (const path of ['/', '/api/health', '/api/v1/session']) {
      await expect(through(ingressHeaders(ADMINISTRATOR), OTHER_APP).ask('GET', path)).rejects.toThrow(
        /socket hang up|ECONNRESET/,
      );
    }
  });

  test('fills no log: a line a minute says how many there were', async () => {
    const lines = () => core.lines.filter((line) => line.includes('not the gateway'));
    clock.forward(2 * MINUTE_MS);
    const before = lines().length;
    for (let count = 0; count < 20; count += 1) await knock(OTHER_APP);
    expect(lines()).toHaveLength(before + 1);
    expect(JSON.parse(lines().at(-1) as string)).toMatchObject({ level: 'warning', address: OTHER_APP });
    clock.forward(MINUTE_MS);
    await knock(OTHER_APP);
    expect(JSON.parse(lines().at(-1) as string)).toMatchObject({ refused: 20 });
  });
});

describe('the port of the API beside ingress', () => {
  test('takes tokens from anywhere, and believes no header', async () => {
    expect(await core.client.info()).toBeTruthy();
    for (const from of [GATEWAY, OTHER_APP]) {
      const person = new Person(core.url, { from, headers: ingressHeaders(ADMINISTRATOR) });
      expect(await codeOf(person)).toBe('unauthorized');
      expect(await codeOf(person, 'PATCH', '/api/v1/settings', { overdue_days: 7 })).toBe('unauthorized');
    }
    expect(asked).toEqual([]);
  });

  test('has no page and no sign-in', async () => {
    const person = new Person(core.url);
    expect(await codeOf(person, 'GET', '/')).toBe('not_found');
    expect(await person.session()).toMatchObject({ code: 'no_sign_in' });
    expect(await person.signIn('a long enough one')).toMatchObject({ code: 'no_sign_in' });
    expect(await person.setUp('a-b-c-d', 'a long enough one')).toMatchObject({ code: 'no_sign_in' });
  });
});
