import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readEnvironment } from '../src/environment.ts';
import { Command } from './harness/command.ts';
import { CoreClient } from './harness/core-client.ts';
import { freePort } from './harness/free-port.ts';
import { waitFor } from './harness/wait-for.ts';

let dir: string;
let data: string;
const commands: Command[] = [];

function start(command: Command): Command {
  commands.push(command);
  return command;
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'homestash-cli-'));
  data = join(dir, 'data');
});
afterEach(async () => {
  await Promise.all(commands.splice(0).map((command) => command.end()));
  rmSync(dir, { recursive: true, force: true });
});

/** On a port that the system chooses. */
const serving = (more: Record<string, string> = {}) => ({
  HOMESTASH_DATA: data,
  HOMESTASH_API_PORT: '0',
  ...more,
});

describe('homestash serve', () => {
  for (const [how, run] of [
    ['by itself', Command.program],
    ['through npm', Command.npm],
  ] as const) {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      test(`${how}: one line of JSON on stdout, and ${signal} ends it with status 0`, async () => {
        const serve = start(run(['serve'], serving()));
        const { url } = await serve.ready();
        expect((await fetch(`${url}/api/ping`)).status).toBe(200);
        serve.signal(signal);
        const { code, stdout } = await serve.ended;
        // npm's own banner begins with ">"
        const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('> '));
        expect(lines).toEqual([expect.stringMatching(/^\{"ready":true,/)]);
        expect(JSON.parse(lines[0] as string)).toMatchObject({ ready: true, url });
        expect(code).toBe(0);
        await expect(fetch(`${url}/api/ping`)).rejects.toThrow();
      });
    }
  }

  test('without HOMESTASH_DATA it keeps everything in the data home, closed to other users', async () => {
    const serve = start(
      Command.program(['serve'], { XDG_DATA_HOME: join(dir, 'share'), HOMESTASH_API_PORT: '0' }),
    );
    await serve.ready();
    const home = join(dir, 'share', 'homestash');
    expect(readdirSync(home)).toContain('homestash.db');
    expect(statSync(home).mode & 0o077).toBe(0);
    expect(statSync(join(home, 'secret.key')).mode & 0o077).toBe(0);
  });

  test('without a data home it is a folder of the user', async () => {
    const serve = start(Command.program(['serve'], { HOME: dir, HOMESTASH_API_PORT: '0' }));
    await serve.ready();
    expect(existsSync(join(dir, '.local/share/homestash/homestash.db'))).toBe(true);
  });

  test('by default it listens on 8098 of this machine only, and where it is told otherwise', async () => {
    expect(readEnvironment({})).toMatchObject({ port: 8098, bind: '127.0.0.1', idleTimeoutMs: 120_000 });
    expect(readEnvironment({ HOMESTASH_STREAM_IDLE_SECONDS: '7' })).toMatchObject({ idleTimeoutMs: 7_000 });
    // all of 127.0.0.0/8 is this machine
    const serve = start(Command.program(['serve'], serving({ HOMESTASH_BIND: '127.0.0.2' })));
    const { url } = await serve.ready();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.2:\d+$/);
    expect((await fetch(`${url}/api/ping`)).status).toBe(200);
    await expect(fetch(`${url.replace('127.0.0.2', '127.0.0.1')}/api/ping`)).rejects.toThrow();
  });

  test('a second one on the same data folder is refused, and the first goes on', async () => {
    const first = start(Command.program(['serve'], serving()));
    const { url } = await first.ready();
    const { code, stdout, stderr } = await start(Command.program(['serve'], serving())).ended;
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain(`another Homestash already serves ${data}`);
    expect(stderr).not.toContain('    at ');
    expect((await fetch(`${url}/api/ping`)).status).toBe(200);
  });

  test('a SIGTERM while it starts ends it with status 0, too', async () => {
    const serve = start(Command.program(['serve'], serving()));
    await waitFor('the start to have begun', () => existsSync(join(data, 'serve.lock')), { intervalMs: 1 });
    serve.signal('SIGTERM');
    expect(await serve.ended).toMatchObject({ code: 0, signal: null });
  });

  test('a kill -9 does not block the next start', async () => {
    const first = start(Command.program(['serve'], serving()));
    await first.ready();
    first.signal('SIGKILL');
    await first.ended;
    await start(Command.program(['serve'], serving())).ready();
  });
});

