import { Socket } from 'node:net';
import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { Problem } from '../../kernel/errors.ts';
import { codeOf, networkFault } from '../../kernel/network-fault.ts';
import type { Trust } from '../handler.ts';
import { type SshAccount, sshAddress } from './account.ts';
import { fingerprintOf, readPrivateKey } from './keys.ts';
import { SignIn } from './sign-in.ts';
import { firstLine } from './words.ts';

/** How long is waited (milliseconds). */
export interface SshTimes {
  /** Until somebody is signed in. */
  readonly readyMs: number;
  /** The device is asked so often whether it is still there, and is given up when it is silent three times. */
  readonly aliveMs: number;
}

const TIMES: SshTimes = { readyMs: 20_000, aliveMs: 10_000 };

/** What a command says of its failure is kept so far (signs). */
const MOST_SAID = 4_096;

/** What is read as a whole is no longer unless more is asked for (bytes). */
const ANSWER_BYTES = 64 * 1024;

/**
 * Which host key is asked for. It is written down here, for a device has several, and one of them is trusted: another
 * order in a newer library would look like another device.
 */
const HOST_KEYS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
] as const;

/** Old devices know nothing else; it comes last, so that newer ones do not choose it. */
const OLD_KEX = ['diffie-hellman-group14-sha1'] as const;

/** What a command said in full. */
interface Answer {
  readonly stdout: string;
  /** Undefined where the device does not say. */
  readonly status: number | undefined;
}

/** A host key, and what it was met with. */
export interface MetHostKey {
  /** As in the protocol (RFC 4253, section 6.6). */
  readonly key: Buffer;
  readonly host: string;
}

interface OpenOptions {
  readonly trust: Trust;
  readonly signal: AbortSignal;
  readonly times?: SshTimes;
}

/** An SSH connection to one device, signed in. Every fault is a problem that names the device. */
export class SshConnection {
  /** Host and port, as they stand in sentences. */
  readonly host: string;
  readonly #client: Client;
  readonly #signal: AbortSignal;
  readonly #secrets: readonly string[];
  #lost: unknown;
  #over = false;

