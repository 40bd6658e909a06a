import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Target } from '../../src/contract/index.ts';
import { repositoryRoot } from './cache.ts';
import { CoreClient } from './core-client.ts';
import { freePort } from './free-port.ts';
import { failedStart, Program } from './process.ts';
import { setupCodeIn } from './setup-code.ts';
import { removeTemporary, temporaryFolder } from './temporary.ts';
import { waitFor } from './wait-for.ts';

const START_TIMEOUT_MS = 30_000;
const ENTRY = join(repositoryRoot, 'src/homestash.ts');

/** The flags of Node with which `npm run homestash` starts it. */
const NODE_FLAGS = (
  JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as { scripts: { homestash: string } }
).scripts.homestash
  .split(' ')
  .filter((word) => word.startsWith('--'));

export interface CoreProcessOptions {
  /** Its data folder; a temporary one if not given. */
  dataDir?: string;
  /** Added to its environment. */
  env?: Record<string, string>;
  /** The program, where it is not the source: what `buildPackage` made. */
  entry?: string;
}

/** A core in a process of its own, as `homestash serve` runs it, with a client that is paired. */
export class CoreProcess {
  readonly dataDir: string;
  readonly program: Program;
  readonly url: string;
  readonly #env: Record<string, string>;
  readonly #entry: string;
  #client: CoreClient | undefined;

  constructor(dataDir: string, port: number, { env = {}, entry = ENTRY }: CoreProcessOptions) {
    this.dataDir = dataDir;
    this.#entry = entry;
    this.url = `http://127.0.0.1:${port}`;
    this.#env = { ...env, HOMESTASH_DATA: dataDir, HOMESTASH_API_PORT: String(port) };
    this.program = new Program({
      command: process.execPath,
      args: [...NODE_FLAGS, entry, 'serve'],
      env: this.#env,
      logFile: `${dataDir}.log`,
    });
  }

  /** A client with a token of its own. */
  get client(): CoreClient {
    if (!this.#client) throw new Error('the core was not started');
    return this.#client;
  }

  /** Starts it, again on the same port and data after an end, and waits until it says that it is ready. */
  async start(): Promise<void> {
    const ready = () => this.program.log().split('{"ready":true').length - 1;
    const before = ready();
    this.program.start();
    const ended = this.program.exited.then(() => Promise.reject(new Error('the core ended')));
    try {
      await Promise.race([
        ended,
        waitFor('the core to be ready', () => ready() > before, { timeoutMs: START_TIMEOUT_MS }),
      ]);
    } catch (error) {
      await failedStart(this.program, 'the core', error);
    }
    this.#client ??= await CoreClient.pair(this.url, await this.pairingCode());
  }

  /** What its log says to whoever opens the page first. */
  setupCode(): string {
    return setupCodeIn(this.program.log());
  }

  /** What `homestash pair` prints. */
  async pairingCode(): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [this.#entry, 'pair'], {
      env: { ...process.env, ...this.#env },
    });
    return stdout.trim();
  }

  async stop(): Promise<void> {
    await this.program.stop();
  }

  async kill9(): Promise<void> {
    await this.program.kill9();
  }

  /** Stops it for good; a temporary data folder goes with it. A `Stage` does this for all parts at once. */
  async cleanUp(): Promise<void> {
    await this.stop();
    removeTemporary(dirname(this.dataDir));
  }
}

/** Starts a core that listens on a free port of 127.0.0.1. */
export async function startCoreProcess(options: CoreProcessOptions = {}): Promise<CoreProcess> {
  const dataDir = options.dataDir ?? join(temporaryFolder('core'), 'data');
  const core = new CoreProcess(dataDir, await freePort(), options);
  await core.start();
  return core;
}

/** What Home Assistant calls the location of a target. */
export function agentId(target: Target): string {
  return `homestash.${target.unique_id}`;
}
