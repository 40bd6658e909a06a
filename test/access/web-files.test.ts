import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RawAnswer, send } from '../api/raw.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';

const INDEX = '<!doctype html><script type="module" src="app-K3J2LPQ7.js"></script>';
const SCRIPT = `console.log(${'1 + '.repeat(1_000)} 1)`;

let dir: string;
let core: LocalCore;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'homestash-web-'));
  const web = join(dir, 'web');
  mkdirSync(join(web, 'icons'), { recursive: true });
  writeFileSync(join(web, 'index.html'), INDEX);
  writeFileSync(join(web, 'app-K3J2LPQ7.js'), SCRIPT);
  writeFileSync(join(web, 'app-K3J2LPQ7.js.br'), brotliCompressSync(SCRIPT));
  writeFileSync(join(web, 'app-K3J2LPQ7.js.gz'), gzipSync(SCRIPT));
  writeFileSync(join(web, 'app-K3J2LPQ7.js.map'), '{}');
  writeFileSync(join(web, 'icons/icon.svg'), '<svg/>');
  writeFileSync(join(dir, 'secret.txt'), 'not for you');
  symlinkSync(join(dir, 'secret.txt'), join(web, 'link.txt'));
  core = await startLocalCore({ webDir: web });
});
afterAll(async () => {
  expect(core.defects()).toEqual([]);
  await core.remove();
  rmSync(dir, { recursive: true });
});

const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<RawAnswer> =>
  send(core.url, { method, path, headers });

/** The bytes as they come over the line. */
function bytes(path: string, encoding: string): Promise<{ body: Buffer; encoding: string | null }> {
  return new Promise((resolve, reject) => {
    request(`${core.url}${path}`, { headers: { 'accept-encoding': encoding } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({ body: Buffer.concat(chunks), encoding: response.headers['content-encoding'] ?? null });
      });
    })
      .on('error', reject)
      .end();
  });
}

describe('the web page', () => {
  test('is served to strangers, is never kept, and lets nothing but its own files run', async () => {
    for (const path of ['/', '/index.html', '/?x=1']) {
      const { status, headers, body } = await get(path);
      expect([status, body]).toEqual([200, INDEX]);
      expect(headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'content-length': String(INDEX.length),
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'same-origin',
      });
      const policy = headers['content-security-policy'];
      expect(policy).toContain("default-src 'self';");
      expect(policy).toContain("frame-ancestors 'self'");
      expect(policy).not.toMatch(/script-src|unsafe-eval/);
    }
  });

  test('files named by their content are kept for ever, others are asked for again', async () => {
    const script = await get('/app-K3J2LPQ7.js');
    expect(script.headers['cache-control']).toContain('immutable');
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8');
    const icon = await get('/icons/icon.svg');
    expect([icon.body, icon.headers['content-type']]).toEqual(['<svg/>', 'image/svg+xml']);
    expect(icon.headers['cache-control']).toBe('no-cache');
  });

  test('with HEAD only says how long it is', async () => {
    const { status, headers, body } = await get('/', {}, 'HEAD');
    expect([status, headers['content-length'], body]).toEqual([200, String(INDEX.length), '']);
  });

  test('is not sent again to whoever has it', async () => {
    const { headers } = await get('/icons/icon.svg');
    const etag = headers.etag as string;
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await get('/icons/icon.svg', { 'if-none-match': known });
      expect([again.status, again.body, again.headers.etag]).toEqual([304, '', etag]);
    }
    expect((await get('/icons/icon.svg', { 'if-none-match': '"other"' })).status).toBe(200);
    // what is known unpacked is another thing than what is known packed
    const packed = await get('/app-K3J2LPQ7.js', { 'accept-encoding': 'br' });
    const plain = await get('/app-K3J2LPQ7.js', { 'if-none-match': packed.headers.etag as string });
    expect(plain.status).toBe(200);
  });

  test('comes packed as the browser takes it', async () => {
    const path = '/app-K3J2LPQ7.js';
    expect((await get(path)).body).toBe(SCRIPT);
    expect((await get(path)).headers.vary).toBe('Accept-Encoding');
    for (const [accept, encoding] of [
      ['gzip, deflate, br', 'br'],
      ['gzip', 'gzip'],
      ['GZIP;q=0.5', 'gzip'],
      ['br;q=0, gzip', 'gzip'],
      ['*', 'br'],
      ['br;q=0, gzip;q=0', null],
      ['identity', null],
      ['brotli', null],
    ] as const) {
      const answer = await bytes(path, accept);
      expect([accept, answer.encoding]).toEqual([accept, encoding]);
      const unpack = { br: brotliDecompressSync, gzip: gunzipSync, none: (body: Buffer) => body };
      expect(unpack[encoding ?? 'none'](answer.body).toString()).toBe(SCRIPT);
    }
    expect((await bytes('/', 'br')).encoding).toBeNull();
  });

  test.for([
    ...[
      '/../secret.txt',
      '/..%2fsecret.txt',
      '/%2e%2e/secret.txt',
      '/%2e%2e%2fsecret.txt',
      '/icons/../../secret.txt',
    ],
    ...[
      '/..%5csecret.txt',
      '/....//secret.txt',
      '//secret.txt',
      '/secret.txt',
      '/link.txt',
      '/icons',
      '/icons/',
    ],
    ...[
      '/app-K3J2LPQ7.js.map',
      '/app-K3J2LPQ7.js.br',
      '/index.html/',
      '/index.html%00',
      '/INDEX.HTML',
      '/constructor',
    ],
    ...['/__proto__', '/%', '/%ff', '/file:///etc/passwd', '/etc/passwd', `/${'../'.repeat(50)}etc/passwd`],
  ])('%s leads nowhere', async (path) => {
    const { status, body, headers } = await get(path);
    expect([status, headers['content-type']]).toEqual([404, 'application/problem+json']);
    expect(body).not.toContain('not for you');
  });

  test('takes nothing', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect((await get('/', {}, method)).status).toBe(404);
    }
  });
});

test('where it was not built, the page says how, and the API works', async () => {
  const other = await startLocalCore({ webDir: join(dir, 'nothing here') });
  try {
    const { status, headers, body } = await send(other.url, { method: 'GET', path: '/' });
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(body).toContain('npm run build');
    expect(await other.client.info()).toBeTruthy();
  } finally {
    await other.remove();
  }
});

test('a folder that is no page of ours is not taken into memory', async () => {
  const large = join(dir, 'large');
  mkdirSync(large);
  writeFileSync(join(large, 'index.html'), Buffer.alloc(17 * 1024 * 1024));
  await expect(startLocalCore({ webDir: large })).rejects.toThrow('more than 16 MiB');
});
