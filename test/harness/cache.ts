import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

/** The top folder of this checkout. */
export const repositoryRoot = resolve(import.meta.dirname, '../..');

/** Where `script/bootstrap` keeps what it brought; the same rule as in script/lib/common.sh. */
export const cacheDir =
  process.env.HOMESTASH_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'homestash');

const versionsFile = join(repositoryRoot, 'script/lib/versions.env');

/** A version from script/lib/versions.env, the one list of them. */
export function version(name: string): string {
  const line = readFileSync(versionsFile, 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${name}=`));
  if (line === undefined) throw new Error(`${name} does not stand in ${versionsFile}`);
  return line.slice(name.length + 1).trim();
}

/** The file of a part that is there, or an error that names the command which brings it. */
function present(path: string, part: string): string {
  if (!existsSync(path)) throw new Error(`${path} is missing: run script/bootstrap ${part}`);
  return path;
}

/** `bin` of the Python environment that Home Assistant runs in (hass, python). */
export function homeAssistantBin(): string {
  return present(join(cacheDir, `home-assistant-${version('HOME_ASSISTANT_VERSION')}`, 'bin'), 'ha');
}

/** The programs that script/bootstrap compiles, and where their versions stand. */
const COMPILED = {
  versitygw: 'VERSITYGW_VERSION',
  rclone: 'RCLONE_VERSION',
  minio: 'MINIO_VERSION',
  garage: 'GARAGE_VERSION',
  mc: 'MC_VERSION',
} as const;

export type Compiled = keyof typeof COMPILED;

function compiledPath(name: Compiled): string {
  return join(cacheDir, 'bin', `${name}-${version(COMPILED[name])}`);
}

/** A compiled program, or an error that names the command which brings it. */
export function compiledProgram(name: Compiled): string {
  return present(compiledPath(name), name);
}

/** Is this compiled program there? Without Go or Cargo it is not. */
export function haveCompiled(name: Compiled): boolean {
  return existsSync(compiledPath(name));
}

/** Is there an S3 server to test with? Without Go there is none. */
export function haveVersitygw(): boolean {
  return haveCompiled('versitygw');
}

/** Is there a second S3 server to test with? */
export function haveRclone(): boolean {
  return haveCompiled('rclone');
}

/** Is the tool there that opens what is sealed? Without apt it is not. */
export function haveAge(): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'age')));
}

/** Garage and MinIO take minutes to compile: they are tested on where somebody asked for it and they are there. */
export function haveOnRequest(name: 'garage' | 'minio'): boolean {
  return process.env.HOMESTASH_ALL_SERVERS === '1' && haveCompiled(name);
}

/** The part of script/bootstrap that lies in a folder of its own, and its program there; undefined where it was left out. */
export function installed(name: string, versionName: string, program: string): string | undefined {
  const folder = join(cacheDir, `${name}-${version(versionName)}`);
  // written last: an installation that was interrupted is none
  return existsSync(join(folder, '.homestash-stamp')) ? join(folder, program) : undefined;
}
