import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PROBE_STEPS, type S3Settings } from '../../../src/contract/index.ts';
import { haveVersitygw } from '../../harness/cache.ts';
import { freePort } from '../../harness/free-port.ts';
import type { S3Server } from '../../harness/s3-server.ts';
import { startVersitygw } from '../../harness/versitygw.ts';
import { S3Proxy, s3Error } from '../../simulators/s3-proxy.ts';
import { closeTargets, discard, HastyClock, openTarget, problemOf, s3Settings } from './s3-support.ts';

const servers: Server[] = [];

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** The problem with which a list of this target ends. */
async function failure(
  settings: Partial<S3Settings>,
  idleTimeoutMs = 20_000,
  server: Partial<S3Server> = {},
) {
  const { target } = openTarget(s3Settings(server, settings), { clock: new HastyClock(), idleTimeoutMs });
  const { code, params } = await problemOf(target.list());
  return { code, params };
}

async function answered(answer: RequestListener, idleTimeoutMs?: number) {
  const port = await listening(createServer(answer));
  const host = `127.0.0.1:${port}`;
  return { host, ...(await failure({ endpoint: `http://${host}` }, idleTimeoutMs)) };
}

const says = (status: number, body: string, headers: Record<string, string> = {}) =>
  answered((_request, response) => response.writeHead(status, headers).end(body));

afterEach(() => {
  closeTargets();
  for (const server of servers.splice(0)) server.close();
});

describe('what goes wrong on the way to a server', () => {
  it('names a host that does not resolve', async () => {
    const expected = { code: 'target_dns', params: { host: 'storage.invalid' } };
    expect(await failure({ endpoint: 'https://storage.invalid' })).toEqual(expected);
  });

  it('names a port that nobody listens on', async () => {
    const host = `127.0.0.1:${await freePort()}`;
    expect(await failure({ endpoint: `http://${host}` })).toEqual({
      code: 'target_refused',
      params: { host },
    });
  });

  it('notices a connection that is cut', async () => {
    const port = await listening(createTcpServer((socket) => socket.once('data', () => socket.destroy())));
    expect((await failure({ endpoint: `http://127.0.0.1:${port}` })).code).toBe('target_cut');
  });

  it('notices a server that never answers', async () => {
    expect((await answered(() => undefined, 150)).code).toBe('target_timeout');
  });

  it('notices something that speaks no HTTP', async () => {
    const port = await listening(createTcpServer((socket) => socket.end('220 mail ESMTP\r\n')));
    expect((await failure({ endpoint: `http://127.0.0.1:${port}` })).code).toBe('target_not_s3');
  });
});

