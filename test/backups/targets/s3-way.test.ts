import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../src/contract/index.ts';
import { makeBackup } from '../../harness/archives.ts';
import { haveVersitygw } from '../../harness/cache.ts';
import { type Certificate, makeCertificate } from '../../harness/certificate.ts';
import { freePort } from '../../harness/free-port.ts';
import { type HttpProxyServer, startHttpProxy } from '../../harness/http-proxy.ts';
import type { S3Server } from '../../harness/s3-server.ts';
import { bucketInput } from '../../harness/s3-target.ts';
import { Stage } from '../../harness/stage.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { startVersitygw } from '../../harness/versitygw.ts';
import {
  closeTargets,
  collect,
  discard,
  HastyClock,
  MIB,
  noise,
  openTarget,
  problemOf,
  s3Settings,
  sha256,
  upload,
} from './s3-support.ts';

/** A name that only the proxy can resolve. */
const NAME = 'storage.invalid';

const servers: Server[] = [];

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

afterEach(() => {
  closeTargets();
  for (const server of servers.splice(0)) server.close();
});

describe.skipIf(!haveVersitygw())('the way to a server', () => {
  const stage = new Stage('way');
  let certificate: Certificate;
  let pin: string;
  let plain: S3Server;
  let secure: S3Server;
  let proxy: HttpProxyServer;
  beforeAll(async () => {
    certificate = makeCertificate(join(temporaryFolder('way'), 'tls'));
    pin = fingerprintOf(certificate.certFile);
    [plain, secure, proxy] = await Promise.all([
      startVersitygw(),
      startVersitygw({ tls: certificate }),
      startHttpProxy({ user: 'ann', password: 'p@ss:word/%', name: NAME }),
    ]);
    plain.createBucket('bucket');
    secure.createBucket('bucket');
  });
  afterAll(async () => {
    await stage.close();
    await proxy?.stop();
    await discard(plain);
    await discard(secure);
  });

  type Settings = Parameters<typeof s3Settings>[1];
  /** With an idle time-out time passes as it does. */
  const open = (server: S3Server, more: Settings, idleTimeoutMs?: number) => {
    const options = idleTimeoutMs === undefined ? { clock: new HastyClock() } : { idleTimeoutMs };
    return openTarget(s3Settings(server, more), options).target;
  };
  const through = (more: Settings = {}): Settings => ({
    proxy: proxy.url,
    proxy_user: 'ann',
    proxy_password: 'p@ss:word/%',
    ...more,
  });
  const named = (server: S3Server) => server.endpoint.replace('127.0.0.1', NAME);
  const failure = async (server: S3Server, more: Settings, idleTimeoutMs?: number) => {
    const { code, params } = await problemOf(open(server, more, idleTimeoutMs).list());
    return { code, params };
  };

  describe.each(['http', 'https'] as const)('through a proxy to %s', (scheme) => {
    const server = () => (scheme === 'http' ? plain : secure);
    const trusting = (): Settings => (scheme === 'http' ? {} : { certificate_pin: pin });

    it('stores and reads, by a name that only the proxy knows', async () => {
      const before = proxy.requests().length;
      const target = open(server(), through({ endpoint: named(server()), ...trusting() }));
      const data = noise(20 * MIB);
      await (await upload(target, 'a (1) ü.tar', data)).commit();
      const object = await target.open('a (1) ü.tar');
      expect(sha256(await collect(object?.stream ?? []))).toBe(sha256(data));
      expect((await target.list()).map(({ key }) => key)).toEqual(['a (1) ü.tar']);
      await target.delete('a (1) ü.tar');
      const asked = proxy.requests().slice(before);
      const { host } = new URL(named(server()));
      expect(asked.length).toBeGreaterThan(5);
      for (const line of asked) {
        expect(line).toContain(scheme === 'http' ? ` http://${host}/bucket` : `CONNECT ${host}`);
      }
    });

    it('uses no variable that is meant for other programs', async () => {
      process.env.NO_PROXY = '*';
      process.env.no_proxy = '*';
      try {
        const before = proxy.requests().length;
        expect(await open(server(), through(trusting())).list()).toEqual([]);
        expect(proxy.requests().length).toBeGreaterThan(before);
      } finally {
        delete process.env.NO_PROXY;
        delete process.env.no_proxy;
      }
      process.env.HTTP_PROXY = process.env.HTTPS_PROXY = 'http://127.0.0.1:1';
      try {
        expect(await open(server(), trusting()).list()).toEqual([]);
      } finally {
        delete process.env.HTTP_PROXY;
        delete process.env.HTTPS_PROXY;
      }
    });

    it('says that the proxy wants another password', async () => {
      const wrong = through({ proxy_password: 'wrong', ...trusting() });
      const expected = { code: 'target_proxy_password', params: { host: proxy.host } };
      expect(await failure(server(), wrong)).toEqual(expected);
      expect(await failure(server(), { ...wrong, proxy_user: '' })).toEqual(expected);
      // HEAD has no document in any case
      expect((await problemOf(open(server(), wrong).stat('a'))).code).toBe('target_proxy_password');
    });

    it('says that the proxy is not there, and does not go without it', async () => {
      const host = `127.0.0.1:${await freePort()}`;
      expect(await failure(server(), { proxy: `http://${host}`, ...trusting() })).toEqual({
        code: 'target_proxy',
        params: { host, reason: 'ECONNREFUSED' },
      });
      expect(await failure(server(), { proxy: 'http://proxy.invalid', ...trusting() })).toEqual({
        code: 'target_proxy',
        params: { host: 'proxy.invalid', reason: 'ENOTFOUND' },
      });
    });

    it('says what the proxy answers for a name that it cannot resolve', async () => {
      const endpoint = `${scheme}://nowhere.invalid`;
      expect(await failure(server(), through({ endpoint, ...trusting() }))).toEqual({
        code: 'target_proxy',
        params: { host: proxy.host, reason: 'HTTP 404' },
      });
    });

    it.each([403, 502, 503])('says that the proxy refuses with %i', async (status) => {
      const answer: RequestListener = (_request, response) =>
        response.writeHead(status).end('<html>no</html>');
      const own = createServer(answer);
      own.on('connect', (_request, socket) =>
        socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`),
      );
      const host = `127.0.0.1:${await listening(own)}`;
      expect(await failure(server(), { proxy: `http://${host}`, ...trusting() })).toEqual({
        code: 'target_proxy',
        params: { host, reason: `HTTP ${status}` },
      });
    });

    it('gives up on a proxy that hangs or hangs up', async () => {
      const silent = `127.0.0.1:${await listening(createTcpServer((socket) => socket.on('error', () => undefined)))}`;
      const problem = await failure(server(), { proxy: `http://${silent}`, ...trusting() }, 600);
      if (scheme === 'https') {
        expect(problem).toEqual({ code: 'target_proxy', params: { host: silent, reason: 'ETIMEDOUT' } });
      } else expect(problem.code).toBe('target_timeout');
      const rude = `127.0.0.1:${await listening(createTcpServer((socket) => socket.once('data', () => socket.end())))}`;
      const cut = await failure(server(), { proxy: `http://${rude}`, ...trusting() });
      expect(cut.code).toBe(scheme === 'https' ? 'target_proxy' : 'target_cut');
    });

    it('still tells what the server itself says', async () => {
      expect((await failure(server(), through({ secret_key: 'wrong', ...trusting() }))).code).toBe(
        'target_wrong_secret',
      );
      expect(await failure(server(), through({ bucket: 'other', ...trusting() }))).toEqual({
        code: 'target_no_bucket',
        params: { bucket: 'other' },
      });
    });

    it('takes a proxy that speaks https only with a certificate that is trusted', async () => {
      const own = await startHttpProxy({ tls: certificate });
      const { code, params } = await failure(server(), { proxy: own.url, ...trusting() });
      expect({ code, host: params.host }).toEqual({ code: 'target_proxy', host: own.host });
      expect(params.reason).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/);
      await own.stop();
    });
  });

  it('gives up on a server behind the proxy that says nothing', async () => {
    const host = `127.0.0.1:${await listening(createTcpServer((socket) => socket.on('error', () => undefined)))}`;
    const problem = await failure(secure, through({ endpoint: `https://${host}` }), 3_000);
    expect(problem.code).toBe('target_timeout');
  });

  it.each(['pinned', 'trusted'])(
    'keeps a connection for the next request, also through a proxy: %s',
    async (how) => {
      const files = { cert: readFileSync(certificate.certFile), key: readFileSync(certificate.keyFile) };
      const kept = createTlsServer(files, (_request, response) =>
        response.end('<ListBucketResult><Name>bucket</Name></ListBucketResult>'),
      );
      let connections = 0;
      kept.on('secureConnection', () => {
        connections += 1;
      });
      const endpoint = `https://127.0.0.1:${await listening(kept)}`;
      const trust = how === 'pinned' ? { certificate_pin: pin } : { ca_certificate: certificate.authority };
      for (const way of [{}, through()]) {
        connections = 0;
        const target = open(plain, { endpoint, ...trust, ...way });
        for (let count = 0; count < 3; count += 1) await target.list();
        expect(connections).toBe(1);
        target.close();
      }
    },
  );

  describe('a pinned certificate', () => {
    it('is accepted, whoever signed it and whatever its name is', async () => {
      const other = makeCertificate(join(temporaryFolder('way'), 'other'));
      expect(await open(secure, { certificate_pin: pin }).list()).toEqual([]);
      const endpoint = secure.endpoint.replace('127.0.0.1', '127.0.0.2');
      expect((await failure(secure, { endpoint, ca_certificate: certificate.authority })).code).toMatch(
        /target_(tls_name|refused)/,
      );
      // also beside an authority that did not sign it
      const settings = { certificate_pin: pin, ca_certificate: other.authority };
      expect(await open(secure, settings).list()).toEqual([]);
    });

    it.each(['directly', 'through a proxy'])(
      'is the only one, and nothing is sent to another: %s',
      async (how) => {
        const wrong = 'ab'.repeat(32);
        const before = secure.log().length;
        const settings = how === 'directly' ? {} : through();
        expect(await failure(secure, { ...settings, certificate_pin: wrong })).toEqual({
          code: 'target_tls_pin',
          params: {
            host: new URL(secure.endpoint).host,
            fingerprint: pin.toUpperCase().replace(/(..)(?!$)/g, '$1:'),
          },
        });
        // not even one that an authority vouches for
        const vouched = { ...settings, certificate_pin: wrong, ca_certificate: certificate.authority };
        expect((await failure(secure, vouched)).code).toBe('target_tls_pin');
        expect(secure.log().slice(before)).toBe('');
      },
    );

    it('is offered when a certificate is not trusted, without anything being sent', async () => {
      const before = secure.log().length;
      for (const settings of [{}, through()]) {
        const problem = await failure(secure, settings);
        expect(problem).toMatchObject({
          code: 'target_tls_untrusted',
          params: { fingerprint: pin.toUpperCase().replace(/(..)(?!$)/g, '$1:') },
        });
      }
      expect(secure.log().slice(before)).toBe('');
    });

    it("leaves an authority of one's own to work, also through a proxy", async () => {
      for (const settings of [{}, through()]) {
        const target = open(secure, { ...settings, ca_certificate: certificate.authority });
        expect(await target.list()).toEqual([]);
      }
    });

    it('says that a server does not speak TLS, or hangs up', async () => {
      const { code } = await failure(plain, {
        endpoint: plain.endpoint.replace('http:', 'https:'),
        certificate_pin: pin,
      });
      expect(code).toBe('target_tls');
      const port = await listening(createTcpServer((socket) => socket.destroy()));
      const hungUp = await failure(plain, { endpoint: `https://127.0.0.1:${port}`, certificate_pin: pin });
      expect(hungUp.code).toBe('target_cut');
    });
  });

  it('is tried before a target is saved, and what is wrong with it can be put right from the answer', async () => {
    const core = await stage.localCore();
    const input = bucketInput(secure, 'Home', { bucket: 'bucket' });
    const tried = async (settings: Settings) => {
      const added = core.client.addTarget({ ...input, settings: { ...input.settings, ...settings } });
      return added.catch((error: { problem: ProblemDocument }) => error.problem);
    };
    const nowhere = `127.0.0.1:${await freePort()}`;
    expect(await tried({ proxy: `http://${nowhere}` })).toMatchObject({
      status: 422,
      code: 'target_proxy',
      title: `The proxy ${nowhere} could not be reached or refused the connection (ECONNREFUSED).`,
    });
    expect(await tried(through({ proxy_password: 'wrong' }))).toMatchObject({
      code: 'target_proxy_password',
    });
    const untrusted = await tried(through());
    expect(untrusted).toMatchObject({ status: 422, code: 'target_tls_untrusted' });
    const { fingerprint = '' } = (untrusted as ProblemDocument).params;
    const added = await core.client.addTarget({
      ...input,
      settings: { ...input.settings, ...through(), certificate_pin: fingerprint },
    });
    const { backup, archive } = makeBackup();
    await core.client.upload(added.id, backup, archive);
    expect(await core.client.download(added.id, backup.backup_id)).toEqual(archive);
    expect(JSON.stringify(added)).not.toContain('p@ss');
    expect(core.lines.join('\n')).not.toContain('p@ss:word');
    expect(core.defects()).toEqual([]);
  });

  function fingerprintOf(file: string): string {
    const text = execFileSync('openssl', [
      'x509',
      '-in',
      file,
      '-noout',
      '-fingerprint',
      '-sha256',
    ]).toString();
    return text.trim().replace(/^.*=/, '').replaceAll(':', '').toLowerCase();
  }
});
