import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { Id, Name, TargetSettings } from '../contract/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { isProblem } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import { type Portable, portable } from '../kernel/portable.ts';
import type { Secrets } from '../kernel/secrets.ts';
import { BackupStore, type TargetRow } from './store.ts';
import { SealedSettings, uniqueIdOf } from './target-settings.ts';
import { targetType } from './targets/registry.ts';

interface PortableTargetsOptions {
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDir: string;
}

const Carried = v.strictObject({
  name: Name,
  settings: TargetSettings,
  /** Who it is to Home Assistant and to itself; a file that a person writes does not know that. */
  id: v.optional(Id),
  unique_id: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-z]{1,64}$/))),
  created_at: v.optional(v.pipe(v.number(), v.safeInteger())),
  place_id: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(200)))),
});
type Carried = v.InferOutput<typeof Carried>;

/** The targets with their secrets. One at a place that is known already changes that one; the others stay. */
export function portableTargets(options: PortableTargetsOptions): Portable {
  const { clock, log, dataDir } = options;
  const sealed = new SealedSettings(options);
  const ownFolder = resolve(join(dataDir, 'backups'));

  /** The folder beside the data is, on another box, the one beside the data there. */
  const movable = (settings: TargetSettings): TargetSettings =>
    settings.kind === 'folder' && settings.path === ownFolder ? { ...settings, path: '' } : settings;

  const sameTarget = (row: TargetRow, { id, unique_id }: Carried, place: string): boolean =>
    row.id === id ||
    (unique_id !== undefined && row.unique_id === unique_id) ||
    row.unique_id === place ||
    uniqueIdOf(JSON.parse(row.settings) as TargetSettings) === place;

  const known = (row: TargetRow): TargetSettings | undefined => {
    try {
      return sealed.open(row);
    } catch (error) {
      // with the key file its secrets are gone; these here replace them
      if (isProblem(error, 'target_secret_lost')) return undefined;
      throw error;
    }
  };

  const writeOne = async (store: BackupStore, target: Carried, now: number): Promise<boolean> => {
    const settings = targetType(target.settings.kind).complete(target.settings, { dataDir });
    const place = uniqueIdOf(settings);
    const [first, ...others] = (await store.targets()).filter((row) => sameTarget(row, target, place));
    const id = target.id ?? first?.id ?? newId();
    const uniqueId = target.unique_id ?? first?.unique_id ?? place;
    const same =
      first !== undefined &&
      others.length === 0 &&
      first.id === id &&
      first.unique_id === uniqueId &&
      isDeepStrictEqual(known(first), settings);
    if (same && first.name === target.name) return false;
    if (same) {
      await store.updateTarget(id, { name: target.name });
      return true;
    }
    // what is known to be stored there is read anew
    for (const row of [first, ...others]) if (row) await store.deleteTarget(row.id);
    await store.insertTarget({
      id,
      unique_id: uniqueId,
      name: target.name,
      kind: settings.kind,
      ...sealed.separate(id, settings),
      created_at: target.created_at ?? first?.created_at ?? now,
      refreshed_at: null,
      problem: null,
      problem_since: null,
      checked_at: null,
      capabilities: null,
      place_id: target.place_id ?? first?.place_id ?? null,
      // one that was in use elsewhere carries its mark; without it, a disk is not mounted
      unprepared: target.id === undefined && first === undefined ? 1 : (first?.unprepared ?? null),
    });
    log.info('a target was taken over', { target: id, kind: settings.kind, known: first !== undefined });
    return true;
  };

  return portable({
    name: 'targets',
    schema: v.array(Carried),
    read: async (tables) =>
      (await new BackupStore(tables()).targets()).map((row) => ({
        name: row.name,
        settings: movable(sealed.open(row)),
        id: row.id,
        unique_id: row.unique_id,
        created_at: row.created_at,
        place_id: row.place_id,
      })),
    write: async (targets, tables) => {
      const store = new BackupStore(tables());
      let changed = false;
      // a millisecond after the other: they are listed in the order in which they came
      let now = clock.now();
      for (const target of targets) {
        changed = (await writeOne(store, target, now)) || changed;
        now += 1;
      }
      return changed;
    },
  });
}
