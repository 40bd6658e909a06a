import { type AgentBackup, DEFAULT_FOLDER } from '../../../contract/index.ts';
import { timestamp } from '../../../kernel/clock.ts';
import { isProblem } from '../../../kernel/errors.ts';
import { homesOf } from '../../homes.ts';
import { sidecarsIn } from '../../names.ts';
import { decodeSidecar, MAX_SIDECAR_BYTES } from '../../sidecar.ts';
import type { FoundPlace, StoredObject } from '../target.ts';
import type { Connection } from './connection.ts';
import { listObjects } from './listing.ts';
import { openObject } from './open.ts';

/** Who asks is waiting in a form: a folder with more than this is counted as far as we got. */
const MOST_KEYS = 5_000;

/** The newest sidecars of a folder tell whether it holds backups, and since when. */
const SAMPLE = 6;

/** Somebody else's may be newer than all of them; after so many samples without a backup there is none. */
const MOST_SAMPLES = 10;

/** Looks where this and other tools put backups: each place once, those without backups left out. */
export async function findBackups(
  connection: Connection,
  folder: string,
  signal?: AbortSignal,
): Promise<FoundPlace[]> {
  const found: FoundPlace[] = [];
  for (const candidate of candidates(folder)) {
    const backups = await backupsIn(connection, candidate, signal);
    if (backups) found.push({ folder: candidate, ...backups, current: candidate === folder });
  }
  return found;
}

/** Core's aws_s3 uses the prefix alone, its sisters prefix/backups, CloudStash homeassistant/backups. */
function candidates(folder: string): Set<string> {
  const below = folder === '' ? 'backups' : `${folder}/backups`;
  const parent = folder.split('/').slice(0, -1).join('/');
  return new Set([folder, '', parent, below, DEFAULT_FOLDER, 'backups']);
}

async function backupsIn(connection: Connection, folder: string, signal?: AbortSignal) {
  const prefix = folder === '' ? '' : `${folder}/`;
  let objects: StoredObject[];
  try {
    objects = await listObjects(connection, { prefix, flat: true, limit: MOST_KEYS, signal });
  } catch (error) {
    // A key that is confined to one folder may not look into others.
    if (isProblem(error, 'target_forbidden')) return undefined;
    throw error;
  }
  const sidecars = sidecarsIn(objects).sort((a, b) => b.modified - a.modified);
  for (let at = 0; at < Math.min(sidecars.length, SAMPLE * MOST_SAMPLES); at += SAMPLE) {
    const sample = sidecars.slice(at, at + SAMPLE);
    const read = await Promise.all(sample.map((sidecar) => backupIn(connection, sidecar, signal)));
    const good = read.filter((backup) => backup !== undefined);
    if (good.length === 0) continue;
    const others = at + sample.length - good.length;
    const newest = timestamp(Math.max(...good.map(({ date }) => Date.parse(date))));
    return { backups: sidecars.length - others, newest, homes: homesOf(good) };
  }
  return undefined;
}

/** The backup that this sidecar describes; undefined when it describes none. */
async function backupIn(
  connection: Connection,
  sidecar: StoredObject,
  signal?: AbortSignal,
): Promise<AgentBackup | undefined> {
  if (sidecar.size > MAX_SIDECAR_BYTES) return undefined;
  const object = await openObject(connection, sidecar.key, signal ? { signal } : {}).catch(
    (error: unknown) => {
      // an archive class, or somebody else's
      if (isProblem(error, 'target_forbidden') || isProblem(error, 'target_archived')) return undefined;
      throw error;
    },
  );
  if (!object) return undefined;
  if (object.size > MAX_SIDECAR_BYTES) {
    object.stream.destroy();
    return undefined;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of object.stream) chunks.push(chunk as Buffer);
  return decodeSidecar(Buffer.concat(chunks))?.backup;
}
