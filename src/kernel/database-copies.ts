import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { askChild, besides } from './child.ts';
import type { Clock } from './clock.ts';
import type { CopyQuestion } from './copy-child.ts';
import { copiesIn, DATABASE_FILE } from './database.ts';
import { Problem } from './errors.ts';
import { syncDirectory } from './files.ts';
import type { Log } from './log.ts';

interface DatabaseCopiesOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Three nights: what went wrong yesterday is noticed today or tomorrow. */
const KEPT = 3;

const COPY = /^homestash-\d{4}-\d{2}-\d{2}\.db$/;
const PARTIAL = '.partial';

/** What a copy leaves free for everybody else (bytes). */
const RESERVE_BYTES = 16 * 1024 * 1024;

/** What SQLite says of a damaged file, in words: a child tells no codes. */
const DAMAGED = /malformed|not a database|is damaged/;

const MIB = 1024 * 1024;
const inMib = (bytes: number) => `${Math.ceil(Math.max(0, bytes) / MIB)} MiB`;

/** Checked copies of the database, one for each day, in a folder beside it. */
export class DatabaseCopies {
  readonly #options: DatabaseCopiesOptions;

  constructor(options: DatabaseCopiesOptions) {
    this.#options = options;
  }

  /** When the newest was made, also before a change of the schema; undefined where there is none. */
  newestAt(): number | undefined {
    const paths = [...this.#copies(), ...copiesIn(this.#options.dataDir).map(({ path }) => path)];
    const times = paths.flatMap((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? []);
    return times.length === 0 ? undefined : Math.max(...times);
  }

  /** Makes the copy of today, reads it through, and puts it in the place of the oldest. @throws Problem `database_copy_no_room`, `database_damaged` */
  async make(signal: AbortSignal): Promise<void> {
    const { dataDir, clock, log } = this.#options;
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    this.#sweep();
    this.#demandRoom();
    const path = join(this.#dir, `homestash-${new Date(clock.now()).toISOString().slice(0, 10)}.db`);
    const partial = path + PARTIAL;
    const question: CopyQuestion = { from: join(dataDir, DATABASE_FILE), to: partial };
    try {
      await askChild(besides(import.meta.url, 'copy-child'), question, { signal });
      const handle = openSync(partial, 'r');
      fsyncSync(handle);
      closeSync(handle);
      renameSync(partial, path);
      syncDirectory(this.#dir);
    } catch (error) {
      rmSync(partial, { force: true });
      signal.throwIfAborted();
      if (DAMAGED.test(String(error))) throw new Problem('database_damaged', { cause: error });
      this.#demandRoom(error);
      throw error;
    }
    for (const old of this.#copies().slice(KEPT)) rmSync(old, { force: true });
    log.info('the database was copied and the copy checked', { bytes: statSync(path).size });
  }

  get #dir(): string {
    return join(this.#options.dataDir, 'copies');
  }

  #names(): string[] {
    try {
      return readdirSync(this.#dir);
    } catch {
      return [];
    }
  }

  /** The newest first. */
  #copies(): string[] {
    const names = this.#names().filter((name) => COPY.test(name));
    return names
      .sort()
      .reverse()
      .map((name) => join(this.#dir, name));
  }

  /** What a crash left. */
  #sweep(): void {
    for (const name of this.#names()) {
      if (name.includes(PARTIAL)) rmSync(join(this.#dir, name), { force: true });
    }
  }

  #demandRoom(cause?: unknown): void {
    const { dataDir } = this.#options;
    const sizes = [DATABASE_FILE, `${DATABASE_FILE}-wal`].map(
      (name) => statSync(join(dataDir, name), { throwIfNoEntry: false })?.size ?? 0,
    );
    const needed = sizes.reduce((sum, size) => sum + size, RESERVE_BYTES);
    const { bavail, bsize } = statfsSync(dataDir);
    const free = bavail * bsize;
    if (free >= needed) return;
    throw new Problem('database_copy_no_room', {
      params: { needed: inMib(needed), free: inMib(free) },
      cause,
    });
  }
}
