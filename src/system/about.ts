import { lstat, readdir, statfs } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import type { About, Info, Language } from '../contract/index.ts';
import { type Clock, timestamp, within } from '../kernel/clock.ts';
import type { Problem } from '../kernel/errors.ts';
import { wordProblem } from '../kernel/texts.ts';

/** When the newest checked copy was made, and why there is no newer one. */
interface DatabaseCopy {
  readonly madeAt: number | undefined;
  readonly problem: Problem | undefined;
}

interface AboutOptions {
  readonly info: Info;
  readonly mode: About['mode'];
  readonly dataDir: string;
  readonly clock: Clock;
  /** Which settings are provided with each start. */
  readonly provided: { readonly parts: readonly string[]; readonly problem: Problem | undefined };
  /** What is known of the copies of the database. */
  readonly copy: () => DatabaseCopy;
}

/** Counting takes longer only where there are very many files, or a share hangs (milliseconds). */
const PATIENCE_MS = 2_000;

/** The bytes of all files below a folder that lie on its own disk. What vanishes meanwhile counts nothing. */
async function bytesIn(folder: string, device: number): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    if (!found || found.dev !== device) continue;
    bytes += found.isDirectory() ? await bytesIn(path, device) : found.size;
  }
  return bytes;
}

/** Says what the box is and how much room there is. */
export function createAbout({ info, mode, dataDir, clock, copy, provided }: AboutOptions) {
  let counting: Promise<number> | undefined;
  /** Many who ask at once are answered by one count. */
  const dataBytes = (): Promise<number> => {
    counting ??= lstat(dataDir)
      .then(({ dev }) => bytesIn(dataDir, dev))
      .finally(() => {
        counting = undefined;
      });
    return counting;
  };
  return async (language: Language): Promise<About> => {
    const [bytes, disk] = await Promise.all([
      within(clock, PATIENCE_MS, dataBytes()),
      within(clock, PATIENCE_MS, statfs(dataDir)),
    ]);
    const { madeAt, problem } = copy();
    return {
      name: info.name,
      version: info.version,
      node: process.versions.node,
      platform: `${platform()} ${arch()}`,
      instance_id: info.instance_id,
      started_at: info.started_at,
      mode,
      data_bytes: bytes ?? null,
      disk_free_bytes: disk ? disk.bavail * disk.bsize : null,
      disk_total_bytes: disk ? disk.blocks * disk.bsize : null,
      database_copied_at: madeAt === undefined ? null : timestamp(madeAt),
      database_copy_problem: problem ? wordProblem(problem, language) : null,
      provided: {
        settings: [...provided.parts],
        problem: provided.problem ? wordProblem(provided.problem, language) : null,
      },
    };
  };
}
