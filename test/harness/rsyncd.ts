import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { failedStart, Program } from './process.ts';
import { temporaryFolder } from './temporary.ts';
import { waitFor } from './wait-for.ts';

const LOCALHOST = '127.0.0.1';

/** Is there an rsync to test with? */
export function haveRsync(): boolean {
  try {
    execFileSync('rsync', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

interface RsyncdOptions {
  /** What the module `box` gives out. */
  readonly path: string;
  /** Who may read it, by name; everybody without. */
  readonly users?: Readonly<Record<string, string>>;
}

/** rsync's own daemon on a free port of 127.0.0.1. */
export class Rsyncd {
  readonly port: number;
  readonly program: Program;

  constructor({ path, users }: RsyncdOptions, port: number) {
    this.port = port;
    const dir = temporaryFolder('rsyncd');
    const secrets = join(dir, 'secrets');
    const entries = Object.entries(users ?? {});
    writeFileSync(secrets, entries.map(([name, password]) => `${name}:${password}\n`).join(''), {
      mode: 0o600,
    });
    const names = entries.map(([name]) => name).join(',');
    const lines = [
      'use chroot = no',
      'log file = /dev/stdout',
      '[box]',
      `path = ${path}`,
      'read only = yes',
      ...(users ? [`auth users = ${names}`, `secrets file = ${secrets}`] : []),
      ...(process.getuid?.() === 0 ? ['uid = root', 'gid = root'] : []),
    ];
    const configuration = join(dir, 'rsyncd.conf');
    writeFileSync(configuration, `${lines.join('\n')}\n`);
    this.program = new Program({
      command: 'rsync',
      args: [
        '--daemon',
        '--no-detach',
        `--config=${configuration}`,
        `--port=${port}`,
        `--address=${LOCALHOST}`,
      ],
      logFile: join(dir, 'rsyncd.log'),
    });
  }

  /** As a person types it. */
  get address(): string {
    return `${LOCALHOST}:${this.port}`;
  }

  /** What it has written so far. */
  log(): string {
    return this.program.log();
  }

  async stop(): Promise<void> {
    await this.program.kill9();
  }
}

/** Starts a daemon. */
export async function startRsyncd(options: RsyncdOptions): Promise<Rsyncd> {
  const server = new Rsyncd(options, await freePort());
  server.program.start();
  const accepts = () =>
    new Promise<boolean>((settle) => {
      const socket = connect(server.port, LOCALHOST);
      socket.once('error', () => settle(false));
      socket.once('connect', () => {
        socket.destroy();
        settle(true);
      });
    });
  try {
    await waitFor('rsync to listen', accepts);
  } catch (error) {
    await failedStart(server.program, 'rsync', error);
  }
  return server;
}
