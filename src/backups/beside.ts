import { createReadStream } from 'node:fs';
import type { TargetSettings } from '../contract/index.ts';
import { uniqueIdOf } from './target-settings.ts';
import type { Targets } from './targets.ts';

/** A target, as others see it who want to keep something there. */
export interface Place {
  readonly id: string;
  readonly name: string;
  /** Where it is: another one when the target is moved. */
  readonly where: string;
  /** It dies with the disk that holds the core's data. */
  readonly sameDisk: boolean;
}

/** A file on this machine. */
export interface FileBeside {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** The targets. */
export async function placesOf(targets: Targets): Promise<Place[]> {
  return (await targets.list()).map(({ id, name, settings, same_disk }) => ({
    ...{ id, name, sameDisk: same_disk },
    where: uniqueIdOf(settings as TargetSettings),
  }));
}

/** Keeps a file beside the backups of a target: visible under its key as a whole, or not at all. */
export async function keepBeside(
  targets: Targets,
  one: { readonly id: string; readonly key: string; readonly file: FileBeside; readonly signal: AbortSignal },
): Promise<void> {
  const { id, key, file, signal } = one;
  const storage = await targets.storage(id);
  // what a crash left of the same file
  await storage.sweep(key, signal);
  const writer = await storage.create(key, { sizeLimit: file.size, signal });
  try {
    for await (const chunk of createReadStream(file.path, { signal })) await writer.write(chunk as Buffer);
    await writer.finish();
    await writer.commit();
  } catch (error) {
    await writer.abort().catch(() => undefined);
    throw error;
  }
}
