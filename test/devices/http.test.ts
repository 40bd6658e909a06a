import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/devices/http/address.ts';
import { DeviceHttp, type HttpOptions, looksLikePage } from '../../src/devices/http/client.ts';
import { digestAnswer, digestChallenge } from '../../src/devices/http/digest.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { makeCertificate } from '../harness/certificate.ts';
import { freePort } from '../harness/free-port.ts';
import { temporaryFolder } from '../harness/temporary.ts';
import { waitFor } from '../harness/wait-for.ts';
import { DeviceServer } from '../simulators/devices/server.ts';

/** Silence that is too long for these tests (milliseconds). */
const IDLE_MS = 150;

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

let certificate: ReturnType<typeof makeCertificate>;

beforeAll(() => {
  certificate = makeCertificate(temporaryFolder('certificate'));
});

interface Made {
  readonly known?: string;
  readonly signal?: AbortSignal;
}

/** A client that remembers what certificates it met. */
function client(options: HttpOptions, { known, signal = new AbortController().signal }: Made = {}) {
  const met: string[] = [];
  const meet = (fingerprint: string, host: string) => {
    met.push(fingerprint);
    if (known !== undefined && known !== fingerprint) {
      throw new Problem('device_pin', { params: { host, fingerprint } });
    }
  };
  return { http: new DeviceHttp(options, { known, meet }, signal), met };
}

async function device(...made: ConstructorParameters<typeof DeviceServer>): Promise<DeviceServer> {
  const server = new DeviceServer(...made);
  await server.start();
  ends.push(() => server.stop());
  return server;
}

