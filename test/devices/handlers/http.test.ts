import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Artefact, Device } from '../../../src/contract/index.ts';
import { http } from '../../../src/devices/handlers/http.ts';
import { type RequestSettings, readHeaders, requestOf } from '../../../src/devices/handlers/http-request.ts';
import { Problem } from '../../../src/kernel/errors.ts';
import { makeCertificate } from '../../harness/certificate.ts';
import { startLocalCore } from '../../harness/local-core.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { bodyOf, DeviceServer } from '../../simulators/devices/server.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

const SECRET = 'geheim & "1"';
const REALM = 'a device';
const NONCE = 'abcdef0123456789';
const EXPORT = '{"name":"box","settings":{"api_key":"hidden","level":3}}';

const folders = (process.env.PATH ?? '').split(delimiter);
const haveCurl = folders.some((folder) => existsSync(join(folder, 'curl')));

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

/** Whether an answer to the challenge is right (RFC 7616, MD5 with `qop=auth`). */
function digestFits(header: string, { method = '', url = '' }: IncomingMessage): boolean {
  const said = Object.fromEntries(
    [...header.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)].map(([, name, quoted, plain]) => [
      name,
      quoted?.replace(/\\(.)/g, '$1') ?? plain,
    ]),
  );
  const first = md5(`reader:${REALM}:${SECRET}`);
  const wanted = md5(`${first}:${NONCE}:${said.nc}:${said.cnonce}:auth:${md5(`${method}:${said.uri}`)}`);
  return said.username === 'reader' && said.nonce === NONCE && said.uri === url && said.response === wanted;
}

/** A device with an export behind each way to sign in; it refuses all else. */
class Exporter {
  /** Requests that carried credentials which were not right. */
  failures = 0;
  /** What was sent last. */
  last: { headers: IncomingMessage['headers']; body: string } | undefined;
  readonly server: DeviceServer;

