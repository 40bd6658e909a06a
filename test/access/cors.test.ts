import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import type { Person } from '../harness/person.ts';

const DASHBOARD = 'https://dash.example.org';
const OTHER = 'https://evil.example.org';

let core: LocalCore;
let person: Person;
const allow = (...cors_origins: string[]) => person.call('PATCH', '/api/v1/settings', { cors_origins });

beforeAll(async () => {
  core = await startLocalCore();
  person = await core.person();
});
beforeEach(() => allow(DASHBOARD, 'http://192.168.1.5:3000'));
afterAll(() => core.remove());

/** What a browser asks before it sends a request that a form could not. */
const preflight = (origin: string, path = '/api/v1/targets') =>
  core.client.fetch('OPTIONS', path, {
    headers: {
      origin,
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'authorization, content-type',
    },
  });
const granted = (response: Response) => response.headers.get('access-control-allow-origin');

describe('a page from elsewhere', () => {
  test('that is allowed asks first, and is told what it may', async () => {
    for (const path of ['/api/v1/targets', '/api/v1/session', '/api/v1/none']) {
      const response = await preflight(DASHBOARD, path);
      expect([response.status, granted(response)]).toEqual([204, DASHBOARD]);
      expect(response.headers.get('access-control-allow-methods')).toContain('PATCH');
      expect(response.headers.get('access-control-allow-headers')).toContain('authorization');
      expect(response.headers.get('access-control-allow-headers')).not.toMatch(/\*|forwarded|cookie/i);
      expect(response.headers.get('vary')).toBe('Origin');
    }
    expect(granted(await preflight('http://192.168.1.5:3000'))).toBe('http://192.168.1.5:3000');
  });

  test('reads answers and refusals, with a token, and never what a cookie opens', async () => {
    const answer = await core.client.fetch('GET', '/api/v1/info', { headers: { origin: DASHBOARD } });
    expect([answer.status, granted(answer)]).toEqual([200, DASHBOARD]);
    expect(answer.headers.get('access-control-expose-headers')).toContain('content-range');
    const refused = await fetch(`${core.url}/api/v1/info`, { headers: { origin: DASHBOARD } });
    expect([refused.status, granted(refused)]).toEqual([401, DASHBOARD]);
    for (const response of [answer, refused, await preflight(DASHBOARD)]) {
      expect(response.headers.has('access-control-allow-credentials')).toBe(false);
    }
    const { status, text } = await person.ask('POST', '/api/v1/pairing/codes', {}, { origin: DASHBOARD });
    expect([status, JSON.parse(text).code]).toEqual([403, 'cross_site']);
  });

  test.for([
    OTHER,
    'null',
    '*',
    `${DASHBOARD}.evil.example.org`,
    'http://dash.example.org',
    `${DASHBOARD}:444`,
  ])('%s is told nothing', async (origin) => {
    const response = await preflight(origin);
    expect([response.status, granted(response)]).toEqual([405, null]);
    expect(response.headers.get('vary')).toBe('Origin');
    expect(granted(await core.client.fetch('GET', '/api/v1/info', { headers: { origin } }))).toBeNull();
  });

  test('is out as soon as it is taken from the list', async () => {
    await allow();
    expect((await preflight(DASHBOARD)).status).toBe(405);
  });
});

test('the web page itself is for nobody else', async () => {
  const response = await core.client.fetch('GET', '/', { headers: { origin: DASHBOARD } });
  expect(granted(response)).toBeNull();
});