/** What listens and is no web server; its port. */
async function listener(talk: (socket: Socket) => void, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    talk(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** Answers to the first bytes that come. */
const saying = (text: string, end = true) =>
  listener((socket) => socket.once('data', () => (end ? socket.end(text) : socket.write(text))));

describe('an address', () => {
  test.each([
    ['192.168.1.5', { host: '192.168.1.5', secure: false, explicit: false, prefix: '', port: undefined }],
    [' wled.local:8080 ', { host: 'wled.local', port: 8080 }],
    [
      'https://box/nodered/',
      { host: 'box', secure: true, explicit: true, prefix: '/nodered', port: undefined },
    ],
    ['HTTP://Box:80', { host: 'box', secure: false, explicit: true, port: 80 }],
    ['https://box:443/a/b', { port: 443, prefix: '/a/b' }],
    ['fd00::1', { host: 'fd00::1', port: undefined }],
    ['[fd00::1]:8080', { host: 'fd00::1', port: 8080 }],
    ['https://[::1]/x', { host: '::1', secure: true, prefix: '/x' }],
    ['::ffff:192.168.1.5', { host: '::ffff:c0a8:105' }],
  ])('is %s', (typed, expected) => {
    expect(parseAddress(typed)).toMatchObject(expected);
  });

  test.each([
    '',
    'two words',
    'user:secret@box',
    'http://user@box',
    'box?x=1',
    'box#part',
    'ftp://box',
    'mqtt://box',
    'box:99999',
    'box:port',
    'http://',
    'http:/box',
    'https:box',
    'back\\slash',
    'line\nbreak',
    '[::1',
    'fe80::1%eth0',
  ])('is not %j', (typed) => {
    expect(parseAddress(typed)).toBeUndefined();
    expect(() => client({ address: typed })).toThrow('invalid_request');
  });

  test('is shown with the port that was typed, and written as browsers do', () => {
    const shown = (address: string, options = {}) => {
      const { http } = client({ address, ...options });
      return [http.host, http.origin];
    };
    expect(shown('box', { port: 8080 })).toEqual(['box', 'http://box:8080']);
    expect(shown('box:81', { port: 8080 })).toEqual(['box:81', 'http://box:81']);
    expect(shown('box', { secure: true })).toEqual(['box', 'https://box']);
    expect(shown('http://box', { secure: true })).toEqual(['box', 'http://box']);
    expect(shown('fd00::1', { port: 8080 })).toEqual(['[fd00::1]', 'http://[fd00::1]:8080']);
  });
});

describe('digest', () => {
  // RFC 7616, section 3.9.1
  const credentials = { username: 'Mufasa', password: 'Circle of Life' };
  const asked = { method: 'GET', path: '/dir/index.html' };
  const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
  const challenge = (algorithm: string) =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;

  const answered = (...headers: string[]) => {
    const found = digestChallenge(headers);
    return found && digestAnswer(found, credentials, asked, cnonce);
  };

  test.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('answers as RFC 7616 does: %s', (algorithm, response) => {
    expect(answered(challenge(algorithm))).toBe(
      `Digest username="Mufasa", realm="http-auth@example.org", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", uri="/dir/index.html", response="${response}", algorithm=${algorithm}, qop=auth, nc=00000001, cnonce="${cnonce}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
    );
  });

  test('answers as RFC 2617 does (section 3.5), and as RFC 2069 without qop', () => {
    const old =
      'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"';
    const found = digestChallenge([old]);
    const mufasa = { username: 'Mufasa', password: 'Circle Of Life' };
    const answer = found && digestAnswer(found, mufasa, asked, '0a4f113b');
    expect(answer).toContain('response="6629fae49393a05397450978507c4ef1"');
    // an algorithm that was not named is not named either
    expect(answer).not.toContain('algorithm');
    const older = digestChallenge([old.replace(/ qop="[^"]*",/, '')]);
    const short = older && digestAnswer(older, mufasa, asked);
    expect(short).toContain('response="670fd8c2df070c60b045671b8b24ff02"');
    expect(short).not.toMatch(/qop|cnonce|nc=/);
  });

  test('binds the password to the session where that is asked for', () => {
    const found = digestChallenge([challenge('MD5-sess')]);
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v';
    const secret = md5(`${md5('Mufasa:http-auth@example.org:Circle of Life')}:${nonce}:${cnonce}`);
    const response = md5(`${secret}:${nonce}:00000001:${cnonce}:auth:${md5('GET:/dir/index.html')}`);
    expect(found && digestAnswer(found, credentials, asked, cnonce)).toContain(`response="${response}"`);
  });

  test('prefers the stronger of several challenges, in one header or in several', () => {
    const [md5, sha] = [challenge('MD5'), challenge('SHA-256')];
    for (const headers of [[md5, sha], [sha, md5], [`${md5}, ${sha}`], [`Basic realm="x", ${md5}, ${sha}`]]) {
      expect(answered(...headers)).toContain('algorithm=SHA-256');
    }
    expect(answered(`${md5}, Basic realm="x"`)).toContain('algorithm=MD5');
  });

  test.each([
    ['a realm with the name of the scheme', 'Digest realm="My Digest realm, nonce=1", nonce="n", qop="auth"'],
    ['blanks around the signs', 'digest  realm = "My Digest realm, nonce=1" ,nonce = n , qop = auth'],
    ['another order', 'DIGEST qop=auth,stale=false,nonce="n",REALM="My Digest realm, nonce=1"'],
  ])('reads %s', (_, header) => {
    const answer = answered(header) ?? '';
    expect(answer).toContain('realm="My Digest realm, nonce=1", nonce="n"');
  });

  test.each([
    ['Basic realm="Digest nonce=1 realm=2"'],
    ['Digest realm="x"'],
    ['Digest nonce="x"'],
    ['Digest realm="x", nonce="y", algorithm=SHA-3'],
    ['Digest realm="x", nonce="y", qop="auth-int"'],
    ['Digest'],
    [''],
  ])('cannot answer %s', (header) => {
    expect(answered(header)).toBeUndefined();
  });

  test('writes quotes, backslashes and umlauts as the device reads them', () => {
    // as Node gives a header: one sign for each byte
    const realm = Buffer.from('Küche "1"').toString('latin1').replace(/"/g, '\\"');
    const found = digestChallenge([`Digest realm="${realm}", nonce="n"`]);
    const answer = found && digestAnswer(found, { username: 'jürgen\\"x', password: 'ß€' }, asked);
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    const secret = md5('jürgen\\"x:Küche "1":ß€');
    expect(answer).toContain(`response="${md5(`${secret}:n:${md5('GET:/dir/index.html')}`)}"`);
    expect(Buffer.from(answer ?? '', 'latin1').toString()).toContain(
      'username="jürgen\\\\\\"x", realm="Küche \\"1\\""',
    );
  });
});

describe('signing in', () => {
  /** A device that wants a digest, and takes what `right` says. */
  const locked = (right: (authorization: string) => boolean, more: string[] = []) => {
    const seen: (string | undefined)[] = [];
    const made = device((request, response) => {
      const { authorization } = request.headers;
      seen.push(authorization);
      if (authorization && right(authorization)) return response.end('{"ok":true}');
      response.writeHead(401, { 'www-authenticate': ['Digest realm="d", nonce="n", qop="auth"', ...more] });
      return response.end('no');
    });
    return made.then((server) => ({ server, seen }));
  };

  test('is tried once with a digest, and not again', async () => {
    const { server, seen } = await locked(() => false);
    const { http } = client({ address: server.address, credentials: { username: 'u', password: 'p' } });
    await expect(http.ask({ path: '/x' })).rejects.toMatchObject({
      code: 'device_password',
      params: { host: server.address },
    });
    expect(seen.map((header) => header?.split(' ')[0])).toEqual([undefined, 'Digest']);
  });

  test('gives the answer that was wanted, body and all', async () => {
    const { server } = await locked((header) => header.includes('uri="/prefix/x?a=1"'));
    const credentials = { username: 'u', password: 'p' };
    const { http } = client({ address: `http://${server.address}/prefix`, credentials });
    await expect((await http.ask({ method: 'POST', path: '/x?a=1', body: 'body' })).json()).resolves.toEqual({
      ok: true,
    });
  });

  test('sends no password to a device that asks for it in the clear, unless that is wanted', async () => {
    const seen: (string | undefined)[] = [];
    const server = await device((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' });
      response.end();
    });
    const credentials = { username: 'ü', password: 'p:"\n' };
    const careful = client({ address: server.address, credentials }).http;
    await expect(careful.ask({ path: '/' })).rejects.toMatchObject({ code: 'device_password' });
    await expect(careful.ask({ path: '/', accept: [401] })).resolves.toMatchObject({ status: 401 });
    const basic = client({ address: server.address, credentials, basic: true }).http;
    await expect(basic.ask({ path: '/' })).rejects.toMatchObject({ code: 'device_password' });
    const sent = Buffer.from('ü:p:"\n').toString('base64');
    expect(seen).toEqual([undefined, undefined, `Basic ${sent}`]);
  });

  test.each(['line\r\nx-injected: yes', 'nul\u0000', 'tab\u0001'])(
    'injects no header by the name %j',
    async (username) => {
      const { server, seen } = await locked(() => true);
      const { http } = client({ address: server.address, credentials: { username, password: 'x\r\ny: z' } });
      await expect(http.ask({ path: '/' })).rejects.toMatchObject({ code: 'device_unexpected' });
      expect(seen).toEqual([undefined]);
    },
  );

  test.each(['/a b', '/a\r\nx: y', '/ä'])('injects nothing by the path %j', async (path) => {
    const server = await device((_, response) => response.end());
    await expect(client({ address: server.address }).http.ask({ path })).rejects.toMatchObject({
      code: 'device_unexpected',
    });
    expect(server.asked).toEqual([]);
  });

  test('takes a name with signs of other languages', async () => {
    const { server } = await locked((header) =>
      Buffer.from(header, 'latin1').toString().includes('"Jürgen 李"'),
    );
    const credentials = { username: 'Jürgen 李', password: 'p' };
    await expect(
      client({ address: server.address, credentials }).http.ask({ path: '/' }),
    ).resolves.toBeDefined();
  });
});

describe('an answer', () => {
  test.each([
    [301, 'device_redirect'],
    [400, 'device_unexpected'],
    [401, 'device_password'],
    [403, 'device_forbidden'],
    [404, 'device_not_there'],
    [429, 'device_locked'],
    [500, 'device_unavailable'],
    [503, 'device_unavailable'],
  ])('with status %i is %s', async (status, code) => {
    const server = await device((_, response) => response.writeHead(status).end('x'));
    await expect(client({ address: server.address }).http.ask({ path: '/' })).rejects.toMatchObject({ code });
    await expect(
      client({ address: server.address }).http.ask({ path: '/', accept: [status] }),
    ).resolves.toMatchObject({ status });
  });

  test.each([
    ['/login.html?next=%2Fsecret#x', (origin: string) => `${origin}/login.html`],
    ['https://box.example/admin', () => 'https://box.example/admin'],
    ['//other.example/x', () => 'http://other.example/x'],
    ['javascript:alert(1)', () => '?'],
    ['http://', () => '?'],
    [`/${'a'.repeat(5_000)}`, (origin: string) => `${origin}/${'a'.repeat(5_000)}`.slice(0, 200)],
  ])('that leads on is not followed: %s', async (location, to) => {
    const server = await device((_, response) => response.writeHead(302, { location }).end());
    const { http } = client({ address: server.address });
    await expect(http.ask({ path: '/x' })).rejects.toMatchObject({
      code: 'device_redirect',
      params: { to: to(http.origin) },
    });
    expect(server.asked).toEqual(['GET /x']);
  });

  test('is read as text, bytes or JSON, within a limit', async () => {
    const server = await device((request, response) => {
      response.setHeader('x-twice', ['a', 'b']);
      response.end(
        request.url === '/bom' ? '\ufeff{"a":1}' : request.url === '/page' ? ' <!DOCTYPE HTML>' : '{"a":1}',
      );
    });
    const { http } = client({ address: server.address });
    const ask = (path: string) => http.ask({ path });
    expect((await ask('/')).header('X-Twice')).toBe('a, b');
    await expect((await ask('/')).text()).resolves.toBe('{"a":1}');
    await expect((await ask('/')).json()).resolves.toEqual({ a: 1 });
    await expect((await ask('/bom')).json()).resolves.toEqual({ a: 1 });
    await expect((await ask('/page')).json()).rejects.toMatchObject({
      params: { reason: 'a page instead of data' },
    });
    await expect((await ask('/')).bytes(6)).rejects.toMatchObject({
      params: { reason: 'a very long answer' },
    });
    await expect((await ask('/')).bytes(7)).resolves.toHaveLength(7);
  });

  test('that never ends is not read beyond its limit', async () => {
    let open = 0;
    const port = await listener((socket) => {
      open += 1;
      socket.on('close', () => {
        open -= 1;
      });
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const more = () => socket.writable && socket.write('x'.repeat(65_536), () => setImmediate(more));
        more();
      });
    });
    const { http } = client({ address: `127.0.0.1:${port}` });
    await expect((await http.ask({ path: '/' })).bytes(1_000_000)).rejects.toMatchObject({
      code: 'device_unexpected',
    });
    await waitFor('the connection to be closed', () => open === 0);
  });

  test('to a refused request that never ends is not waited for', async () => {
    let open = 0;
    const port = await listener((socket) => {
      open += 1;
      socket.on('close', () => {
        open -= 1;
      });
      socket.once('data', () => {
        socket.write('HTTP/1.1 500 No\r\n\r\n');
        const more = () => socket.writable && socket.write('x'.repeat(1_000), () => setImmediate(more));
        more();
      });
    });
    const { http } = client({ address: `127.0.0.1:${port}` });
    await expect(http.ask({ path: '/' })).rejects.toMatchObject({ code: 'device_unavailable' });
    await waitFor('the connection to be closed', () => open === 0);
  });

  test.each([
    ['less than it announced', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', 'device_cut'],
    [
      'a piece without its end',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhal',
      'device_cut',
    ],
    [
      'pieces without the last one',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n',
      'device_cut',
    ],
    [
      'a piece of no length',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhalf\r\n',
      'device_cut',
    ],
  ])('is not whole when it is %s', async (_, text, code) => {
    const port = await saying(text);
    const answer = await client({ address: `127.0.0.1:${port}` }).http.ask({ path: '/' });
    await expect(answer.text()).rejects.toMatchObject({ code });
  });

  test.each([
    ['no HTTP', 'SSH-2.0-dropbear\r\n', 'device_unexpected'],
    ['nothing at all', '', 'device_cut'],
    ['half a head', 'HTTP/1.1 200 OK\r\ncontent-le', 'device_cut'],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}`, 'device_unexpected'],
    [
      'another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      'device_cut',
    ],
  ])('is no answer: %s', async (_, text, code) => {
    const port = await saying(text);
    await expect(client({ address: `127.0.0.1:${port}` }).http.ask({ path: '/' })).rejects.toMatchObject({
      code,
    });
  });

  test('may have neither length nor pieces, as old devices write', async () => {
    const port = await saying('HTTP/1.0 200 OK\r\n\r\nwhole');
    const answer = await client({ address: `127.0.0.1:${port}` }).http.ask({ path: '/' });
    await expect(answer.text()).resolves.toBe('whole');
  });

  test.each([
    ['before it', ''],
    ['in its head', 'HTTP/1.1 200 OK\r\n'],
  ])('is given up after silence %s', async (_, text) => {
    const port = await saying(text, false);
    const { http } = client({ address: `127.0.0.1:${port}`, idleMs: IDLE_MS });
    await expect(http.ask({ path: '/' })).rejects.toMatchObject({ code: 'device_timeout' });
  });

  test('is given up after silence in its body', async () => {
    const port = await saying('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', false);
    const answer = await client({ address: `127.0.0.1:${port}`, idleMs: IDLE_MS }).http.ask({ path: '/' });
    await expect(answer.text()).rejects.toMatchObject({ code: 'device_timeout' });
  });

  test('that drips is waited for, however long it takes altogether', async () => {
    // altogether longer than the silence that is allowed
    const [pieces, gapMs, idleMs] = [12, 100, 1_000];
    const port = await listener((socket) =>
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${pieces}\r\n\r\n`);
        let sent = 0;
        const timer = setInterval(() => {
          socket.write('x');
          sent += 1;
          if (sent === pieces) clearInterval(timer);
        }, gapMs);
        socket.on('close', () => clearInterval(timer));
      }),
    );
    const answer = await client({ address: `127.0.0.1:${port}`, idleMs }).http.ask({ path: '/' });
    await expect(answer.text()).resolves.toBe('x'.repeat(pieces));
  });

  test('is not waited for by somebody who gives up', async () => {
    const port = await saying('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', false);
    const reason = new Problem('device_slow', { params: { host: 'x' } });
    const giveUp = new AbortController();
    const { http } = client({ address: `127.0.0.1:${port}`, idleMs: 60_000 }, { signal: giveUp.signal });
    const answer = await http.ask({ path: '/' });
    const text = answer.text();
    giveUp.abort(reason);
    await expect(text).rejects.toBe(reason);
    await expect(http.ask({ path: '/' })).rejects.toBe(reason);
  });
});

