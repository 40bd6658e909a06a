import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { canOverlay, npmSettings, Overlay } from './overlay.ts';
import { Program } from './process.ts';
import { waitFor } from './wait-for.ts';

const SYSTEMD = '/lib/systemd/systemd';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What systemd has reached when the machine may be used. */
const TARGET = 'machine.target';

/** These would reach for the kernel, which is not ours alone. */
const MASKED = [
  'systemd-binfmt',
  'systemd-modules-load',
  'systemd-sysctl',
  'systemd-udevd',
  'systemd-udev-trigger',
];

/** How a command ended. */
export interface Ended {
  readonly code: number;
  /** stdout and stderr. */
  readonly output: string;
}

function cgroupFolder(): string | undefined {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return mounts.map((line) => line.split(' ')).find(([, , kind]) => kind === 'cgroup2')?.[1];
}

/** Can there be a machine here? It takes root, systemd and control groups. */
export function canBootMachine(): boolean {
  return canOverlay() && existsSync(SYSTEMD) && cgroupFolder() !== undefined;
}

/**
 * A Debian of its own with a real systemd, which has this machine's file system below its own and shares its network.
 * All that runs in it ends with it.
 */
export class Machine {
  readonly overlay: Overlay;
  readonly #program: Program;
  readonly #cgroup: string;
  #init = 0;

  constructor(dir: string) {
    this.overlay = new Overlay(dir);
    this.#cgroup = join(cgroupFolder() ?? '', basename(dir));
    const { root } = this.overlay;
    const units = join(this.overlay.content, 'etc/systemd/system');
    mkdirSync(units, { recursive: true });
    writeFileSync(join(units, TARGET), '[Unit]\nDefaultDependencies=no\nWants=systemd-journald.service\n');
    for (const name of MASKED) execFileSync('ln', ['-sf', '/dev/null', join(units, `${name}.service`)]);
    const inside = [
      'set -e',
      ...this.overlay.mounts(),
      `mount -t tmpfs -o mode=755 tmpfs ${root}/run`,
      `mount --bind /dev/null ${root}/dev/console`,
      `mount -t sysfs sysfs ${root}/sys`,
      `mount -t cgroup2 cgroup2 ${root}/sys/fs/cgroup`,
      `mount -o remount,bind,ro ${root}/sys`,
      `mount --bind ${root}/proc/sys ${root}/proc/sys`,
      `mount -o remount,bind,ro ${root}/proc/sys`,
      `exec env -i PATH=${PATH} container=test chroot ${root} ${SYSTEMD} --unit=${TARGET} --log-target=journal --show-status=0`,
    ];
    const spaces = ['--mount', '--pid', '--cgroup', '--ipc', '--fork', '--kill-child'];
    this.#program = new Program({
      command: 'sh',
      args: [
        '-c',
        'echo $$ >"$1/cgroup.procs"; inside=$2; shift 2; exec unshare "$@" --propagation private sh -c "$inside"',
        'machine',
        this.#cgroup,
        inside.join('\n'),
        ...spaces,
      ],
      logFile: join(dir, 'console.log'),
    });
  }

  /** Boots it. */
  async start(): Promise<void> {
    mkdirSync(this.#cgroup, { recursive: true });
    this.#program.start();
    const children = `/proc/${this.#program.pid}/task/${this.#program.pid}/children`;
    await waitFor('systemd', async () => {
      this.#init = Number(readFileSync(children, 'utf8').trim());
      return this.#init > 0 && (await this.run('systemctl', 'is-active', TARGET)).code === 0;
    });
  }

  /** Runs a command in it, as root or as whom `runuser` makes it. */
  async run(...command: string[]): Promise<Ended> {
    const env = Object.entries({ PATH, HOME: '/root', ...npmSettings() }).map(
      ([name, value]) => `${name}=${value}`,
    );
    const spaces = ['--mount', '--pid', '--cgroup', '--ipc', '--root'];
    const args = ['--target', String(this.#init), ...spaces, 'env', '-C', '/', '-i', ...env, ...command];
    try {
      const { stdout, stderr } = await promisify(execFile)('nsenter', args, { encoding: 'utf8' });
      return { code: 0, output: stdout + stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
      if (typeof code !== 'number') throw error;
      return { code, output: `${stdout}${stderr}` };
    }
  }

  /** What systemd says of the service: `show('ActiveState')`. */
  async show(property: string): Promise<string> {
    return (
      await this.run('systemctl', 'show', '--value', '--property', property, 'homestash')
    ).output.trim();
  }

  /** Where this process finds a file of it while it runs. */
  path(path: string): string {
    return `/proc/${this.#init}/root${path}`;
  }

  /** Ends it with all that runs in it. */
  async stop(): Promise<void> {
    await this.#program.kill9();
    await waitFor('the end of all that ran in it', () => removeGroups(this.#cgroup));
  }
}

/** Removes a control group with those in it; false while something still runs there. */
function removeGroups(group: string): boolean {
  if (!existsSync(group)) return true;
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroups(join(group, entry.name));
  }
  rmdirSync(group);
  return true;
}
