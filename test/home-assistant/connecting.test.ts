import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ADMIN_TOKEN,
  type HomeAssistantSimulator,
  startHomeAssistantSimulator,
  USER_TOKEN,
} from '../simulators/home-assistant/index.ts';
import { Scene } from './scene.ts';

let home: HomeAssistantSimulator;
let scene: Scene;

beforeEach(async () => {
  home = await startHomeAssistantSimulator();
  scene = new Scene();
  await scene.start();
});
afterEach(async () => {
  await scene.remove();
  await home.stop();
  expect(scene.defects).toEqual([]);
  expect(scene.lines.join('')).not.toMatch(/token-of-|"level":"error"/);
});

const connect = (change: object = {}) =>
  scene.call('PUT', '', { url: home.url, token: ADMIN_TOKEN, ...change });

test('without an address it is off, and says so where something is wanted of it', async () => {
  expect(await scene.call('GET')).toMatchObject({
    state: 'off',
    via: null,
    url: null,
    home: null,
    backups: null,
  });
  await expect(scene.call('POST', '/backups', {})).rejects.toMatchObject({
    problem: { status: 409, code: 'home_assistant_off' },
  });
  await expect(scene.feature.isAdministrator('owner')).rejects.toMatchObject({ code: 'home_assistant_away' });
});

test('what it hears stands in the answer already', async () => {
  expect(await connect()).toEqual({
    state: 'connected',
    via: 'token',
    url: home.url,
    since: expect.any(String),
    problem: null,
    home: {
      name: 'Home',
      version: '2026.11.0',
      language: 'de',
      time_zone: 'Europe/Berlin',
      currency: 'EUR',
      country: 'DE',
    },
    backups: {
      state: 'idle',
      stage: null,
      schedule: {
        recurrence: 'never',
        days: [],
        time: null,
        next: null,
        last_attempt: null,
        last_completed: null,
      },
      encrypted: false,
      locations: [
        { agent_id: 'backup.local', name: 'local', automatic: false },
        { agent_id: 'homestash.shelf', name: 'Shelf', automatic: false },
      ],
      last_result: null,
    },
  });
});

test('what a person pastes from the browser is understood', async () => {
  expect(await connect({ url: ` ${home.url}/lovelace/0 ` })).toMatchObject({
    state: 'connected',
    url: home.url,
  });
});

test('it is there again after a restart, and the token lies sealed', async () => {
  await connect();
  await scene.stop();
  expect(scene.stored()).toContain(home.url);
  expect(scene.stored()).not.toContain(ADMIN_TOKEN);
  await scene.start();
  await scene.until('the connection', ({ state }) => state === 'connected');
});

test('a token that is wrong is told, and not kept', async () => {
  await expect(connect({ token: 'token-of-nobody' })).rejects.toMatchObject({
    problem: { status: 422, code: 'home_assistant_refused' },
  });
  expect(await scene.call('GET')).toMatchObject({ state: 'off' });
  expect(home.shown).toBe(1);
});

test('a token of somebody who is no administrator is told, and not kept', async () => {
  await expect(connect({ token: USER_TOKEN })).rejects.toMatchObject({
    problem: { status: 422, code: 'home_assistant_not_admin' },
  });
  expect(await scene.call('GET')).toMatchObject({ state: 'off' });
});

test('what does not work leaves what works', async () => {
  await connect();
  await expect(connect({ token: 'token-of-nobody' })).rejects.toThrow('home_assistant_refused');
  await expect(connect({ url: 'http://127.0.0.1:1' })).rejects.toThrow('home_assistant_no_connection');
  expect(await scene.call('GET')).toMatchObject({ state: 'connected', url: home.url });
  await scene.stop();
  await scene.start();
  await scene.until('the connection', ({ state }) => state === 'connected');
});

test('it moves to another Home Assistant at once, and nothing of the first is left', async () => {
  await connect();
  home.home.generate(['backup.local'], {});
  home.home.finish('completed');
  await scene.until('the result', ({ backups }) => backups?.last_result);
  const other = await startHomeAssistantSimulator();
  try {
    other.home.config.location_name = 'Elsewhere';
    const moved = await connect({ url: other.url });
    expect(moved).toMatchObject({
      url: other.url,
      home: { name: 'Elsewhere' },
      backups: { last_result: null },
    });
  } finally {
    await other.stop();
  }
});

test('what is forgotten is gone', async () => {
  await connect();
  const off = { state: 'off', via: null, url: null, home: null, backups: null };
  expect(await scene.call('DELETE')).toMatchObject(off);
  await scene.stop();
  await scene.start();
  expect(await scene.call('GET')).toMatchObject(off);
  await expect(scene.feature.isAdministrator('owner')).rejects.toMatchObject({ code: 'home_assistant_away' });
});

test('a token whose key was lost is asked for again', async () => {
  await connect();
  await scene.stop();
  rmSync(join(scene.dataDir, 'secret.key'));
  await scene.start();
  expect(await scene.call('GET')).toMatchObject({
    state: 'refused',
    url: home.url,
    problem: { code: 'home_assistant_token_lost' },
  });
  expect(await connect()).toMatchObject({ state: 'connected', problem: null });
});

describe('as an app', () => {
  let supervisor: HomeAssistantSimulator;
  let app: Scene;

  beforeEach(async () => {
    supervisor = await startHomeAssistantSimulator({ path: '/core/websocket' });
    app = new Scene({ supervisor: { url: supervisor.url, token: ADMIN_TOKEN } });
    await app.start();
  });
  afterEach(async () => {
    await app.remove();
    await supervisor.stop();
    expect(app.lines.join('')).not.toMatch(/token-of-|"level":"error"/);
  });

  test('the way leads through the Supervisor, and nobody enters another', async () => {
    const document = await app.until(
      'the connection',
      ({ state, backups }) => state === 'connected' && backups,
    );
    expect(document).toMatchObject({ via: 'supervisor', url: null, home: { name: 'Home' } });
    const refused = { problem: { status: 409, code: 'home_assistant_managed' } };
    await expect(app.call('PUT', '', { url: home.url, token: ADMIN_TOKEN })).rejects.toMatchObject(refused);
    await expect(app.call('DELETE')).rejects.toMatchObject(refused);
    expect(home.connections).toBe(0);
  });

  test('a Supervisor that greets while Home Assistant is not there yet is no connection', async () => {
    await app.until('the connection', ({ state }) => state === 'connected');
    const states = new Set<string>();
    supervisor.hooks = { command: (_message, socket) => socket.close() };
    supervisor.hangUp();
    await app.until('the loss', ({ state }) => state === 'away');
    for (let look = 0; look < 20; look += 1) {
      await app.clock.during(app.clock.sleep(5_000));
      states.add(app.feature.document().state);
    }
    expect([...states]).toEqual(['away']);
    expect(app.feature.document().problem).toMatchObject({ code: 'home_assistant_away' });
    supervisor.hooks = {};
    await app.until('the connection', ({ state }) => state === 'connected');
  });

  test('a Supervisor that refuses is told as what it is, and asked again in minutes', async () => {
    await app.until('the connection', ({ state }) => state === 'connected');
    supervisor.revoke(ADMIN_TOKEN);
    const document = await app.until('the refusal', ({ state }) => state === 'refused');
    expect(document.problem).toMatchObject({ code: 'home_assistant_app_refused' });
    supervisor.tokens.set(ADMIN_TOKEN, { admin: true });
    const before = app.clock.monotonic();
    await app.until('the connection', ({ state }) => state === 'connected');
    expect(app.clock.monotonic() - before).toBeLessThan(10 * 60_000);
  });
});
