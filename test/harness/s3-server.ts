import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { failedStart, type Program } from './process.ts';
import { waitFor } from './wait-for.ts';

const START_TIMEOUT_MS = 15_000;
const LOCALHOST = '127.0.0.1';

/** An S3 server on 127.0.0.1 that a test may ill-treat. */
export interface S3Server {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Buckets are folders in it, but with Garage. */
  readonly dataDir: string;
  createBucket(name: string): void;
  /** Again, after `stop` or `kill9`, on the same port and data. */
  start(): Promise<void>;
  stop(): Promise<void>;
  kill9(): Promise<void>;
  /** Connections stay open and nobody answers. */
  pause(): void;
  resume(): void;
  rss(): number;
  /** What the server printed: with versitygw one line for each request. */
  log(): string;
}

/** Where a server runs; on 127.0.0.1 if nothing is said. */
export interface Whereabouts {
  /** The address to listen on. */
  host?: string;
  /** A command that runs the server as its last arguments say: in another network, say. */
  within?: readonly string[];
}

/** The command with which a program is started where it shall run. */
export function commandWithin(
  within: readonly string[] | undefined,
  command: string,
  args: string[],
): { command: string; args: string[] } {
  const [first, ...rest] = [...(within ?? []), command, ...args] as [string, ...string[]];
  return { command: first, args: rest };
}

interface S3ServerSettings {
  name: string;
  host?: string;
  port: number;
  scheme?: 'http' | 'https';
  region: string;
  accessKey: string;
  secretKey: string;
  dataDir: string;
  program: Program;
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** What S3 servers that are programs have in common as seen by a test. */
export class S3Program implements S3Server {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly dataDir: string;
  readonly #settings: S3ServerSettings;

  constructor(settings: S3ServerSettings) {
    this.#settings = settings;
    this.endpoint = `${settings.scheme ?? 'http'}://${settings.host ?? LOCALHOST}:${settings.port}`;
    this.region = settings.region;
    this.accessKey = settings.accessKey;
    this.secretKey = settings.secretKey;
    this.dataDir = settings.dataDir;
  }

  createBucket(name: string): void {
    mkdirSync(join(this.dataDir, name), { recursive: true });
  }

  async start(): Promise<void> {
    const { name, program, host = LOCALHOST, port } = this.#settings;
    if (program.running) return;
    program.start();
    const ended = program.exited.then(() => Promise.reject(new Error(`${name} ended`)));
    try {
      await Promise.race([
        ended,
        waitFor(`${name} on port ${port}`, () => answers(host, port), { timeoutMs: START_TIMEOUT_MS }),
      ]);
    } catch (error) {
      await failedStart(program, name, error);
    }
  }

  async stop(): Promise<void> {
    await this.#settings.program.stop();
  }

  async kill9(): Promise<void> {
    await this.#settings.program.kill9();
  }

  pause(): void {
    this.#settings.program.pause();
  }

  resume(): void {
    this.#settings.program.resume();
  }

  rss(): number {
    return this.#settings.program.rss();
  }

  log(): string {
    return this.#settings.program.log();
  }
}