describe('certificates', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'homestash-tls-'));
    certificate('good', 'IP:127.0.0.1', '20200101000000Z', '20990101000000Z');
    certificate('name', 'DNS:other.example', '20200101000000Z', '20990101000000Z');
    certificate('old', 'IP:127.0.0.1', '20200101000000Z', '20200102000000Z');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** `openssl ca` is the one way to an old certificate that every version knows. */
  function certificate(name: string, altName: string, from: string, to: string): void {
    const file = (end: string) => join(folder, `${name}.${end}`);
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const config = [
      ...['[ca]', 'default_ca=d', '[d]', `database=${file('index')}`, `new_certs_dir=${folder}`, 'policy=p'],
      `serial=${file('serial')}`,
      ...['default_md=sha256', '[p]', 'commonName=supplied', '[e]', `subjectAltName=${altName}`],
      ...['[req]', 'distinguished_name=n', '[n]'],
    ];
    writeFileSync(file('cnf'), `${config.join('\n')}\n`);
    writeFileSync(file('index'), '');
    writeFileSync(file('serial'), '01\n');
    openssl('ecparam', '-genkey', '-name', 'prime256v1', '-out', file('key'));
    openssl(
      'req',
      '-new',
      '-key',
      file('key'),
      '-out',
      file('csr'),
      '-subj',
      '/CN=t',
      '-config',
      file('cnf'),
    );
    const signed = ['-selfsign', '-keyfile', file('key'), '-in', file('csr'), '-out', file('pem')];
    const dated = ['-startdate', from, '-enddate', to];
    openssl(
      'ca',
      '-batch',
      '-notext',
      '-rand_serial',
      '-config',
      file('cnf'),
      '-extensions',
      'e',
      ...dated,
      ...signed,
    );
  }

  async function tlsHost(name: string, answer: RequestListener = (_q, response) => response.end()) {
    const [key, cert] = ['key', 'pem'].map((end) => readFileSync(join(folder, `${name}.${end}`)));
    return `127.0.0.1:${await listening(createTlsServer({ key, cert }, answer))}`;
  }
  const fingerprint = (name: string) => new X509Certificate(pem(name)).fingerprint256;
  const pem = (name: string) => readFileSync(join(folder, `${name}.pem`), 'utf8');

  it('says that one is self-signed', async () => {
    const host = await tlsHost('good');
    expect(await failure({ endpoint: `https://${host}` })).toEqual({
      code: 'target_tls_untrusted',
      params: { host, fingerprint: fingerprint('good') },
    });
  });

  it('accepts it when it was given', async () => {
    const host = await tlsHost('good', (_request, response) =>
      response.writeHead(403).end(s3Error('AccessDenied')),
    );
    const settings = { endpoint: `https://${host}`, ca_certificate: pem('good') };
    expect((await failure(settings)).code).toBe('target_forbidden');
  });

  it('says that one is for another name', async () => {
    const host = await tlsHost('name');
    const settings = { endpoint: `https://${host}`, ca_certificate: pem('name') };
    expect(await failure(settings)).toEqual({
      code: 'target_tls_name',
      params: { host, fingerprint: fingerprint('name') },
    });
  });

  it('says that one has expired', async () => {
    const host = await tlsHost('old');
    expect(await failure({ endpoint: `https://${host}`, ca_certificate: pem('old') })).toEqual({
      code: 'target_tls_expired',
      params: { host, fingerprint: fingerprint('old') },
    });
  });

  it('says that https meets http, and http meets https', async () => {
    const port = await listening(createServer((_request, response) => response.end()));
    const problem = await failure({ endpoint: `https://127.0.0.1:${port}` });
    expect(problem.code).toBe('target_tls');
    expect(problem.params.reason).toBe('EPROTO');
    // As most servers do it: one line of plain HTTP. Node itself hangs up.
    expect((await says(400, 'Client sent an HTTP request to an HTTPS server.\n')).code).toBe('target_not_s3');
    expect((await failure({ endpoint: `http://${await tlsHost('good')}` })).code).toBe('target_cut');
  });

  it('says that the given one is none', async () => {
    const ca_certificate = '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n';
    const problem = await failure({ endpoint: 'https://127.0.0.1:1', ca_certificate });
    expect(problem).toEqual({ code: 'target_ca_unreadable', params: {} });
  });
});

describe('answers', () => {
  it.each([
    ['a page', 200, '<!doctype html><html><body>login</body></html>'],
    ['a page that is no XML', 200, '<html><head><meta charset=utf-8></head><body><br>login</body></html>'],
    ['text', 200, 'hello'],
    ['nothing', 200, ''],
    ['an empty 404', 404, ''],
    ['a page with 404', 404, '<html><hr>nginx</html>'],
    ['a page with 403', 403, '<html>forbidden</html>'],
    ['JSON with 401', 401, '{"message":"who are you?"}'],
    ['a redirect to a login', 302, ''],
  ])('of something that is no S3: %s', async (_words, status, body) => {
    const { code, params, host } = await says(status, body, { location: 'http://127.0.0.1/login' });
    expect({ code, params }).toEqual({ code: 'target_not_s3', params: { host } });
  });

  it.each([
    [
      301,
      'PermanentRedirect',
      '',
      { 'x-amz-bucket-region': 'eu-west-1' },
      'target_wrong_region',
      'eu-west-1',
    ],
    [400, 'AuthorizationHeaderMalformed', '<Region>garage</Region>', {}, 'target_wrong_region', 'garage'],
    [400, 'AuthorizationHeaderMalformed', '', {}, 'target_unexpected', 'AuthorizationHeaderMalformed'],
    [403, 'InvalidAccessKeyId', '', {}, 'target_wrong_key', ''],
    [401, 'Unauthorized', '', {}, 'target_wrong_key', ''],
    [403, 'SignatureDoesNotMatch', '', {}, 'target_wrong_secret', ''],
    [403, 'AccessDenied', '', {}, 'target_forbidden', 's3:ListBucket'],
    [403, 'SomethingOfTheirOwn', '', {}, 'target_forbidden', 's3:ListBucket'],
    [404, 'NoSuchBucket', '', {}, 'target_no_bucket', 'bucket'],
    [503, 'SlowDown', '', {}, 'target_unavailable', '503'],
    [500, 'InternalError', '', {}, 'target_unavailable', '500'],
    [429, 'TooManyRequests', '', {}, 'target_unavailable', '429'],
    [507, 'XMinioStorageFull', '', {}, 'target_full', ''],
    [403, 'QuotaExceeded', '', {}, 'target_full', ''],
    [400, 'RequestTimeout', '', {}, 'target_timeout', ''],
    [501, 'NotImplemented', '', {}, 'target_unexpected', 'NotImplemented'],
    [400, 'WeDoNotLikeYou', '', {}, 'target_unexpected', 'WeDoNotLikeYou'],
    [400, 'a sentence, no code', '', {}, 'target_unexpected', 'HTTP 400'],
  ])('%i %s', async (status, s3Code, more, headers, code, value) => {
    const problem = await says(status, s3Error(s3Code, more), headers as Record<string, string>);
    expect(problem.code).toBe(code);
    if (code !== 'target_timeout') expect(Object.values(problem.params)).toEqual(value === '' ? [] : [value]);
  });

  it('that name a region which is ours are about something else', async () => {
    const problem = await says(400, '', { 'x-amz-bucket-region': 'us-east-1' });
    expect(problem.code).toBe('target_not_s3');
  });

  it('without a document when a server in front of the storage is in trouble', async () => {
    const { code, params } = await says(502, '<html>bad gateway</html>');
    expect({ code, params }).toEqual({ code: 'target_unavailable', params: { status: '502' } });
  });

  it('that the clocks differ, after one try with the time of the server', async () => {
    let requests = 0;
    const problem = await answered((_request, response) => {
      requests += 1;
      response.setHeader('date', new Date(Date.now() + 90 * 60_000).toUTCString());
      response.writeHead(403).end(s3Error('RequestTimeTooSkewed'));
    });
    expect(problem).toMatchObject({ code: 'target_clock', params: { minutes: '90' } });
    expect(requests).toBe(2);
  });

  it('that the clocks differ are put right where the server says its time', async () => {
    const port = await listening(
      createServer((request, response) => {
        const theirs = Date.now() + 90 * 60_000;
        const [year, month, day, hour, minute, second] = (
          String(request.headers['x-amz-date']).match(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/) ?? ['']
        )
          .slice(1)
          .map(Number) as [number, number, number, number, number, number];
        const signed = Date.UTC(year, month - 1, day, hour, minute, second);
        response.setHeader('date', new Date(theirs).toUTCString());
        if (Math.abs(signed - theirs) > 15 * 60_000) {
          response.writeHead(403).end(s3Error('RequestTimeTooSkewed'));
        } else response.end('<ListBucketResult><Name>bucket</Name></ListBucketResult>');
      }),
    );
    const { target } = openTarget(s3Settings({ endpoint: `http://127.0.0.1:${port}` }));
    expect(await target.list()).toEqual([]);
  });
});

