import * as v from 'valibot';
import { BackupDescription, type LastBackup, type Target } from '../contract/index.ts';
import { timestamp } from '../kernel/clock.ts';
import { sameArchive } from './merged.ts';
import type { BackupStore } from './store.ts';
import type { Targets } from './targets.ts';

/** What there is to know of the backups of a home, at once and from the catalogue. */
export interface BackupFacts {
  readonly targets: readonly Target[];
  /** The core has just started and has not yet seen how all targets are. */
  readonly finding: boolean;
  /** The newest backup of each target, by the id of the target. */
  readonly newest: ReadonlyMap<string, BackupDescription>;
  /** The newest of them all. */
  readonly last: LastBackup | null;
}

interface FactsOptions {
  readonly store: BackupStore;
  readonly targets: Targets;
  readonly finding: () => boolean;
}

async function lastOf(store: BackupStore, newest: BackupFacts['newest']): Promise<LastBackup | null> {
  const [first] = [...newest.values()].sort((a, b) => Date.parse(b.backup.date) - Date.parse(a.backup.date));
  if (!first) return null;
  const [last, ...others] = await store.allBackups(first.backup.backup_id);
  if (!last) return null;
  return {
    at: timestamp(Date.parse(last.backup.date)),
    name: last.backup.name,
    size: last.backup.size,
    places: 1 + others.filter((other) => sameArchive(last, other)).length,
  };
}

/** Gathers the facts, with as many questions to the database for fifty targets as for one. */
export async function gatherFacts({ store, targets, finding }: FactsOptions): Promise<BackupFacts> {
  // asked first: what is found out meanwhile counts as unknown once more
  const stillFinding = finding();
  const [list, stocks] = await Promise.all([targets.list(), store.stocks()]);
  const newest = new Map<string, BackupDescription>();
  for (const [id, { description }] of stocks) {
    const parsed = v.safeParse(BackupDescription, description === null ? null : JSON.parse(description));
    if (parsed.success) newest.set(id, parsed.output);
  }
  return { targets: list, finding: stillFinding, newest, last: await lastOf(store, newest) };
}
