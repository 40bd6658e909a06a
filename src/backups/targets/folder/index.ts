import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { AgentBackup, FolderSettings } from '../../../contract/index.ts';
import { Problem } from '../../../kernel/errors.ts';
import { syncDirectory } from '../../../kernel/files.ts';
import { newId } from '../../../kernel/ids.ts';
import { homesOf } from '../../homes.ts';
import { sidecarsIn } from '../../names.ts';
import { decodeSidecar, MAX_SIDECAR_BYTES } from '../../sidecar.ts';
import type {
  ArchiveWriter,
  FoundPlace,
  OpenedObject,
  OpenOptions,
  ProbeOutcome,
  StorageTarget,
  StoredObject,
  TargetType,
  WriterOptions,
} from '../target.ts';
import { classifyFileError, withFileFaults } from './faults.ts';
import { probeFolder } from './probe.ts';
import { FolderWriter, writeSynced } from './writer.ts';

/** Recognises the place: where it is missing, the disk is not mounted, and nothing is written below its mount point. */
const MARKER = '.homestash-target';
const MARKER_TEXT = 'Homestash keeps backups here. Without this file it takes the disk for not mounted.\n';

/** One read from a disk at a time is large enough for full speed and small enough for a box with 1 GB. */
const READ_CHUNK_BYTES = 1024 * 1024;

