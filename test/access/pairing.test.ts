import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import type * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PairingCode } from '../../src/contract/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { CoreClient } from '../harness/core-client.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';

type Code = v.InferOutput<typeof PairingCode>;

const MINUTE_MS = 60_000;

let core: LocalCore;
/** How far the clock was turned. */
let ahead: number;

beforeEach(async () => {
  ahead = 0;
  const clock = {
    ...systemClock,
    now: () => Date.now() + ahead,
    monotonic: () => systemClock.monotonic() + ahead,
  };
  core = await startLocalCore({ clock });
});
afterEach(() => core.remove());

const fresh = () => core.client.call<Code>('POST', '/api/v1/pairing/codes', {});
const exchange = (code: string) => CoreClient.pair(core.url, code);
const invalid = { problem: { code: 'pairing_code_invalid', status: 403 } };

describe('a pairing code', () => {
  test('is good once', async () => {
    const { code } = await fresh();
    const client = await exchange(code);
    expect(await client.tokens()).toHaveLength(2);
    await expect(exchange(code)).rejects.toMatchObject(invalid);
  });

  test('of two who come at once one gets the token', async () => {
    const { code } = await fresh();
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => exchange(code)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('is good until its last minute, and not after', async () => {
    const [first, second] = [await fresh(), await fresh()];
    expect(Date.parse(first.expires_at) - Date.now()).toBeLessThanOrEqual(15 * MINUTE_MS);
    ahead = 14 * MINUTE_MS;
    await exchange(first.code);
    ahead = 15 * MINUTE_MS;
    await expect(exchange(second.code)).rejects.toMatchObject(invalid);
  });

  test('does not live longer because the clock was set back', async () => {
    ahead = 60 * MINUTE_MS;
    const { code } = await fresh();
    ahead = 0;
    await expect(exchange(code)).rejects.toMatchObject(invalid);
  });

  test('guessed ten times: the next tries wait a minute, and say how long', async () => {
    const { code } = await fresh();
    const guess = () =>
      fetch(`${core.url}/api/v1/pairing`, {
        method: 'POST',
        body: JSON.stringify({ secret: 'guess', client_name: 'guesser' }),
      });
    for (let count = 0; count < 10; count += 1) expect((await guess()).status).toBe(403);
    const refused = await guess();
    expect(refused.status).toBe(429);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(await refused.json()).toMatchObject({ code: 'rate_limited' });
    await expect(exchange(code)).rejects.toMatchObject({ problem: { code: 'rate_limited' } });
    ahead = seconds * 1000;
    await exchange(code);
  });
});

describe('a token', () => {
  test('that is revoked is refused, and its stream of events ends', async () => {
    const client = await exchange((await fresh()).code);
    const [, id] = client.token.split('_') as [string, string];
    const { body } = await client.fetch('GET', '/api/v1/events');
    const events = new Response(body).text();
    await core.client.call('DELETE', `/api/v1/tokens/${id}`);
    await expect(client.info()).rejects.toMatchObject({ problem: { code: 'unauthorized', status: 401 } });
    expect(await events).toContain('goodbye');
    expect(await core.client.info()).toBeTruthy();
  });

  test('that comes or goes is told to everybody who listens', async () => {
    const listener = await exchange((await fresh()).code);
    const { body } = await listener.fetch('GET', '/api/v1/events');
    const events = new Response(body).text();
    const other = await exchange((await fresh()).code);
    for (const { token } of [other, listener]) {
      await core.client.call('DELETE', `/api/v1/tokens/${token.split('_')[1]}`);
    }
    expect((await events).split('event: tokens_changed').length - 1).toBeGreaterThanOrEqual(2);
  });

  test('is listed with its name and its times, and nothing that opens anything', async () => {
    const client = await exchange((await fresh()).code);
    for (const token of await client.tokens()) {
      expect(Object.keys(token).toSorted()).toEqual(['created_at', 'id', 'last_used_at', 'name']);
    }
    const list = JSON.stringify(await client.tokens());
    expect(list).not.toContain(client.token.slice(client.token.indexOf('_', 'hs_'.length) + 1));
  });

  test('is good although its use cannot be noted, on a disk that is full', async () => {
    const database = new SQLite(join(core.dataDir, 'homestash.db'));
    database.exec("CREATE TRIGGER full BEFORE UPDATE ON tokens BEGIN SELECT RAISE(ABORT, 'full'); END");
    database.close();
    ahead = 2 * 60 * MINUTE_MS;
    expect(await core.client.info()).toBeTruthy();
  });

  test('is in no line of the log', async () => {
    const client = await exchange((await fresh()).code);
    await client.targets();
    // it may have underscores of its own
    const secret = client.token.slice(client.token.indexOf('_', 'hs_'.length) + 1);
    expect(core.lines.join('')).not.toContain(secret);
  });
});