  constructor(tls?: ReturnType<typeof makeCertificate>) {
    this.server = new DeviceServer((request, response) => void this.#answer(request, response), tls);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.last = { headers: request.headers, body: (await bodyOf(request)).toString() };
    const { authorization = '' } = request.headers;
    const refuse = (challenge: string) => {
      if (authorization !== '') this.failures += 1;
      response.writeHead(401, { 'www-authenticate': challenge }).end('no');
    };
    const give = (content: string | Buffer, headers: Record<string, string> = {}) =>
      response.writeHead(200, headers).end(content);
    const [path] = (request.url ?? '').split('?');
    switch (path) {
      case '/open':
        return void give(EXPORT);
      case '/basic': {
        const right = `Basic ${Buffer.from(`reader:${SECRET}`).toString('base64')}`;
        return void (authorization === right ? give(EXPORT) : refuse('Basic realm="a device"'));
      }
      case '/digest':
        return void (digestFits(authorization, request)
          ? give(EXPORT)
          : refuse(`Digest realm="${REALM}", nonce="${NONCE}", qop="auth", algorithm=MD5`));
      case '/bearer':
        return void (authorization === 'Bearer token-1' ? give(EXPORT) : refuse('Bearer'));
      case '/login':
        return void give('<!doctype html><title>Sign in</title>');
      case '/moved':
        return void response.writeHead(302, { location: '/login?next=secret' }).end();
      case '/packed':
        return void give(gzipSync(EXPORT), { 'content-encoding': 'gzip' });
      case '/cut':
        response.writeHead(200, { 'content-length': '1000' });
        response.write(EXPORT);
        return void setImmediate(() => response.destroy());
      case '/drip': {
        const timer = setInterval(() => response.write(' '), 20);
        response.once('close', () => clearInterval(timer));
        return;
      }
      case '/endless': {
        const more = () => {
          while (response.write('x'.repeat(65_536)));
        };
        response.on('drain', more);
        return more();
      }
      case '/locked':
        return void response.writeHead(429).end();
      case '/forbidden':
        return void response.writeHead(403).end();
      default:
        response.writeHead(404).end();
    }
  }
}

let device: Exporter;
beforeAll(async () => {
  device = new Exporter();
  await device.server.start();
});
afterAll(() => device.server.stop());
beforeEach(() => {
  device.failures = 0;
  device.server.asked.length = 0;
});

const run = (change: Record<string, unknown>, options: { signal?: AbortSignal; trusted?: string } = {}) =>
  new HandlerRun(http, { address: device.server.address, ...change }, options);

describe('a request', () => {
  test('gives a document, which is checked and compared', async () => {
    const box = run({ path: '/open', must_contain: '"box"' });
    await expect(box.test()).resolves.toEqual({});
    const saved = await box.fetch();
    await expect(box.validate(saved)).resolves.toBeUndefined();
    expect(await saved.get('answer.json').text()).toBe(EXPORT);
    const text = (await box.normalised(saved, 'answer.json')) ?? '';
    expect(text).toContain('"level": 3');
    expect(text).not.toContain('hidden');
  });

  test('is sent once for each backup', async () => {
    const core = await startLocalCore({});
    try {
      const settings = { address: device.server.address, path: '/open' };
      const { id } = await core.client.call<Device>('POST', '/api/v1/devices', { kind: 'http', settings });
      const saved = async () => {
        const path = `/api/v1/devices/${id}/artefacts`;
        return (await core.client.call<{ artefacts: Artefact[] }>('GET', path)).artefacts;
      };
      await waitFor('the first backup', async () => (await saved())[0]?.good);
      // one to try it, before it is added
      expect(device.server.asked).toEqual(['GET /open', 'GET /open']);
    } finally {
      await core.remove();
    }
  });

  test('is sent as it was entered', async () => {
    const settings = { path: 'open?a=1', method: 'POST', body: '{"what":"all"}', file_name: 'own.json' };
    const box = run({ ...settings, headers: 'X-Api-Key: key-1\n\nAccept : application/json' });
    const saved = await box.fetch();
    expect(saved.files.map(({ name }) => name)).toEqual(['own.json']);
    expect(device.server.asked).toEqual(['POST /open?a=1']);
    expect(device.last?.body).toBe('{"what":"all"}');
    expect(device.last?.headers).toMatchObject({
      'x-api-key': 'key-1',
      accept: 'application/json',
      'content-type': 'application/json',
    });
    await run({ ...settings, body: 'a=1', headers: 'content-type: text/x' }).fetch();
    expect(device.last?.headers['content-type']).toBe('text/x');
  });

  test.each([
    { headers: 'no colon' },
    { headers: 'a b: c' },
    { headers: ': c' },
    { headers: `x: ${'\u{1f600}'}` },
    { headers: 'Host: other' },
    { headers: 'Transfer-Encoding: chunked' },
    { headers: 'x: 1\n'.repeat(51) },
    { path: '/a b' },
    { path: '/ü' },
    { path: '/a\r\nX: y' },
    { auth: 'basic' },
    { auth: 'bearer' },
    { auth: 'bearer', token: 'a\nb' },
  ])('%j is refused before anything is sent, and is not repeated', async (change) => {
    const error = await run({ path: '/open', ...change })
      .test()
      .catch((problem) => problem);
    expect(error).toMatchObject({ code: 'invalid_request' });
    expect(device.server.asked).toEqual([]);
    expect(JSON.stringify(error.params)).not.toContain('a b');
  });

  test('where it is holds no query, for keys stand there', () => {
    const place = (path: string) =>
      http.place({ address: 'box:81', path } as unknown as Parameters<typeof http.place>[0]);
    expect(place('/')).toBe('box:81');
    expect(place('/export?key=secret')).toBe('box:81/export');
  });
});

describe('signing in', () => {
  const ways = [
    ['basic', { user: 'reader', password: SECRET }, { user: 'reader', password: 'wrong' }],
    ['digest', { user: 'reader', password: SECRET }, { user: 'reader', password: 'wrong' }],
    ['bearer', { token: 'token-1' }, { token: 'token-2' }],
  ] as const;

  test.each(ways)('by %s lets in, and what is wrong is tried once', async (auth, right, wrong) => {
    await expect(run({ path: `/${auth}`, auth, ...right }).test()).resolves.toEqual({});
    expect(device.failures).toBe(0);
    await expect(run({ path: `/${auth}`, auth, ...wrong }).test()).rejects.toMatchObject({
      code: 'device_password',
    });
    expect(device.failures).toBe(1);
  });

  test('by digest sends no password to a device that wants it in plain text', async () => {
    const box = run({ path: '/basic', auth: 'digest', user: 'reader', password: SECRET });
    await expect(box.test()).rejects.toMatchObject({ code: 'device_password' });
    expect(device.server.asked).toHaveLength(1);
    expect(device.failures).toBe(0);
  });

  test.skipIf(!haveCurl).each([
    ['basic', ['--basic', '-u', `reader:${SECRET}`]],
    ['digest', ['--digest', '-u', `reader:${SECRET}`]],
    ['bearer', ['-H', 'Authorization: Bearer token-1']],
  ])('curl comes in the same way (%s)', async (path, args) => {
    const command = ['-sS', '--fail', '--noproxy', '*', ...args, `http://${device.server.address}/${path}`];
    const { stdout } = await promisify(execFile)('curl', command);
    expect(stdout).toBe(EXPORT);
  });

  test('a certificate is pinned, and another one gets nothing', async () => {
    const secure = new Exporter(makeCertificate(temporaryFolder('certificate')));
    await secure.server.start();
    const settings = { address: secure.server.address, path: '/bearer', auth: 'bearer', token: 'token-1' };
    const box = new HandlerRun(http, settings);
    await expect(box.test()).resolves.toEqual({});
    const other = new HandlerRun(http, settings, { trusted: 'AA:BB' });
    await expect(other.test()).rejects.toMatchObject({ code: 'device_pin' });
    expect(secure.server.asked).toHaveLength(1);
    await secure.server.stop();
  });
});

describe('bad days', () => {
  test.each([
    ['/missing', 'device_not_there'],
    ['/forbidden', 'device_forbidden'],
    ['/locked', 'device_locked'],
    ['/moved', 'device_redirect'],
    ['/login', 'device_unexpected'],
    ['/packed', 'device_unexpected'],
  ])('%s is %s', async (path, code) => {
    const error = await run({ path })
      .test()
      .catch((problem) => problem);
    expect(error.code).toBe(code);
    expect(JSON.stringify(error.params)).not.toContain('secret');
  });

  test('an answer that breaks off is a cut', async () => {
    await expect(run({ path: '/cut' }).fetch()).rejects.toMatchObject({ code: 'device_cut' });
  });

  test('a drip is ended by its signal; an answer without end does not hold up a test', async () => {
    const stop = new AbortController();
    const reason = new Problem('device_slow', { params: { host: 'x' } });
    const fetching = run({ path: '/drip' }, { signal: stop.signal }).fetch();
    setImmediate(() => stop.abort(reason));
    await expect(fetching).rejects.toBe(reason);
    await expect(run({ path: '/endless' }).test()).resolves.toEqual({});
  });
});

describe('what comes is judged by what is expected', () => {
  const zipped = (() => {
    const folder = temporaryFolder('zip');
    writeFileSync(join(folder, 'a.txt'), 'content '.repeat(100));
    const python = `import zipfile; z = zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED); z.write("a.txt"); z.close(); print(open("a.zip", "rb").read().hex())`;
    return Buffer.from(execFileSync('python3', ['-c', python], { cwd: folder }).toString().trim(), 'hex');
  })();
  const tarred = execFileSync('tar', ['czf', '-', 'package.json']);
  const page = '<!DOCTYPE html><html><body>Sign in</body></html>';

  test.each([
    ['json', EXPORT, 'good'],
    ['json', EXPORT.slice(0, -5), 'artefact_cut'],
    ['json', 'Error: 5', 'artefact_wrong: no JSON'],
    ['json', page, 'artefact_page'],
    ['xml', '<?xml version="1.0"?><a><b>1</b></a>\n', 'good'],
    ['xml', '<a><b>1</b>', 'artefact_cut'],
    ['xml', '<a><b>1</', 'artefact_cut'],
    ['xml', '<a><b></a></b>', 'artefact_wrong: damaged XML'],
    ['xml', EXPORT, 'artefact_wrong: no XML'],
    ['xml', page, 'artefact_page'],
    ['text', 'a = 1\n', 'good'],
    ['text', page, 'artefact_page'],
    ['text', Buffer.from([1, 0, 2]), 'artefact_wrong: no text'],
    ['zip', zipped, 'good'],
    ['zip', zipped.subarray(0, -30), 'artefact_cut'],
    ['zip', tarred, 'artefact_wrong: no zip'],
    ['zip', page, 'artefact_wrong: no zip'],
    ['gzip', tarred, 'good'],
    ['gzip', tarred.subarray(0, -5), 'artefact_cut'],
    ['gzip', EXPORT, 'artefact_wrong: no gzip'],
    ['anything', page, 'good'],
  ])('%s (%#)', async (expected, content, verdict) => {
    const box = run({ expected, file_name: 'file' });
    const found = await box.validate(savedOf({ file: content })).then(
      () => 'good',
      ({ code, params }) => [code, params.reason].filter(Boolean).join(': '),
    );
    expect(found).toBe(verdict);
  });

  test('what it must contain is found also where two pieces meet', async () => {
    const box = run({ expected: 'anything', file_name: 'file', must_contain: 'a needle.*' });
    const content = `${'x'.repeat(65_536 - 4)}a needle.*${'y'.repeat(70_000)}`;
    await expect(box.validate(savedOf({ file: content }))).resolves.toBeUndefined();
    await expect(box.validate(savedOf({ file: content.replace('.*', '..') }))).rejects.toMatchObject({
      code: 'artefact_wrong',
      params: { reason: 'without "a needle.*"' },
    });
  });

  test('archives are compared by what lies in them, XML line by line', async () => {
    expect(await http.normalise('x', zipped)).toMatch(/^a\.txt 800 [0-9a-f]{8}$/);
    expect(await http.normalise('x', tarred)).toMatch(/^package\.json \d+ [0-9a-f]{16}$/);
    const xml = '<a><name>x</name><password>hidden</password></a>';
    expect(await http.normalise('x', Buffer.from(xml))).toBe(
      '<a>\n<name>x</name>\n<password>••••••</password>\n</a>',
    );
  });
});

test('headers and requests are read as they stand', () => {
  expect(readHeaders('A: b:c\r\n\r\nX-Y:\n')).toEqual({ a: 'b:c', 'x-y': '' });
  const settings: RequestSettings = {
    ...{ address: 'box', path: '/', headers: '', body: 'unused', user: '', password: '', token: '' },
    method: 'GET',
    auth: 'none',
  };
  expect(requestOf(settings)).toEqual({
    options: { address: 'box', headers: {} },
    request: { method: 'GET', path: '/' },
  });
});
