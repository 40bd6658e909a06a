import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import type { Backup, BackupList } from '../../src/contract/index.ts';
import { sumOf } from '../harness/archives.ts';
import type { IdleClock } from '../harness/idle-clock.ts';
import { MARK } from '../harness/s3-target.ts';
import { waitFor } from '../harness/wait-for.ts';
import type { S3Simulator } from '../simulators/s3/index.ts';
import { BUCKET, type Home } from './home.ts';
import type { Ledger } from './ledger.ts';

interface Scene {
  readonly home: Home;
  readonly simulator: S3Simulator;
  readonly clock: IdleClock;
  readonly ledger: Ledger;
}

const FOLDER = 'homeassistant/backups/';

/** How many of the backups are downloaded as a whole in the end. */
const SAMPLE = 5;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

/** Memory of the process but for what the simulator stores (bytes). */
export function memory(simulator: S3Simulator): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const stored = simulator.versions(BUCKET).reduce((sum, { content }) => sum + content.size, 0);
  return heapUsed + external - stored;
}

/** The list as it is now, whatever is known already. */
async function listAnew(home: Home, clock: IdleClock): Promise<BackupList> {
  const since = clock.now();
  return waitFor('a list that was read just now', async () => {
    const list = await home.client.list(home.targetId, 0);
    return Date.parse(list.refreshed_at ?? '') >= since ? list : undefined;
  });
}

/** What the bucket shows, in one line each: to be compared. */
function inventory(simulator: S3Simulator): string[] {
  return simulator.objects(BUCKET).map(({ key, etag }) => `${key} ${etag}`);
}

/** What every backup in the catalogue, and nothing else, looks like in the bucket. */
function shouldBe(home: Home): string[] {
  const rows = home.query<{ sidecar_key: string; archive_key: string | null }>(
    "SELECT c.sidecar_key, c.archive_key FROM catalogue c JOIN targets t ON t.id = c.target_id WHERE t.kind = 's3'",
  );
  const keys = rows.flatMap(({ sidecar_key, archive_key }) => [sidecar_key, archive_key ?? '?']);
  return [...keys, MARK].map((key) => FOLDER + key).sort();
}

/** Each listed backup is one that may be there, with the bytes that were sent; each that was promised is listed. */
function expectKept(listed: readonly Backup[], ledger: Ledger): void {
  const byId = new Map(listed.map((backup) => [backup.backup.backup_id, backup]));
  const wrong: string[] = [];
  for (const id of new Set([...ledger.ids, ...byId.keys()])) {
    const backup = byId.get(id);
    const states = ledger.states(id);
    if (!backup) {
      if (!states.has(null)) wrong.push(`${id} was promised and is not there`);
      continue;
    }
    const sums = [...states].flatMap((archive) => (archive ? sumOf(archive.bytes()) : []));
    const {
      backup: { size },
      crc32,
      suspect,
    } = backup;
    if (suspect !== null) wrong.push(`${id} is suspect: ${suspect}`);
    if (!sums.some((sum) => sum.size === size && sum.crc32 === crc32)) {
      wrong.push(sums.length === 0 ? `${id} was deleted and is there` : `${id} is another archive`);
    }
  }
  expect(wrong).toEqual([]);
}

const hexOf = (crc32: number): string => crc32.toString(16).padStart(8, '0');

/** What lies in the bucket has the sum that its description says; a few are read through the core. */
async function expectWhole(listed: readonly Backup[], { home, simulator }: Scene): Promise<void> {
  const objects = new Map(simulator.objects(BUCKET).map((object) => [object.key, object]));
  const rows = home.query<{ archive_key: string; description: string }>(
    'SELECT archive_key, description FROM catalogue WHERE description IS NOT NULL',
  );
  const wrong = rows.flatMap(({ archive_key, description }) => {
    const { backup, crc32 } = JSON.parse(description) as Backup;
    const content = objects.get(FOLDER + archive_key)?.content;
    const same = content?.size === backup.size && hexOf(content.crc32) === crc32;
    return same ? [] : [`${archive_key} is described as ${backup.size} bytes, ${crc32}`];
  });
  expect(wrong).toEqual([]);
  for (const { backup, crc32 } of listed.slice(0, SAMPLE)) {
    const bytes = await home.client.download(home.targetId, backup.backup_id);
    expect(sumOf(bytes), backup.backup_id).toEqual({ size: backup.size, crc32 });
  }
}

/** The bucket holds exactly what the catalogue says, and the catalogue what was promised; nothing is left to be done. */
export async function expectInOrder(scene: Scene): Promise<void> {
  const { home, simulator, clock, ledger } = scene;
  const { backups: listed } = await listAnew(home, clock);
  const stored = () => simulator.objects(BUCKET).map(({ key }) => key);
  // where versions are kept, none is left of what was deleted
  const hidden = () => {
    const visible = new Set(stored());
    return simulator.versions(BUCKET).flatMap(({ key }) => (visible.has(key) ? [] : key));
  };
  // what probes left is swept behind the list
  const swept = () => stored().join() === shouldBe(home).join() && hidden().length === 0;
  await waitFor('the sweeping', () => swept() && simulator.uploads(BUCKET).length === 0).catch(
    () => undefined,
  );
  expect(stored()).toEqual(shouldBe(home));
  expect(simulator.uploads(BUCKET).map(({ key }) => key)).toEqual([]);
  expect(hidden()).toEqual([]);
  expectKept(listed, ledger);
  await expectWhole(listed, scene);

  const before = inventory(simulator);
  const { backups: again } = await listAnew(home, clock);
  expect(inventory(simulator)).toEqual(before);
  expect(again).toEqual(listed);
  expect(home.query('SELECT * FROM unfinished')).toEqual([]);
}
