import { createHash } from 'node:crypto';
import { createReadStream, type ReadStream } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Problem } from '../../kernel/errors.ts';
import { syncDirectory } from '../../kernel/files.ts';
import { newId } from '../../kernel/ids.ts';
import type { SavedFile } from '../handler.ts';

/** What begins so is on its way in: a crash leaves it, and the next start removes it. */
const INCOMING = '.incoming-';

/** Whatever is tried before it is added has a folder that begins so, for programs that read keys from files. */
const TRY = 'try-';

/** What did not pass the check lies apart. */
const REJECTED = 'rejected';

/** A file that stands in no saved configuration is removed when it is so old (milliseconds). */
const FORGOTTEN_MS = 30 * 24 * 60 * 60_000;

/** What is read as a whole is no longer unless a handler asks for more (bytes). */
const READ_LIMIT = 16 * 1024 * 1024;

const MEGABYTE = 1024 * 1024;

/** A file on the disk that no name stands for yet. */
export interface ReceivedFile extends SavedFile {
  readonly sha256: string;
}

/** A file and its name on the disk. */
export interface Placed {
  readonly file: ReceivedFile;
  readonly storedAs: string;
}

/** The files of the saved configurations of one device. */
export class ArtefactFolder {
  readonly #dir: string;

  /** @param dir made with the first file; only its owner may look into it */
  constructor(dataDir: string, deviceId: string) {
    this.#dir = join(dataDir, 'devices', deviceId);
  }

  /** Room for files that are on their way; `discard` removes what was not kept. */
  async receive(): Promise<Incoming> {
    const dir = join(this.#dir, `${INCOMING}${newId()}`);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    return new Incoming(dir);
  }

  /** Gives received files their names. Each is there as a whole or not at all. */
  async place(files: readonly Placed[], good: boolean): Promise<void> {
    const dir = this.#room(good);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const placed: string[] = [];
    try {
      for (const { file, storedAs } of files) {
        await link(file.path, join(dir, storedAs));
        placed.push(storedAs);
      }
      syncDirectory(dir);
    } catch (error) {
      await this.#removeFrom(dir, placed);
      throw error;
    }
  }

  /** Takes back what was placed, as nothing refers to it. */
  async takeBack(files: readonly Placed[], good: boolean): Promise<void> {
    await this.#removeFrom(
      this.#room(good),
      files.map(({ storedAs }) => storedAs),
    );
  }

  /** Puts files in their places again that are missing or damaged there: the same has just been received. */
  async mend(files: readonly Placed[], good: boolean): Promise<void> {
    const dir = this.#room(good);
    for (const { file, storedAs } of files) {
      const path = join(dir, storedAs);
      if ((await sha256Of(path)) === file.sha256) continue;
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const copy = `${file.path}-mended`;
      await link(file.path, copy);
      await rename(copy, path);
      syncDirectory(dir);
    }
  }

