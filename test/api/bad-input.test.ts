import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Device } from '../../src/contract/index.ts';
import { SmallDevice } from '../devices/wled-like.ts';
import { describeBackup, makeBackup } from '../harness/archives.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type ApiOperation, fillPath, operationsOf, spoil } from './document.ts';
import { type RawAnswer, type RawRequest, send, sendAndHangUp } from './raw.ts';
import { snapshot } from './snapshot.ts';

// What is asked of each route comes from the document of the API: a new route is covered by itself, except that the
// values of its parameters and a valid body must be named here.
const core: LocalCore = await startLocalCore();
const operations = operationsOf(await core.client.call('GET', '/api/openapi.json'));
const token = core.client.token;
const person = await core.person();
const device = new SmallDevice();
const params: Record<string, string> = {
  command: 'check_now',
  webhook_id: 'nobody',
  number: '1',
  sha256: 'ab'.repeat(32),
};
const valid: Record<string, unknown> = {
  'POST /api/v1/session': { password: 'a wrong password' },
  'POST /api/v1/session/setup': { code: 'none', password: 'another long one' },
  'PUT /api/v1/session/password': { current: 'a wrong password', password: 'another long one' },
  'POST /api/v1/webhooks': { name: 'Phone', kind: 'ntfy', url: 'http://127.0.0.1:1/home', severity: 'error' },
  'PATCH /api/v1/webhooks/{webhook_id}': { name: 'Phone', enabled: true },
  'POST /api/v1/commands/{command}': { target_id: 'shelf' },
  'PATCH /api/v1/settings': { name: 'Stash', cors_origins: ['https://dash.example.org'], overdue_days: 3 },
  'PUT /api/v1/log/level': { level: 'info' },
  'POST /api/v1/export': { passphrase: 'a long enough one' },
  'POST /api/v1/import': { passphrase: 'a long enough one', file: 'bm90aGluZw==' },
  'PUT /api/v1/mqtt': { url: 'mqtt://127.0.0.1:1', username: 'a', password: 'b' },
  'POST /api/v1/pairing': { secret: 'none', client_name: 'a client' },
  'POST /api/v1/pairing/codes': { url: 'http://stash.local:8098' },
  'POST /api/v1/targets': { name: 'Disk', settings: { kind: 'folder', path: `${core.dataDir}/other` } },
  'POST /api/v1/targets/check': {
    name: 'Disk',
    settings: { kind: 'folder', path: `${core.dataDir}/other` },
    save: true,
  },
  'POST /api/v1/targets/probe': {
    name: 'Bucket',
    settings: {
      kind: 's3',
      endpoint: 'http://127.0.0.1:1',
      region: 'r',
      bucket: 'bucket',
      folder: 'f',
      access_key: 'key',
      secret_key: 'secret',
      path_style: 'on',
      ca_certificate: '',
    },
  },
  'PATCH /api/v1/targets/{target_id}': { name: 'Disk', settings: {} },
  'POST /api/v1/targets/{target_id}/uploads': {
    backup: describeBackup({
      addons: [{ name: 'App', slug: 'app', version: '1' }],
      folders: ['ssl'],
      size: 10,
    }),
  },
  'POST /api/v1/targets/{target_id}/uploads/{upload_id}/commit': { size: 10, crc32: '00000000' },
  'POST /api/v1/devices': { kind: 'wled', name: 'Shelf', settings: { address: '127.0.0.1:1' } },
  'POST /api/v1/devices/test': { kind: 'wled', settings: { address: '127.0.0.1:1' } },
  'POST /api/v1/devices/import': { csv: 'kind;address', save: true },
  'POST /api/v1/devices/discover': { addresses: '127.0.0.1:1' },
  'POST /api/v1/devices/adoptions': { devices: [] },
  'PATCH /api/v1/devices/{device_id}': { name: 'Shelf', schedule: 'weekly', hours: '', retry: true },
  'PATCH /api/v1/devices/{device_id}/artefacts/{artefact_id}': { pinned: true },
  'PUT /api/v1/home-assistant': { url: 'http://127.0.0.1:1', token: 'a token' },
  'POST /api/v1/home-assistant/backups': { agent_ids: ['homestash.shelf'] },
  'PUT /api/v1/home-assistant/automatic': { agent_id: 'homestash.shelf', enabled: true, schedule: false },
};
let before: string;

