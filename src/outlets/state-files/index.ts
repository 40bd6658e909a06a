import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Bus } from '../../kernel/bus.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type Problem, toProblem } from '../../kernel/errors.ts';
import { describeError, type Log } from '../../kernel/log.ts';
import type { State } from '../../kernel/state.ts';
import { Throttle } from '../../kernel/throttle.ts';
import { isOurs } from './ours.ts';

interface StateFilesOptions {
  readonly state: State;
  /** Where the files lie; nothing else does. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly bus: Bus<StateFilesEvents>;
}

/** What others must hear: that files cannot be written has begun or is over. */
export interface StateFilesEvents {
  state_files_changed: Record<never, never>;
}

/** Kind to SD cards, and soon enough for whoever watches (milliseconds). */
const INTERVAL_MS = 1_000;

/** What could not be written is tried again after so long (milliseconds). */
const AGAIN_MS = 10_000;

/** Programs of others may read it: no document holds a secret. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

const SUFFIX = '.json';
const UNFINISHED = '.partial';

/** Each document of the state as a file, for programs that are not ours. */
export class StateFiles {
  readonly #options: StateFilesOptions;
  readonly #throttle: Throttle;
  readonly #failed = new Map<string, Problem>();
  readonly #writing = new Set<Promise<unknown>>();
  #unwatch: (() => void) | undefined;

  constructor(options: StateFilesOptions) {
    this.#options = options;
    this.#throttle = new Throttle({
      clock: options.clock,
      intervalMs: INTERVAL_MS,
      run: (name) => this.#keep(name),
      onError: (error) => options.log.error('a state file met a defect', { error }),
    });
  }

  /** Why some file is not what it should be; undefined where all are. */
  get problem(): Problem | undefined {
    return this.#failed.values().next().value;
  }

  /** Writes what there is, and from then on whatever changes. What an earlier run left goes. */
  async start(): Promise<void> {
    if (this.#unwatch) return;
    this.#unwatch = () => undefined;
    const { state, dir, log } = this.#options;
    try {
      await this.#ensure(dir);
      await this.#sweep();
    } catch (error) {
      log.warning('the folder of state files cannot be prepared', { dir, reason: describeError(error) });
    }
    this.#throttle.start();
    this.#unwatch = state.watch((name) => this.#throttle.touch(name));
    for (const { name } of state.all()) this.#throttle.touch(name);
  }

  /** Whoever reads afterwards finds no document of a core that does not run. */
  async stop(): Promise<void> {
    if (!this.#unwatch) return;
    this.#unwatch();
    this.#unwatch = undefined;
    this.#throttle.stop();
    await Promise.allSettled(this.#writing);
    this.#failed.clear();
    try {
      await this.#sweep();
    } catch (error) {
      this.#options.log.warning('state files could not be removed', { reason: describeError(error) });
    }
  }

  async #keep(name: string): Promise<number | undefined> {
    const work = this.#write(name);
    this.#writing.add(work);
    try {
      await work;
      this.#settle(name, undefined);
      return undefined;
    } catch (error) {
      this.#settle(name, error);
      return AGAIN_MS;
    } finally {
      this.#writing.delete(work);
    }
  }

  /** The file is the old one or the new one at any moment, and never a part of one. */
  async #write(name: string): Promise<void> {
    const { state, dir } = this.#options;
    const path = join(dir, name + SUFFIX);
    const document = state.get(name);
    if (!document) {
      await rm(path, { force: true });
      return;
    }
    const unfinished = path + UNFINISHED;
    try {
      await this.#ensure(dirname(path));
      // without waiting for the disk: after a power cut all of it is written anew
      await writeFile(unfinished, `${document.text}\n`);
      await chmod(unfinished, FILE_MODE);
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** A service may have been told to keep what it writes to itself; these are for others. */
  async #ensure(folder: string): Promise<void> {
    const made = await mkdir(folder, { recursive: true });
    if (made !== undefined) await chmod(folder, FOLDER_MODE);
  }

  #settle(name: string, error: unknown): void {
    const { log, dir, bus } = this.#options;
    const before = this.#failed.size;
    if (error === undefined) this.#failed.delete(name);
    else this.#failed.set(name, toProblem(error));
    if (before === 0 && this.#failed.size > 0) {
      log.warning('state files cannot be written', { dir, reason: describeError(error) });
      bus.emit('state_files_changed', {});
    } else if (before > 0 && this.#failed.size === 0) {
      log.info('state files are written again', { dir });
      bus.emit('state_files_changed', {});
    }
  }

  /** Removes every file of ours for which there is no document; of what anybody else keeps there nothing. */
  async #sweep(): Promise<void> {
    const { dir, state } = this.#options;
    for (const folder of ['', ...(await foldersIn(dir))]) {
      for (const { name: file } of await filesIn(join(dir, folder))) {
        const suffix = [SUFFIX, SUFFIX + UNFINISHED].find((end) => file.endsWith(end));
        if (suffix === undefined) continue;
        const name = join(folder, file.slice(0, -suffix.length));
        const wanted = this.#unwatch && suffix === SUFFIX && state.get(name);
        const path = join(dir, folder, file);
        if (!wanted && (await isOurs(path))) await rm(path, { force: true });
      }
    }
  }
}

const filesIn = async (dir: string) =>
  (await readdir(dir, { withFileTypes: true })).filter((entry) => entry.isFile());

const foldersIn = async (dir: string) =>
  (await readdir(dir, { withFileTypes: true })).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
