import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from './cache.ts';
import { removeTemporary, temporaryFolder } from './temporary.ts';

// A client that waits for an answer that never comes; the slowest of them needs a few seconds to be imported.
const PATIENCE_MS = 120_000;
/** A test with referees: some imports of theirs take seconds where all processors are busy (milliseconds). */
export const REFEREE_TEST_MS = 180_000;
// A referee may print all of a configuration.
const MOST_BYTES = 32 * 1024 * 1024;
// Where to look, and not the whole of a long complaint.
const COMPLAINT_LENGTH = 4_000;

const venv = join(cacheDir, 'referees');

/** Are the clients and parsers there that script/lib/referees.txt lists? */
export function haveReferees(): boolean {
  return existsSync(join(venv, '.homestash-stamp'));
}

/** Where a package lies that those clients are made of. */
export function refereePackage(name: string): string {
  const lib = join(venv, 'lib');
  const python = readdirSync(lib).find((one) => one.startsWith('python')) ?? '';
  return join(lib, python, 'site-packages', name);
}

/**
 * Runs Python code where those clients and parsers can be imported, with `args` as `sys.argv[1:]`. Returns what it printed.
 * It sees nothing of the machine's settings (proxies, authorities of certificates, a home).
 * @throws Error with what it complained of, where its status is not 0
 */
export function referee(script: string, args: readonly string[] = []): Promise<string> {
  return run('python', ['-c', script, ...args]);
}

/** Runs a program that one of those packages brings, as `referee` does. */
export function refereeProgram(name: string, args: readonly string[] = []): Promise<string> {
  return run(name, args);
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const command = join(venv, 'bin', program);
  if (!existsSync(command)) throw new Error(`${command} is missing: run script/bootstrap referees`);
  const home = temporaryFolder('referee');
  try {
    return await new Promise((resolve, reject) => {
      const env = {
        PATH: `${join(venv, 'bin')}:${process.env.PATH ?? ''}`,
        HOME: home,
        LANG: 'C.UTF-8',
        PYTHONDONTWRITEBYTECODE: '1',
      };
      const options = { cwd: home, env, timeout: PATIENCE_MS, maxBuffer: MOST_BYTES };
      execFile(command, args, options, (error, stdout, stderr) => {
        if (error) {
          reject(
            new Error(
              `${program} failed (${error.code ?? error.signal}): ${stderr.slice(-COMPLAINT_LENGTH)}`,
            ),
          );
        } else resolve(stdout);
      });
    });
  } finally {
    removeTemporary(home);
  }
}