/** What is kept beside the backups has a folder of its own. */
const BESIDE = /^devices\/[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

function versionOf(info: { size: number; mtimeMs: number }): string {
  return `${info.size}-${Math.round(info.mtimeMs)}`;
}

/** Hidden, and found again by the key alone: what a crash leaves can be swept. */
function temporaryPrefix(key: string): string {
  return `.homestash-${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
}

class FolderTarget implements StorageTarget {
  readonly slashes = 'replace';
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async prepare(): Promise<undefined> {
    await withFileFaults(this.#directory, async () => {
      try {
        // a new file, or none: a link that somebody laid there is not followed
        await writeFile(join(this.#directory, MARKER), MARKER_TEXT, { flag: 'wx' });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    });
  }

  recognise(): Promise<void> {
    return this.#requireMarker();
  }

  probe(onStep?: (step: ProbeOutcome) => void, signal?: AbortSignal): Promise<ProbeOutcome[]> {
    return probeFolder(this.#directory, onStep, signal);
  }

  async find(): Promise<FoundPlace[]> {
    const objects = await withFileFaults(this.#directory, () => this.#objects());
    const found: AgentBackup[] = [];
    for (const { key, size } of sidecarsIn(objects)) {
      if (size > MAX_SIDECAR_BYTES) continue;
      const described = decodeSidecar(await readFile(this.#path(key)));
      if (described) found.push(described.backup);
    }
    if (found.length === 0) return [];
    const newest = found.map(({ date }) => date).reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b));
    const homes = homesOf(found);
    return [{ folder: this.#directory, backups: found.length, newest, current: true, homes }];
  }

  list(): Promise<StoredObject[]> {
    return withFileFaults(this.#directory, async () => {
      await this.#requireMarker();
      return this.#objects();
    });
  }

  read(key: string, maxBytes: number): Promise<Buffer | undefined> {
    return withFileFaults(this.#directory, async () => {
      const known = await this.stat(key);
      if (!known) return undefined;
      if (known.size > maxBytes) throw new Problem('target_corrupt', { params: { key } });
      return readFile(this.#path(key));
    });
  }

  put(key: string, data: Uint8Array): Promise<void> {
    return withFileFaults(this.#directory, async () => {
      await this.#requireMarker();
      const temporary = this.#temporary(key, 'put');
      try {
        await writeSynced(temporary, data);
        await rename(temporary, this.#path(key));
      } finally {
        await rm(temporary, { force: true });
      }
      syncDirectory(this.#directory);
    });
  }

  open(key: string, options: OpenOptions = {}): Promise<OpenedObject | undefined> {
    return withFileFaults(this.#directory, async () => {
      const known = await this.stat(key);
      // last of all: a stream that is made with an aborted signal opens its file and never closes it
      options.signal?.throwIfAborted();
      if (!known) return undefined;
      if (options.version !== undefined && options.version !== known.version) {
        throw new Problem('target_corrupt', { params: { key } });
      }
      if (known.size === 0) return { stream: Readable.from([]), size: 0, version: known.version };
      const stream = createReadStream(this.#path(key), {
        start: options.start ?? 0,
        end: (options.end ?? known.size) - 1,
        highWaterMark: READ_CHUNK_BYTES,
        ...(options.signal ? { signal: options.signal } : {}),
      });
      return { stream, size: known.size, version: known.version };
    });
  }

  async stat(key: string): Promise<StoredObject | undefined> {
    const known = await this.#stat(key);
    // of a disk that is not mounted nobody can say that something is missing there
    if (!known) await this.#requireMarker();
    return known;
  }

  async #stat(key: string): Promise<StoredObject | undefined> {
    try {
      const info = await lstat(this.#path(key));
      return info.isFile()
        ? { key, size: info.size, version: versionOf(info), modified: Math.round(info.mtimeMs) }
        : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw classifyFileError(error, this.#directory);
    }
  }

  create(key: string, options: WriterOptions): Promise<ArchiveWriter> {
    return withFileFaults(this.#directory, async () => {
      await this.#requireMarker();
      const { bavail, bsize } = await statfs(this.#directory);
      if (bavail * bsize < options.sizeLimit) throw new Problem('target_full');
      if (BESIDE.test(key)) await mkdir(dirname(this.#path(key)), { recursive: true, mode: 0o700 });
      return FolderWriter.create(this.#path(key), this.#temporary(key, 'partial'), options.signal);
    });
  }

  async delete(key: string): Promise<void> {
    await withFileFaults(this.#directory, async () => {
      await this.#requireMarker();
      await rm(this.#path(key), { force: true });
      syncDirectory(this.#directory);
    });
  }

  async sweep(key: string): Promise<void> {
    await withFileFaults(this.#directory, async () => {
      await this.#requireMarker();
      const prefix = temporaryPrefix(key);
      for (const name of await readdir(this.#directory)) {
        if (name.startsWith(prefix)) await rm(join(this.#directory, name), { force: true });
      }
    });
  }

  close(): void {}

  async #requireMarker(): Promise<void> {
    try {
      await stat(join(this.#directory, MARKER));
    } catch (error) {
      throw classifyFileError(error, this.#directory);
    }
  }

  async #objects(): Promise<StoredObject[]> {
    const objects: StoredObject[] = [];
    for (const name of await readdir(this.#directory)) {
      const known = name.startsWith('.') ? undefined : await this.#stat(name);
      if (known) objects.push(known);
    }
    return objects;
  }

  #path(key: string): string {
    if (!BESIDE.test(key) && (key === '' || key.startsWith('.') || /[/\0]/.test(key)))
      throw new RangeError('not the name of a file');
    return join(this.#directory, key);
  }

  /** Nobody else's: the same folder may be reached by two ways. */
  #temporary(key: string, kind: 'partial' | 'put'): string {
    return join(this.#directory, `${temporaryPrefix(key)}-${newId()}.${kind}`);
  }
}

async function deviceOf(path: string): Promise<number> {
  for (let at = path; ; at = dirname(at)) {
    try {
      return (await stat(await realpath(at))).dev;
    } catch (error) {
      if (at === dirname(at)) throw error;
    }
  }
}

/** A directory on this machine or on something mounted there. */
export const folderTargetType: TargetType<FolderSettings> = {
  kind: 'folder',
  secrets: [],
  complete: (settings, { dataDir }) => ({
    ...settings,
    path: resolve(settings.path === '' ? join(dataDir, 'backups') : settings.path),
  }),
  place: (settings) => `folder ${settings.path}`,
  // by a link or a second mount: two uploads of one backup would get in each other's way
  same: async (one, other) => {
    const [a, b] = await Promise.all([one, other].map(({ path }) => stat(path).catch(() => undefined)));
    return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
  },
  sameDisk: async (settings, { dataDir }) => (await deviceOf(settings.path)) === (await deviceOf(dataDir)),
  open: (settings) => new FolderTarget(settings.path),
};
