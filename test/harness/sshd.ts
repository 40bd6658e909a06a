import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from './free-port.ts';
import { failedStart, Program } from './process.ts';
import { temporaryFolder } from './temporary.ts';
import { waitFor } from './wait-for.ts';

const START_TIMEOUT_MS = 15_000;
const LOCALHOST = '127.0.0.1';

/** Not in the PATH of those who are not root. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/bin'];

/** Where it wants an empty folder of root's (Debian's build). */
const PRIVILEGE_SEPARATION = '/run/sshd';

function find(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

function present(program: string): string {
  const path = find(program);
  if (path === undefined) throw new Error(`${program} is missing: run script/bootstrap openssh`);
  return path;
}

/** Is there an SSH server to test with? */
export function haveSshd(): boolean {
  return find('sshd') !== undefined && find('ssh-keygen') !== undefined;
}

/** May this machine show a server other accounts than it has? That takes root and a mount namespace. */
export function haveOwnAccounts(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A key pair of `ssh-keygen`. */
export interface SshKeyPair {
  readonly path: string;
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Makes a key pair. */
export function makeSshKey(
  dir: string,
  {
    type = 'ed25519',
    passphrase = '',
    pem = false,
  }: { type?: string; passphrase?: string; pem?: boolean } = {},
): SshKeyPair {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'key');
  const format = pem ? ['-m', 'PEM'] : [];
  execFileSync(present('ssh-keygen'), [
    ...['-q', '-t', type, ...format, '-N', passphrase, '-C', 'test', '-f', path],
  ]);
  return { path, privateKey: readFileSync(path, 'utf8'), publicKey: readFileSync(`${path}.pub`, 'utf8') };
}

interface SshdOptions {
  /** Public keys that come in. */
  readonly keys?: readonly string[];
  /** An account of its own that comes in with this password; needs `haveOwnAccounts`. */
  readonly password?: string;
  /** By a dialogue (PAM) instead of the method `password`. */
  readonly dialogue?: boolean;
  /** Programs by name that commands find first: the text of a script. */
  readonly programs?: Readonly<Record<string, string>>;
  /** Runs whatever is asked: the text of a script, which finds what was asked in SSH_ORIGINAL_COMMAND. */
  readonly forced?: string;
  /** Gives out no files. */
  readonly noFiles?: boolean;
  /** Lines of its configuration, before all others. */
  readonly lines?: readonly string[];
}

/** OpenSSH's own server on a free port of 127.0.0.1, with keys and settings of its own. */
export class Sshd {
  readonly port: number;
  readonly dir: string;
  /** Who signs in. */
  readonly user: string;
  readonly program: Program;
  readonly #options: SshdOptions;

  constructor(options: SshdOptions, port: number) {
    this.#options = options;
    this.port = port;
    this.dir = temporaryFolder('sshd');
    // commands run as another user than root where there is a password
    chmodSync(this.dir, 0o755);
    this.user = options.password === undefined ? userInfo().username : 'tester';
    this.newHostKey();
    this.program = new Program({ ...this.#command(), logFile: join(this.dir, 'sshd.log') });
  }

  /** As a person types it. */
  get address(): string {
    return `${LOCALHOST}:${this.port}`;
  }

  /** What `ssh-keygen` says of its host key: `SHA256:…`. */
  get fingerprint(): string {
    const said = execFileSync(present('ssh-keygen'), [
      '-l',
      '-E',
      'sha256',
      '-f',
      join(this.dir, 'host.pub'),
    ]);
    return /SHA256:\S+/.exec(said.toString())?.[0] ?? '';
  }

  /** Shows another host key from the next start on. */
  newHostKey(): void {
    const path = join(this.dir, 'host');
    execFileSync('rm', ['-f', path, `${path}.pub`]);
    execFileSync(present('ssh-keygen'), ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  }

  /** Starts it, again on the same port after an end. */
  async start(): Promise<void> {
    this.program.start();
    try {
      await waitFor('sshd to listen', () => accepts(this.port), { timeoutMs: START_TIMEOUT_MS });
    } catch (error) {
      await failedStart(this.program, 'sshd', error);
    }
  }

  async stop(): Promise<void> {
    await this.program.kill9();
  }

  /** All it has written so far. */
  log(): string {
    return this.program.log();
  }

  /** Attempts to sign in that it counted as failed. */
  failures(): number {
    return [...this.log().matchAll(/^(?:Failed (?!none)\S+|Failed none for invalid user) /gm)].length;
  }

  #command(): { command: string; args: string[] } {
    const sshd = present('sshd');
    const configuration = this.#configure();
    const args = ['-D', '-e', '-f', configuration];
    if (process.getuid?.() === 0) mkdirSync(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
    const { password } = this.#options;
    if (password === undefined) return { command: sshd, args };
    const mounts = this.#accounts(password).map(([from, to]) => `mount --bind "${from}" "${to}"`);
    const script = [...mounts, 'exec "$0" "$@"'].join(' && ');
    return { command: 'unshare', args: ['--mount', 'sh', '-c', script, sshd, ...args] };
  }

  /** Accounts that this server sees in the place of those of the machine. */
  #accounts(password: string): [string, string][] {
    const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: password }).toString().trim();
    const files = {
      passwd: `${readFileSync('/etc/passwd', 'utf8')}tester:x:12345:12345::${this.dir}:/bin/sh\n`,
      shadow: `${readFileSync('/etc/shadow', 'utf8')}tester:${hash}:20000:0:99999:7:::\n`,
      pam: 'auth required pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\n',
    };
    const targets = { passwd: '/etc/passwd', shadow: '/etc/shadow', pam: '/etc/pam.d/sshd' };
    return Object.entries(files).map(([name, content]) => {
      const path = join(this.dir, `account-${name}`);
      writeFileSync(path, content, { mode: name === 'shadow' ? 0o600 : 0o644 });
      return [path, targets[name as keyof typeof targets]];
    });
  }

  #configure(): string {
    const { keys = [], password, dialogue, programs = {}, forced, noFiles, lines = [] } = this.#options;
    const authorized = join(this.dir, 'authorized_keys');
    writeFileSync(authorized, keys.join(''));
    const folder = join(this.dir, 'programs');
    mkdirSync(folder);
    for (const [name, script] of Object.entries({ ...programs, ...(forced && { forced }) })) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const words = {
      Port: this.port,
      ListenAddress: LOCALHOST,
      HostKey: join(this.dir, 'host'),
      PidFile: 'none',
      AuthorizedKeysFile: authorized,
      StrictModes: 'no',
      LogLevel: 'VERBOSE',
      UsePAM: dialogue ? 'yes' : 'no',
      PubkeyAuthentication: 'yes',
      PasswordAuthentication: password !== undefined && !dialogue ? 'yes' : 'no',
      KbdInteractiveAuthentication: dialogue ? 'yes' : 'no',
      PermitRootLogin: 'yes',
      Subsystem: noFiles ? 'none /bin/false' : 'sftp internal-sftp',
      SetEnv: `PATH=${folder}:${SYSTEM_FOLDERS.join(':')}:/bin`,
      ...(forced && { ForceCommand: join(folder, 'forced') }),
    };
    const path = join(this.dir, 'sshd_config');
    const own = Object.entries(words).map(([name, value]) => `${name} ${value}`);
    writeFileSync(path, `${[...lines, ...own].join('\n')}\n`);
    return path;
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, LOCALHOST);
    socket.once('error', () => settle(false));
    socket.once('connect', () => {
      socket.destroy();
      settle(true);
    });
  });
}

/** Starts a server. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const server = new Sshd(options, await freePort());
  await server.start();
  return server;
}
