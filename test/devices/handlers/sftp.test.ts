import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sftp } from '../../../src/devices/handlers/sftp.ts';
import { SshConnection } from '../../../src/devices/ssh/connection.ts';
import { RemoteFiles } from '../../../src/devices/ssh/files.ts';
import { readPaths } from '../../../src/devices/ssh/paths.ts';
import { haveOwnAccounts, haveSshd, makeSshKey, type Sshd, startSshd } from '../../harness/sshd.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

describe('paths', () => {
  const [one] = readPaths('/etc/*.con*f');
  test.each([
    ['a.conf', true],
    ['a.conconf', true],
    ['.a.conf', false],
    ['conf', false],
    ['.conf', false],
    ['a.con', false],
    ['a.conf.bak', false],
  ])('%s fits *.con*f: %s', (name, fits) => expect(one?.matches?.(name)).toBe(fits));

  test('hidden ones fit where they are named, and no pattern takes long', () => {
    expect(readPaths('/root/.*')[0]?.matches?.('.profile')).toBe(true);
    const hard = readPaths(`/x/${'a*'.repeat(100)}b`)[0];
    expect(hard?.matches?.('a'.repeat(255))).toBe(false);
  });

  test.each([
    ['\n /etc/hosts \r\n\n', [['/etc/hosts', '/etc']]],
    ['/', [['/', '/']]],
    ['/etc/', [['/etc', '/']]],
    ['~', [['.', '.']]],
    ['~/a b', [['./a b', '.']]],
    ['-rf', [['-rf', '.']]],
  ])('%j is read', (text, expected) =>
    expect(readPaths(text).map(({ path, folder }) => [path, folder])).toEqual(expected),
  );

  test.each(['', '\n \n', '/a/*/b', '/a\0b', 'x\n'.repeat(201)])('%j is refused', (text) =>
    expect(() => readPaths(text)).toThrow('invalid_request'),
  );
});

