import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { homeAssistantBin } from '../test/harness/cache.ts';
import { failedStart, Program } from '../test/harness/process.ts';
import type { Whereabouts } from '../test/harness/s3-server.ts';
import { waitFor } from '../test/harness/wait-for.ts';

/** What a script says at most. */
const OUTPUT_BYTES = 1024 * 1024;

/**
 * Runs a script of this folder in a network of its own, as root or where users may have such, and returns the JSON that
 * it prints. The argument is handed to it as JSON.
 */
export async function inOwnNetwork<Result>(script: string, argument: object): Promise<Result> {
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const run = [process.execPath, join(import.meta.dirname, script), JSON.stringify(argument)];
  // what it starts listens on 127.0.0.1
  const words = ['--net', ...asRoot, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...run];
  const running = promisify(execFile)('unshare', words, { maxBuffer: OUTPUT_BYTES });
  running.child.stderr?.pipe(process.stderr);
  return JSON.parse((await running).stdout) as Result;
}

/** A line with a delay and a rate to a network in which servers can be started; line.py says how. */
export class Line {
  readonly #program: Program;
  readonly #namespace: string;

  private constructor(program: Program, namespace: string) {
    this.#program = program;
    this.#namespace = namespace;
  }

  /** @param roundTripMs there and back */
  static async start(dir: string, roundTripMs: number, mbit: number): Promise<Line> {
    const program = new Program({
      command: join(homeAssistantBin(), 'python'),
      args: [join(import.meta.dirname, 'line.py'), `${roundTripMs / 2}`, `${mbit}`],
      logFile: join(dir, 'line.log'),
    });
    program.start();
    const pid = () => /^\d+$/m.exec(program.log())?.[0];
    const ended = program.exited.then(() => Promise.reject(new Error('the line ended')));
    try {
      const found = await Promise.race([ended, waitFor('the line', pid)]);
      return new Line(program, `/proc/${found}/ns/net`);
    } catch (error) {
      return failedStart(program, 'the line (it needs /dev/net/tun)', error);
    }
  }

  /** At its other end. */
  get whereabouts(): Whereabouts {
    return { host: '10.77.0.2', within: ['nsenter', `--net=${this.#namespace}`] };
  }

  async stop(): Promise<void> {
    await this.#program.stop();
  }
}
