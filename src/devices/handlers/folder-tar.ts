import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** Permissions and the like, without what kind of thing it is (inode(7)). */
const MODE_BITS = 0o7777;

const MS_PER_SECOND = 1_000;

interface Entry {
  /** In the folder, with slashes. */
  readonly name: string;
  /** As bytes, for names need not be text. */
  readonly path: Buffer;
  readonly type: 'file' | 'directory' | 'symlink';
  readonly size: number;
  readonly mode: number;
  readonly mtime: Date;
}

/** How much lies in a folder. */
export interface FolderSize {
  readonly files: number;
  readonly bytes: number;
}

const SLASH = Buffer.from('/');

async function* entriesOf(folder: Buffer, prefix: string): AsyncGenerator<Entry> {
  for (const child of await readdir(folder, { encoding: 'buffer' })) {
    const path = Buffer.concat([folder, SLASH, child]);
    // a program may be writing here: what goes in this moment is left out
    const stats = await lstat(path).catch(() => undefined);
    if (!stats) continue;
    const name = `${prefix}${child.toString('utf8')}`;
    const mtime = new Date(Math.floor(stats.mtimeMs / MS_PER_SECOND) * MS_PER_SECOND);
    const entry = { name, path, mode: stats.mode & MODE_BITS, mtime };
    if (stats.isDirectory()) {
      yield { ...entry, type: 'directory', size: 0 };
      yield* entriesOf(path, `${name}/`);
    } else if (stats.isSymbolicLink()) yield { ...entry, type: 'symlink', size: 0 };
    else if (stats.isFile()) yield { ...entry, type: 'file', size: stats.size };
  }
}

/** How much lies in a folder and below; links are not followed. */
export async function folderSize(folder: string): Promise<FolderSize> {
  let [files, bytes] = [0, 0];
  for await (const { type, size } of entriesOf(Buffer.from(folder), '')) {
    if (type !== 'directory') files += 1;
    bytes += size;
  }
  return { files, bytes };
}

/**
 * A folder as a tar: in the order of names, with times and permissions, owned by nobody in particular, so that the same
 * content is the same file.
 */
export async function* tarOf(folder: string): AsyncGenerator<Uint8Array> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  const entries: Entry[] = [];
  for await (const entry of entriesOf(Buffer.from(folder), '')) entries.push(entry);
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const write = async () => {
    for (const { name, path, type, size, mode, mtime } of entries) {
      const header = { name, type, size, mode, mtime, uid: 0, gid: 0, uname: '', gname: '' };
      if (type === 'file') await pipeline(createReadStream(path), archive.entry(header));
      else if (type === 'directory') archive.entry({ ...header, name: `${name}/` });
      else archive.entry({ ...header, linkname: await readlink(path) });
    }
    archive.finalize();
  };
  const written = write();
  written.catch((error: Error) => archive.destroy(error));
  for await (const chunk of archive) yield chunk as Uint8Array;
  await written;
}
