import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { EchoPage } from '../harness/echo-page.ts';
import { ForwardClock } from '../harness/forward-clock.ts';
import { readAppConfig, type SupervisorSimulator, startSupervisor } from './supervisor/index.ts';

const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;
const ADMIN = { id: 'abc123', username: 'frenck', name: 'Frenck' };

/** Who asks as the app does: with its token, and for nothing else. */
function asApp(supervisor: SupervisorSimulator) {
  return async (method: string, path: string, body?: object, token = supervisor.app.token) => {
    const response = await fetch(`${supervisor.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, connection: 'close' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json');
    return { status: response.status, answer: json ? JSON.parse(text) : text };
  };
}

describe('the API of the Supervisor, for an app without hassio_api', () => {
  let supervisor: SupervisorSimulator;
  let ask: ReturnType<typeof asApp>;

  beforeEach(async () => {
    supervisor = await startSupervisor();
    ask = asApp(supervisor);
  });
  afterEach(async () => {
    expect(supervisor.mistakes).toEqual([]);
    await supervisor.stop();
  });

  test('knows its callers', async () => {
    expect(await ask('GET', '/info', undefined, '')).toMatchObject({ status: 403 });
    expect((await fetch(`${supervisor.url}/info`)).status).toBe(401);
    expect((await ask('GET', '/info')).answer).toMatchObject({ result: 'ok', data: { state: 'running' } });
  });

  test.for(['/addons', '/supervisor/info', '/backups', '/core/info', '/nowhere', '/addons/self/security'])(
    'keeps %s from it',
    async (path) => expect(await ask('GET', path)).toMatchObject({ status: 403 }),
  );

  test('tells the app of itself', async () => {
    const { data } = (await ask('GET', '/addons/self/info')).answer;
    expect(data).toMatchObject({
      slug: supervisor.app.slug,
      hostname: supervisor.app.slug.replaceAll('_', '-'),
      ingress: true,
      ingress_port: 8099,
      ingress_url: `/api/hassio_ingress/${supervisor.app.ingressToken}/`,
      network: readAppConfig().ports,
    });
  });

  test('names a broker only where there is one', async () => {
    const refused = { status: 400, answer: { result: 'error', message: 'Service not enabled' } };
    expect(await ask('GET', '/services/mqtt')).toEqual(refused);
    supervisor.broker = { host: 'core-mosquitto', port: 1883, username: 'addons', password: 'secret' };
    expect((await ask('GET', '/services/mqtt')).answer.data).toEqual({
      ...{ addon: 'core_mosquitto', host: 'core-mosquitto', port: 1883, ssl: false, protocol: '3.1.1' },
      ...{ username: 'addons', password: 'secret' },
    });
    expect(await ask('GET', '/services/radio')).toMatchObject({ status: 404 });
    expect(await ask('GET', '/services/mysql')).toMatchObject({ status: 403 });
  });

  test('keeps a discovery message, and pushes what is new', async () => {
    const post = async (config: object) =>
      (await ask('POST', '/discovery', { service: 'homestash', config })).answer.data.uuid;
    const uuid = await post({ host: 'a', port: 1 });
    expect(await post({ port: 1, host: 'a' })).toBe(uuid);
    expect(supervisor.discovery.pushed).toHaveLength(1);
    expect(await post({ host: 'a', port: 2 })).toBe(uuid);
    expect(supervisor.discovery.pushed.map(({ config }) => config.port)).toEqual([1, 2]);

    const seenByCore = async (path: string) =>
      (await ask('GET', path, undefined, supervisor.coreToken)).answer.data;
    const message = {
      addon: supervisor.app.slug,
      service: 'homestash',
      uuid,
      config: { host: 'a', port: 2 },
    };
    expect(await seenByCore(`/discovery/${uuid}`)).toEqual(message);
    expect((await seenByCore('/discovery')).discovery).toEqual([message]);
    expect(await ask('GET', '/discovery')).toMatchObject({ status: 401 });
    supervisor.app.state = 'stopped';
    expect((await seenByCore('/discovery')).discovery).toEqual([]);

    await supervisor.stop();
    await supervisor.start();
    expect(await ask('DELETE', `/discovery/${uuid}`)).toMatchObject({ status: 200 });
    expect(await ask('DELETE', `/discovery/${uuid}`)).toMatchObject({ status: 404 });
  });

  test('takes no message for a service that config.yaml does not name, nor one of another form', async () => {
    expect(await ask('POST', '/discovery', { service: 'zigbee', config: {} })).toMatchObject({ status: 403 });
    expect(await ask('POST', '/discovery', { service: 'homestash' })).toMatchObject({ status: 400 });
    expect(supervisor.discovery.messages.size).toBe(0);
  });

  test('blocks what looks like an attack, also when it is hidden', async () => {
    const paths = ['/info?x=%2e%2e%2f', '/info?x=%252e%252e%252f', '/info?q=<script>', '/info?path=/a/b/'];
    for (const path of paths) expect([path, (await ask('GET', path)).status]).toEqual([path, 400]);
    expect((await ask('GET', '/info?path=%2Fhomestash')).status).toBe(200);
  });

  test('lets nobody through to a Home Assistant that does not run, nor to what is its own there', async () => {
    expect(await ask('GET', '/core/api/config')).toMatchObject({ status: 502 });
    expect(await ask('POST', '/core/api/hassio_auth')).toMatchObject({ status: 403 });
    expect(await ask('GET', '/core/api/config', undefined, 'wrong')).toMatchObject({ status: 401 });
  });
});

test('an app that asks for less is given less', async () => {
  const supervisor = await startSupervisor({
    config: { services: [], discovery: [], homeassistant_api: false },
    broker: { host: 'core-mosquitto', port: 1883 },
  });
  const ask = asApp(supervisor);
  expect(await ask('GET', '/services/mqtt')).toMatchObject({ status: 403 });
  expect(await ask('POST', '/discovery', { service: 'homestash', config: {} })).toMatchObject({
    status: 403,
  });
  expect(await ask('GET', '/core/api/config')).toMatchObject({ status: 401 });
  await supervisor.stop();
});

test('a config.yaml that the Supervisor would refuse is refused', () => {
  expect(() => readAppConfig({ services: ['mqtt:perhaps'] })).toThrow(/services/);
});

describe('ingress', () => {
  const clock = new ForwardClock();
  let supervisor: SupervisorSimulator;
  const page = new EchoPage();

  beforeAll(async () => {
    await page.start();
    new WebSocketServer({ server: page.server }).on('connection', (socket, request) => {
      socket.send(String(request.headers['x-remote-user-id']));
      socket.on('message', (data, binary) => socket.send(data, { binary }));
    });
    supervisor = await startSupervisor({
      clock,
      users: [ADMIN],
      ingress: page.address,
    });
  });
  beforeEach(() => {
    page.answer = (response) => response.end('hello');
  });
  afterAll(async () => {
    expect(supervisor.mistakes).toEqual([]);
    await supervisor.stop();
    await page.stop();
  });

  test('comes from the gateway, and says who asks; nobody else can', async () => {
    const forged = { 'x-remote-user-id': 'mallory', 'X-Supervisor-Token': 'stolen', 'x-thing': 'kept' };
    const response = await supervisor.browse('/a/b?c=d', { userId: ADMIN.id, headers: forged });
    expect(await response.text()).toBe('hello');
    const { url, peer, headers } = page.last;
    expect(url).toBe('/a/b?c=d');
    expect(peer).toBe(supervisor.gateway);
    expect(headers).toMatchObject({
      'x-remote-user-id': ADMIN.id,
      'x-remote-user-name': ADMIN.username,
      'x-remote-user-display-name': ADMIN.name,
      'x-ingress-path': `/api/hassio_ingress/${supervisor.app.ingressToken}`,
      'x-forwarded-for': '192.168.1.20, 127.0.0.1',
      'x-hass-source': 'core.ingress',
      'x-thing': 'kept',
    });
    expect(headers).not.toHaveProperty('x-supervisor-token');
  });

  test('names nobody whom Home Assistant does not know', async () => {
    await supervisor.browse('/', { userId: 'unknown', headers: { 'x-remote-user-id': 'mallory' } });
    expect(page.last.headers).not.toHaveProperty('x-remote-user-id');
  });

  test('wants a session, which lives by being used', async () => {
    const { url, app, coreToken } = supervisor;
    const open = `${url}/ingress/${app.ingressToken}/`;
    expect((await fetch(open)).status).toBe(401);
    const made = await asApp(supervisor)('POST', '/ingress/session', { user_id: ADMIN.id }, coreToken);
    const cookie = { cookie: `ingress_session=${made.answer.data.session}` };
    const look = async () => (await fetch(open, { headers: cookie })).status;
    for (let minutes = 0; minutes < 60; minutes += 10) {
      expect(await look()).toBe(200);
      clock.forward(10 * MINUTE_MS);
    }
    clock.forward(120 * MINUTE_MS);
    expect(await look()).toBe(401);
    expect((await fetch(`${url}/ingress/wrong/`, { headers: cookie })).status).toBe(401);
  });

  test('writes the type of an answer without its character set, and takes compression off', async () => {
    page.answer = (response) => {
      const body = gzipSync('hällo');
      const headers = { 'content-type': 'text/html; charset=utf-8', 'content-encoding': 'gzip' };
      response.writeHead(200, { ...headers, 'content-length': body.length }).end(body);
    };
    const response = await supervisor.browse('/');
    expect(response.headers.get('content-type')).toBe('text/html');
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(Buffer.from(await response.arrayBuffer()).toString()).toBe('hällo');
  });

  test('streams events as they come, and does not wait for their end', async () => {
    let more: () => void = () => undefined;
    page.answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('one');
      more = () => response.end('two');
    };
    const response = await supervisor.browse('/events');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const reader = response.body?.getReader();
    const read = async () => Buffer.from((await reader?.read())?.value ?? []).toString();
    expect(await read()).toBe('one');
    more();
    expect(await read()).toBe('two');
  });

  test('streams a POST of any length, and takes nothing else that is larger than 16 MiB', async () => {
    page.answer = (response, { body }) => response.end(String(body.length));
    const send = (method: string, size: number) =>
      supervisor.browse('/upload', { method, body: Buffer.alloc(size) });
    expect(await (await send('PUT', 16 * MIB)).text()).toBe(String(16 * MIB));
    expect((await send('PUT', 16 * MIB + 1)).status).toBe(413);
    expect(await (await send('POST', 17 * MIB)).text()).toBe(String(17 * MIB));
  });

  test('passes redirects and empty answers on as they are', async () => {
    page.answer = (response) => response.writeHead(303, { location: './there' }).end();
    const redirect = await supervisor.browse('/here');
    expect([redirect.status, redirect.headers.get('location')]).toEqual([303, './there']);
    page.answer = (response) => response.writeHead(304, { etag: '"x"' }).end();
    expect((await supervisor.browse('/')).status).toBe(304);
  });

  test('says bad gateway where the app does not answer', async () => {
    const { ingress } = supervisor.app;
    supervisor.app.ingress = { host: '127.0.0.1', port: 1 };
    expect((await supervisor.browse('/')).status).toBe(502);
    supervisor.app.ingress = ingress;
  });

  test('carries websockets', async () => {
    const made = await asApp(supervisor)(
      'POST',
      '/ingress/session',
      { user_id: ADMIN.id },
      supervisor.coreToken,
    );
    const address = `${supervisor.url.replace('http', 'ws')}/ingress/${supervisor.app.ingressToken}/live`;
    const socket = new WebSocket(address, {
      headers: { cookie: `ingress_session=${made.answer.data.session}` },
    });
    const next = async () => String((await once(socket, 'message'))[0]);
    expect(await next()).toBe(ADMIN.id);
    socket.send('echo');
    expect(await next()).toBe('echo');
    socket.close();
    await once(socket, 'close');
    const refused = new WebSocket(address);
    const [error] = await once(refused, 'error');
    expect(String(error)).toContain('401');
  });
});
