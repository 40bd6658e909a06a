import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { newId } from './ids.ts';

/** Makes a rename or a new name in a directory durable. File systems that cannot (some shares) are forgiven. */
export function syncDirectory(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } catch {
    // SMB and some FUSE file systems refuse to sync a directory; the content itself was synced before
  } finally {
    closeSync(handle);
  }
}

interface AtomicWriteOptions {
  readonly mode?: number;
  /** Leave a file that is already there as it is (two programs starting at once agree on the first). */
  readonly exclusive?: boolean;
}

/** Writes a small file so that a crash leaves the old one or the new one and never a part. */
export function writeFileAtomic(path: string, data: string, options: AtomicWriteOptions = {}): void {
  const temporary = `${path}.${newId()}.tmp`;
  try {
    const handle = openSync(temporary, 'wx', options.mode ?? 0o600);
    try {
      writeSync(handle, data);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    if (options.exclusive) {
      try {
        linkSync(temporary, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    } else {
      renameSync(temporary, path);
    }
    syncDirectory(dirname(path));
  } finally {
    rmSync(temporary, { force: true });
  }
}
