import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { CoreEvent } from '../../src/contract/index.ts';
import { eventsOf } from '../harness/event-stream.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';

type Sent = CoreEvent & { readonly id: number };

let core: LocalCore;

beforeAll(async () => {
  core = await startLocalCore();
  await waitFor('the first looks', async () => (await core.client.targets())[0]?.checked_at);
});
afterAll(() => core.remove());

/** One who follows the stream, until it leaves. */
class Listener {
  readonly heard: Sent[] = [];
  readonly #leave = new AbortController();

  async listen(path = '/api/v1/events', lastHeard?: number): Promise<this> {
    const headers: Record<string, string> =
      lastHeard === undefined ? {} : { 'last-event-id': String(lastHeard) };
    const response = await core.client.fetch('GET', path, { headers, signal: this.#leave.signal });
    const reading = (async () => {
      for await (const event of eventsOf<Sent>(response)) this.heard.push(event);
    })();
    reading.catch(() => undefined);
    await waitFor('hello', () => this.heard.length > 0);
    return this;
  }

  names(): string[] {
    return this.heard.map(({ event }) => event);
  }

  leave(): number {
    this.#leave.abort();
    return this.heard.at(-1)?.id ?? 0;
  }
}

const rename = async (name: string) => (await core.person()).call('PATCH', '/api/v1/settings', { name });

describe('who follows what happens', () => {
  test('is greeted first, and must fetch everything', async () => {
    const listener = await new Listener().listen();
    const { instance_id } = await core.client.info();
    expect(listener.heard[0]).toEqual({
      event: 'hello',
      instance_id,
      resumed: false,
      id: expect.any(Number),
    });
    listener.leave();
  });

  test('and comes back is told what was missed, of each thing once, and nothing else', async () => {
    const listener = await new Listener().listen();
    await rename('Attic');
    await waitFor('the change', () => listener.names().includes('settings_changed'));
    const last = listener.leave();
    await rename('Cellar');
    await rename('Garage');
    const target = await core.firstTarget();
    await core.client.call('PATCH', `/api/v1/targets/${target.id}`, { name: 'Shelf' });
    await waitFor('the happening', async () =>
      (await core.client.call<{ entries: { code: string }[] }>('GET', '/api/v1/journal')).entries.some(
        ({ code }) => code === 'target_changed',
      ),
    );
    const again = await new Listener().listen('/api/v1/events', last);
    await waitFor('what was missed', () => again.names().includes('journal_changed'));
    expect(again.heard[0]).toMatchObject({ event: 'hello', resumed: true });
    expect(again.names().filter((name) => name === 'settings_changed')).toHaveLength(1);
    expect(again.names()).toContain('targets_changed');
    expect(again.heard.slice(1).every(({ id }) => id > last)).toBe(true);
    again.leave();
  });

  test.for(['0', '1', '99999999999999', 'nonsense'])(
    'and names %s as what was heard last starts anew',
    async (last) => {
      const listener = await new Listener().listen('/api/v1/events', last as never);
      expect(listener.heard[0]).toMatchObject({ event: 'hello', resumed: false });
      listener.leave();
    },
  );

  test('gets the documents of the state when it asks for them, whole and as they change', async () => {
    const listener = await new Listener().listen('/api/v1/events?documents=true');
    const plain = await new Listener().listen();
    const target = await core.firstTarget();
    const name = `backups/target-${target.id}`;
    const documents = () =>
      listener.heard.flatMap((event) =>
        event.event === 'state_changed' && event.name === name ? [event.document] : [],
      );
    await waitFor('the document', () => documents().length > 0);
    await core.client.call('PATCH', `/api/v1/targets/${target.id}`, { name: 'Cupboard' });
    const newest = await waitFor('the change', () => documents().find((one) => one?.name === 'Cupboard'));
    expect(newest).toMatchObject({ id: target.id, revision: expect.any(Number) });
    await waitFor('the change, elsewhere', () => plain.names().includes('targets_changed'));
    expect(plain.names()).not.toContain('state_changed');
    const { documents: all } = await core.client.call<{ documents: Record<string, unknown> }>(
      'GET',
      '/api/v1/state',
    );
    expect(all[name]).toEqual(newest);
    listener.leave();
    plain.leave();
  });
});

describe('the websocket', () => {
  const address = () => `${core.url.replace('http', 'ws')}/api/v1/events/socket`;

  function open(url: string, headers: Record<string, string>) {
    const socket = new WebSocket(url, { headers });
    const heard: Sent[] = [];
    socket.on('message', (data) => heard.push(JSON.parse(String(data)) as Sent));
    const refused = new Promise<{ status: number | undefined; code: string }>((resolve) => {
      socket.on('unexpected-response', (_request, response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.on('end', () => resolve({ status: response.statusCode, code: JSON.parse(text).code }));
      });
      socket.on('error', () => undefined);
    });
    return { socket, heard, refused };
  }
  const bearer = () => ({ authorization: `Bearer ${core.client.token}` });

  test('tells the same, and resumes', async () => {
    const first = open(`${address()}?documents=true`, bearer());
    await waitFor('hello', () => first.heard.length > 0);
    await rename('Barn');
    await waitFor('the change', () => first.heard.some(({ event }) => event === 'settings_changed'));
    const last = first.heard.at(-1)?.id;
    first.socket.close();
    await rename('Shed');
    const second = open(`${address()}?last_event_id=${last}`, bearer());
    await waitFor('what was missed', () => second.heard.some(({ event }) => event === 'settings_changed'));
    expect(second.heard[0]).toMatchObject({ event: 'hello', resumed: true });
    second.socket.close();
  });

  test('lets in nobody who is not known, and no page from elsewhere', async () => {
    expect(await open(address(), {}).refused).toEqual({ status: 401, code: 'unauthorized' });
    const person = await core.person();
    const cookie = { cookie: person.cookie ?? '' };
    expect(await open(address(), { ...cookie, origin: 'https://evil.example' }).refused).toEqual({
      status: 403,
      code: 'cross_site',
    });
    const own = open(address(), { ...cookie, origin: core.url });
    await waitFor('hello', () => own.heard.length > 0);
    own.socket.close();
  });

  test('does not take whoever only offers another protocol for one', async () => {
    const { hostname, port } = new URL(core.url);
    const status = await new Promise((resolve, reject) => {
      const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
      get({ hostname, port, path: '/api/ping', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
    expect(status).toBe(200);
  });

  test('is nowhere else, and no page', async () => {
    const elsewhere = open(`${core.url.replace('http', 'ws')}/api/v1/events`, bearer());
    expect(await elsewhere.refused).toMatchObject({ status: 404 });
    expect(await open(`${address()}?documents=perhaps`, bearer()).refused).toMatchObject({ status: 400 });
    const answer = await core.client.fetch('GET', '/api/v1/events/socket');
    expect(answer.status).toBe(426);
  });

  test('ends with the token that opened it', async () => {
    const { code } = await core.client.call<{ code: string }>('POST', '/api/v1/pairing/codes', {});
    const { s } = JSON.parse(Buffer.from(code, 'base64url').toString()) as { s: string };
    const paired = await core.client.call<{ token: string; token_id: string }>('POST', '/api/v1/pairing', {
      secret: s,
      client_name: 'dashboard',
    });
    const follower = open(address(), { authorization: `Bearer ${paired.token}` });
    await waitFor('hello', () => follower.heard.length > 0);
    await core.client.call('DELETE', `/api/v1/tokens/${paired.token_id}`);
    await waitFor('the end', () => follower.socket.readyState === WebSocket.CLOSED);
    expect(follower.heard.at(-1)).toMatchObject({ event: 'goodbye' });
  });

  test('does not keep the core from stopping', async () => {
    const own = await startLocalCore();
    const socket = new WebSocket(`${own.url.replace('http', 'ws')}/api/v1/events/socket`, {
      headers: { authorization: `Bearer ${own.client.token}` },
    });
    await new Promise((resolve) => socket.once('message', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await own.remove();
    await closed;
  });
});
