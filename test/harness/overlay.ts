import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './cache.ts';

/** Users below are the system's own; a fresh system has no others. */
const FIRST_PERSON = 1000;
const NOBODY = 65_534;

/** Can this machine lay a file system over its own, and run programs as if there were no other? */
export function canOverlay(): boolean {
  const programs = ['/usr/bin/unshare', '/usr/bin/setpriv', '/usr/sbin/chroot'];
  const overlay = readFileSync('/proc/filesystems', 'utf8').includes('overlay');
  return process.getuid?.() === 0 && overlay && programs.every((program) => existsSync(program));
}

/** A word of a shell script that stands for itself. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * A file system in which this machine's own lies below, and everything that is written goes into `content`. Nobody has an
 * account in it, and this repository cannot be seen.
 */
export class Overlay {
  readonly content: string;
  readonly root: string;
  readonly #work: string;

  constructor(dir: string) {
    this.content = join(dir, 'content');
    this.root = join(dir, 'root');
    this.#work = join(dir, 'work');
    for (const folder of [join(this.content, 'etc'), this.root, this.#work]) {
      mkdirSync(folder, { recursive: true });
    }
    const people = new Set(readFileSync('/etc/passwd', 'utf8').split('\n').filter(isPerson).map(nameOf));
    for (const name of ['passwd', 'group', 'shadow', 'gshadow', 'subuid', 'subgid']) {
      if (!existsSync(join('/etc', name))) continue;
      const lines = readFileSync(join('/etc', name), 'utf8').split('\n');
      const kept = lines.filter((line) => !isPerson(line) && !people.has(nameOf(line)));
      writeFileSync(join(this.content, 'etc', name), kept.join('\n'), { mode: 0o640 });
    }
  }

  /** The lines of a shell script that put it together, in a mount namespace of its own. */
  mounts(): string[] {
    const { root, content } = this;
    const cache = npmCache();
    // either may lie in /tmp, where nothing is now
    const there = (path: string) => `mkdir -p ${root}${path}`;
    return [
      `mount -t overlay overlay -o lowerdir=/,upperdir=${content},workdir=${this.#work} ${root}`,
      `mount --rbind /dev ${root}/dev`,
      `mount -t proc proc ${root}/proc`,
      `mount -t tmpfs tmpfs ${root}/tmp`,
      there(repositoryRoot),
      `mount -t tmpfs hidden ${root}${repositoryRoot}`,
      ...(existsSync(cache) ? [there(cache), `mount --bind ${cache} ${root}${cache}`] : []),
    ];
  }
}

/** Lets npm fetch nothing that this machine has fetched before. */
export function npmSettings(): Record<string, string> {
  return {
    npm_config_cache: npmCache(),
    npm_config_prefer_offline: 'true',
    npm_config_update_notifier: 'false',
  };
}

function npmCache(): string {
  return process.env.npm_config_cache ?? join(process.env.HOME ?? '/root', '.npm');
}

const nameOf = (line: string): string => line.split(':')[0] as string;

/** Is this line of passwd or group about somebody who is not the system's own? */
function isPerson(line: string): boolean {
  const id = Number(line.split(':')[2]);
  return id >= FIRST_PERSON && id !== NOBODY;
}
