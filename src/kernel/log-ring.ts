import {
  appendFileSync,
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogLevel } from '../contract/index.ts';
import type { Clock } from './clock.ts';

interface LogRingOptions {
  readonly dir: string;
  readonly clock: Clock;
  /** Masks what became known as a secret only after a line was made. */
  readonly masked: (text: string) => string;
}

const NEWEST = 'homestash.log';
const OLDER = 'homestash.1.log';

/** Two files of this size: days at the usual level, and nothing on any disk. */
const FILE_BYTES = 512 * 1024;

/** Lines wait so long for others: one write instead of many, for SD cards (milliseconds). */
const FLUSH_MS = 5_000;

/** More does not wait, so that a storm of lines stays out of the memory. */
const BUFFER_CHARS = 64 * 1024;

const NEWLINE = 0x0a;

/**
 * The newest lines of the log on disk, in two files that follow each other: bounded, and written seldom. What goes
 * wrong here (a full disk, for instance) costs lines and nothing else. Should the process be killed, a few seconds
 * and a part of a line are missing.
 */
export class LogRing {
  readonly #options: LogRingOptions;
  #buffer: string[] = [];
  #chars = 0;
  #timer: AbortController | undefined;

  constructor(options: LogRingOptions) {
    this.#options = options;
  }

  /** Takes a line. Loud ones are on disk when this returns, with all that came before. */
  write = (line: string, level: LogLevel): void => {
    // before the line and not after it: a moment later more may be known that is to be masked in it
    if (this.#chars > BUFFER_CHARS) this.flush();
    this.#buffer.push(line);
    this.#chars += line.length;
    if (level === 'error') this.flush();
    else if (!this.#timer) this.#flushLater();
  };

  /** All lines that are there, the oldest first. */
  async read(): Promise<string[]> {
    this.flush();
    const texts = await Promise.all(
      [OLDER, NEWEST].map((name) => readFile(join(this.#options.dir, name), 'utf8').catch(() => '')),
    );
    return this.#options
      .masked(texts.join(''))
      .split('\n')
      .filter((line) => line !== '');
  }

  /** Writes what waits. */
  flush(): void {
    this.#timer?.abort();
    this.#timer = undefined;
    const text = this.#options.masked(this.#buffer.join(''));
    this.#buffer = [];
    this.#chars = 0;
    if (text === '') return;
    try {
      this.#append(text);
    } catch {
      // there is nowhere to say it: it is in the other log, and a disk that is full is seen by everybody else
    }
  }

  #flushLater(): void {
    const timer = new AbortController();
    this.#timer = timer;
    this.#options.clock.sleep(FLUSH_MS, timer.signal).then(
      () => this.flush(),
      () => undefined,
    );
  }

  #append(text: string): void {
    const { dir } = this.#options;
    const path = join(dir, NEWEST);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    let handle = openSync(path, 'a+', 0o600);
    try {
      let { size } = fstatSync(handle);
      if (size >= FILE_BYTES) {
        closeSync(handle);
        renameSync(path, join(dir, OLDER));
        handle = openSync(path, 'a+', 0o600);
        size = 0;
      }
      const last = Buffer.alloc(1);
      // what a kill or a full disk left of a line ends there, and spoils no other
      const torn = size > 0 && readSync(handle, last, 0, 1, size - 1) === 1 && last[0] !== NEWLINE;
      try {
        appendFileSync(handle, torn ? `\n${text}` : text);
      } catch (error) {
        ftruncateSync(handle, size);
        throw error;
      }
    } finally {
      closeSync(handle);
    }
  }
}