describe('a connection', () => {
  test('goes to nobody: the name is unknown, or nothing listens', async () => {
    await expect(client({ address: 'no-such-device.invalid' }).http.ask({ path: '/' })).rejects.toMatchObject(
      {
        code: 'device_dns',
        params: { host: 'no-such-device.invalid' },
      },
    );
    const port = await freePort();
    await expect(client({ address: `127.0.0.1:${port}` }).http.ask({ path: '/' })).rejects.toMatchObject({
      code: 'device_refused',
      params: { host: `127.0.0.1:${port}` },
    });
  });

  test('goes to an IPv6 address, with and without brackets', async () => {
    const port = await listener(
      (socket) => socket.once('data', (data) => socket.end(`HTTP/1.0 200 OK\r\n\r\n${data}`)),
      '::1',
    );
    const typed = client({ address: `[::1]:${port}` }).http;
    await expect((await typed.ask({ path: '/' })).text()).resolves.toMatch(
      new RegExp(`^host: \\[::1\\]:${port}\\r$`, 'im'),
    );
    await expect(client({ address: '::1', port }).http.ask({ path: '/' })).resolves.toBeDefined();
  });

  test('trusts the certificate that it meets first, and no other', async () => {
    const server = await device((_, response) => response.end('ok'), certificate);
    const first = client({ address: server.address });
    await expect((await first.http.ask({ path: '/' })).text()).resolves.toBe('ok');
    expect(first.met).toEqual([expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)]);
    const again = client({ address: server.address }, { known: first.met[0] ?? '' });
    await expect(again.http.ask({ path: '/' })).resolves.toBeDefined();
    server.asked.length = 0;
    const other = client(
      { address: server.address, credentials: { username: 'u', password: 'p' }, basic: true },
      { known: 'AA:BB' },
    );
    await expect(other.http.ask({ method: 'POST', path: '/', body: 'secret' })).rejects.toMatchObject({
      code: 'device_pin',
      params: { fingerprint: first.met[0] },
    });
    // neither the password nor the body was sent
    expect(server.asked).toEqual([]);
  });

  test('with TLS to what speaks none fails, and without it to what speaks it', async () => {
    const plain = await device((_, response) => response.end());
    await expect(
      client({ address: `https://127.0.0.1:${plain.port}` }).http.ask({ path: '/' }),
    ).rejects.toMatchObject({ code: 'device_tls' });
    const secure = await device((_, response) => response.end(), certificate);
    await expect(
      client({ address: `http://127.0.0.1:${secure.port}` }).http.ask({ path: '/' }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^device_(cut|unexpected)$/) });
  });

  test('with TLS to what says nothing is given up', async () => {
    const port = await listener(() => undefined);
    await expect(
      client({ address: `https://127.0.0.1:${port}`, idleMs: IDLE_MS }).http.ask({ path: '/' }),
    ).rejects.toMatchObject({ code: 'device_timeout' });
  });

  test('carries what was given, and says who asks', async () => {
    const seen: Record<string, unknown>[] = [];
    const server = await device((request, response) => {
      seen.push({ ...request.headers, method: request.method });
      response.end();
    });
    const { http } = client({ address: server.address, headers: { 'x-all': '1', 'x-one': '1' } });
    await http.ask({ method: 'PUT', path: '/', headers: { 'x-one': '2' }, type: 'text/plain', body: 'ä' });
    await http.ask({ method: 'POST', path: '/' });
    expect(seen[0]).toMatchObject({
      method: 'PUT',
      host: server.address,
      'user-agent': 'Homestash',
      'x-all': '1',
      'x-one': '2',
      'content-type': 'text/plain',
      'content-length': '2',
    });
    expect(seen[1]).toMatchObject({ method: 'POST', 'content-length': '0' });
    await expect(http.ask({ path: '/', headers: { 'x-one': 'a\r\nb: c' } })).rejects.toMatchObject({
      code: 'device_unexpected',
    });
    expect(seen).toHaveLength(2);
  });
});

test.each([
  ['<!DOCTYPE html><html>', true],
  ['\n<html lang="de">', true],
  ['<?xml version="1.0"?>\n<!-- x --><html>', true],
  ['<head>', true],
  ['<?xml version="1.0"?><root/>', false],
  ['{"page":"<html>"}', false],
  ['', false],
])('%j is a page: %s', (text, page) => {
  expect(looksLikePage(text)).toBe(page);
});
