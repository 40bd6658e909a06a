import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import type { Person } from '../harness/person.ts';

const PASSWORD = 'a long enough one';

let core: LocalCore;
let person: Person;

beforeAll(async () => {
  core = await startLocalCore();
  person = await core.person(PASSWORD);
});
afterAll(() => core.remove());

type Headers = Record<string, string | undefined>;

/** What a page makes the browser of somebody who is signed in do. */
async function post(headers: Headers): Promise<string> {
  const answer = await person.ask('POST', '/api/v1/pairing/codes', {}, headers);
  return answer.status === 201 ? 'done' : (JSON.parse(answer.text) as { code: string }).code;
}

describe('a change with the cookie of a session', () => {
  test.for<[string, Headers]>([
    ['our own page', {}],
    ['our own page, as the browser itself says', { 'sec-fetch-site': 'same-origin' }],
    [
      'our own page, as the browser says, behind a proxy with a name of its own',
      { 'sec-fetch-site': 'same-origin', origin: 'https://stash.example.org' },
    ],
    [
      'our own page behind a proxy that passes the host on',
      { origin: 'https://stash.example.org', host: 'stash.example.org' },
    ],
    [
      'our own page behind a proxy that says which host was asked for',
      { origin: 'https://stash.example.org', 'x-forwarded-host': 'stash.example.org' },
    ],
    [
      'our own page behind two proxies, one of which writes the port',
      { origin: 'https://stash.example.org', 'x-forwarded-host': 'Stash.example.org:443, inner' },
    ],
    [
      'our own page behind a proxy on a port of its own',
      { origin: 'http://stash.example.org:8080', 'x-forwarded-host': 'stash.example.org:8080' },
    ],
  ])('from %s is made', async ([, headers]) => {
    expect(await post(headers)).toBe('done');
  });

  test.for<[string, Headers]>([
    ['another site', { origin: 'https://evil.example.org' }],
    ['another port of the same host', { origin: 'http://127.0.0.1:8123' }],
    ['another site, as the browser says', { 'sec-fetch-site': 'cross-site' }],
    ['another port, as the browser says', { 'sec-fetch-site': 'same-site' }],
    ['a page without an origin of its own', { origin: 'null' }],
    ['what is no origin', { origin: 'x' }],
    ['nowhere', { origin: undefined }],
    ['a site whose name begins like ours', { origin: 'http://127.0.0.1.evil.example.org' }],
    [
      'a site behind the same proxy',
      { origin: 'https://a.example.org', 'x-forwarded-host': 'b.example.org' },
    ],
  ])('from %s is refused', async ([, headers]) => {
    expect(await post(headers)).toBe('cross_site');
  });

  test('is refused for every method that changes something', async () => {
    const headers = { origin: 'https://evil.example.org' };
    for (const [method, path, body] of [
      ['PATCH', '/api/v1/settings', { overdue_days: 1 }],
      ['PUT', '/api/v1/session/password', { current: PASSWORD, password: 'another long one' }],
      ['DELETE', '/api/v1/tokens/none', undefined],
      ['DELETE', '/api/v1/session', undefined],
    ] as const) {
      const answer = await person.ask(method, path, body, headers);
      expect([method, answer.status, JSON.parse(answer.text).code]).toEqual([method, 403, 'cross_site']);
    }
    expect(await person.session()).toMatchObject({ state: 'signed_in' });
  });
});

test('nobody is signed in from another page either, whatever it knows', async () => {
  const headers = { origin: 'https://evil.example.org', cookie: undefined };
  const answer = await person.ask('POST', '/api/v1/session', { password: PASSWORD }, headers);
  expect([answer.status, JSON.parse(answer.text).code]).toEqual([403, 'cross_site']);
  expect(answer.headers['set-cookie']).toBeUndefined();
});

test('reading needs no origin: browsers send none', async () => {
  expect((await person.ask('GET', '/api/v1/info', undefined, { origin: undefined })).status).toBe(200);
});

test('programs with a token, and those that sign in, say nothing of pages', async () => {
  expect(await core.client.pairingCode()).toBeTruthy();
  const headers = { origin: undefined, cookie: undefined };
  const answer = await person.ask('POST', '/api/v1/session', { password: PASSWORD }, headers);
  expect(answer.status).toBe(200);
});
