import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Problem } from '../../../kernel/errors.ts';
import { runRoundTrip, wentWell } from '../round-trip.ts';
import type { ProbeOutcome } from '../target.ts';
import { withFileFaults } from './faults.ts';
import { FolderWriter, writeSynced } from './writer.ts';

/** Enough of a file to notice a disk that swaps blocks, small enough for every start. */
const PROBE_BYTES = 64 * 1024;

/** A round trip in a directory with a hidden file of our own; the directory is made when its parent is there. */
export async function probeFolder(
  directory: string,
  onStep?: (step: ProbeOutcome) => void,
  signal?: AbortSignal,
): Promise<ProbeOutcome[]> {
  const path = join(directory, `.homestash-probe-${randomBytes(6).toString('hex')}`);
  const data = randomBytes(PROBE_BYTES);
  const step = (work: () => Promise<void>) => async () => {
    signal?.throwIfAborted();
    await withFileFaults(directory, work);
  };
  const differs = () => new Problem('target_corrupt', { params: { key: path } });
  const outcomes = await runRoundTrip(
    {
      reach: step(() => makeDirectory(directory)),
      write: step(() => writeSynced(path, data)),
      list: step(async () => {
        if (!(await readdir(directory)).includes(basename(path))) throw differs();
      }),
      read: step(async () => {
        if (!(await readFile(path)).equals(data)) throw differs();
      }),
      multipart: step(async () => {
        const writer = await FolderWriter.create(path, `${path}.partial`, signal);
        await writer.write(data);
        await writer.finish();
        await writer.commit();
      }),
      delete: step(() => rm(path)),
    },
    onStep,
  );
  if (!wentWell(outcomes)) {
    await Promise.allSettled([rm(path, { force: true }), rm(`${path}.partial`, { force: true })]);
  }
  return outcomes;
}

/** Makes the directory in one that exists; never a whole path, which would hide a disk that is not mounted. */
async function makeDirectory(directory: string): Promise<void> {
  await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  if (!(await stat(directory)).isDirectory()) {
    throw new Problem('target_folder_missing', { params: { path: directory } });
  }
}
