import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeRed } from '../../../src/devices/handlers/node-red.ts';
import { version } from '../../harness/cache.ts';
import type { Dashboard } from '../../harness/dashboard.ts';
import { haveNodeRed, NODE_RED_PASSWORD, startNodeRed } from '../../harness/node-red.ts';
import { bodyOf, DeviceServer } from '../../simulators/devices/server.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

const IDENTITY = { model: 'Node-RED', firmware: version('NODE_RED_VERSION') };
const FLOWS = 'flows.json';
const MODULES = 'nodes.json';

const TAB = { id: 'tab', type: 'tab', label: 'Lights', disabled: false, info: '', env: [] };
const BROKER = {
  id: 'broker',
  type: 'mqtt-broker',
  name: '',
  broker: '127.0.0.1',
  port: '1',
  autoConnect: false,
};
const REQUEST = {
  ...{ id: 'ask', type: 'http request', z: 'tab', name: 'Ask', method: 'GET', url: 'http://127.0.0.1:1/' },
  headers: [{ keyType: 'Authorization', keyValue: '', valueType: 'other', valueValue: 'Bearer of-the-flow' }],
  ...{ x: 100, y: 80, wires: [[]] },
};
const FLOW = [TAB, BROKER, REQUEST];

/** Asks as its own editor does. */
async function admin(at: string, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://${at}${path}`, {
    ...init,
    headers: { 'content-type': 'application/json', 'node-red-api-version': 'v2', ...init.headers },
  });
}

async function tokenOf(at: string, username: string, password = NODE_RED_PASSWORD): Promise<Response> {
  const words = { client_id: 'node-red-admin', grant_type: 'password', scope: '', username, password };
  return admin(at, '/auth/token', { method: 'POST', body: JSON.stringify(words) });
}

