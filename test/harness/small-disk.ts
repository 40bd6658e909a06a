import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from './cache.ts';
import { CoreClient } from './core-client.ts';
import { freePort } from './free-port.ts';
import { failedStart, Program } from './process.ts';
import { waitFor } from './wait-for.ts';

const ENTRY = join(repositoryRoot, 'src/homestash.ts');
const MOUNT_AND_RUN = 'mount -t tmpfs -o size="$1",mode=700 tmpfs "$2" && shift 2 && exec "$@"';
const FILL_STEP_BYTES = 64 * 1024;

/**
 * A core with a disk of its own that is small: a tmpfs in a namespace, which goes with the process. Root may make one,
 * and others where the kernel allows namespaces of users; where neither may, the start fails and says so.
 */
export class SmallDisk {
  readonly #dir = mkdtempSync(join(tmpdir(), 'homestash-small-disk-'));
  readonly #program: Program;
  readonly #port: number;
  /** Where the core keeps what it has. */
  readonly dataDir: string;
  #client: CoreClient | undefined;

  private constructor(
    size: string,
    data: 'on it' | 'elsewhere',
    port: number,
    more: (mountPoint: string) => Record<string, string>,
  ) {
    this.#port = port;
    mkdirSync(this.mountPoint);
    this.dataDir = data === 'on it' ? join(this.mountPoint, 'data') : join(this.#dir, 'data');
    const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
    this.#program = new Program({
      command: 'unshare',
      args: [
        ...['--mount', ...asRoot, 'sh', '-c', MOUNT_AND_RUN, 'sh', size, this.mountPoint],
        ...[process.execPath, ENTRY, 'serve'],
      ],
      env: {
        HOMESTASH_DATA: this.dataDir,
        HOMESTASH_API_PORT: String(port),
        ...more(this.mountPoint),
      },
      logFile: join(this.#dir, 'core.log'),
    });
  }

  static async start(
    size: string,
    data: 'on it' | 'elsewhere',
    more: (mountPoint: string) => Record<string, string> = () => ({}),
  ): Promise<SmallDisk> {
    const disk = new SmallDisk(size, data, await freePort(), more);
    try {
      await disk.#start();
    } catch (error) {
      await disk.close();
      throw error;
    }
    return disk;
  }

  /** Where the core sees the disk. */
  get mountPoint(): string {
    return join(this.#dir, 'disk');
  }

  get client(): CoreClient {
    if (!this.#client) throw new Error('the core does not run');
    return this.#client;
  }

  /** Where the tests see a path of the core. */
  seen(path: string): string {
    return `/proc/${this.#program.pid}/root${path}`;
  }

  /** Leaves so many bytes free, whether more or less were before: at no moment there is more room than that. */
  fill(leave = 0): void {
    const file = openSync(this.seen(join(this.mountPoint, 'filler')), 'a');
    try {
      const short = leave - this.free();
      if (short > 0) ftruncateSync(file, Math.max(0, fstatSync(file).size - short));
      const step = Buffer.alloc(FILL_STEP_BYTES, 1);
      while (this.free() > leave) writeSync(file, step, 0, Math.min(step.length, this.free() - leave));
    } finally {
      closeSync(file);
    }
  }

  free(): number {
    const { bavail, bsize } = statfsSync(this.seen(this.mountPoint));
    return bavail * bsize;
  }

  empty(): void {
    rmSync(this.seen(join(this.mountPoint, 'filler')), { force: true });
  }

  log(): string {
    return this.#program.log();
  }

  async close(): Promise<void> {
    await this.#program.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    this.#program.start();
    const ended = this.#program.exited.then(() =>
      Promise.reject(
        new Error('no tmpfs can be mounted here (neither as root nor by unshare), or the core ended'),
      ),
    );
    try {
      await Promise.race([ended, waitFor('the core', () => this.log().includes('{"ready":true'))]);
    } catch (error) {
      await failedStart(this.#program, 'the core on a small disk', error);
    }
    const url = `http://127.0.0.1:${this.#port}`;
    // only inside is there a way to the database, which SQLite resolves to where it would lie outside
    const code = /"pairing_code":"([^"]+)"/.exec(this.log())?.[1];
    this.#client = await CoreClient.pair(url, code ?? '');
  }
}