  /** Opens a file to be read. @throws Problem `artefact_file_lost` */
  async open(
    storedAs: string,
    { name, size }: { name: string; size: number },
    good: boolean,
  ): Promise<ReadStream> {
    await this.#check(storedAs, name, size, good);
    return createReadStream(join(this.#room(good), storedAs));
  }

  /** Makes sure that a file is still what was saved. @throws Problem `artefact_file_lost` */
  async prove(storedAs: string, { name, sha256 }: { name: string; sha256: string }): Promise<void> {
    if ((await sha256Of(join(this.#dir, storedAs))) === sha256) return;
    throw new Problem('artefact_file_lost', { params: { file: name } });
  }

  /** A file as handlers see it. */
  file(storedAs: string, { name, size }: { name: string; size: number }, good: boolean): SavedFile {
    const path = join(this.#room(good), storedAs);
    return savedFile(name, path, size, () => this.#check(storedAs, name, size, good));
  }

  /** Names that are taken. */
  async names(good: boolean): Promise<Set<string>> {
    return new Set(await readdir(this.#room(good)).catch(() => []));
  }

  /** Removes files; one that is not there is no fault. */
  async remove(names: readonly string[]): Promise<void> {
    for (const good of [true, false]) await this.#removeFrom(this.#room(good), names);
  }

  /** All of it, with the device. */
  async removeAll(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }

  /**
   * Removes what a crash left: what was on its way in, and what has a name but stands in no saved configuration. That
   * waits: after the database went back to a copy of it, there may be something that is newer.
   * @param now milliseconds since 1970
   */
  async sweep(known: ReadonlySet<string>, now: number): Promise<void> {
    await this.sweepIncoming();
    for (const good of [true, false]) {
      const dir = this.#room(good);
      const files = await readdir(dir, { withFileTypes: true }).catch(() => []);
      for (const { name } of files.filter((one) => one.isFile() && !known.has(one.name))) {
        const { mtimeMs } = await stat(join(dir, name));
        if (mtimeMs < now - FORGOTTEN_MS) await this.#removeFrom(dir, [name]);
      }
    }
  }

  /** Removes what was on its way in. */
  async sweepIncoming(): Promise<void> {
    const names = await readdir(this.#dir).catch(() => []);
    for (const name of names.filter((one) => one.startsWith(INCOMING))) {
      await rm(join(this.#dir, name), { recursive: true, force: true });
    }
  }

  async #removeFrom(dir: string, names: readonly string[]): Promise<void> {
    for (const name of names) await rm(join(dir, name), { force: true });
  }

  #room(good: boolean): string {
    return good ? this.#dir : join(this.#dir, REJECTED);
  }

  async #check(storedAs: string, name: string, size: number, good: boolean): Promise<void> {
    const found = await stat(join(this.#room(good), storedAs)).catch(() => undefined);
    if (found?.size !== size) throw new Problem('artefact_file_lost', { params: { file: name } });
  }
}

/** The folder of something that is tried and not kept. */
export const tryFolder = (dataDir: string): ArtefactFolder => new ArtefactFolder(dataDir, `${TRY}${newId()}`);

/** Removes what a crash left of devices that are none: of those that were tried, and of those that did not come back. */
export async function sweepOthers(dataDir: string, known: ReadonlySet<string>): Promise<void> {
  const dir = join(dataDir, 'devices');
  for (const { name } of await readdir(dir, { withFileTypes: true }).catch(() => [])) {
    if (known.has(name)) continue;
    if (name.startsWith(TRY)) await rm(join(dir, name), { recursive: true, force: true });
    else await new ArtefactFolder(dataDir, name).sweepIncoming();
  }
}

/** Files on their way in. */
export class Incoming {
  readonly files: ReceivedFile[] = [];
  readonly #dir: string;
  #begun = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** An empty folder for programs that write files. */
  async workDir(): Promise<string> {
    const dir = join(this.#dir, `work-${newId()}`);
    await mkdir(dir, { mode: 0o700 });
    return dir;
  }

  /** Takes a file as it comes. @throws Problem `artefact_too_large`, and whatever the content throws */
  async take(
    name: string,
    content: AsyncIterable<Uint8Array> | Uint8Array | string,
    { limit, onBytes }: { limit: number; onBytes: (bytes: number) => void },
  ): Promise<void> {
    const path = join(this.#dir, String(this.#begun));
    this.#begun += 1;
    const handle = await open(path, 'wx', 0o600);
    const hash = createHash('sha256');
    let size = 0;
    try {
      for await (const chunk of chunksOf(content)) {
        size += chunk.length;
        if (size > limit) {
          const words = `${Math.round(limit / MEGABYTE)} MB`;
          throw new Problem('artefact_too_large', { params: { file: name, limit: words } });
        }
        hash.update(chunk);
        await writeAll(handle, chunk);
        onBytes(size);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    this.files.push({ ...savedFile(name, path, size), sha256: hash.digest('hex') });
  }

  async discard(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** The sum of a file; undefined where it cannot be read. */
async function sha256Of(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}

function* whole(content: Uint8Array | string): Generator<Uint8Array> {
  yield typeof content === 'string' ? Buffer.from(content) : content;
}

function chunksOf(
  content: AsyncIterable<Uint8Array> | Uint8Array | string,
): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  return typeof content === 'string' || content instanceof Uint8Array ? whole(content) : content;
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
}

function savedFile(name: string, path: string, size: number, check = async () => {}): SavedFile {
  const bytes = async (limit = READ_LIMIT): Promise<Buffer> => {
    await check();
    if (size > limit) {
      const words = `${Math.round(limit / MEGABYTE)} MB`;
      throw new Problem('artefact_too_large', { params: { file: name, limit: words } });
    }
    const handle = await open(path, 'r');
    try {
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  };
  return {
    name,
    path,
    size,
    bytes,
    text: async (limit) => {
      const content = await bytes(limit);
      try {
        return new TextDecoder('utf-8', { fatal: true }).decode(content);
      } catch {
        throw new Problem('artefact_wrong', { params: { file: name, reason: 'no text' } });
      }
    },
  };
}
