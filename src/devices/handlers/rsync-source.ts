import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isProblem, Problem } from '../../kernel/errors.ts';
import type { DeviceContext } from '../handler.ts';
import { type SshAddress, sshAddress } from '../ssh/account.ts';
import { meetHostKey } from '../ssh/connection.ts';
import { readPrivateKey } from '../ssh/keys.ts';

/** What is asked of a person. */
export interface RsyncSettings {
  readonly address: string;
  readonly way: 'ssh' | 'daemon';
  readonly user: string;
  readonly password: string;
  readonly private_key: string;
  readonly path: string;
}

/** Where a daemon listens unless the address says otherwise (rsyncd.conf(5)). */
const DAEMON_PORT = 873;

/** How long is waited for a connection, and for a silent device (seconds). */
const CONNECT_SECONDS = 20;
const SILENT_SECONDS = 30;

/** Only the owner reads what lies there. */
const PRIVATE = 0o600;

/** What rsync and ssh read as anything else than a name is none here. */
const USER = /^\w[\w.@+-]*\$?$/;
const HOST = /^[\w:][\w.:-]*$/;

/** The name by which the files of ssh know the device; no word of a person stands in the arguments of a program. */
const ALIAS = 'device';

/** From where to read, as arguments of rsync: options, `--`, and the source. */
export interface RsyncSource {
  readonly args: readonly string[];
  /** Host and port, as they stand in sentences. */
  readonly host: string;
  readonly path: string;
}

const invalid = (detail: string): Problem => new Problem('invalid_request', { params: { detail } });

function checkPath(path: string, daemon: boolean): string {
  const trimmed = path.replace(/(?<=.)\/+$/, '');
  const bare = daemon ? trimmed.replace(/^\/+/, '') : trimmed;
  // "-" begins an option, and "host::" means a daemon behind ssh
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no path has them but for mischief
  if (bare === '' || /^[-:]|[\u0000-\u001f\u007f]/.test(bare)) throw invalid('path: a path');
  return bare;
}

/**
 * What a person entered as arguments of rsync. By SSH the host key is met here, before anything is sent.
 * @throws Problem `invalid_request`, `device_pin`, `device_failed`, and what stands between us and the device
 */
export async function rsyncSource(
  { settings, trust, signal }: DeviceContext<RsyncSettings>,
  workDir: string,
): Promise<RsyncSource> {
  const daemon = settings.way === 'daemon';
  const address = sshAddress(settings.address, daemon ? DAEMON_PORT : undefined);
  if (!HOST.test(address.host)) throw invalid('address: a name or an IP address');
  if (settings.user !== '' && !USER.test(settings.user)) throw invalid('user: a name');
  const path = checkPath(settings.path, daemon);
  const common = ['-s', `--timeout=${SILENT_SECONDS}`];
  if (daemon) return daemonSource(settings, address, { path, workDir, common });
  if (settings.user === '') throw invalid('user: something');
  await sshFiles(settings, address, workDir, await hostKey(settings, { trust, signal }));
  return {
    args: [...common, '-e', `ssh -F "${join(workDir, 'config')}"`, '--', `${ALIAS}:${path}`],
    host: address.shown,
    path,
  };
}

async function daemonSource(
  { user, password }: RsyncSettings,
  { host, port, shown }: SshAddress,
  { path, workDir, common }: { path: string; workDir: string; common: readonly string[] },
): Promise<RsyncSource> {
  const file = join(workDir, 'password');
  if (password !== '') await writeFile(file, `${password}\n`, { mode: PRIVATE });
  const secret = password === '' ? [] : [`--password-file=${file}`];
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const source = `rsync://${user === '' ? '' : `${user}@`}${where}/${path}`;
  return { args: [...common, `--contimeout=${CONNECT_SECONDS}`, ...secret, '--', source], host: shown, path };
}

async function hostKey(
  { address, private_key: text }: RsyncSettings,
  options: Pick<DeviceContext<RsyncSettings>, 'trust' | 'signal'>,
): Promise<Buffer> {
  const { shown: host } = sshAddress(address);
  const unusable = (reason: string) => new Problem('device_failed', { params: { host, reason } });
  if (text.trim() === '') throw invalid('private_key: something');
  if (text.trim().startsWith('PuTTY')) throw unusable('a private key of PuTTY must be converted first');
  await readPrivateKey(text, '', host).catch((error: unknown) => {
    throw isProblem(error, 'device_password') ? unusable('the private key has a passphrase') : error;
  });
  return (await meetHostKey(address, options)).key;
}

/** Keys of which the signatures have other names than the key (RFC 8332). */
const SIGNATURES: Readonly<Record<string, string>> = { 'ssh-rsa': 'rsa-sha2-512,rsa-sha2-256,ssh-rsa' };

/** What ssh reads: a configuration that leaves nothing to those of the machine, the key, and the one host key it may meet. */
async function sshFiles(
  { user, private_key: text }: RsyncSettings,
  { host, port }: SshAddress,
  workDir: string,
  key: Buffer,
): Promise<void> {
  // the name of its kind comes first (RFC 4253, section 6.6)
  const kind = key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
  const file = (name: string) => `"${join(workDir, name).replaceAll('%', '%%')}"`;
  const words = {
    HostName: host,
    Port: port,
    User: user,
    HostKeyAlias: ALIAS,
    HostKeyAlgorithms: SIGNATURES[kind] ?? kind,
    UserKnownHostsFile: file('known_hosts'),
    GlobalKnownHostsFile: 'none',
    StrictHostKeyChecking: 'yes',
    UpdateHostKeys: 'no',
    CheckHostIP: 'no',
    IdentityFile: file('key'),
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    PreferredAuthentications: 'publickey',
    BatchMode: 'yes',
    ConnectTimeout: CONNECT_SECONDS,
    ServerAliveInterval: SILENT_SECONDS / 3,
    ServerAliveCountMax: 3,
    ClearAllForwardings: 'yes',
    ForwardAgent: 'no',
    ControlMaster: 'no',
    ControlPath: 'none',
    ProxyCommand: 'none',
    LogLevel: 'ERROR',
  };
  const lines = Object.entries(words).map(([name, value]) => `  ${name} ${value}`);
  const options = { mode: PRIVATE };
  await writeFile(join(workDir, 'config'), `Host ${ALIAS}\n${lines.join('\n')}\n`, options);
  await writeFile(join(workDir, 'known_hosts'), `${ALIAS} ${kind} ${key.toString('base64')}\n`, options);
  await writeFile(join(workDir, 'key'), `${text.replace(/\r\n?/g, '\n').trim()}\n`, options);
}