  private constructor(
    client: Client,
    { host, signal, secrets }: { host: string; signal: AbortSignal; secrets: readonly string[] },
  ) {
    this.#client = client;
    this.host = host;
    this.#signal = signal;
    this.#secrets = secrets;
    const lose = (error: unknown) => {
      this.#lost ??= error;
    };
    client.on('error', lose);
    client.on('close', () => lose(new Problem('device_cut', { params: { host } })));
    signal.addEventListener('abort', this.#abort, { once: true });
    if (signal.aborted) this.#abort();
  }

  /**
   * Connects, meets the host key and signs in, in this order.
   * @throws Problem `device_pin`, `device_password`, `device_second_factor`, `device_dns`, `device_refused`, `device_timeout`,
   * `device_cut`, `device_other_kind`, `device_unexpected`
   */
  static async open(account: SshAccount, options: OpenOptions): Promise<SshConnection> {
    const { shown: host } = sshAddress(account.address);
    const { password, private_key: text, passphrase } = account;
    const key = text.trim() === '' ? undefined : await readPrivateKey(text, passphrase, host);
    const signIn = new SignIn({ user: account.user, password, key }, host);
    const client = await connect(account, signIn, options);
    return new SshConnection(client, { host, signal: options.signal, secrets: [password, passphrase] });
  }

  /** Runs work with a connection, and ends it. */
  static async with<Result>(
    account: SshAccount,
    options: OpenOptions,
    work: (connection: SshConnection) => Promise<Result>,
  ): Promise<Result> {
    const connection = await SshConnection.open(account, options);
    try {
      return await work(connection);
    } finally {
      connection.end();
    }
  }

  /**
   * What a command writes, piece by piece. It gets no input.
   * @throws Problem `device_failed` with the first line that it says of its failure, `device_cut`, `device_timeout`
   */
  async *run(command: string): AsyncGenerator<Uint8Array> {
    const channel = await this.#exec(command);
    let said = '';
    channel.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < MOST_SAID) said += text.slice(0, MOST_SAID);
    });
    const ended = this.#end(channel);
    for await (const chunk of this.#chunks(channel)) yield chunk;
    const { status, signal } = await ended;
    this.#throwIfGone(status !== undefined || signal !== undefined);
    if (status === 0 || (status === undefined && signal === undefined)) return;
    const how = signal === undefined ? `status ${status}` : firstLine(signal, []);
    const reason = [firstLine(said, this.#secrets), how].filter((part) => part !== '').join(', ');
    throw new Problem('device_failed', { params: { host: this.host, reason } });
  }

  /** All that a command writes, whatever its status. @throws Problem `device_unexpected` where it is long, `device_cut`, `device_timeout` */
  async ask(command: string, limit = ANSWER_BYTES): Promise<Answer> {
    const channel = await this.#exec(command);
    channel.stderr.resume();
    const ended = this.#end(channel);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#chunks(channel)) {
      size += chunk.length;
      if (size > limit) {
        channel.close();
        throw new Problem('device_unexpected', {
          params: { host: this.host, reason: 'a very long answer' },
        });
      }
      chunks.push(chunk);
    }
    const { status, signal } = await ended;
    this.#throwIfGone(status !== undefined || signal !== undefined);
    return { stdout: Buffer.concat(chunks).toString('utf8'), status };
  }

  /** Its files. @throws Problem `device_not_there` where it gives none that way */
  sftp(): Promise<SFTPWrapper> {
    return this.#call<SFTPWrapper>((done) => this.#client.sftp(done), 'device_not_there');
  }

  /** What an error of a call over this connection is: a fault of the connection, or undefined. */
  fault(error: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason;
    if (error instanceof Problem) return error;
    return this.#lost === undefined ? undefined : faultOf(this.#lost, this.host);
  }

  /** Ends it; twice is once. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#signal.removeEventListener('abort', this.#abort);
    this.#client.end();
    // who does not answer a farewell is not waited for
    this.#client.destroy();
  }

  readonly #abort = () => {
    this.#client.destroy();
  };

  #throwIfGone(complete: boolean): void {
    if (this.#signal.aborted) throw this.#signal.reason;
    if (!complete && this.#lost !== undefined) throw faultOf(this.#lost, this.host);
  }

  #exec(command: string): Promise<ClientChannel> {
    return this.#call<ClientChannel>((done) => this.#client.exec(command, done), 'device_failed');
  }

  #call<Result>(
    call: (done: (error: Error | undefined, result: Result) => void) => unknown,
    refused: 'device_failed' | 'device_not_there',
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        const reason = error instanceof Error ? firstLine(error.message, this.#secrets) : '?';
        const { host } = this;
        const params = refused === 'device_failed' ? { host, reason } : { host };
        reject(this.fault(error) ?? new Problem(refused, { params, cause: error }));
      };
      try {
        call((error, result) => (error ? fail(error) : resolve(result)));
      } catch (error) {
        fail(error);
      }
    });
  }

  async *#chunks(channel: ClientChannel): AsyncGenerator<Uint8Array> {
    channel.end();
    try {
      // the status comes after the end of the output: the channel must not be closed there
      const chunks = channel.iterator({ destroyOnReturn: false });
      for await (const chunk of chunks) yield chunk as Uint8Array;
    } catch (error) {
      throw this.fault(error) ?? error;
    }
  }

  #end(channel: ClientChannel): Promise<{ status: number | undefined; signal: string | undefined }> {
    return new Promise((resolve) =>
      channel.once('close', (status?: number | null, signal?: string) =>
        resolve({ status: status ?? undefined, signal }),
      ),
    );
  }
}

/** The host key of a device, without signing in. @throws Problem as `SshConnection.open` does */
export async function meetHostKey(address: string, options: OpenOptions): Promise<MetHostKey> {
  const { shown: host } = sshAddress(address);
  const nobody = { user: '-', password: '', key: undefined };
  let key: Buffer | undefined;
  const enough = new Error('the host key was met');
  const onHostKey = (met: Buffer) => {
    key = met;
    throw enough;
  };
  await connect({ address, user: nobody.user }, new SignIn(nobody, host), { ...options, onHostKey }).then(
    (client) => client.destroy(),
    (error: unknown) => {
      if (error !== enough) throw error;
    },
  );
  if (!key) throw new Problem('device_cut', { params: { host } });
  return { key, host };
}

async function connect(
  account: Pick<SshAccount, 'address' | 'user'>,
  signIn: SignIn,
  { trust, signal, times = TIMES, onHostKey }: OpenOptions & { onHostKey?: (key: Buffer) => void },
): Promise<Client> {
  signal.throwIfAborted();
  const { host, port, shown } = sshAddress(account.address);
  const { default: ssh2 } = await import('ssh2');
  const client = new ssh2.Client();
  const socket = new Socket();
  let speaksSsh = false;
  let found: unknown;
  let ready = false;
  return new Promise((resolve, reject) => {
    const abort = () => fail(signal.reason);
    const fail = (error: unknown) => {
      if (ready) return;
      signal.removeEventListener('abort', abort);
      client.destroy();
      socket.destroy();
      if (signal.aborted) reject(signal.reason);
      else if (found !== undefined) reject(found);
      else if (levelOf(error) === 'client-authentication') reject(signIn.problem);
      else if (!speaksSsh && socket.bytesRead > 0) {
        reject(new Problem('device_other_kind', { params: { host: shown, kind: 'SSH' }, cause: error }));
      } else reject(faultOf(error, shown));
    };
    signal.addEventListener('abort', abort, { once: true });
    client.on('error', fail);
    client.on('close', () => fail(new Problem('device_cut', { params: { host: shown } })));
    client.on('handshake', () => {
      speaksSsh = true;
    });
    client.on('change password', () => {
      found = new Problem('device_failed', { params: { host: shown, reason: 'the password has expired' } });
      fail(found);
    });
    client.once('ready', () => {
      ready = true;
      signal.removeEventListener('abort', abort);
      resolve(client);
    });
    socket.once('data', (first: Buffer) => {
      // what greets comes before it (RFC 4253, section 4.2)
      speaksSsh = first.toString('latin1').includes('SSH-');
    });
    try {
      client.connect({
        sock: socket,
        username: account.user,
        readyTimeout: times.readyMs,
        keepaliveInterval: times.aliveMs,
        algorithms: {
          serverHostKey: [...HOST_KEYS],
          kex: { append: [...OLD_KEX], prepend: [], remove: [] },
        },
        hostVerifier: (key: Buffer) => {
          try {
            trust.meet(fingerprintOf(key), shown);
            onHostKey?.(key);
            return true;
          } catch (error) {
            found = error;
            return false;
          }
        },
        authHandler: (takes, partly, proceed) => signIn.next(takes, partly, proceed) as never,
      });
      socket.connect({ host, port });
    } catch (error) {
      fail(error);
    }
  });
}

/** Where in ssh2 an error comes from. */
function levelOf(error: unknown): string | undefined {
  return error instanceof Error && 'level' in error ? String(error.level) : undefined;
}

/** What stood between us and the device, as a problem. */
function faultOf(error: unknown, host: string): unknown {
  if (error instanceof Problem) return error;
  const options = { params: { host }, cause: error };
  if (levelOf(error) === 'client-timeout') return new Problem('device_timeout', options);
  switch (networkFault(error)) {
    case 'dns':
      return new Problem('device_dns', options);
    case 'refused':
      return new Problem('device_refused', options);
    case 'timeout':
      return new Problem('device_timeout', options);
    case 'cut':
      return new Problem('device_cut', options);
    default: {
      const message = error instanceof Error ? error.message : '';
      if (/^connection lost|^no response/i.test(message)) return new Problem('device_cut', options);
      const reason = codeOf(error) ?? firstLine(message, []);
      return new Problem('device_unexpected', { params: { host, reason: reason || '?' }, cause: error });
    }
  }
}