describe.runIf(haveNodeRed())('a Node-RED', () => {
  let open: Dashboard;
  let closed: Dashboard;
  let prefixed: string;

  beforeAll(async () => {
    [open, closed] = await Promise.all([
      startNodeRed({ flows: FLOW }),
      startNodeRed({
        root: '/editor',
        flows: FLOW,
        users: {
          admin: '*',
          reader: 'read',
          flows: ['flows.read', 'settings.read'],
          blind: 'context.read',
          late: '*',
        },
      }),
    ]);
    prefixed = `${closed.address}/editor`;
  }, 120_000);

  afterAll(() => Promise.all([open?.stop(), closed?.stop()]));

  const run = (change: Record<string, unknown> = {}) =>
    new HandlerRun(nodeRed, { address: open.address, ...change });
  const signedIn = (change: Record<string, unknown> = {}) =>
    run({ address: prefixed, user: 'admin', password: NODE_RED_PASSWORD, ...change });

  /** How often its log tells of something. */
  const told = (event: string) => closed.log().split(`"event":"${event}"`).length - 1;

  async function withToken<Result>(
    work: (headers: Record<string, string>) => Promise<Result>,
  ): Promise<Result> {
    const { access_token: token } = (await (await tokenOf(prefixed, 'admin')).json()) as {
      access_token: string;
    };
    return work({ authorization: `Bearer ${token}` });
  }

  test('that asks nobody says what it is and gives its flows', async () => {
    await expect(run().test()).resolves.toEqual(IDENTITY);
    const saved = await run().fetch();
    expect(saved.files.map(({ name }) => name)).toEqual([FLOWS, MODULES]);
    expect(JSON.parse(await saved.get(FLOWS).text())).toEqual(FLOW);
    await expect(run().validate(saved)).resolves.toBeUndefined();
    await expect(run().normalised(saved, MODULES)).resolves.toBe(`node-red ${version('NODE_RED_VERSION')}`);
  });

  test('with users, behind a path, is signed in to and out of', async () => {
    const [begun, ended] = [told('auth.login'), told('auth.login.revoke')];
    await expect(signedIn().test()).resolves.toEqual(IDENTITY);
    const saved = await signedIn().fetch();
    expect(JSON.parse(await saved.get(FLOWS).text())).toEqual(FLOW);
    expect([told('auth.login') - begun, told('auth.login.revoke') - ended]).toEqual([2, 2]);
  });

  test('gives what a user may see who may only read', async () => {
    const saved = await signedIn({ user: 'reader' }).fetch();
    expect(saved.files.map(({ name }) => name)).toEqual([FLOWS, MODULES]);
    const less = await signedIn({ user: 'flows' }).fetch();
    expect(less.files.map(({ name }) => name)).toEqual([FLOWS]);
    await expect(signedIn({ user: 'blind' }).test()).rejects.toMatchObject({ code: 'device_forbidden' });
    await expect(signedIn({ user: 'reader' }).restore(saved)).rejects.toMatchObject({
      code: 'device_forbidden',
    });
  });

  test('is asked once only with a wrong password, and not at all without one', async () => {
    const before = told('auth.login.fail.credentials');
    await expect(signedIn({ password: 'wrong' }).test()).rejects.toMatchObject({ code: 'device_password' });
    expect(told('auth.login.fail.credentials') - before).toBe(1);
    await expect(signedIn({ user: '', password: '' }).test()).rejects.toMatchObject({
      code: 'device_password',
    });
    expect(told('auth.login.fail.credentials') - before).toBe(1);
  });

  test('says that it is locked after too many attempts', async () => {
    for (let attempt = 0; attempt < 5; attempt += 1) await tokenOf(prefixed, 'late', 'wrong');
    await expect(signedIn({ user: 'late' }).test()).rejects.toMatchObject({ code: 'device_locked' });
  });

  test('takes flows back as they were, and verifies them', async () => {
    const saved = await signedIn().fetch();
    await withToken(async (headers) => {
      const flows = [{ ...TAB, label: 'Spoilt' }, BROKER];
      await admin(prefixed, '/flows', { method: 'POST', headers, body: JSON.stringify({ flows }) });
      await expect(signedIn().verify(saved)).rejects.toMatchObject({ code: 'restore_different' });
      await signedIn().restore(saved);
      await signedIn().verify(saved);
      const { flows: now } = (await (await admin(prefixed, '/flows', { headers })).json()) as {
        flows: unknown;
      };
      expect(now).toEqual(FLOW);
    });
    expect(JSON.parse(readFileSync(join(closed.dir, 'flows.json'), 'utf8'))).toEqual(FLOW);
  });

  test('gives out no credentials, and keeps them over a restore for nodes that are still there', async () => {
    await withToken(async (headers) => {
      const credentials = { user: 'of the broker', password: 'never given out' };
      const deploy = (flows: object[]) =>
        admin(prefixed, '/flows', { method: 'POST', headers, body: JSON.stringify({ flows }) });
      const known = async () =>
        (await admin(prefixed, '/credentials/mqtt-broker/broker', { headers })).json() as Promise<object>;

      await deploy([TAB, { ...BROKER, credentials }, REQUEST]);
      const saved = await signedIn().fetch();
      expect(await saved.get(FLOWS).text()).not.toContain('never given out');
      await deploy([{ ...TAB, label: 'Another' }, BROKER]);
      await signedIn().restore(saved);
      expect(await known()).toEqual({ user: 'of the broker', has_password: true });

      // a node that was gone in between has lost them
      await deploy([TAB]);
      await signedIn().restore(saved);
      await signedIn().verify(saved);
      expect(await known()).not.toHaveProperty('user');
    });
  });

  test('refuses what is no list of flows, and says why', async () => {
    const wrong = savedOf({ [FLOWS]: JSON.stringify(FLOW) });
    const huge = savedOf({ [FLOWS]: JSON.stringify([{ ...TAB, info: 'x'.repeat(6_000_000) }]) });
    await expect(signedIn().restore(huge)).rejects.toMatchObject({
      code: 'restore_refused',
      params: { reason: 'larger than its apiMaxLength' },
    });
    await expect(signedIn().restore(wrong)).resolves.toBeUndefined();
  });

  test('without any flow gives nothing that could replace the last good ones', async () => {
    const empty = await startNodeRed();
    try {
      const kept = new HandlerRun(nodeRed, { address: empty.address });
      await expect(kept.test()).resolves.toEqual(IDENTITY);
      await expect(kept.fetch()).rejects.toMatchObject({ code: 'device_nothing' });
    } finally {
      await empty.stop();
    }
  });

  test('in which anybody may read is read without a user', async () => {
    const readable = await startNodeRed({ flows: FLOW, users: { admin: '*' }, anybody: 'read' });
    try {
      const kept = new HandlerRun(nodeRed, { address: readable.address });
      const saved = await kept.fetch();
      await expect(kept.restore(saved)).rejects.toMatchObject({ code: 'device_password' });
    } finally {
      await readable.stop();
    }
  });

  test('whose users come from another service says so', async () => {
    const service = await startNodeRed({ strategy: true });
    try {
      const kept = new HandlerRun(nodeRed, { address: service.address, user: 'a', password: 'b' });
      await expect(kept.test()).rejects.toMatchObject({ code: 'device_failed' });
      await expect(kept.recognise(service.address)).resolves.toEqual({ model: 'Node-RED' });
    } finally {
      await service.stop();
    }
  });

  describe('behind the proxy of the app in Home Assistant', () => {
    const expected = `Basic ${Buffer.from('resident:of Home Assistant').toString('base64')}`;
    let wrong = 0;
    const proxy = new DeviceServer(async (asked, answer) => {
      if (asked.headers.authorization !== expected) {
        if (asked.headers.authorization !== undefined) wrong += 1;
        answer
          .writeHead(401, { 'www-authenticate': 'Basic realm="Home Assistant"' })
          .end('401 Access Denied');
        return;
      }
      const { authorization: _, host: __, ...headers } = asked.headers;
      const { method, url: path } = asked;
      const onward = request({ host: '127.0.0.1', port: open.port, method, path, headers }, (said) => {
        answer.writeHead(said.statusCode ?? 500, said.headers);
        said.pipe(answer);
      });
      onward.end(await bodyOf(asked));
    });
    beforeAll(() => proxy.start());
    afterAll(() => proxy.stop());

    test('is signed in to as in Home Assistant', async () => {
      const resident = { address: proxy.address, user: 'resident', password: 'of Home Assistant' };
      await expect(run(resident).test()).resolves.toEqual(IDENTITY);
      const saved = await run(resident).fetch();
      await run(resident).restore(saved);
      await run(resident).verify(saved);
      await expect(run({ ...resident, password: 'no' }).test()).rejects.toMatchObject({
        code: 'device_password',
      });
      expect(wrong).toBe(1);
      await expect(run({ address: proxy.address }).test()).rejects.toMatchObject({ code: 'device_password' });
      expect(wrong).toBe(1);
    });
  });

  test('is recognised, with users and without', async () => {
    await expect(run().recognise(open.address)).resolves.toEqual(IDENTITY);
    await expect(run().recognise(prefixed)).resolves.toEqual({ model: 'Node-RED' });
  });

  test('that does not answer is a device that does not answer', async () => {
    const server = new DeviceServer(() => undefined);
    await server.start();
    await server.stop();
    await expect(run({ address: server.address }).test()).rejects.toMatchObject({ code: 'device_refused' });
    await expect(run({ address: closed.address }).test()).rejects.toMatchObject({ code: 'device_not_there' });
  });
});

