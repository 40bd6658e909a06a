import { execFileSync } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { repositoryRoot } from './cache.ts';
import { type DockerStage, parseDockerfile, type Step } from './dockerfile.ts';
import { npmSettings, Overlay, quote } from './overlay.ts';
import { copySources } from './sources.ts';

/** What Docker gives every container. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

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
  /** Its content is what the stage adds to its base. */
  readonly overlay: Overlay;
}

/** Every path below a folder. */
function walk(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' });
}

/** What the builder is sent: files that git knows or will know, as far as .dockerignore lets them pass. */
function makeContext(to: string): void {
  const allowed = readFileSync(join(repositoryRoot, '.dockerignore'), 'utf8')
    .split('\n')
    .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
  copySources(to, allowed);
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
    return this.#last.overlay.content;
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
      const layer = { stage, overlay: new Overlay(join(this.#dir, stage.name)) };
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

  /** What the base image has and this machine has not. */
  #lay({ stage, overlay }: Layer): void {
    for (const name of ['data', 'usr/local/bin']) mkdirSync(join(overlay.content, name), { recursive: true });
    if (stage.base.startsWith('node:')) {
      const node = `node_modules/node-linux-${process.arch}/bin/node`;
      cpSync(join(repositoryRoot, node), join(overlay.content, 'usr/local/bin/node'));
    }
  }

  #take(layer: Layer, step: Step, workdir: string): void {
    if (step.kind === 'workdir') {
      mkdirSync(join(layer.overlay.content, workdir), { recursive: true });
    } else if (step.kind === 'run') {
      const [file, ...args] = this.#inside(layer, workdir, ['sh', '-c', step.command], {});
      execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } else {
      const from = this.#layers.find(({ stage }) => stage.name === step.from)?.overlay.content;
      for (const source of step.sources) {
        const path = join(from ?? join(this.#dir, 'context'), source);
        const to = join(layer.overlay.content, resolve(workdir, step.to));
        // a folder is laid out there; a file goes into a folder where that is meant
        const into = step.to.endsWith('/') || step.sources.length > 1;
        const place = lstatSync(path).isDirectory() || !into ? to : join(to, basename(source));
        mkdirSync(dirname(place), { recursive: true });
        cpSync(path, place, { recursive: true, verbatimSymlinks: true });
      }
    }
  }

  #inside(
    { stage, overlay }: Layer,
    workdir: string,
    command: readonly string[],
    { data, env = {}, user, readOnly }: ContainerOptions,
  ): [string, ...string[]] {
    const { root } = overlay;
    const mounts = [
      ...overlay.mounts(),
      ...(data === undefined ? [] : [`mount --bind ${data} ${root}/data`]),
      ...(readOnly ? [`mount -o remount,ro ${root}`] : []),
    ];
    const variables = { PATH, HOME: '/root', ...npmSettings(), ...stage.env, ...env };
    const words = [
      ...['exec', 'chroot', root, 'env', '-C', workdir, '-i'],
      ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
      ...(user === undefined ? [] : unprivileged(user)),
      ...command,
    ];
    const script = ['set -e', ...mounts, words.map(quote).join(' ')].join('\n');
    return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script];
  }
}

function unprivileged(user: number): string[] {
  const identity = ['--reuid', String(user), '--regid', String(user), '--clear-groups'];
  return ['setpriv', ...identity, '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all'];
}
