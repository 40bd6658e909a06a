import { readFileSync } from 'node:fs';
import { createServer as createPlain, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { type JsonSocketOptions, openJsonSocket } from '../../src/devices/http/websocket.ts';
import { FirstUse } from '../../src/devices/session.ts';
import { type Certificate, makeCertificate } from '../harness/certificate.ts';
import { freePort } from '../harness/free-port.ts';
import { temporaryFolder } from '../harness/temporary.ts';

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

let certificate: Certificate;
beforeAll(() => {
  certificate = makeCertificate(temporaryFolder('certificate'));
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A websocket that does something with whoever comes. */
async function serving(
  answer: (socket: WebSocket, request: IncomingMessage) => void,
  secure = false,
): Promise<{ address: string; asked: () => number }> {
  let asked = 0;
  const server = secure
    ? createSecure({ cert: readFileSync(certificate.certFile), key: readFileSync(certificate.keyFile) })
    : createPlain();
  server.on('upgrade', () => {
    asked += 1;
  });
  const sockets = new WebSocketServer({ server, path: '/prefix/ws' });
  sockets.on('connection', answer);
  ends.push(() => {
    for (const client of sockets.clients) client.terminate();
  });
  const port = await listen(server);
  return { address: `${secure ? 'https' : 'http'}://127.0.0.1:${port}/prefix`, asked: () => asked };
}

/** An HTTP server that refuses to change the protocol. */
async function refusing(status: number, headers = {}): Promise<string> {
  const server = createPlain((_request, response) => response.writeHead(status, headers).end('no'));
  return `127.0.0.1:${await listen(server)}`;
}

function open(
  address: string,
  change: Partial<JsonSocketOptions> = {},
  signal = new AbortController().signal,
) {
  return openJsonSocket({ address, path: '/ws', ...change }, { trust: new FirstUse(undefined), signal });
}

const coded = (code: string) => ({ code });

describe('a websocket of JSON', () => {
  test('is opened behind a prefix with headers, read in order, and closed', async () => {
    const seen: unknown[] = [];
    const { address } = await serving((socket, request) => {
      seen.push(request.headers['x-key']);
      for (const number of [1, 2]) socket.send(JSON.stringify({ number }));
      socket.on('message', (data) => socket.send(`{"echo":${String(data)}}`));
    });
    const socket = await open(address, { headers: { 'x-key': 'k' } });
    expect([await socket.next(), await socket.next()]).toEqual([{ number: 1 }, { number: 2 }]);
    socket.send({ a: 'ä' });
    await expect(socket.next()).resolves.toEqual({ echo: { a: 'ä' } });
    await socket.close();
    await expect(socket.next()).rejects.toMatchObject(coded('device_cut'));
    expect(seen).toEqual(['k']);
  });

  test('gives what had come before it was cut', async () => {
    const { address } = await serving((socket) => socket.send('1', () => socket.terminate()));
    const socket = await open(address);
    await expect(socket.next()).resolves.toBe(1);
    await expect(socket.next()).rejects.toMatchObject(coded('device_cut'));
  });

  test('is given up when nothing comes', async () => {
    const { address } = await serving(() => undefined);
    const socket = await open(address, { idleMs: 100 });
    await expect(socket.next()).rejects.toMatchObject(coded('device_timeout'));
  });

  test('takes no other messages, no large ones, and not too many', async () => {
    for (const spoil of [
      (socket: WebSocket) => socket.send('no JSON'),
      (socket: WebSocket) => socket.send(Buffer.from('1'), { binary: true }),
      (socket: WebSocket) => socket.send(`"${'x'.repeat(2_000)}"`),
      (socket: WebSocket) => {
        for (let count = 0; count < 2_000; count += 1) socket.send('1');
      },
    ]) {
      const { address } = await serving(spoil);
      const socket = await open(address, { limit: 1_000 });
      const reading = (async () => {
        for (;;) await socket.next();
      })();
      await expect(reading).rejects.toMatchObject({
        code: expect.stringMatching(/^device_(unexpected|timeout)$/),
      });
      await socket.close();
    }
  });

  test('stops a flood that nobody reads', async () => {
    const { address } = await serving((socket) => {
      for (let count = 0; count < 5_000; count += 1) socket.send('1');
    });
    const socket = await open(address);
    await socket.close();
    let read = 0;
    const reading = (async () => {
      for (;;) {
        await socket.next();
        read += 1;
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: expect.stringMatching(/^device_/) });
    expect(read).toBeLessThanOrEqual(1_000);
  });

  test('ends with the operation', async () => {
    const { address } = await serving(() => undefined);
    const abort = new AbortController();
    const socket = await open(address, {}, abort.signal);
    const next = socket.next();
    abort.abort(new Error('cancelled'));
    await expect(next).rejects.toThrow('cancelled');
    await socket.close();
    await expect(open(address, {}, abort.signal)).rejects.toThrow('cancelled');
  });

  test.each([
    [401, {}, 'device_password'],
    [403, {}, 'device_forbidden'],
    [404, {}, 'device_not_there'],
    [429, {}, 'device_locked'],
    [302, { location: '/login' }, 'device_redirect'],
    [503, {}, 'device_unavailable'],
    [400, {}, 'device_unexpected'],
    [200, {}, 'device_unexpected'],
  ])('that is refused with %s says why', async (status, headers, code) => {
    await expect(open(await refusing(status, headers))).rejects.toMatchObject(coded(code));
  });

  test('that cannot be reached says why', async () => {
    await expect(open(`127.0.0.1:${await freePort()}`)).rejects.toMatchObject(coded('device_refused'));
    await expect(open('no-such-name.invalid')).rejects.toMatchObject(coded('device_dns'));
    await expect(open('no address')).rejects.toMatchObject(coded('invalid_request'));
    const silent = createTcp();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const closing: { destroy(): void }[] = [];
    silent.on('connection', (socket) => closing.push(socket));
    ends.push(() => {
      for (const socket of closing) socket.destroy();
      silent.close();
    });
    const { port } = silent.address() as AddressInfo;
    const idleMs = 100;
    await expect(open(`127.0.0.1:${port}`, { idleMs })).rejects.toMatchObject(coded('device_timeout'));
    await expect(open(`https://127.0.0.1:${port}`, { idleMs })).rejects.toMatchObject(
      coded('device_timeout'),
    );
  });
});

describe('a websocket over TLS', () => {
  const hello = (socket: WebSocket) => socket.send('"hello"');
  const trusting = (address: string, trust: FirstUse) =>
    openJsonSocket({ address, path: '/ws' }, { trust, signal: new AbortController().signal });

  test('is trusted when it is met first, and says nothing to another one', async () => {
    const { address, asked } = await serving(hello, true);
    const trust = new FirstUse(undefined);
    const socket = await trusting(address, trust);
    await expect(socket.next()).resolves.toBe('hello');
    await socket.close();
    expect(trust.met).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(asked()).toBe(1);
    await expect(trusting(address, new FirstUse('AA:BB'))).rejects.toMatchObject(coded('device_pin'));
    expect(asked()).toBe(1);
  });

  test('says so where there is none, and where it is not wanted', async () => {
    const plain = await serving(hello);
    await expect(open(plain.address.replace('http:', 'https:'))).rejects.toMatchObject(coded('device_tls'));
    const secure = await serving(hello, true);
    await expect(open(secure.address.replace('https:', 'http:'))).rejects.toMatchObject({
      code: expect.stringMatching(/^device_(cut|unexpected)$/),
    });
  });
});
