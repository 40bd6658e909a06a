import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Target } from '../../src/contract/index.ts';
import { createLog } from '../../src/kernel/log.ts';
import { type Core, type CoreOptions, startCore } from '../../src/main.ts';
import { giveToken } from '../../src/one-shot.ts';
import { keepCheapPassword } from './cheap-password.ts';
import { CoreClient } from './core-client.ts';
import { Person } from './person.ts';
import { setupCodeIn } from './setup-code.ts';

// Tests that are about idle streams set their own.
const IDLE_TIMEOUT_MS = 120_000;

// Clocks that leap would stop there each time.
const MEASURE_EVERY_MS = 6 * 60 * 60_000;

/** A core in the process of the test, with an injected clock or limits, on a folder that goes with it. */
export class LocalCore {
  readonly dataDir: string;
  /** Every line of its log. */
  readonly lines: string[] = [];
  readonly #dir: string;
  readonly #options: Partial<CoreOptions>;
  #core: Core | undefined;
  #client: CoreClient | undefined;

  constructor(options: Partial<CoreOptions>) {
    this.#dir = mkdtempSync(join(tmpdir(), 'homestash-local-'));
    this.dataDir = options.dataDir ?? join(this.#dir, 'data');
    this.#options = options;
  }

  get url(): string {
    if (!this.#core) throw new Error('the core does not run');
    return this.#core.url;
  }

  /** Resolves when it wants to be started anew. */
  get outdated(): Promise<void> {
    if (!this.#core) throw new Error('the core does not run');
    return this.#core.outdated;
  }

  get client(): CoreClient {
    if (!this.#client) throw new Error('the core does not run');
    return this.#client;
  }

  /** Where ingress is served. */
  get ingressUrl(): string {
    if (this.#core?.ingressPort === undefined) throw new Error('the core has no ingress');
    return `http://127.0.0.1:${this.#core.ingressPort}`;
  }

  /** What the log says to whoever looks for the code of the first password. */
  setupCode(): string {
    return setupCodeIn(this.lines.join('\n'));
  }

  /** A person who has a password, and is signed in with it. */
  async person(password = 'a long enough one'): Promise<Person> {
    keepCheapPassword(this.dataDir, password);
    const person = new Person(this.url);
    const { state } = await person.signIn(password);
    if (state !== 'signed_in') throw new Error(`signing in led to ${state}`);
    return person;
  }

  /** Starts it, again on the same data after a stop. */
  async start(): Promise<void> {
    const options: CoreOptions = {
      port: 0,
      bind: '127.0.0.1',
      logLevel: 'debug',
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      measureEveryMs: MEASURE_EVERY_MS,
      log: createLog('debug', (line) => this.lines.push(line), Date.now),
      ...this.#options,
      dataDir: this.dataDir,
    };
    this.#core = await startCore(options);
    this.#client = new CoreClient(this.url, this.#client?.token ?? (await giveToken(options, 'test')));
  }

  /** The folder that a fresh core begins with. */
  async firstTarget(): Promise<Target> {
    return (await this.client.targets())[0] as Target;
  }

  /** What it takes for defects of its own. */
  defects(): string[] {
    return this.lines.filter((line) => line.includes('"level":"error"'));
  }

  async stop(): Promise<void> {
    await this.#core?.stop();
    this.#core = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

export async function startLocalCore(options: Partial<CoreOptions> = {}): Promise<LocalCore> {
  const core = new LocalCore(options);
  await core.start();
  return core;
}