describe('something else', () => {
  test.each([
    ['a page', '<!doctype html><title>Router</title>'],
    ['other data', '{"type":["?"]}'],
    ['nothing', ''],
  ])('is no Node-RED: %s', async (_name, content) => {
    const server = new DeviceServer((_request, response) => response.end(content));
    await server.start();
    try {
      const run = new HandlerRun(nodeRed, { address: server.address });
      await expect(run.test()).rejects.toMatchObject({ code: 'device_other_kind' });
      await expect(run.recognise(server.address).catch(() => undefined)).resolves.toBeUndefined();
    } finally {
      await server.stop();
    }
  });
});

describe('what was saved', () => {
  const run = new HandlerRun(nodeRed, { address: '127.0.0.1' });
  const whole = JSON.stringify(FLOW);

  test.each([
    ['cut', whole.slice(0, -20)],
    ['empty', ''],
    ['a page', '<!doctype html><html></html>'],
    ['no flow', '[]'],
    ['another file', '{"flows":[]}'],
    ['other lists', '[{"id":1}]'],
  ])('is refused when it is %s', async (_name, content) => {
    await expect(run.validate(savedOf({ [FLOWS]: content }))).rejects.toMatchObject({
      code: 'artefact_wrong',
    });
  });

  test('needs its flows, and a list of modules where there is one', async () => {
    await expect(run.validate(savedOf({ [MODULES]: '[]' }))).rejects.toMatchObject({
      code: 'artefact_wrong',
    });
    await expect(run.validate(savedOf({ [FLOWS]: whole, [MODULES]: '{}' }))).rejects.toMatchObject({
      code: 'artefact_wrong',
    });
    await expect(
      run.validate(savedOf({ [FLOWS]: whole, [MODULES]: '[{"id":"a/b"}]' })),
    ).resolves.toBeUndefined();
  });

  test('is the same in another order, and shows no secret', async () => {
    const environment = {
      ...TAB,
      env: [
        { name: 'API_TOKEN', value: 'of the environment', type: 'str' },
        { name: 'ROOM', value: 'kitchen', type: 'str' },
      ],
    };
    const saved = savedOf({
      [FLOWS]: JSON.stringify([environment, BROKER, REQUEST]),
      other: JSON.stringify([REQUEST, environment, { ...BROKER }]),
    });
    const text = await run.normalised(saved, FLOWS);
    expect(text).toBe(await run.normalised(saved, 'other'));
    expect(text).toContain('kitchen');
    expect(text).not.toContain('of the environment');
    expect(text).not.toContain('of-the-flow');
  });

  test('lists modules with their versions, and what is switched off', async () => {
    const set = { types: [], enabled: true, local: false, user: false, version: '1.2.0' };
    const saved = savedOf({
      [MODULES]: JSON.stringify([
        { ...set, id: 'node-red-contrib-x/b', module: 'node-red-contrib-x', enabled: false },
        { ...set, id: 'node-red/a', module: 'node-red' },
        { ...set, id: 'node-red-contrib-x/a', module: 'node-red-contrib-x' },
      ]),
    });
    await expect(run.normalised(saved, MODULES)).resolves.toBe(
      'node-red 1.2.0\nnode-red-contrib-x 1.2.0\nnode-red-contrib-x/b (off)',
    );
  });
});
