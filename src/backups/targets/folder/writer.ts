import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../../kernel/files.ts';
import type { ArchiveWriter } from '../target.ts';
import { withFileFaults } from './faults.ts';

/**
 * Dirty pages are flushed this often while writing, so that the final sync of a large archive on a slow disk takes
 * seconds and not minutes.
 */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024;

/** Writes an archive to a hidden temporary file, which gets its name only at the commit. */
export class FolderWriter implements ArchiveWriter {
  readonly #path: string;
  readonly #temporary: string;
  readonly #signal: AbortSignal | undefined;
  readonly #file: FileHandle;
  #position = 0;
  #unsynced = 0;
  #open = true;
  #settled = false;
  #busy: Promise<void> = Promise.resolve();

  private constructor(path: string, temporary: string, file: FileHandle, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
    this.#signal = signal;
  }

  static async create(path: string, temporary: string, signal?: AbortSignal): Promise<FolderWriter> {
    signal?.throwIfAborted();
    // a new file, or none: a link that somebody laid there is not followed
    const file = await withFileFaults(dirname(path), () => open(temporary, 'wx', 0o600));
    return new FolderWriter(path, temporary, file, signal);
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#run(async () => {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await this.#file.write(chunk, done, chunk.length - done, this.#position);
        done += bytesWritten;
        this.#position += bytesWritten;
      }
      this.#unsynced += chunk.length;
      if (this.#unsynced >= SYNC_EVERY_BYTES) {
        await this.#file.datasync();
        this.#unsynced = 0;
      }
    });
  }

  finish(): Promise<void> {
    return this.#run(async () => {
      await this.#file.sync();
      await this.#close();
    });
  }

  commit(): Promise<void> {
    return this.#run(async () => {
      await rename(this.#temporary, this.#path);
      this.#settled = true;
      syncDirectory(dirname(this.#path));
    });
  }

  async abort(): Promise<void> {
    await this.#busy.catch(() => undefined);
    if (this.#settled) return;
    this.#settled = true;
    await this.#close();
    await rm(this.#temporary, { force: true });
  }

  #run(work: () => Promise<void>): Promise<void> {
    this.#signal?.throwIfAborted();
    this.#busy = withFileFaults(dirname(this.#path), work);
    return this.#busy;
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#file.close();
  }
}

/** Writes a new small file as a whole, and to the disk. */
export async function writeSynced(path: string, data: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}
