import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { waitFor } from '../harness/wait-for.ts';
import {
  ADMIN_TOKEN,
  type HomeAssistantSimulator,
  startHomeAssistantSimulator,
} from '../simulators/home-assistant/index.ts';
import { Scene } from './scene.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

let home: HomeAssistantSimulator;
let scene: Scene;

const warn = vi.spyOn(console, 'warn');

beforeEach(async () => {
  warn.mockClear();
  home = await startHomeAssistantSimulator();
  scene = new Scene();
  await scene.start();
});
afterEach(async () => {
  home.hooks = {};
  await scene.remove();
  await home.stop();
  expect(scene.defects).toEqual([]);
  expect(scene.lines.join('')).not.toMatch(/token-of-|"level":"error"/);
  // what the client library would tell nobody else
  expect(warn).not.toHaveBeenCalled();
});

const never = () => new Promise<never>(() => undefined);
// without leaps: a busy machine must not make a timeout of it
const connect = () => scene.call('PUT', '', { url: home.url, token: ADMIN_TOKEN });
const connected = () =>
  scene.until('the connection', ({ state, backups }) => state === 'connected' && backups);
const away = () => scene.until('the loss', ({ state }) => state === 'away');

/** Lets time pass, with all that happens in it. */
const pass = (ms: number) => scene.clock.during(scene.clock.sleep(ms));

/** In place of Home Assistant, on its port, something that only takes connections. */
async function listenInstead(onConnection: (socket: Socket) => void): Promise<Server> {
  const { port } = new URL(home.url);
  await home.stop();
  const server = createServer(onConnection);
  await new Promise<void>((resolve) => server.listen(Number(port), '127.0.0.1', resolve));
  return server;
}

test('Home Assistant that restarts is found again, and what it said stays meanwhile', async () => {
  await connect();
  await home.stop();
  const document = await away();
  expect(document).toMatchObject({
    home: { name: 'Home' },
    problem: { code: expect.stringMatching('home_assistant_') },
  });
  expect(document.backups?.locations).toHaveLength(2);
  home.home.config.version = '2026.12.0';
  await home.start();
  await scene.until(
    'the new version',
    (now) => now.state === 'connected' && now.home?.version === '2026.12.0',
  );
  expect(scene.feature.document().problem).toBeNull();
});

test('a stop is not held up: whoever is told that it closes hangs up', async () => {
  await connect();
  await home.farewell();
  await waitFor('the loss', () => scene.feature.document().state === 'away');
  await connected();
});

test('a long absence costs an attempt each quarter of a minute and one line in the log', async () => {
  await connect();
  let attempts = 0;
  const server = await listenInstead((socket) => {
    attempts += 1;
    socket.on('error', () => undefined).destroy();
  });
  const warnings = () => scene.lines.filter((line) => line.includes('no connection to Home Assistant'));
  await pass(15 * MINUTE_MS);
  expect(attempts).toBeGreaterThan(50);
  expect(attempts).toBeLessThan(80);
  expect(warnings()).toHaveLength(1);
  await new Promise((resolve) => server.close(resolve));
  await home.start();
  await connected();
});

test('a Home Assistant that greets and then says nothing is told once', async () => {
  await connect();
  home.hooks = { command: never };
  home.hangUp();
  await pass(15 * MINUTE_MS);
  expect(scene.feature.document()).toMatchObject({ state: 'away', problem: { code: 'home_assistant_away' } });
  const warnings = scene.lines.filter((line) => line.includes('"level":"warning"'));
  expect(warnings).toHaveLength(1);
  home.hooks = {};
  await connected();
});

test('a storm of restarts is met with patience, and survived', async () => {
  await connect();
  const before = home.connections;
  home.hooks = { command: (_message, socket) => socket.terminate() };
  home.hangUp();
  await pass(15 * MINUTE_MS);
  expect(home.connections - before).toBeGreaterThan(50);
  expect(home.connections - before).toBeLessThan(80);
  expect(scene.lines.filter((line) => line.includes('"level":"warning"')).length).toBeLessThan(3);
  home.hooks = {};
  await connected();
});

test('a server that takes connections and never says anything does not hold anybody', async () => {
  await connect();
  const sockets: Socket[] = [];
  const server = await listenInstead((socket) => sockets.push(socket));
  const document = await away();
  await scene.until('the timeout', ({ problem }) => problem?.code === 'home_assistant_timeout');
  expect(document.home).not.toBeNull();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  await home.start();
  await connected();
});

