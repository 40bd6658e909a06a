import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type HomeAssistant, PATHS, type Session } from '../../src/contract/index.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { Person } from '../harness/person.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  ADMIN_TOKEN,
  type HomeAssistantSimulator,
  startHomeAssistantSimulator,
  user,
} from '../simulators/home-assistant/index.ts';

const GATEWAY = '127.0.0.1';

describe('a core that is an app of Home Assistant', () => {
  let supervisor: HomeAssistantSimulator;
  let core: LocalCore;

  beforeAll(async () => {
    supervisor = await startHomeAssistantSimulator({ path: '/core/websocket' });
    core = await startLocalCore({
      supervisor: { url: supervisor.url, token: ADMIN_TOKEN },
      ingress: { port: 0, gateway: GATEWAY, bind: GATEWAY },
    });
    await waitFor('the connection', async () => (await read()).backups);
  });
  afterAll(async () => {
    await core.remove();
    await supervisor.stop();
    expect(core.defects()).toEqual([]);
    expect(core.lines.join('')).not.toContain(ADMIN_TOKEN);
  });

  const read = () => core.client.call<HomeAssistant>('GET', PATHS.home_assistant);

  test('tells programs and whoever listens', async () => {
    const gone = new AbortController();
    const events = await core.client.fetch('GET', PATHS.events, { signal: gone.signal });
    let heard = '';
    const listening = (async () => {
      for await (const chunk of events.body ?? []) heard += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    await waitFor('the first event', () => heard.includes('hello'));
    const body = { agent_ids: ['backup.local'] };
    const begun = await core.client.call<HomeAssistant>('POST', PATHS.home_assistant_backups, body);
    expect(begun.backups?.state).toBe('create_backup');
    await waitFor('the event', () => heard.includes('"event":"home_assistant_changed"'));
    gone.abort();
    await listening;
  });

  test('asks it who is an administrator', async () => {
    supervisor.home.users = [user('ada', { is_owner: true }), user('bob')];
    const session = (id: string) =>
      new Person(core.ingressUrl, { from: GATEWAY, headers: { 'x-remote-user-id': id } }).call<Session>(
        'GET',
        PATHS.session,
      );
    expect(await session('ada')).toMatchObject({ state: 'signed_in', via: 'home_assistant' });
    expect((await session('bob')).state).not.toBe('signed_in');
  });
});

describe('a core on its own', () => {
  let home: HomeAssistantSimulator;
  let core: LocalCore;

  beforeEach(async () => {
    home = await startHomeAssistantSimulator();
    core = await startLocalCore();
  });
  afterEach(async () => {
    await core.remove();
    await home.stop();
    expect(core.defects()).toEqual([]);
    expect(core.lines.join('')).not.toContain(ADMIN_TOKEN);
  });

  test('is connected by a person, and by no program', async () => {
    const access = { url: home.url, token: ADMIN_TOKEN };
    const refused = { problem: { status: 403, code: 'persons_only' } };
    await expect(core.client.call('PUT', PATHS.home_assistant, access)).rejects.toMatchObject(refused);
    await expect(core.client.call('DELETE', PATHS.home_assistant)).rejects.toMatchObject(refused);
    const person = await core.person();
    expect(await person.call('PUT', PATHS.home_assistant, access)).toMatchObject({ state: 'connected' });
    expect(await person.call('DELETE', PATHS.home_assistant)).toMatchObject({ state: 'off', url: null });
  });
});