describe.skipIf(!haveSshd())("with OpenSSH's server", () => {
  const key = makeSshKey(temporaryFolder('key'));
  const box = temporaryFolder('box');
  const inBox = (name: string) => join(box, name);
  let server: Sshd;

  beforeAll(async () => {
    mkdirSync(inBox('config/deep/er'), { recursive: true });
    mkdirSync(inBox('big'));
    mkdirSync(inBox('none'));
    writeFileSync(inBox('config/b.conf'), 'password = hidden\nname = b\n');
    writeFileSync(inBox('config/a.conf'), 'a');
    writeFileSync(inBox('config/page.html'), '<html></html>');
    writeFileSync(inBox('config/empty'), '');
    writeFileSync(inBox('config/deep/er/-ü $(x) "y"'), 'odd');
    writeFileSync(inBox('outside'), 'not wanted');
    symlinkSync(inBox('outside'), inBox('config/link'));
    symlinkSync('/', inBox('config/root'));
    symlinkSync(inBox('config/a.conf'), inBox('named'));
    execFileSync('mkfifo', [inBox('config/pipe')]);
    writeFileSync(inBox('big/a'), '');
    truncateSync(inBox('big/a'), 120 * 1024 * 1024);
    server = await startSshd({ keys: [key.publicKey] });
  });
  afterAll(() => server.stop());

  const run = (paths: string, change: Record<string, unknown> = {}, options: { trusted?: string } = {}) =>
    new HandlerRun(
      sftp,
      { address: server.address, user: server.user, private_key: key.privateKey, paths, ...change },
      options,
    );
  const names = (paths: string[]) => paths.map((path) => inBox(path).slice(1));

  test('folders come with all files below, without links, pipes and empty files', async () => {
    const device = run(inBox('config'));
    await expect(device.test()).resolves.toEqual({});
    const saved = await device.fetch();
    expect(saved.files.map(({ name }) => name)).toEqual(
      names(['config/a.conf', 'config/b.conf', 'config/deep/er/-ü $(x) "y"', 'config/page.html']),
    );
    await expect(device.validate(saved)).resolves.toBeUndefined();
    expect(await saved.files[2]?.text()).toBe('odd');
    const text = await device.normalised(saved, inBox('config/b.conf').slice(1));
    expect(text).toBe('password = ••••••\nname = b\n');
    expect(new Set(device.met)).toEqual(new Set([server.fingerprint]));
  });

  test('single files, patterns and a link that was named come once each', async () => {
    const saved = await run(
      [inBox('config/*.conf'), inBox('config/a.conf'), inBox('named')].join('\n'),
    ).fetch();
    expect(saved.files.map(({ name }) => name)).toEqual(names(['config/a.conf', 'config/b.conf', 'named']));
  });

  test.each(['missing', 'config/*.missing', 'missing/*', 'none', 'config/pipe'])(
    'nothing at %s is told with its path',
    async (path) => {
      const device = run([inBox('config/a.conf'), inBox(path)].join('\n'));
      const problem = { code: 'device_nothing', params: { host: `${server.address}:${inBox(path)}` } };
      if (path.startsWith('missing/')) problem.params.host = `${server.address}:${inBox('missing')}`;
      await expect(device.test()).rejects.toMatchObject(problem);
    },
  );

  test('too much is refused before it is read', async () => {
    writeFileSync(inBox('big/b'), '');
    truncateSync(inBox('big/b'), 120 * 1024 * 1024);
    await expect(run(inBox('big')).test()).rejects.toMatchObject({
      code: 'artefact_too_large',
      params: { limit: '200 MB' },
    });
    mkdirSync(inBox('many'));
    for (let index = 0; index < 2_001; index += 1) writeFileSync(inBox(`many/${index}`), 'x');
    await expect(run(inBox('many')).test()).rejects.toMatchObject({
      code: 'artefact_too_large',
      params: { limit: '2000 files' },
    });
  });

  test('another host key and a wrong key end it at once', async () => {
    const pinned = run(inBox('config'), {}, { trusted: 'SHA256:other' });
    await expect(pinned.test()).rejects.toMatchObject({ code: 'device_pin' });
    const before = server.failures();
    const stranger = makeSshKey(temporaryFolder('key'));
    const wrong = run(inBox('config'), { private_key: stranger.privateKey });
    await expect(wrong.fetch()).rejects.toMatchObject({ code: 'device_password' });
    await waitFor('the log', () => server.failures() > before);
    expect(server.failures()).toBe(before + 1);
  });

  test('a server that goes away in the middle is a cut', async () => {
    const account = { address: server.address, user: server.user, private_key: key.privateKey };
    const options = {
      trust: { known: undefined, meet: () => undefined },
      signal: new AbortController().signal,
    };
    const ssh = await SshConnection.open({ password: '', passphrase: '', ...account }, options);
    const serving = Number((await ssh.ask('echo $PPID')).stdout);
    const files = await RemoteFiles.open(ssh);
    const reading = (async () => {
      for await (const _ of files.read(inBox('big/a'))) process.kill(serving, 'SIGKILL');
    })();
    await expect(reading).rejects.toMatchObject({ code: 'device_cut' });
    await expect(files.list(inBox('config'))).rejects.toMatchObject({ code: 'device_cut' });
    ssh.end();
  });

  test('a box without SFTP has not got what is needed', async () => {
    const other = await startSshd({ keys: [key.publicKey], noFiles: true });
    const device = new HandlerRun(sftp, {
      ...{ address: other.address, user: other.user, private_key: key.privateKey },
      paths: '/etc/hosts',
    });
    await expect(device.test()).rejects.toMatchObject({ code: 'device_not_there' });
    await other.stop();
  });
});

describe.skipIf(!haveSshd() || !haveOwnAccounts())('with a user of few rights', () => {
  test('a password lets in, what may not be read is told, and "~" is its home', async () => {
    const server = await startSshd({ password: 'geheim' });
    try {
      const secret = join(server.dir, 'secret');
      writeFileSync(secret, 'x', { mode: 0o600 });
      writeFileSync(join(server.dir, 'mine'), 'x', { mode: 0o644 });
      const run = (paths: string) =>
        new HandlerRun(sftp, { address: server.address, user: server.user, password: 'geheim', paths });
      const saved = await run('~/mi*').fetch();
      expect(saved.files.map(({ name }) => name)).toEqual(['mine']);
      await expect(run(secret).fetch()).rejects.toMatchObject({
        code: 'device_forbidden',
        params: { host: `${server.address}:${secret}` },
      });
    } finally {
      await server.stop();
    }
  });
});

test('a saved file is compared as what it is', async () => {
  const saved = savedOf({ 'a.json': '{"b":1,"a":{"api_key":"hidden"}}' });
  const bytes = await saved.get('a.json').bytes();
  expect(await sftp.normalise('a.json', bytes)).not.toContain('hidden');
});
