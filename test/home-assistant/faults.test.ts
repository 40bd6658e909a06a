import { createServer as createPlain, type RequestListener } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createRaw } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../harness/free-port.ts';
import {
  ADMIN_TOKEN,
  type HomeAssistantSimulator,
  startHomeAssistantSimulator,
} from '../simulators/home-assistant/index.ts';
import { type CertificateKind, makeAuthority, makeServerCertificate } from '../simulators/s3/certificates.ts';
import { Scene } from './scene.ts';

const scene = new Scene();
const servers: (Server | HomeAssistantSimulator)[] = [];

beforeAll(() => scene.start());
afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('close' in server) await new Promise((resolve) => server.close(resolve));
    else await server.stop();
  }
});
afterAll(() => scene.remove());

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function simulated(options: Parameters<typeof startHomeAssistantSimulator>[0] = {}): Promise<string> {
  const simulator = await startHomeAssistantSimulator(options);
  servers.push(simulator);
  return simulator.url;
}

const answering = (handle: RequestListener) => listen(createPlain(handle));

/** The problem that a person is told who enters this address. */
async function told(url: string): Promise<Record<string, unknown>> {
  const outcome = await scene.call('PUT', '', { url, token: ADMIN_TOKEN }).then(
    () => ({ code: 'none' }),
    (error) => error.problem,
  );
  expect((await scene.call('GET')).state, 'nothing was kept').toBe('off');
  return outcome;
}

const hostOf = (url: string) => new URL(url).host;

describe('what a person is told of an address', () => {
  test('whose name does not exist', async () => {
    const params = { host: 'homeassistant.invalid:8123' };
    expect(await told('http://homeassistant.invalid:8123')).toMatchObject({
      code: 'home_assistant_dns',
      params,
    });
  });

  test('at which nobody listens', async () => {
    const host = `127.0.0.1:${await freePort()}`;
    const problem = { status: 422, code: 'home_assistant_no_connection', params: { host } };
    expect(await told(`http://${host}`)).toMatchObject(problem);
  });

  test('that leads on to another', async () => {
    const url = await answering((request, response) =>
      response.writeHead(301, { location: `https://home.example:444${request.url}` }).end(),
    );
    const params = { host: hostOf(url), to: 'https://home.example:444' };
    expect(await told(url)).toMatchObject({ code: 'home_assistant_redirect', params });
  });

  test.for([
    [200, 'home_assistant_not_there'],
    [401, 'home_assistant_not_there'],
    [404, 'home_assistant_not_there'],
    [400, 'home_assistant_proxy'],
    [403, 'home_assistant_blocked'],
    [502, 'home_assistant_unavailable'],
  ] as const)('that answers with %s', async ([status, code]) => {
    const url = await answering((_request, response) => response.writeHead(status).end('a page'));
    expect(await told(url)).toMatchObject({ code, params: { host: hostOf(url) } });
  });

  test('at which something else than a web server speaks', async () => {
    const url = await listen(
      createRaw((socket) =>
        socket
          .on('error', () => undefined)
          .resume()
          .end('220 mail ESMTP\r\n'),
      ),
    );
    expect(await told(url)).toMatchObject({ code: 'home_assistant_not_there' });
  });

  test('at which somebody listens and says nothing', async () => {
    const url = await listen(
      createRaw((socket) => socket.on('error', () => undefined).on('data', () => undefined)),
    );
    expect(await scene.clock.during(told(url))).toMatchObject({
      code: 'home_assistant_timeout',
      params: { host: hostOf(url) },
    });
  });

  test('with https, where there is none', async () => {
    const url = (await simulated()).replace('http:', 'https:');
    expect(await told(url)).toMatchObject({ code: 'home_assistant_tls', params: { host: hostOf(url) } });
  });

  test.for([
    ['self_signed', 'home_assistant_tls_untrusted'],
    ['trusted', 'home_assistant_tls_untrusted'],
  ] as [CertificateKind, string][])('with a certificate of its own (%s)', async ([kind, code]) => {
    const tls = makeServerCertificate(kind, makeAuthority());
    const url = await simulated({ tls });
    expect(await told(url)).toMatchObject({ code, params: { host: hostOf(url) } });
    // a person who forgot the s
    expect(await told(url.replace('https:', 'http:'))).toMatchObject({ code: 'home_assistant_cut' });
  });
});

test('an address without a port means the usual one, too', async () => {
  const { candidates } = await import('../../src/home-assistant/address.ts');
  const typed = (url: string) => candidates(url);
  expect(typed('http://homeassistant.local')).toEqual([
    'http://homeassistant.local',
    'http://homeassistant.local:8123',
  ]);
  expect(typed('https://home.example/lovelace')).toEqual([
    'https://home.example',
    'https://home.example:8123',
  ]);
  expect(typed('http://homeassistant.local:80')).toEqual(['http://homeassistant.local']);
  expect(typed('http://[fd00::1]:8123/')).toEqual(['http://[fd00::1]:8123']);
});
