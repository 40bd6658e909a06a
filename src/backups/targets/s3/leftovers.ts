import { isProblem } from '../../../kernel/errors.ts';
import { PROBE_NAME } from '../../names.ts';
import type { Connection } from './connection.ts';
import type { Keys } from './keys.ts';
import { listObjects } from './listing.ts';
import { purgeVersions } from './own-objects.ts';
import { listUploads } from './sweep.ts';
import type { Uploads } from './uploads.ts';
import { deleteVersion } from './versions.ts';

/** What is younger may belong to a probe that is under way, here or in another home (milliseconds). */
const ABANDONED_AFTER_MS = 3_600_000;

interface Bucket {
  readonly connection: Connection;
  readonly uploads: Uploads;
  readonly keys: Keys;
}

/** Removes what probes had to leave, because a line broke or a right was missing. Whatever cannot be removed now stays. */
export async function removeLeftovers(
  { connection, uploads, keys }: Bucket,
  signal?: AbortSignal,
): Promise<void> {
  const prefix = keys.full(PROBE_NAME);
  const before = connection.context.clock.now() - ABANDONED_AFTER_MS;
  const abandoned = (since: number) => since < before;
  const anyhow = async (work: Promise<unknown>) => {
    await work.catch((error: unknown) => {
      if (!isProblem(error)) throw error;
    });
  };
  for (const { key, modified } of await listObjects(connection, { prefix, flat: true, signal })) {
    if (!abandoned(modified)) continue;
    // What a lock keeps is hidden at least.
    await anyhow(deleteVersion(connection, { key }, signal));
    await anyhow(purgeVersions(connection, key, signal));
  }
  // A deletion of the probe's own may have hidden what could not be removed then, and no list shows that.
  await anyhow(purgeVersions(connection, prefix, signal, before));
  for (const { key, id, initiated } of await listUploads(connection, prefix, signal)) {
    if (abandoned(initiated)) await anyhow(uploads.abort({ key, id }, signal));
  }
}