describe.skipIf(!haveVersitygw())('a real server', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startVersitygw({ region: 'here' });
    server.createBucket('bucket');
  });
  afterAll(() => discard(server));

  const real = (settings: Partial<S3Settings>) => failure({ region: 'here', ...settings }, 20_000, server);

  it('tells wrong key, wrong secret, missing bucket and wrong region apart', async () => {
    expect(await real({ access_key: 'nobody' })).toEqual({ code: 'target_wrong_key', params: {} });
    expect(await real({ secret_key: 'wrong' })).toEqual({ code: 'target_wrong_secret', params: {} });
    expect(await real({ bucket: 'other' })).toEqual({
      code: 'target_no_bucket',
      params: { bucket: 'other' },
    });
    expect(await real({ region: 'elsewhere' })).toEqual({
      code: 'target_wrong_region',
      params: { region: 'here' },
    });
  });

  it.each([
    ['GET', 'list-type', 'reach'],
    ['PUT', '', 'write'],
    ['POST', 'uploads', 'multipart'],
    ['DELETE', '', 'delete'],
  ])('that forbids %s %s fails the probe at %s and leaves nothing', async (method, parameter, failing) => {
    const proxy = new S3Proxy(server.endpoint);
    await proxy.start();
    let refusals = failing === 'delete' ? 1 : Number.POSITIVE_INFINITY;
    proxy.intercept = (one) => {
      const meant = parameter === '' ? !one.query.has('uploadId') : one.query.has(parameter);
      if (one.method !== method || !meant || refusals === 0) return undefined;
      refusals -= 1;
      return { kind: 'answer', status: 403, body: s3Error('AccessDenied') };
    };
    const settings = s3Settings({ ...server, endpoint: proxy.endpoint }, { region: 'here' });
    const { target } = openTarget(settings);
    const outcomes = await target.probe();
    const at = PROBE_STEPS.indexOf(failing as (typeof PROBE_STEPS)[number]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(
      PROBE_STEPS.map((_step, index) => (index < at ? 'ok' : index === at ? 'failed' : 'skipped')),
    );
    expect(outcomes[at]?.problem?.code).toBe('target_forbidden');
    proxy.reset();
    expect(await target.list()).toEqual([]);
    await proxy.stop();
  });
});