describe('homestash serve where it cannot', () => {
  async function refused(env: Record<string, string>): Promise<string> {
    const { code, stdout, stderr } = await start(Command.program(['serve'], env)).ended;
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).not.toContain('    at ');
    return stderr;
  }

  test('a port that is in use is named', async () => {
    const port = await freePort();
    const other: Server = createServer();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    try {
      const said = await refused(serving({ HOMESTASH_API_PORT: String(port) }));
      expect(said).toContain('EADDRINUSE');
      expect(said).toContain(String(port));
    } finally {
      other.close();
    }
  });

  test('a wrong environment is named, and nothing is made', async () => {
    const said = await refused(serving({ HOMESTASH_API_PORT: '70000' }));
    expect(said).toContain('the environment is wrong: HOMESTASH_API_PORT');
    expect(existsSync(data)).toBe(false);
  });

  test.for([
    ['HOMESTASH_DATA', 'here', 'absolute path'],
    ['HOMESTASH_API_PORT', 'eighty', 'whole number'],
    ['HOMESTASH_API_PORT', '-1', 'whole number'],
    ['HOMESTASH_LOG_LEVEL', 'loud', 'warning'],
    ['HOMESTASH_STREAM_IDLE_SECONDS', '0', '1'],
    ['HOMESTASH_STREAM_IDLE_SECONDS', '1.5', 'whole number'],
    ['HOMESTASH_INGRESS_PORT', '70000', '65535'],
    ['HOMESTASH_INGRESS_GATEWAY', 'supervisor', 'IP address'],
    ['HOMESTASH_SUPERVISOR', 'supervisor', 'http://'],
  ] as const)('%s=%s is refused by name', ([name, value, word]) => {
    const read = () => readEnvironment({ [name]: value });
    expect(read).toThrow(`the environment is wrong: ${name}`);
    expect(read).toThrow(word);
  });

  test('a data folder that is a file is named', async () => {
    writeFileSync(data, 'not a folder');
    expect(await refused(serving())).toContain(data);
  });

  test('a key file that is none is an error, and no new key replaces it', async () => {
    mkdirSync(data);
    writeFileSync(join(data, 'secret.key'), 'torn');
    expect(await refused(serving())).toContain('a key of 32 bytes is needed');
  });
});

