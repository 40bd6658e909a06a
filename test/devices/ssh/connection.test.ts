import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Trust } from '../../../src/devices/handler.ts';
import type { SshAccount } from '../../../src/devices/ssh/account.ts';
import { meetHostKey, SshConnection } from '../../../src/devices/ssh/connection.ts';
import { fingerprintOf } from '../../../src/devices/ssh/keys.ts';
import { Problem } from '../../../src/kernel/errors.ts';
import { freePort } from '../../harness/free-port.ts';
import {
  haveOwnAccounts,
  haveSshd,
  makeSshKey,
  type Sshd,
  type SshKeyPair,
  startSshd,
} from '../../harness/sshd.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { DeviceServer } from '../../simulators/devices/server.ts';

const SECRET = 'geheim & 1';
/** Long enough for a busy machine, and short enough for a test (milliseconds). */
const HASTY = { readyMs: 1_500, aliveMs: 400 };

const met: string[] = [];
const trusting = (known?: string): Trust => ({
  known,
  meet: (fingerprint, host) => {
    met.push(fingerprint);
    if (known !== undefined && known !== fingerprint) {
      throw new Problem('device_pin', { params: { host, fingerprint } });
    }
  },
});
const options = (more: { known?: string; signal?: AbortSignal; times?: typeof HASTY } = {}) => ({
  trust: trusting(more.known),
  signal: more.signal ?? new AbortController().signal,
  ...(more.times && { times: more.times }),
});
const account = (server: Sshd, change: Partial<SshAccount> = {}): SshAccount => ({
  address: server.address,
  user: server.user,
  password: '',
  private_key: '',
  passphrase: '',
  ...change,
});
const all = async (chunks: AsyncIterable<Uint8Array>): Promise<string> => {
  const read: Uint8Array[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return Buffer.concat(read).toString();
};

afterEach(() => {
  met.length = 0;
});

describe.skipIf(!haveSshd())("with OpenSSH's server", () => {
  let server: Sshd;
  let key: SshKeyPair;
  const withKey = (change: Partial<SshAccount> = {}) =>
    account(server, { private_key: key.privateKey, ...change });

  beforeAll(async () => {
    key = makeSshKey(temporaryFolder('key'));
    server = await startSshd({ keys: [key.publicKey] });
  });
  afterAll(() => server.stop());

  test('a command gives its output, and the host key was met as ssh-keygen shows it', async () => {
    const said = await SshConnection.with(withKey(), options(), (ssh) => all(ssh.run('printf "a\\nb"; cat')));
    expect(said).toBe('a\nb');
    expect(met).toEqual([server.fingerprint]);
  });

  test('several commands use one connection', async () => {
    const said = await SshConnection.with(withKey(), options(), async (ssh) => [
      await ssh.ask('echo 1; exit 3'),
      await ssh.ask('echo 2'),
    ]);
    expect(said).toEqual([
      { stdout: '1\n', status: 3 },
      { stdout: '2\n', status: 0 },
    ]);
    expect(met).toHaveLength(1);
  });

  test('the host key is met without signing in', async () => {
    const before = server.log().length;
    const { key: hostKey } = await meetHostKey(server.address, options());
    expect(fingerprintOf(hostKey)).toBe(server.fingerprint);
    expect(server.log().slice(before)).not.toContain('Accepted');
  });

  test('another host key than the known one ends it before anybody signs in', async () => {
    const before = server.log().length;
    await expect(SshConnection.open(withKey(), options({ known: 'SHA256:other' }))).rejects.toMatchObject({
      code: 'device_pin',
      params: { fingerprint: server.fingerprint },
    });
    await waitFor('the server to see the end', () => /\[preauth\]/.test(server.log().slice(before)));
    expect(server.log().slice(before)).not.toMatch(/Accepted|Failed|userauth/);
  });

  test.each(['ed25519', 'rsa', 'ecdsa'])('a wrong key (%s) is tried once', async (type) => {
    const stranger = makeSshKey(temporaryFolder('key'), { type });
    const before = server.failures();
    await expect(
      SshConnection.open(withKey({ private_key: stranger.privateKey }), options()),
    ).rejects.toMatchObject({ code: 'device_password' });
    await waitFor('the log', () => server.failures() > before);
    expect(server.failures()).toBe(before + 1);
  });

  test.each([
    ['rsa', false],
    ['rsa', true],
    ['ecdsa', false],
    ['ecdsa', true],
    ['ed25519', false],
  ])(
    'a key with a passphrase opens (%s, PEM: %s), and with another one nothing is sent',
    async (type, pem) => {
      const pair = makeSshKey(temporaryFolder('key'), { type, passphrase: SECRET, pem });
      const other = await startSshd({ keys: [pair.publicKey] });
      const given = { private_key: pair.privateKey.replaceAll('\n', '\r\n') };
      try {
        const wrong = account(other, { ...given, passphrase: 'another' });
        await expect(SshConnection.open(wrong, options())).rejects.toMatchObject({ code: 'device_password' });
        await expect(SshConnection.open(account(other, given), options())).rejects.toMatchObject({
          code: 'device_password',
        });
        expect(other.log()).not.toMatch(/Accepted|Failed|user/);
        const right = account(other, { ...given, passphrase: SECRET });
        await expect(SshConnection.with(right, options(), (ssh) => ssh.ask('id -u'))).resolves.toMatchObject({
          status: 0,
        });
      } finally {
        await other.stop();
      }
    },
  );

  test('what is no key is named so, without its text', async () => {
    await expect(SshConnection.open(withKey({ private_key: SECRET }), options())).rejects.toMatchObject({
      code: 'device_failed',
      params: { reason: 'the private key cannot be read' },
    });
    await expect(
      SshConnection.open(withKey({ private_key: key.publicKey }), options()),
    ).rejects.toMatchObject({
      code: 'device_failed',
    });
  });

  test('a password where only keys are taken is not sent', async () => {
    const before = server.failures();
    await expect(
      SshConnection.open(withKey({ private_key: '', password: SECRET }), options()),
    ).rejects.toMatchObject({ code: 'device_failed', params: { reason: 'it takes publickey only' } });
    expect(server.failures()).toBe(before);
  });

  test('a command that fails says why, without colours and secrets', async () => {
    const given = withKey({ password: SECRET });
    const fails = (command: string) =>
      SshConnection.with(given, options(), (ssh) => all(ssh.run(command))).catch((error) => error);
    await expect(fails('no-such-program')).resolves.toMatchObject({
      code: 'device_failed',
      params: { reason: expect.stringMatching(/not found, status 127$/) },
    });
    const printed = `printf '\\n\\033[31mbad ${SECRET} \\007thing\\033[0m\\nmore\\n' >&2; exit 4`;
    await expect(fails(printed)).resolves.toMatchObject({
      params: { reason: 'bad *** thing, status 4' },
    });
    const killed = await fails('kill -9 $$');
    expect(killed.params.reason).toBe('SIGKILL');
    const long = await fails('yes complaint | head -c 100000 | tr "\\n" " " >&2; exit 1');
    expect(long.params.reason.length).toBeLessThan(120);
  });

  test('output and complaints of many megabytes do not stop each other', async () => {
    const size = await SshConnection.with(withKey(), options(), async (ssh) => {
      let read = 0;
      for await (const chunk of ssh.run('head -c 9000000 /dev/zero >&2; head -c 9000000 /dev/zero')) {
        read += chunk.length;
      }
      return read;
    });
    expect(size).toBe(9_000_000);
  });

  test('an answer that does not end is given up', async () => {
    await SshConnection.with(withKey(), options(), async (ssh) => {
      await expect(ssh.ask('yes')).rejects.toMatchObject({ code: 'device_unexpected' });
      await expect(ssh.ask('echo still there')).resolves.toMatchObject({ status: 0 });
    });
  });

  test('who stops reading ends the command', async () => {
    await SshConnection.with(withKey(), options(), async (ssh) => {
      for await (const chunk of ssh.run('yes')) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
    });
  });

  test('a drip is ended by its signal, and the connection with it', async () => {
    const stop = new AbortController();
    const reason = new Problem('device_slow', { params: { host: 'x' } });
    const work = SshConnection.with(withKey(), options({ signal: stop.signal }), async (ssh) => {
      for await (const _ of ssh.run('while :; do echo drip; sleep 0.05; done')) stop.abort(reason);
    });
    await expect(work).rejects.toBe(reason);
    const late = AbortSignal.abort(reason);
    await expect(SshConnection.open(withKey(), options({ signal: late }))).rejects.toBe(reason);
  });

  test('an address of a page is none of SSH', async () => {
    const wrong = withKey({ address: `http://${server.address}` });
    await expect(SshConnection.open(wrong, options())).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe.skipIf(!haveSshd())('on bad days', () => {
  let server: Sshd;
  let key: SshKeyPair;
  beforeAll(async () => {
    key = makeSshKey(temporaryFolder('key'));
    server = await startSshd({ keys: [key.publicKey] });
  });
  afterAll(() => server.stop());

  test('a server that goes away in the middle is a cut, whatever had come', async () => {
    const given = account(server, { private_key: key.privateKey });
    const ssh = await SshConnection.open(given, options());
    let came = 0;
    const reading = (async () => {
      for await (const chunk of ssh.run('echo $PPID; sleep 60')) {
        came += chunk.length;
        // the process that serves this connection
        process.kill(Number(Buffer.from(chunk).toString()), 'SIGKILL');
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'device_cut' });
    expect(came).toBeGreaterThan(0);
    await expect(ssh.ask('true')).rejects.toMatchObject({ code: 'device_cut' });
    ssh.end();
  });

  test('a server that freezes is a timeout', async () => {
    const given = account(server, { private_key: key.privateKey });
    const ssh = await SshConnection.open(given, options({ times: HASTY }));
    let serving = 0;
    const reading = (async () => {
      for await (const chunk of ssh.run('echo $PPID; sleep 60')) {
        serving = Number(Buffer.from(chunk).toString());
        process.kill(serving, 'SIGSTOP');
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'device_timeout' });
    ssh.end();
    process.kill(serving, 'SIGKILL');
  });

  test('nothing there, a name that is none, and something else are told apart', async () => {
    const given = (address: string) => ({ ...account(server, { password: SECRET }), address });
    const code = (address: string) =>
      SshConnection.open(given(address), options({ times: HASTY })).then(
        (ssh) => ssh.end(),
        (error) => error.code,
      );
    expect(await code(`127.0.0.1:${await freePort()}`)).toBe('device_refused');
    expect(await code('no-such-name.invalid')).toBe('device_dns');
    const page = new DeviceServer((_request, response) => response.end('hello'));
    await page.start();
    expect(await code(page.address)).toBe('device_other_kind');
    await page.stop();
    const silent = createServer(() => undefined);
    const port = await freePort();
    await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve));
    expect(await code(`127.0.0.1:${port}`)).toBe('device_timeout');
    silent.close();
    const closing = createServer((socket) => socket.end());
    const other = await freePort();
    await new Promise<void>((resolve) => closing.listen(other, '127.0.0.1', resolve));
    expect(await code(`127.0.0.1:${other}`)).toBe('device_cut');
    closing.close();
  });
});

describe.skipIf(!haveSshd() || !haveOwnAccounts())('with an account that has a password', () => {
  describe.each([
    ['the method "password"', false],
    ['a dialogue', true],
  ])('by %s', (_name, dialogue) => {
    let server: Sshd;
    beforeAll(async () => {
      server = await startSshd({ password: SECRET, dialogue });
    });
    afterAll(() => server.stop());

    test('the right one comes in', async () => {
      const given = account(server, { password: SECRET });
      const said = await SshConnection.with(given, options(), (ssh) => ssh.ask('id -u'));
      expect(said.stdout).toBe('12345\n');
      expect(server.failures()).toBe(0);
    });

    test('a wrong one is tried once', async () => {
      const before = server.failures();
      const key = makeSshKey(temporaryFolder('key'));
      await expect(
        SshConnection.open(account(server, { password: 'wrong' }), options()),
      ).rejects.toMatchObject({ code: 'device_password' });
      await waitFor('the log', () => server.failures() > before);
      expect(server.failures()).toBe(before + 1);
      // a key that is not taken, and then the password
      const both = account(server, { password: SECRET, private_key: key.privateKey });
      await SshConnection.with(both, options(), (ssh) => ssh.ask('true'));
    });
  });

  test('a second factor is said to be one', async () => {
    const key = makeSshKey(temporaryFolder('key'));
    const server = await startSshd({
      password: SECRET,
      keys: [key.publicKey],
      lines: ['AuthenticationMethods publickey,password'],
    });
    try {
      const half = account(server, { private_key: key.privateKey });
      await expect(SshConnection.open(half, options())).rejects.toMatchObject({
        code: 'device_second_factor',
      });
      const both = account(server, { private_key: key.privateKey, password: SECRET });
      await SshConnection.with(both, options(), (ssh) => ssh.ask('true'));
    } finally {
      await server.stop();
    }
  });
});
