import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { repositoryRoot } from './cache.ts';
import { waitFor } from './wait-for.ts';

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command of the program as a person runs it, with what it prints kept apart. */
export class Command {
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#child = spawn(command, args, {
      cwd: repositoryRoot,
      // nothing of the machine's own settings
      env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // a group of its own: what is left of it can be ended as a whole
      detached: true,
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) =>
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }

  /** The program by itself. */
  static program(args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
    return new Command(process.execPath, ['src/homestash.ts', ...args], env);
  }

  /** The program through npm, as the README says. */
  static npm(args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
    return new Command('npm', ['run', 'homestash', '--', ...args], {
      npm_config_update_notifier: 'false',
      npm_config_cache: '/nonexistent',
      npm_config_logs_max: '0',
      ...env,
    });
  }

  /** What a serving core says of itself once it is ready. */
  async ready(): Promise<{ ready: true; url: string; version: string }> {
    let over: Ended | undefined;
    void this.ended.then((ended) => {
      over = ended;
    });
    await waitFor('the core to be ready or to end', () => over || this.stdout.includes('"ready"'));
    if (over) throw new Error(`it ended with ${over.code}: ${over.stderr}`);
    const line = this.stdout.split('\n').find((candidate) => candidate.startsWith('{'));
    return JSON.parse(line ?? '') as { ready: true; url: string; version: string };
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Leaves nothing of it running. */
  async end(): Promise<void> {
    if (this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null) {
      process.kill(-this.#child.pid, 'SIGKILL');
    }
    await this.ended.catch(() => undefined);
  }
}
