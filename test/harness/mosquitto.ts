import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import type { Certificate } from './certificate.ts';
import { freePort } from './free-port.ts';
import { failedStart, Program } from './process.ts';
import { temporaryFolder } from './temporary.ts';
import { waitFor } from './wait-for.ts';

// mosquitto_sub ends by itself with this status once its time is up.
const TIME_IS_UP = 27;
// Retained messages come with the subscription, so that a second is plenty.
const RETAINED_WAIT_SECONDS = '1';
const START_TIMEOUT_MS = 15_000;
const LOCALHOST = '127.0.0.1';

// Not in the PATH of those who are not root.
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/bin'];

function find(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

function present(program: string): string {
  const path = find(program);
  if (path === undefined) throw new Error(`${program} is missing: run script/bootstrap mosquitto`);
  return path;
}

/** Is there a broker to test with? */
export function haveMosquitto(): boolean {
  return find('mosquitto') !== undefined && find('mosquitto_sub') !== undefined;
}

export interface MosquittoOptions {
  /** Where its configuration and log go; a temporary folder if not given. */
  dir?: string;
  port?: number;
  /** Who may come in, by name; without it, everybody. */
  users?: Readonly<Record<string, string>>;
  tls?: Certificate;
  /** Only who shows a certificate of the same authority comes in. */
  clientCertificates?: boolean;
  /** MQTT over websockets. */
  websockets?: boolean;
}

/** A real MQTT broker on 127.0.0.1, and the clients that come with it: they look over its shoulder. */
export class Mosquitto {
  readonly port: number;
  readonly program: Program;
  readonly #options: MosquittoOptions;
  /** Where its own clients go, which speak no websockets. */
  readonly #plainPort: number;

  constructor(options: MosquittoOptions, dir: string, port: number, plainPort: number) {
    this.#options = options;
    this.port = port;
    this.#plainPort = plainPort;
    this.program = new Program({
      command: present('mosquitto'),
      args: ['-v', '-c', this.#configure(dir)],
      logFile: join(dir, 'mosquitto.log'),
    });
  }

  get url(): string {
    const { tls, websockets } = this.#options;
    const scheme = websockets ? (tls ? 'wss' : 'ws') : tls ? 'mqtts' : 'mqtt';
    return `${scheme}://${LOCALHOST}:${this.port}`;
  }

  /** Starts it, again on the same port after an end; what was retained is gone then. */
  async start(): Promise<void> {
    this.program.start();
    try {
      await waitFor('the broker to listen', () => accepts(this.port), { timeoutMs: START_TIMEOUT_MS });
    } catch (error) {
      await failedStart(this.program, 'mosquitto', error);
    }
  }

  async stop(): Promise<void> {
    await this.program.stop();
  }

  /** The retained messages of a topic filter, by topic. */
  async retained(filter: string): Promise<Record<string, string>> {
    const args = ['-t', filter, '--retained-only', '-W', RETAINED_WAIT_SECONDS, '-F', '%t %p'];
    const { code, stdout, stderr } = await run(present('mosquitto_sub'), [...this.#client(), ...args]);
    if (code !== 0 && code !== TIME_IS_UP) throw new Error(`mosquitto_sub ended with ${code}: ${stderr}`);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
    );
  }

  /** Publishes as somebody else does. */
  publish(topic: string, payload: string, { retain = false } = {}): void {
    const args = ['-t', topic, '-m', payload, ...(retain ? ['-r'] : [])];
    execFileSync(present('mosquitto_pub'), [...this.#client(), ...args], { stdio: 'pipe' });
  }

  /** What it has printed: a line for each packet. */
  log(): string {
    return this.program.log();
  }

  /** How its own clients reach it, as its first user. */
  #client(): string[] {
    const { tls, users = {} } = this.#options;
    const [user] = Object.entries(users);
    return [
      ...['-h', LOCALHOST, '-p', String(this.#plainPort)],
      ...(user ? ['-u', user[0], '-P', user[1]] : []),
      ...(tls ? ['--cafile', tls.authorityFile] : []),
      ...(tls && this.#options.clientCertificates ? ['--cert', tls.certFile, '--key', tls.keyFile] : []),
    ];
  }

  #configure(dir: string): string {
    mkdirSync(dir, { recursive: true });
    const { users, tls, websockets, clientCertificates } = this.#options;
    const passwords = join(dir, 'passwords');
    for (const [name, password] of Object.entries(users ?? {})) {
      if (!existsSync(passwords)) writeFileSync(passwords, '', { mode: 0o600 });
      execFileSync(present('mosquitto_passwd'), ['-b', passwords, name, password], { stdio: 'pipe' });
    }
    const wanted =
      tls && clientCertificates ? [`cafile ${tls.authorityFile}`, 'require_certificate true'] : [];
    const certificate = tls ? [`certfile ${tls.certFile}`, `keyfile ${tls.keyFile}`, ...wanted] : [];
    const lines = [
      // Otherwise it gives root away, and can no longer read what lies here.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      'persistence false',
      users ? `password_file ${passwords}` : 'allow_anonymous true',
      ...[`listener ${this.#plainPort} ${LOCALHOST}`, ...certificate],
      // Debian's version ends when this is the only one.
      ...(websockets ? [`listener ${this.port} ${LOCALHOST}`, 'protocol websockets', ...certificate] : []),
    ];
    const configuration = join(dir, 'mosquitto.conf');
    writeFileSync(configuration, `${lines.join('\n')}\n`);
    return configuration;
  }
}

function run(command: string, args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((settle) =>
    execFile(command, args, (error, stdout, stderr) => settle({ code: error?.code ?? 0, stdout, stderr })),
  );
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

/** Starts a broker. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const dir = resolve(options.dir ?? temporaryFolder('mosquitto'));
  const port = options.port ?? (await freePort());
  const broker = new Mosquitto(options, dir, port, options.websockets ? await freePort() : port);
  await broker.start();
  return broker;
}
