import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { homeAssistantBin } from '../../harness/cache.ts';

const SCRIPT = join(import.meta.dirname, 'backup_archive.py');
const WRONG_PASSWORD = 3;

/** The password does not open a backup. */
export class WrongPassword extends Error {}

interface ArchiveArguments {
  readonly path: string;
  readonly password?: string | null;
  readonly config_dir?: string;
  readonly description?: object;
}

/** What the Supervisor's own library makes of an archive. */
function run(command: 'write' | 'describe' | 'unpack', wanted: ArchiveArguments): Promise<string> {
  return new Promise((resolve, reject) => {
    const done = (error: { code?: unknown } | null, stdout: string, stderr: string) => {
      if (!error) resolve(stdout);
      else reject(error.code === WRONG_PASSWORD ? new WrongPassword() : new Error(`${command}: ${stderr}`));
    };
    const child = execFile(join(homeAssistantBin(), 'python'), [SCRIPT, command], done);
    child.stdin?.end(JSON.stringify({ password: null, ...wanted }));
  });
}

/** Writes Home Assistant's folder, or nothing of it, into an archive. */
export async function writeArchive(wanted: Required<ArchiveArguments>): Promise<void> {
  await run('write', wanted);
}

/** What an archive says of itself. */
export async function describeArchive(path: string): Promise<unknown> {
  return JSON.parse(await run('describe', { path }));
}

/** @throws WrongPassword */
export async function tryPassword(path: string, password: string | null): Promise<void> {
  await run('unpack', { path, password });
}

/** Puts Home Assistant's folder back. @throws WrongPassword */
export async function unpackArchive(wanted: Omit<Required<ArchiveArguments>, 'description'>): Promise<void> {
  await run('unpack', wanted);
}
