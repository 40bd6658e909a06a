import { Problem } from '../../kernel/errors.ts';
import { lines, type SettingsOf } from '../fields.ts';
import { type DeviceContext, type FetchedFile, handler } from '../handler.ts';
import { sshFields } from '../ssh/account.ts';
import { SshConnection } from '../ssh/connection.ts';
import { type RemoteEntry, RemoteFiles } from '../ssh/files.ts';
import { readPaths, type WantedPath } from '../ssh/paths.ts';
import { comparableFile } from './plain.ts';

const fields = { ...sshFields, paths: lines({ required: true }) };
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** More files are no settings. */
const MOST_FILES = 2_000;

/** All files together (bytes). */
const MOST_BYTES = 200 * 1024 * 1024;

/** Folders in folders, at most; a device that lies about itself has no end. */
const DEEPEST = 40;

/** A file that is there. */
interface Found {
  readonly path: string;
  readonly size: number;
}

/** Finds what is wanted; nothing of it is read yet. */
class Search {
  readonly #files: RemoteFiles;
  readonly #host: string;
  readonly #found = new Map<string, Found>();
  #bytes = 0;

  constructor(files: RemoteFiles, host: string) {
    this.#files = files;
    this.#host = host;
  }

  async run(wanted: readonly WantedPath[]): Promise<Found[]> {
    for (const path of wanted) {
      const before = this.#found.size;
      await this.#one(path);
      if (this.#found.size === before && !this.#found.has(path.path)) {
        throw new Problem('device_nothing', { params: { host: `${this.#host}:${path.path}` } });
      }
    }
    return [...this.#found.values()];
  }

  async #one({ path, folder, matches }: WantedPath): Promise<void> {
    if (matches) {
      const entries = (await this.#files.list(folder)).filter(({ name }) => matches(name));
      await this.#all(folder, entries, 0);
      return;
    }
    // what a person names may be a link
    const stats = await this.#files.stat(path);
    if (stats.isDirectory()) await this.#all(path, await this.#files.list(path), 0);
    else if (stats.isFile()) this.#take(path, stats.size);
  }

  async #all(folder: string, entries: readonly RemoteEntry[], depth: number): Promise<void> {
    if (depth > DEEPEST) {
      const reason = `more than ${DEEPEST} folders in each other`;
      throw new Problem('device_unexpected', { params: { host: this.#host, reason } });
    }
    for (const { name, stats } of entries) {
      const path = folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
      // links, sockets and the like are no content; an empty file would look like a failure
      if (stats.isDirectory()) await this.#all(path, await this.#files.list(path), depth + 1);
      else if (stats.isFile() && stats.size > 0) this.#take(path, stats.size);
    }
  }

  #take(path: string, size: number): void {
    if (this.#found.has(path)) return;
    this.#found.set(path, { path, size });
    this.#bytes += size;
    const [many, large] = [this.#found.size > MOST_FILES, this.#bytes > MOST_BYTES];
    if (!many && !large) return;
    const limit = many ? `${MOST_FILES} files` : `${MOST_BYTES / 1024 / 1024} MB`;
    throw new Problem('artefact_too_large', { params: { file: path, limit } });
  }
}

/** The path as the name of a file: relative, and without steps upwards. */
const nameOf = (path: string): string =>
  path
    .split('/')
    .filter((part) => part !== '' && part !== '.' && part !== '..')
    .join('/');

async function search(connection: SshConnection, paths: string) {
  const files = await RemoteFiles.open(connection);
  return { files, found: await new Search(files, connection.host).run(readPaths(paths)) };
}

function open({ settings, trust, signal }: Context): Promise<SshConnection> {
  readPaths(settings.paths);
  return SshConnection.open(settings, { trust, signal });
}

/** Files and folders of any box with SSH; tested with OpenSSH. */
export const sftp = handler({
  kind: 'sftp',
  fields,
  maxBytes: MOST_BYTES,
  // a folder may hold pages
  pages: true,
  // several sets of files of one machine may be devices of their own
  place: ({ address, user, paths }) => `${user}@${address}:${paths.trim().split('\n')[0]?.trim()}`,
  test: async (context) => {
    const connection = await open(context);
    try {
      await search(connection, context.settings.paths);
      return {};
    } finally {
      connection.end();
    }
  },
  fetch: async function* (context): AsyncGenerator<FetchedFile> {
    const connection = await open(context);
    try {
      const { files, found } = await search(connection, context.settings.paths);
      for (const { path } of found) yield { name: nameOf(path), content: files.read(path) };
    } finally {
      connection.end();
    }
  },
  // what lies in folders may be anything; that each came whole says the protocol
  validate: async () => undefined,
  normalise: (_name, bytes) => comparableFile(bytes),
});
