import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../kernel/errors.ts';
import { address, choice, multiline, type SettingsOf, secret, text } from '../fields.ts';
import { type DeviceContext, type FetchedFile, handler } from '../handler.ts';
import { comparableEntries, tarEntries } from './archive.ts';
import { folderSize, tarOf } from './folder-tar.ts';
import { runRsync } from './rsync-run.ts';
import { rsyncSource } from './rsync-source.ts';

const fields = {
  address: address(),
  way: choice(['ssh', 'daemon']),
  user: text(),
  private_key: multiline({ when: { field: 'way', is: ['ssh'] } }),
  password: secret({ when: { field: 'way', is: ['daemon'] } }),
  path: text({ required: true }),
};
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** All that was fetched. */
const ARCHIVE = 'files.tar';

/** More files, or more in them, are no settings. */
const MOST_FILES = 10_000;
const MOST_BYTES = 200 * 1024 * 1024;

/** Headers and padding of a tar make it larger than what lies in it (bytes). */
const MOST_ARCHIVE = MOST_BYTES + MOST_FILES * 2_048;

/** How often it is looked how much has come (milliseconds). */
const WATCH_MS = 500;

/** Files, folders and links with times and permissions; the owner may read and write all of it. */
const PULL = [
  '--recursive',
  '--links',
  '--perms',
  '--times',
  '--chmod=Du+rwx,Fu+rw',
  '--whole-file',
  '--quiet',
];

/** Runs work and ends it once more than is allowed has come into a folder. */
async function watched(
  folder: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const look = async () => {
    const { files, bytes } = await folderSize(folder);
    if (files <= MOST_FILES && bytes <= MOST_BYTES) return;
    const limit = files > MOST_FILES ? `${MOST_FILES} files` : `${MOST_BYTES / 1024 / 1024} MB`;
    over.abort(new Problem('artefact_too_large', { params: { file: ARCHIVE, limit } }));
  };
  const timer = setInterval(() => void look().catch(() => undefined), WATCH_MS);
  try {
    await work(AbortSignal.any([signal, over.signal]));
    await look();
    over.signal.throwIfAborted();
  } finally {
    clearInterval(timer);
  }
}

const secretsOf = ({ password }: Context['settings']): string[] => (password === '' ? [] : [password]);

/** Files of a box with rsync, by SSH or from its daemon, as one archive; tested with rsync itself and OpenSSH. */
export const rsync = handler({
  kind: 'rsync',
  fields,
  extension: 'tar',
  maxBytes: MOST_ARCHIVE,
  place: ({ address: where, path }) => `${where}:${path}`,
  test: async (context) => {
    const workDir = await context.workDir();
    const { args, host, path } = await rsyncSource(context, workDir);
    const { signal, settings } = context;
    await runRsync({
      args: ['--list-only', '--dirs', '--quiet', ...args],
      ...{ cwd: workDir, signal, host, path, secrets: secretsOf(settings) },
    });
    return {};
  },
  fetch: async function* (context): AsyncGenerator<FetchedFile> {
    const workDir = await context.workDir();
    const { args, host, path } = await rsyncSource(context, workDir);
    const folder = join(workDir, 'files');
    await mkdir(folder, { mode: 0o700 });
    await watched(folder, context.signal, (signal) =>
      runRsync({
        args: [...PULL, ...args, `${folder}/`],
        ...{ cwd: workDir, signal, host, path, secrets: secretsOf(context.settings) },
      }),
    );
    if ((await folderSize(folder)).files === 0) {
      throw new Problem('device_nothing', { params: { host: `${host}:${path}` } });
    }
    yield { name: ARCHIVE, content: tarOf(folder) };
  },
  validate: async (saved) => {
    const file = saved.get(ARCHIVE);
    const entries = await tarEntries(createReadStream(file.path), { file: file.name, gzip: false });
    if (!entries.some(({ type }) => type === 'file' || type === 'symlink')) {
      throw new Problem('artefact_wrong', { params: { file: file.name, reason: 'no file in the archive' } });
    }
  },
  normalise: async (_name, bytes) =>
    comparableEntries(await tarEntries([bytes], { file: ARCHIVE, gzip: false })),
});