test.for([
  ['a websocket that is opened and not greeted', 'home_assistant_timeout', { connected: () => true }],
  ['a greeting that stops after the token', 'home_assistant_timeout', { shown: never }],
  [
    'an end in the middle of the greeting',
    'home_assistant_cut',
    { shown: (socket) => socket.terminate() ?? true },
  ],
  ['another greeting', 'home_assistant_not_there', { connected: (socket) => socket.send('hello') ?? true }],
  [
    'a greeting of nothing',
    'home_assistant_not_there',
    { connected: (socket) => socket.send('null') ?? true },
  ],
  [
    'bytes for a greeting',
    'home_assistant_not_there',
    { connected: (socket) => socket.send(Buffer.alloc(9)) ?? true },
  ],
] as [string, string, HomeAssistantSimulator['hooks']][])('%s is no connection', async ([, code, hooks]) => {
  await connect();
  home.hooks = hooks;
  home.hangUp();
  await scene.until(code, ({ state, problem }) => state === 'away' && problem?.code === code);
  home.hooks = {};
  await connected();
});

test('a slow greeting is waited for', async () => {
  await connect();
  home.hooks = { shown: () => scene.clock.sleep(15 * SECOND_MS) };
  home.hangUp();
  await away();
  await connected();
});

test.for([
  ['no JSON', '{'],
  ['nothing', 'null'],
  ['a list of nothing', '[null]'],
  ['a number', '7'],
  ['bytes', Buffer.from('{"id":1}')],
  ['what nests too deep', `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
  ['too much', `"${'x'.repeat(5 * 1024 * 1024)}"`],
] as const)('who says %s is hung up on, and found again', async ([, said]) => {
  await connect();
  home.say(said);
  await away();
  await connected();
});

test('answers to nobody and events of nothing do no harm', async () => {
  await connect();
  for (const message of [
    { id: 999, type: 'event', event: { manager_state: 'create_backup' } },
    { id: 999, type: 'result', success: true, result: null },
    { id: 'x', type: 'pong' },
    { type: 'something new' },
    [{ id: 999, type: 'event' }],
  ]) {
    home.say(JSON.stringify(message));
  }
  for (const event of [null, 7, 'text', {}, { manager_state: 7 }])
    home.emit('backup/subscribe_events', event);
  // what comes after them is still heard
  expect(await scene.feature.isAdministrator('owner')).toBe(true);
  expect(scene.feature.document()).toMatchObject({ state: 'connected', backups: { state: 'idle' } });
  expect(home.connections).toBe(2);
});

test('a Home Assistant that no longer answers is left, and asked again', async () => {
  await connect();
  home.hooks = { command: never };
  await scene.until('the loss', ({ problem }) => problem?.code === 'home_assistant_away');
  home.hooks = {};
  await connected();
});

test('answers that are not understood are told, and go by', async () => {
  await connect();
  home.hooks = {
    command: ({ type }) => (type === 'backup/config/info' ? { config: { create_backup: 7 } } : undefined),
  };
  const document = await scene.until('the problem', ({ problem }) => problem);
  expect(document).toMatchObject({
    state: 'connected',
    home: { name: 'Home' },
    backups: null,
    problem: {
      code: 'home_assistant_unexpected',
      params: { reason: expect.stringContaining('create_backup') },
    },
  });
  home.hooks = {};
  await scene.until('the backups', ({ backups, problem }) => backups && !problem);
});

test('while Home Assistant starts it is looked at often, and its backups are not ready', async () => {
  home.home.state = 'blocked';
  home.home.agents = [];
  await connect();
  await expect(scene.call('POST', '/backups', { agent_ids: ['backup.local'] })).rejects.toMatchObject({
    problem: { status: 409, code: 'home_assistant_starting' },
  });
  home.home.agents = [{ agent_id: 'backup.local', name: 'local' }];
  const begun = scene.clock.monotonic();
  await scene.until('the location', ({ backups }) => backups?.locations.length === 1);
  expect(scene.clock.monotonic() - begun).toBeLessThan(10 * SECOND_MS);
  home.home.progress('idle');
  await scene.until('the end of the start', ({ backups }) => backups?.state === 'idle');
});

test('thousands of events are told once a second, and the newest last', async () => {
  await connect();
  scene.told.length = 0;
  const begun = scene.clock.monotonic();
  for (let round = 0; round < 10; round += 1) {
    for (let event = 0; event < 500; event += 1) {
      home.home.progress('create_backup', {
        state: 'in_progress',
        stage: `stage ${round}.${event}`,
        reason: null,
      });
      home.emit('core_config_updated', { event_type: 'core_config_updated' });
    }
    home.emit('backup/subscribe_events', {
      manager_state: 'create_backup',
      agent_id: 'backup.local',
      uploaded_bytes: round,
      total_bytes: 10,
    });
    await scene.clock.sleep(250);
  }
  await waitFor('the newest', () => scene.feature.document().backups?.stage === 'stage 9.499');
  const before = scene.told.length;
  await waitFor(
    'that it is told',
    () => scene.told.length > before || scene.clock.monotonic() - begun > 5_000,
  );
  const seconds = (scene.clock.monotonic() - begun) / SECOND_MS;
  expect(scene.told.length).toBeGreaterThan(2);
  const pauses = scene.told.slice(1).map((at, index) => at - (scene.told[index] as number));
  // Node's timers may be a little early
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(SECOND_MS - 20);
  // nor is Home Assistant asked more often
  const asked = home.commands.filter(({ type }) => type === 'get_config').length;
  expect(asked).toBeLessThanOrEqual(seconds + 3);
});

test('a revoked token is shown once and not again for hours', async () => {
  await connect();
  home.revoke(ADMIN_TOKEN);
  // without leaps, which may go too far
  await waitFor('the refusal', () => scene.feature.document().state === 'refused');
  expect(scene.feature.document()).toMatchObject({
    problem: { code: 'home_assistant_refused' },
    home: { name: 'Home' },
  });
  const { shown } = home;
  await pass(2 * HOUR_MS);
  await expect(scene.feature.isAdministrator('owner')).rejects.toMatchObject({ code: 'home_assistant_away' });
  await expect(scene.call('POST', '/backups', {})).rejects.toThrow('home_assistant_refused');
  expect(home.shown).toBe(shown);
  home.tokens.set(ADMIN_TOKEN, { admin: true });
  await pass(5 * HOUR_MS);
  await connected();
});

test('a new token is shown at once', async () => {
  await connect();
  home.revoke(ADMIN_TOKEN);
  await scene.until('the refusal', ({ state }) => state === 'refused');
  home.tokens.set('token-of-another', { admin: true });
  const asked = scene.call('PUT', '', { url: home.url, token: 'token-of-another' });
  expect(await asked).toMatchObject({ state: 'connected', problem: null });
});

test('who loses the rights of an administrator, and gets them back', async () => {
  await connect();
  const rights = { admin: false };
  home.tokens.set(ADMIN_TOKEN, rights);
  home.hangUp();
  const document = await scene.until(
    'the problem',
    ({ problem }) => problem?.code === 'home_assistant_not_admin',
  );
  expect(document).toMatchObject({ state: 'connected', home: { name: 'Home' }, backups: null });
  await expect(scene.call('POST', '/backups', {})).rejects.toThrow('home_assistant_not_admin');
  home.tokens.set(ADMIN_TOKEN, { admin: true });
  home.hangUp();
  await connected();
  home.home.progress('create_backup', { state: 'in_progress', stage: 'home_assistant', reason: null });
  await scene.until('an event', ({ backups }) => backups?.stage === 'home_assistant');
});

test('neither a start nor a stop waits for a server that is silent', async () => {
  await connect();
  const sockets: Socket[] = [];
  const server = await listenInstead((socket) => sockets.push(socket));
  await scene.stop();
  const begun = performance.now();
  await scene.start();
  expect(scene.feature.document().state).toBe('connecting');
  await waitFor('the attempt', () => sockets.length > 0);
  await scene.stop();
  expect(performance.now() - begun).toBeLessThan(2 * SECOND_MS);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test('whoever wants something while it is away is the reason for an attempt', async () => {
  await connect();
  await home.stop();
  await away();
  await pass(10 * MINUTE_MS);
  await home.start();
  // without leaps: the pause has a quarter of a minute to go
  expect(await scene.feature.isAdministrator('owner')).toBe(true);
});
