import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { repositoryRoot } from './cache.ts';
import { type DockerStage, parseDockerfile, type Step } from './dockerfile.ts';

/** What Docker gives every container. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Users below are the system's own; a base image has no others. */
const FIRST_PERSON = 1000;
const NOBODY = 65_534;

/** Can this machine take the Dockerfile's steps? It takes root, and a file system that lies over another. */
export function canBuildImage(): boolean {
  const overlay = readFileSync('/proc/filesystems', 'utf8').includes('overlay');
  return (
    process.getuid?.() === 0 && overlay && existsSync('/usr/bin/unshare') && existsSync('/usr/bin/setpriv')
  );
}

/** How a container is started. */
export interface ContainerOptions {
  /** What lies at /data. */
  readonly data?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** As with `docker run --user`, without any capability and with `no-new-privileges`. */
  readonly user?: number;
  /** As with `docker run --read-only --tmpfs /tmp`. */
  readonly readOnly?: boolean;
}

interface Layer {
  readonly stage: DockerStage;
  /** What the stage adds to its base. */
  readonly content: string;
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Every path below a folder. */
function walk(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' });
}

/** What the builder is sent: files that git knows or will know, as far as .dockerignore lets them pass. */
function makeContext(to: string): void {
  const allowed = readFileSync(join(repositoryRoot, '.dockerignore'), 'utf8')
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
  const files = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...allowed],
    {
      cwd: repositoryRoot,
      encoding: 'utf8',
    },
  );
  for (const file of files.trim().split('\n')) {
    if (existsSync(join(repositoryRoot, file))) cpSync(join(repositoryRoot, file), join(to, file));
  }
}

/**
 * The image as its Dockerfile makes it, without Docker. Each stage is a layer over this machine's own file system,
 * which stands in for the base image: Node comes from the packages, and this repository cannot be seen.
 */
export class Image {
  readonly #dir: string;
  readonly #layers: Layer[] = [];

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** What the last stage adds to Debian. */
  get content(): string {
    return this.#last.content;
  }

  get stage(): DockerStage {
    return this.#last.stage;
  }

  /** Bytes of a folder in it. */
  bytes(path: string): number {
    const folder = join(this.content, path);
    return walk(folder).reduce((sum, name) => sum + lstatSync(join(folder, name)).size, 0);
  }

  /** Every path that was added. */
  files(): string[] {
    return walk(this.content);
  }

  /** Takes every step of every stage. */
  build(): void {
    makeContext(join(this.#dir, 'context'));
    const stages = parseDockerfile(readFileSync(join(repositoryRoot, 'Dockerfile'), 'utf8'));
    for (const stage of stages) {
      const layer = { stage, content: join(this.#dir, stage.name, 'content') };
      this.#layers.push(layer);
      this.#lay(layer);
      let workdir = '/';
      for (const step of stage.steps) {
        if (step.kind === 'workdir') workdir = resolve(workdir, step.path);
        this.#take(layer, step, workdir);
      }
    }
  }

  /** The command line that runs a program in the image, in the same process to its end. */
  commandLine(command: readonly string[], options: ContainerOptions = {}): [string, ...string[]] {
    return this.#inside(this.#last, this.stage.workdir, command, options);
  }

  /** Runs a program in the image and gives back what it prints. */
  run(command: readonly string[], options: ContainerOptions = {}): string {
    const [file, ...args] = this.commandLine(command, options);
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  get #last(): Layer {
    const layer = this.#layers.at(-1);
    if (!layer) throw new Error('the image was not built');
    return layer;
  }

  /** What the base image has and this machine has not, and the other way round. */
  #lay({ stage, content }: Layer): void {
    for (const name of ['../work', '../root', 'etc', 'data', 'usr/local/bin']) {
      mkdirSync(join(content, name), { recursive: true });
    }
    for (const name of ['passwd', 'group', 'shadow', 'gshadow']) {
      const people = new Set(readFileSync('/etc/passwd', 'utf8').split('\n').filter(isPerson).map(nameOf));
      const lines = readFileSync(join('/etc', name), 'utf8').split('\n');
      writeFileSync(
        join(content, 'etc', name),
        lines.filter((line) => !isPerson(line) && !people.has(nameOf(line))).join('\n'),
      );
    }
    if (stage.base.startsWith('node:')) {
      const node = `node_modules/node-linux-${process.arch}/bin/node`;
      cpSync(join(repositoryRoot, node), join(content, 'usr/local/bin/node'));
    }
  }

  #take(layer: Layer, step: Step, workdir: string): void {
    if (step.kind === 'workdir') {
      mkdirSync(join(layer.content, workdir), { recursive: true });
    } else if (step.kind === 'run') {
      const [file, ...args] = this.#inside(layer, workdir, ['sh', '-c', step.command], {});
      execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } else {
      const from = this.#layers.find(({ stage }) => stage.name === step.from)?.content;
      for (const source of step.sources) {
        const path = join(from ?? join(this.#dir, 'context'), source);
        const to = join(layer.content, resolve(workdir, step.to));
        // a folder is laid out there; a file goes into a folder where that is meant
        const into = step.to.endsWith('/') || step.sources.length > 1;
        const place = lstatSync(path).isDirectory() || !into ? to : join(to, basename(source));
        mkdirSync(dirname(place), { recursive: true });
        cpSync(path, place, { recursive: true, verbatimSymlinks: true });
      }
    }
  }

  #inside(
    { stage, content }: Layer,
    workdir: string,
    command: readonly string[],
    { data, env = {}, user, readOnly }: ContainerOptions,
  ): [string, ...string[]] {
    const root = join(content, '../root');
    const cache = npmCache();
    const layers = `lowerdir=/,upperdir=${content},workdir=${join(content, '../work')}`;
    const mounts = [
      `mount -t overlay overlay -o ${layers} ${root}`,
      `mount --rbind /dev ${root}/dev`,
      `mount -t proc proc ${root}/proc`,
      `mount -t tmpfs tmpfs ${root}/tmp`,
      `mount -t tmpfs hidden ${root}${repositoryRoot}`,
      ...(existsSync(cache) ? [`mount --bind ${cache} ${root}${cache}`] : []),
      ...(data === undefined ? [] : [`mount --bind ${data} ${root}/data`]),
      ...(readOnly ? [`mount -o remount,ro ${root}`] : []),
    ];
    const variables = { PATH, HOME: '/root', ...this.#npm(cache), ...stage.env, ...env };
    const words = [
      ...['exec', 'chroot', root, 'env', '-C', workdir, '-i'],
      ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
      ...(user === undefined ? [] : unprivileged(user)),
      ...command,
    ];
    const script = ['set -e', ...mounts, words.map(quote).join(' ')].join('\n');
    return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script];
  }

  /** npm fetches nothing that this machine has fetched before. */
  #npm(cache: string): Record<string, string> {
    return {
      npm_config_cache: cache,
      npm_config_prefer_offline: 'true',
      npm_config_update_notifier: 'false',
    };
  }
}

function npmCache(): string {
  return process.env.npm_config_cache ?? join(process.env.HOME ?? '/root', '.npm');
}

function unprivileged(user: number): string[] {
  const identity = ['--reuid', String(user), '--regid', String(user), '--clear-groups'];
  return ['setpriv', ...identity, '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all'];
}

const nameOf = (line: string): string => line.split(':')[0] as string;

/** Is this line of passwd or group about somebody who is not the system's own? */
function isPerson(line: string): boolean {
  const id = Number(line.split(':')[2]);
  return id >= FIRST_PERSON && id !== NOBODY;
}
