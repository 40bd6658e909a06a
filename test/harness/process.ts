import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// Home Assistant needs up to four seconds to stop; more than this is a program that hangs.
const STOP_GRACE_MS = 20_000;
const BYTES_PER_KIB = 1024;
// Value of /proc/PID/clear_refs that sets VmHWM back to VmRSS (proc(5)).
const CLEAR_REFS_PEAK_RSS = '5';
// Makes the kernel end the child when the test process is killed without a chance to clean up.
const SETPRIV = '/usr/bin/setpriv';
const LOG_TAIL_LINES = 40;

interface ProgramOptions {
  command: string;
  args?: string[];
  /** Added to the environment of the tests. */
  env?: Record<string, string>;
  cwd?: string;
  /** Gets stdout and stderr, appended. */
  logFile: string;
}

interface ExitStatus {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const running = new Set<Program>();
process.once('exit', () => {
  for (const program of running) program.killGroup();
});

/** A child process in a process group of its own, with its output in a file. It can be started again after its end. */
export class Program {
  readonly logFile: string;
  readonly #options: ProgramOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<ExitStatus> = Promise.resolve({ code: null, signal: null });

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.logFile = options.logFile;
  }

  /** What is given here is in its environment this once. */
  start(once?: Record<string, string>): void {
    if (this.running) throw new Error(`${this.#options.command} runs already`);
    const { command, args = [], env, cwd } = this.#options;
    mkdirSync(dirname(this.logFile), { recursive: true });
    const log = openSync(this.logFile, 'a');
    const [file, ...words] = existsSync(SETPRIV)
      ? [SETPRIV, '--pdeathsig', 'KILL', command, ...args]
      : [command, ...args];
    const child = spawn(file as string, words, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env, ...once },
      ...(cwd === undefined ? {} : { cwd }),
    });
    closeSync(log);
    this.#child = child;
    running.add(this);
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => {
        writeFileSync(this.logFile, `${error.message}\n`, { flag: 'a' });
        running.delete(this);
        resolve({ code: null, signal: null });
      });
      child.once('exit', (code, signal) => {
        running.delete(this);
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.#options.command} was not started`);
    return pid;
  }

  get running(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Settles when the process that was started last has ended. */
  get exited(): Promise<ExitStatus> {
    return this.#exited;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) process.kill(this.pid, signal);
  }

  /** Freezes it: connections stay open and nobody answers. */
  pause(): void {
    this.signal('SIGSTOP');
  }

  resume(): void {
    this.signal('SIGCONT');
  }

  /** SIGTERM, and SIGKILL for the whole group if that was not heard. */
  async stop(graceMs = STOP_GRACE_MS): Promise<ExitStatus> {
    if (!this.running) return this.#exited;
    this.resume();
    this.signal('SIGTERM');
    const patience = new AbortController();
    const timer = sleep(graceMs, undefined, { signal: patience.signal, ref: false })
      .then(() => this.killGroup())
      .catch(() => undefined);
    const status = await this.#exited;
    patience.abort();
    await timer;
    return status;
  }

  /** What a power cut looks like. */
  async kill9(): Promise<ExitStatus> {
    this.killGroup();
    return this.#exited;
  }

  killGroup(): void {
    if (!this.running) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // It ended in this very moment.
    }
  }

  /** Bytes of memory that it has in use. */
  rss(): number {
    return this.#memory('VmRSS');
  }

  /** The most that `rss()` was since the start, or since `resetPeakRss()`. */
  peakRss(): number {
    return this.#memory('VmHWM');
  }

  resetPeakRss(): void {
    writeFileSync(`/proc/${this.pid}/clear_refs`, CLEAR_REFS_PEAK_RSS);
  }

  /** All it has printed so far. */
  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  /** The end of its output, for the message of an error. */
  logTail(): string {
    return this.log().trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
  }

  #memory(field: string): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (kib === undefined) throw new Error(`/proc/${this.pid}/status has no ${field}`);
    return Number(kib) * BYTES_PER_KIB;
  }
}

/** Ends a program and throws with the end of its log, for a start that went wrong. */
export async function failedStart(program: Program, what: string, cause: unknown): Promise<never> {
  await program.kill9();
  throw new Error(`${what} did not start; the end of ${program.logFile}:\n${program.logTail()}`, { cause });
}