beforeAll(async () => {
  // made behind the start
  await core.client.call('GET', '/api/v1/recovery-key');
  const target = await core.firstTarget();
  const { backup, archive } = makeBackup();
  await core.client.upload(target.id, backup, archive);
  const waiting = await core.client.announce(target.id, describeBackup({ size: 1_000_000 }));
  await device.server.start();
  const settings = { address: device.address };
  const { id: kept } = await core.client.call<Device>('POST', '/api/v1/devices', { kind: 'wled', settings });
  const saved = await waitFor('its backup', async () => {
    const path = `/api/v1/devices/${kept}/artefacts`;
    const [newest] = (await core.client.call<{ artefacts: { id: string }[] }>('GET', path)).artefacts;
    const running = (await core.client.operations()).some(
      ({ kind, state }) => kind === 'device_backup' && state === 'running',
    );
    return running ? undefined : newest;
  });
  Object.assign(params, {
    device_id: kept,
    artefact_id: saved.id,
    target_id: target.id,
    backup_id: backup.backup_id,
    upload_id: waiting.id,
    operation_id: waiting.operation_id,
    token_id: (await core.client.tokens())[0]?.id,
  });
});
beforeEach(() => {
  before = snapshot(core.dataDir);
});
afterEach(async () => {
  expect(snapshot(core.dataDir), 'nothing has changed').toBe(before);
  expect(await core.client.info(), 'the core still answers').toBeTruthy();
  expect(core.defects()).toEqual([]);
});
afterAll(async () => {
  await core.remove();
  await device.server.stop();
});

/** Who may: a program, or, where it does not do, a person on our own page. */
const allowed = ({ personal }: ApiOperation): Record<string, string> =>
  personal ? { cookie: person.cookie ?? '', origin: core.url } : { authorization: `Bearer ${token}` };

function ask(operation: ApiOperation, more: Partial<RawRequest> = {}): Promise<RawAnswer> {
  const { headers, ...rest } = more;
  return send(core.url, {
    method: operation.method,
    path: fillPath(operation.path, params),
    ...rest,
    headers: { ...allowed(operation), ...headers },
  });
}

/** Asks, and expects a refusal that says what happened and what to do. */
async function refused(
  what: string,
  asking: Promise<RawAnswer>,
  statuses?: readonly number[],
): Promise<RawAnswer> {
  const answer = await asking;
  const seen = `${what} was answered with ${answer.status} ${answer.body.slice(0, 300)}`;
  expect(answer.status, seen).toBeGreaterThanOrEqual(400);
  expect(answer.status, seen).toBeLessThan(500);
  if (statuses) expect(statuses, seen).toContain(answer.status);
  expect(answer.headers['content-type'], seen).toBe('application/problem+json');
  expect(JSON.parse(answer.body), seen).toMatchObject({
    status: answer.status,
    code: expect.stringMatching(/^[a-z_]+$/),
    title: expect.stringMatching(/\w/),
    hint: expect.stringMatching(/\w/),
  });
  return answer;
}

/** A test of what not every route has. */
function testIf(applies: boolean, name: string, work: () => Promise<void>): void {
  if (applies) test(name, work);
}

const paths = [...new Set(operations.map(({ path }) => path))];

const attackable = operations.filter(
  ({ open, params: names, query, body }) => !open || names.length + query.length > 0 || body,
);

