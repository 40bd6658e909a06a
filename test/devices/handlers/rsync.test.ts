import { execFileSync } from 'node:child_process';
import {
  lutimesSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { rsync } from '../../../src/devices/handlers/rsync.ts';
import { Problem } from '../../../src/kernel/errors.ts';
import { freePort } from '../../harness/free-port.ts';
import { haveRsync, type Rsyncd, startRsyncd } from '../../harness/rsyncd.ts';
import { haveSshd, makeSshKey, type Sshd, startSshd } from '../../harness/sshd.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

const SECRET = 'geheim & "1"';
/** A moment of the past (seconds). */
const THEN = 1_700_000_000;
const PATH = process.env.PATH;

const box = temporaryFolder('box');
const inBox = (name: string) => join(box, name);

beforeAll(() => {
  mkdirSync(inBox('config/deep'), { recursive: true });
  writeFileSync(inBox('config/a.conf'), 'password = hidden\n', { mode: 0o400 });
  writeFileSync(inBox('config/empty'), '');
  writeFileSync(inBox('config/deep/-ü $(touch hacked) "y"'), 'odd');
  symlinkSync('/etc/passwd', inBox('config/link'));
  execFileSync('mkfifo', [inBox('config/pipe')]);
  mkdirSync(inBox('none'));
  mkdirSync(inBox('big'));
  writeFileSync(inBox('big/a'), '');
  truncateSync(inBox('big/a'), 400 * 1024 * 1024);
  lutimesSync(inBox('config/link'), THEN, THEN);
  for (const name of ['a.conf', 'empty', 'deep/-ü $(touch hacked) "y"', 'deep', '']) {
    utimesSync(join(inBox('config'), name), THEN, THEN);
  }
});

afterEach(() => {
  process.env.PATH = PATH;
});

const LISTED = [
  'config/ (directory)',
  expect.stringMatching(/^config\/a\.conf 18 [0-9a-f]{16}$/),
  'config/deep/ (directory)',
  expect.stringMatching(/^config\/deep\/-ü \$\(touch hacked\) "y" 3 /),
  expect.stringMatching(/^config\/empty 0 /),
  'config/link -> /etc/passwd',
];

/** Fetches, checks with the real tar too, and says what came. */
async function fetched(device: HandlerRun): Promise<{ lines: string[]; bytes: Buffer }> {
  const saved = await device.fetch();
  await expect(device.validate(saved)).resolves.toBeUndefined();
  const bytes = await saved.get('files.tar').bytes();
  const unpacked = temporaryFolder('unpacked');
  execFileSync('tar', ['xpf', '-', '-C', unpacked], { input: bytes });
  expect(readdirSync(unpacked).length).toBeGreaterThan(0);
  return { lines: ((await device.normalised(saved, 'files.tar')) ?? '').split('\n'), bytes };
}

describe.skipIf(!haveRsync() || !haveSshd())("by SSH, with OpenSSH's server", () => {
  const key = haveSshd() ? makeSshKey(temporaryFolder('key')) : undefined;
  let server: Sshd;

  beforeAll(async () => {
    server = await startSshd({ keys: [key?.publicKey ?? ''] });
  });
  afterAll(() => server.stop());

  const run = (
    path: string,
    change: Record<string, unknown> = {},
    options: { trusted?: string; signal?: AbortSignal } = {},
  ) =>
    new HandlerRun(
      rsync,
      { address: server.address, user: server.user, private_key: key?.privateKey, path, ...change },
      options,
    );

  test('a folder comes as one archive, the same each time, and nothing is run', async () => {
    const device = run(inBox('config'));
    await expect(device.test()).resolves.toEqual({});
    const { lines, bytes } = await fetched(device);
    expect(lines).toEqual(LISTED);
    expect((await fetched(run(`${inBox('config')}/`))).bytes.equals(bytes)).toBe(true);
    const listing = execFileSync('tar', ['tvf', '-', '--utc'], { input: bytes }).toString();
    expect(listing).toMatch(/-rw------- 0\/0 +18 2023-11-14 22:13 config\/a\.conf/);
    expect(new Set(device.met)).toEqual(new Set([server.fingerprint]));
    expect(readdirSync(box)).not.toContain('hacked');
  });

  test('names that shells would read are names', async () => {
    const odd = inBox('odd $(touch hacked); x');
    mkdirSync(odd);
    writeFileSync(join(odd, 'f'), 'x');
    expect((await fetched(run(odd))).lines).toEqual([
      'odd $(touch hacked); x/ (directory)',
      expect.stringContaining('odd $(touch hacked); x/f 1 '),
    ]);
    expect(readdirSync(box)).not.toContain('hacked');
  });

  test.each(['rsa', 'ecdsa', 'ed25519'])('another key (%s) is tried once', async (type) => {
    const before = server.failures();
    const wrong = run(inBox('config'), {
      private_key: makeSshKey(temporaryFolder('key'), { type }).privateKey,
    });
    await expect(wrong.test()).rejects.toMatchObject({ code: 'device_password' });
    await waitFor('the log', () => server.failures() > before);
    expect(server.failures()).toBe(before + 1);
  });

  test('another host key ends it before anybody signs in', async () => {
    const before = server.log().length;
    const device = run(inBox('config'), {}, { trusted: 'SHA256:other' });
    await expect(device.test()).rejects.toMatchObject({
      code: 'device_pin',
      params: { fingerprint: server.fingerprint },
    });
    expect(server.log().slice(before)).not.toMatch(/Accepted|Failed/);
  });

  test.each([
    ['a key with a passphrase', { passphrase: SECRET }, 'the private key has a passphrase'],
    ['no key', undefined, 'the private key cannot be read'],
  ])('%s is told', async (_name, options, reason) => {
    const text = options ? makeSshKey(temporaryFolder('key'), options).privateKey : 'nonsense';
    await expect(run('/etc', { private_key: text }).test()).rejects.toMatchObject({
      code: 'device_failed',
      params: { reason },
    });
  });

  test('what is not there, and a folder without files, are told with their path', async () => {
    const host = (path: string) => ({
      code: 'device_nothing',
      params: { host: `${server.address}:${inBox(path)}` },
    });
    await expect(run(inBox('missing')).test()).rejects.toMatchObject(host('missing'));
    await expect(run(inBox('missing')).fetch()).rejects.toMatchObject(host('missing'));
    await expect(run(inBox('none')).fetch()).rejects.toMatchObject(host('none'));
  });

  test.each([
    { path: '-e sh' },
    { path: '--rsh=sh' },
    { path: ':box' },
    { path: 'a\nb' },
    { user: '-oProxyCommand=x' },
    { user: 'a b' },
    { user: '' },
    { address: '-oProxyCommand=x' },
    { address: 'http://127.0.0.1' },
    { private_key: '' },
  ])('%j is refused before anything runs', async (change) => {
    process.env.PATH = '/nonexistent';
    await expect(run('/etc', change).test()).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('a machine without rsync, or without ssh, says so', async () => {
    process.env.PATH = '/nonexistent';
    await expect(run('/etc/hosts').test()).rejects.toMatchObject({
      code: 'device_program',
      params: { program: 'rsync' },
    });
    const only = temporaryFolder('programs');
    symlinkSync(execFileSync('which', ['rsync'], { env: { PATH } }).toString().trim(), join(only, 'rsync'));
    process.env.PATH = only;
    await expect(run('/etc/hosts').test()).rejects.toMatchObject({
      code: 'device_program',
      params: { program: 'ssh' },
    });
  });

  test('a device without rsync says so', async () => {
    const bare = await startSshd({ keys: [key?.publicKey ?? ''], forced: 'exec no-rsync-here' });
    await expect(run('/etc', { address: bare.address }).test()).rejects.toMatchObject({
      code: 'device_failed',
      params: { reason: expect.stringContaining('no-rsync-here: not found') },
    });
    await bare.stop();
  });

  test('too much is ended', async () => {
    await expect(run(inBox('big')).fetch()).rejects.toMatchObject({
      code: 'artefact_too_large',
      params: { limit: '200 MB' },
    });
  });

  test('a signal ends rsync and its ssh', async () => {
    const slow = await startSshd({ keys: [key?.publicKey ?? ''], forced: 'exec sleep 60' });
    const stop = new AbortController();
    const reason = new Problem('device_slow', { params: { host: 'x' } });
    const fetching = run('/etc', { address: slow.address }, { signal: stop.signal }).fetch();
    fetching.catch(() => undefined);
    await waitFor('the command', () => slow.log().includes('forced-command'));
    stop.abort(reason);
    await expect(fetching).rejects.toBe(reason);
    await waitFor('the end of ssh', () =>
      /(?:Connection closed|Connection reset|Read error|Closing connection|Received disconnect)/i.test(
        slow.log().split('forced-command').at(-1) ?? '',
      ),
    );
    await slow.stop();
  });

  test('a server that goes away in the middle is a cut', async () => {
    const dying = await startSshd({ keys: [key?.publicKey ?? ''], forced: 'kill -9 $PPID' });
    await expect(run('/etc', { address: dying.address }).fetch()).rejects.toMatchObject({
      code: 'device_cut',
    });
    await dying.stop();
  });
});

describe.skipIf(!haveRsync())("from rsync's daemon", () => {
  let open: Rsyncd;
  let locked: Rsyncd;
  beforeAll(async () => {
    open = await startRsyncd({ path: box });
    locked = await startRsyncd({ path: box, users: { reader: SECRET } });
  });
  afterAll(async () => {
    await open.stop();
    await locked.stop();
  });

  const run = (server: Rsyncd, path: string, change: Record<string, unknown> = {}) =>
    new HandlerRun(rsync, { address: server.address, way: 'daemon', path, ...change });

  test('a folder of a module comes as one archive', async () => {
    await expect(run(open, '/box/config').test()).resolves.toEqual({});
    expect((await fetched(run(open, '/box/config'))).lines).toEqual(LISTED);
  });

  test('a password lets in, and a wrong one is tried once', async () => {
    const right = run(locked, 'box/config', { user: 'reader', password: SECRET });
    expect((await fetched(right)).lines).toEqual(LISTED);
    const failures = () => [...locked.log().matchAll(/auth failed on module/g)].length;
    for (const change of [{ user: 'reader', password: 'wrong' }, { user: 'reader' }, {}]) {
      const before = failures();
      await expect(run(locked, 'box', change).test()).rejects.toMatchObject({ code: 'device_password' });
      expect(failures()).toBe(before + 1);
    }
  });

  test('no module, no file and no daemon are told apart', async () => {
    const code = (server: { address: string }, path: string) =>
      run(server as Rsyncd, path)
        .test()
        .catch((error) => `${error.code} ${error.params.host}`);
    expect(await code(open, 'other')).toBe(`device_nothing ${open.address}:other`);
    expect(await code(open, 'box/missing')).toBe(`device_nothing ${open.address}:box/missing`);
    const nowhere = `127.0.0.1:${await freePort()}`;
    expect(await code({ address: nowhere }, 'box')).toBe(`device_refused ${nowhere}`);
    expect(await code({ address: 'no-such-name.invalid' }, 'box')).toBe('device_dns no-such-name.invalid');
  });
});

describe('an archive is judged', () => {
  const device = new HandlerRun(rsync, { address: '127.0.0.1', path: '/etc' });
  const made = temporaryFolder('made');
  writeFileSync(join(made, 'a'), 'x'.repeat(600));
  const whole = execFileSync('tar', ['cf', '-', '-b', '2', 'a'], { cwd: made });

  test.each([
    ['whole', whole, 'good'],
    ['cut in a file', whole.subarray(0, 900), 'artefact_cut'],
    ['cut before its end', whole.subarray(0, 1_536), 'artefact_cut'],
    ['no tar', Buffer.alloc(2_048, 'x'), 'artefact_wrong'],
    ['nothing in it', Buffer.alloc(1_024), 'artefact_wrong'],
  ])('%s', async (_name, content, expected) => {
    const verdict = await device.validate(savedOf({ 'files.tar': content })).then(
      () => 'good',
      (error) => error.code,
    );
    expect(verdict).toBe(expected);
  });
});