describe('homestash as an app of Home Assistant', () => {
  const read = (env: Record<string, string> = {}) =>
    readEnvironment({ SUPERVISOR_TOKEN: 'token', HOMESTASH_DATA: data, ...env });

  test('keeps its data where the Supervisor wants it, and is heard on its network', () => {
    expect(readEnvironment({ SUPERVISOR_TOKEN: 'token' })).toMatchObject({
      dataDir: '/data',
      bind: '0.0.0.0',
      port: 8098,
      supervisor: { url: 'http://supervisor', token: 'token' },
      ingress: { port: 8099, gateway: '172.30.32.2', bind: '0.0.0.0' },
    });
    const more = {
      HOMESTASH_INGRESS_PORT: '0',
      HOMESTASH_INGRESS_GATEWAY: '127.0.0.1',
      HOMESTASH_SUPERVISOR: 'http://127.0.0.1:80',
      HOMESTASH_BIND: '127.0.0.1',
    };
    expect(read(more)).toMatchObject({
      supervisor: { url: 'http://127.0.0.1:80' },
      ingress: { port: 0, gateway: '127.0.0.1', bind: '127.0.0.1' },
    });
  });

  test('without the Supervisor it is none', () => {
    for (const env of [{}, { SUPERVISOR_TOKEN: '' }]) {
      expect(readEnvironment(env)).not.toHaveProperty('ingress');
      expect(readEnvironment(env)).not.toHaveProperty('supervisor');
    }
  });

  test('takes the log level from its options, unless it is told another', () => {
    mkdirSync(data);
    expect(read().logLevel).toBe('info');
    const options = join(data, 'options.json');
    writeFileSync(options, '{"log_level": "debug"}');
    expect(read().logLevel).toBe('debug');
    expect(read({ HOMESTASH_LOG_LEVEL: 'error' }).logLevel).toBe('error');
    expect(readEnvironment({ HOMESTASH_DATA: data }).logLevel).toBe('info');
    for (const broken of ['{"log_level": "loud"}', '{', '[]', '']) {
      writeFileSync(options, broken);
      expect(read().logLevel).toBe('info');
    }
  });

  test('has two ports, prints no setup code and keeps the token of the Supervisor to itself', async () => {
    const port = await freePort();
    const env = serving({
      SUPERVISOR_TOKEN: 'the token of the Supervisor',
      HOMESTASH_BIND: '127.0.0.1',
      HOMESTASH_INGRESS_PORT: String(port),
      HOMESTASH_INGRESS_GATEWAY: '127.0.0.1',
    });
    const serve = start(Command.program(['serve'], env));
    const { url } = await serve.ready();
    expect((await fetch(`${url}/api/ping`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/api/ping`)).status).toBe(200);
    const { code, stdout, stderr } = await start(Command.program(['setup-code'], env)).ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('sidebar of Home Assistant');
    serve.signal('SIGTERM');
    const ended = await serve.ended;
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain('pairing_code');
    expect(ended.stderr).not.toMatch(/setup_code|the token of/);
  });

  test('a port of ingress that is in use is named, and the other one is given back', async () => {
    const port = await freePort();
    const env = serving({
      SUPERVISOR_TOKEN: 'token',
      HOMESTASH_BIND: '127.0.0.1',
      HOMESTASH_API_PORT: String(port),
      HOMESTASH_INGRESS_PORT: String(port),
    });
    const { code, stderr } = await start(Command.program(['serve'], env)).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('EADDRINUSE');
    expect(stderr).not.toContain('    at ');
  });
});

describe('homestash setup-code', () => {
  const setUp = async (url: string, code: string, password: string) => {
    const body = JSON.stringify({ code, password });
    return (await fetch(`${url}/api/v1/session/setup`, { method: 'POST', body })).status;
  };

  test('while it serves: a code for whoever forgot the password, that is good once', async () => {
    const serve = start(Command.program(['serve'], serving()));
    const { url } = await serve.ready();
    const [, first] = /"setup_code":"([^"]+)"/.exec(serve.stderr) ?? [];
    expect(await setUp(url, first as string, 'a long enough one')).toBe(200);
    const { code, stdout, stderr } = await start(Command.program(['setup-code'], serving())).ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[a-z2-7-]{19}\n$/);
    expect(stderr).toContain(url);
    expect(await setUp(url, stdout, 'another long one')).toBe(200);
    expect(await setUp(url, stdout, 'another long one')).toBe(403);
  });
});

describe('homestash pair', () => {
  const secretOf = (code: string) => JSON.parse(Buffer.from(code, 'base64url').toString());

  test('while it serves: a code with its address, which is exchanged once', async () => {
    const { url } = await start(Command.program(['serve'], serving())).ready();
    const { code, stdout } = await start(Command.program(['pair'], serving())).ended;
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(secretOf(stdout)).toMatchObject({ v: 1, u: url });
    const client = await CoreClient.pair(url, stdout);
    expect(await client.info()).toMatchObject({ version: expect.any(String) });
    await expect(CoreClient.pair(url, stdout)).rejects.toThrow('pairing_code_invalid');
  });

  test('before it ever served: the code is good at the start that follows', async () => {
    const made = await start(Command.npm(['pair', '--url', 'http://stash.local:8098'], serving())).ended;
    expect(made.code).toBe(0);
    const code = made.stdout.trimEnd().split('\n').at(-1) as string;
    expect(secretOf(code)).toMatchObject({ u: 'http://stash.local:8098' });
    const { url } = await start(Command.program(['serve'], serving())).ready();
    await CoreClient.pair(url, code);
  });
});

describe('homestash health', () => {
  const asked = (env: Record<string, string>) => start(Command.program(['health'], env)).ended;

  test.for([
    ['on one address', '127.0.0.2'],
    ['on every address', '0.0.0.0'],
    ['where nothing is said', ''],
  ] as const)('tells whether the core is well that listens %s', async ([, bind]) => {
    const env = serving({ HOMESTASH_API_PORT: String(await freePort()), HOMESTASH_BIND: bind });
    const before = await asked(env);
    expect(before.code).toBe(1);
    expect(before.stderr).toContain('ECONNREFUSED');
    const serve = start(Command.program(['serve'], env));
    await serve.ready();
    expect(await asked(env)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    serve.signal('SIGSTOP');
    expect((await asked(env)).code).toBe(1);
  });

  test('is not satisfied with something else on the port', async () => {
    const other = createHttpServer((_request, response) => response.end('{"status":"ok"}'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = other.address() as AddressInfo;
      const { code, stderr } = await asked({ HOMESTASH_API_PORT: String(port) });
      expect(code).toBe(1);
      expect(stderr).toContain('no Homestash');
    } finally {
      other.close();
    }
  });

  test('says that a port which is chosen at the start is not known', async () => {
    expect((await asked(serving())).stderr).toContain('HOMESTASH_API_PORT');
  });
});

describe('homestash checkpoint', () => {
  const moved = () => start(Command.program(['checkpoint'], serving())).ended;
  /** The names of all tokens in the one file alone, as a backup that was made now would bring it back. */
  const tokensInFile = () => {
    const copy = join(dir, 'copy.db');
    copyFileSync(join(data, 'homestash.db'), copy);
    const alone = new SQLite(copy);
    try {
      return alone.prepare('SELECT name FROM tokens').pluck().all();
    } finally {
      alone.close();
      rmSync(copy);
    }
  };

  test('leaves the whole database in its one file, while a core serves it and afterwards', async () => {
    const serve = start(Command.program(['serve'], serving()));
    await serve.ready();
    expect(await moved()).toMatchObject({ code: 0 });
    expect((await start(Command.program(['token', 'writer'], serving())).ended).code).toBe(0);
    expect(tokensInFile()).not.toContain('writer');
    expect(await moved()).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(tokensInFile()).toContain('writer');
    serve.signal('SIGTERM');
    await serve.ended;
    expect(await moved()).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  test('holds no backup up where somebody is reading, and says what stays where', async () => {
    const serve = start(Command.program(['serve'], serving()));
    const { url } = await serve.ready();
    const reader = new SQLite(join(data, 'homestash.db'), { readonly: true });
    reader.exec('BEGIN; SELECT * FROM settings');
    try {
      const { code } = await start(Command.program(['token', 'writer'], serving())).ended;
      expect(code).toBe(0);
      const { code: status, stderr } = await moved();
      expect(status).toBe(0);
      expect(stderr).toContain('homestash.db-wal');
    } finally {
      reader.close();
    }
    expect((await fetch(`${url}/api/ping`)).status).toBe(200);
  });

  test('makes nothing where nothing is', async () => {
    expect(await moved()).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(data)).toBe(false);
  });
});

describe('homestash otherwise', () => {
  test.for([
    [[], 64],
    [['serve', 'twice'], 64],
    [['--help'], 0],
  ] as const)('%j ends with %d and tells how it is used', async ([args, status]) => {
    const { code, stdout, stderr } = await start(Command.program(args)).ended;
    expect(code).toBe(status);
    expect(stdout + stderr).toContain('usage: homestash serve');
  });

  test('an unknown option is no stack', async () => {
    const { code, stderr } = await start(Command.program(['serve', '--prot', '1'])).ended;
    expect(code).not.toBe(0);
    expect(stderr).toContain("'--prot'");
    expect(stderr).not.toContain('    at ');
  });
});