describe.for(attackable)('$name', (operation) => {
  testIf(!operation.open, 'without a token it is closed', async () => {
    const [scheme, id, secret] = token.split('_') as [string, string, string];
    const wrong = [
      ...['', 'Bearer', 'Bearer ', `Basic ${token}`, token, 'Bearer hs_', `Bearer ${'x'.repeat(10_000)}`],
      ...[`Bearer ${scheme}_${id}_${'A'.repeat(secret.length)}`, `Bearer ${scheme}_${id}_`],
      `Bearer ${scheme}_none_${secret}`,
    ];
    for (const authorization of wrong) {
      const headers = { authorization, cookie: '' };
      const answer = await refused(authorization, ask(operation, { headers }), [401]);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });

  testIf(operation.personal, 'to a program it is closed', async () => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await refused('a token', ask(operation, { headers }), [403]);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'persons_only' });
  });

  testIf(
    !operation.open && operation.method !== 'GET',
    'from the page of somebody else it is closed',
    async () => {
      const headers = { cookie: person.cookie ?? '', origin: 'https://evil.example.org', authorization: '' };
      const answer = await refused('another page', ask(operation, { headers }), [403]);
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'cross_site' });
    },
  );

  testIf(operation.params.length > 0, 'parameters that are none', async () => {
    const wrong = [
      ...['..%2f..%2f..%2fetc%2fpasswd', '%2e%2e', '..%5c..', '%00', 'a%00', '%0d%0aX-A:%20b', '%ff%fe'],
      ...['%F0%9F%92%BE', '%C3%A4', '%20', '%25%32%65', "'%3B--", 'x'.repeat(8_000), '*', '-', '%'],
      ...['UNKNOWN', 'unknown', '0', '1e9', '__proto__', 'constructor', '%7B%7D'],
    ];
    for (const name of operation.params) {
      for (const value of wrong) {
        const path = fillPath(operation.path, { ...params, [name]: value });
        // two encoded dots lead up, as the standard of URLs has it; what is there has rules of its own
        if (paths.includes(new URL(path, core.url).pathname)) continue;
        await refused(`${name} ${value}`, ask(operation, { path }), [400, 404]);
      }
    }
  });

  testIf(operation.query.length > 0, 'a query that is none', async () => {
    const path = fillPath(operation.path, params);
    for (const name of operation.query) {
      for (const value of ['', 'x', '-1', '1.5', '1e3', '9'.repeat(40), '%00', '%F0%9F%92%BE']) {
        await refused(`${name}=${value}`, ask(operation, { path: `${path}?${name}=${value}` }), [400, 404]);
      }
    }
  });

  testIf(operation.body !== undefined, 'a body that is no JSON, or not this', async () => {
    const wrong: (string | Buffer)[] = [
      ...['', '{', 'text', 'null', '[]', '"text"', '7', 'NaN', '{"a":1}x', '[[[[', "{'a':1}"],
      ...['['.repeat(200_000), `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'a=1&b=2', '<a/>'],
      ...[
        Buffer.from([0xff, 0xfe, 0x7b, 0x7d]),
        Buffer.from('{"name":"\xff"}', 'latin1'),
        Buffer.alloc(1_000),
      ],
    ];
    for (const body of wrong) {
      // routes that are open to everybody take short ones only
      await refused(`the body ${String(body).slice(0, 40)}`, ask(operation, { body }), [400, 413]);
    }
    const compressed = { 'content-encoding': 'gzip' };
    await refused('an encoded body', ask(operation, { body: '\x1f\x8b\x08', headers: compressed }), [400]);
  });

  testIf(
    operation.body !== undefined,
    'a body with wrong types, huge numbers or missing members',
    async () => {
      const sample = valid[operation.name];
      expect(sample, `no valid body is known for ${operation.name}: add one here`).toBeDefined();
      const spoilt = spoil(operation.body ?? {}, sample);
      expect(spoilt.length).toBeGreaterThanOrEqual(5);
      for (const [what, body] of spoilt)
        await refused(what, ask(operation, { body: JSON.stringify(body) }), [400]);
    },
  );

  testIf(operation.body !== undefined, 'a body of two megabytes, announced or not', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(2_000_000) });
    for (const chunked of [false, true]) {
      await refused('a large body', ask(operation, { body, chunked }), [413]);
    }
  });

  testIf(operation.body !== undefined, 'a body that breaks off', async () => {
    const body = JSON.stringify(valid[operation.name]);
    const head = [
      `${operation.method} ${fillPath(operation.path, params)} HTTP/1.1`,
      ...Object.entries(allowed(operation)).map(([name, value]) => `${name}: ${value}`),
      'Content-Type: application/json',
    ];
    const length = `Content-Length: ${body.length + 10}`;
    const chunk = `${(body.length + 10).toString(16)}\r\n`;
    for (const said of [
      await sendAndHangUp(core.url, [...head, length], body),
      await sendAndHangUp(core.url, [...head, length], ''),
      await sendAndHangUp(core.url, [...head, `Content-Length: ${'9'.repeat(15)}`], body),
      await sendAndHangUp(core.url, [...head, 'Transfer-Encoding: chunked'], chunk + body),
      await sendAndHangUp(core.url, [...head, 'Transfer-Encoding: chunked'], `zz\r\n${body}`),
    ]) {
      expect(said).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    }
  });
});

describe.for(paths)('%s', (path) => {
  test('a method that it does not have', async () => {
    const known = operations.filter((operation) => operation.path === path);
    const methods = known.map(({ method }) => method);
    // a fixed last part may be read as the id of a thing that does not exist
    const shadowed = paths.some(
      (other) => other !== path && other.replace(/\{\w+\}$/, '') === `${dirname(path)}/`,
    );
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
      if (methods.includes(method)) continue;
      const asking = ask(known[0] as ApiOperation, { method });
      const { status, headers } = await refused(method, asking, shadowed ? [400, 404, 405] : [405]);
      if (status === 405 && !shadowed)
        expect(headers.allow?.split(', ').toSorted()).toEqual(methods.toSorted());
    }
  });
});

test('paths that lead nowhere', async () => {
  for (const path of [
    ...['/home', '/api', '/api/v1', '/api/v2/info', '/api/v1/targets/', '/api/v1//info', '//api/v1/info'],
    ...['/api/v1/..%2finfo', '/api/v1/info%00', '/%2e%2e/%2e%2e/etc/passwd', '/api/v1/INFO', '/%'],
    `/${'x'.repeat(8_000)}`,
  ]) {
    await refused(path, send(core.url, { method: 'GET', path }), [404]);
  }
});
