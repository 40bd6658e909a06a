import { join } from 'node:path';
import { quietPort } from './free-port.ts';
import { failedStart, Program } from './process.ts';
import { temporaryFolder } from './temporary.ts';
import { waitFor } from './wait-for.ts';

// Python programs need a few seconds to be imported, and ten times as long on a busy machine.
const START_TIMEOUT_MS = 120_000;

interface DashboardOptions {
  /** As it is called in the messages of errors. */
  readonly name: string;
  readonly command: string;
  /** What it is started with. */
  args(place: { readonly dir: string; readonly port: number }): readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A path that is answered when it serves; whatever the status below 500. */
  readonly ready: string;
  /** What must lie in its folder before it starts. */
  prepare?(dir: string): void;
}

/** A program with pages, on a free port of 127.0.0.1, with a folder of its own that goes with the tests. */
export class Dashboard {
  readonly dir: string;
  readonly port: number;
  readonly #program: Program;
  readonly #options: DashboardOptions;

  private constructor(options: DashboardOptions, dir: string, port: number) {
    this.#options = options;
    this.dir = dir;
    this.port = port;
    this.#program = new Program({
      command: options.command,
      args: [...options.args({ dir, port })],
      // nothing of the person who runs the tests
      env: { HOME: dir, PYTHONDONTWRITEBYTECODE: '1', ...options.env },
      cwd: dir,
      logFile: join(temporaryFolder('log'), 'output.log'),
    });
  }

  static async start(options: DashboardOptions): Promise<Dashboard> {
    const dir = temporaryFolder('dashboard');
    const dashboard = new Dashboard(options, dir, await quietPort());
    options.prepare?.(dir);
    await dashboard.start();
    return dashboard;
  }

  /** As a person types it. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const { name, ready } = this.#options;
    this.#program.start();
    const ended = this.#program.exited.then(({ code }) => Promise.reject(new Error(`it ended with ${code}`)));
    const serves = waitFor(
      `${name} to serve`,
      async () => (await fetch(`http://${this.address}${ready}`, { redirect: 'manual' })).status < 500,
      { timeoutMs: START_TIMEOUT_MS },
    );
    try {
      await Promise.race([serves, ended]);
    } catch (error) {
      await failedStart(this.#program, name, error);
    } finally {
      ended.catch(() => undefined);
    }
  }

  log(): string {
    return this.#program.log();
  }

  /** Frozen: its connections stay open, and nobody answers. */
  pause(): void {
    this.#program.pause();
  }

  resume(): void {
    this.#program.resume();
  }

  async stop(): Promise<void> {
    await this.#program.stop();
  }
}
