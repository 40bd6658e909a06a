import * as v from 'valibot';
import { BackupDescription, type LastBackup, type Operation, type Target } from '../contract/index.ts';
import { timestamp } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import { revive } from '../kernel/kept-problem.ts';
import { sameArchive } from './merged.ts';
import type { BackupStore } from './store.ts';
import type { Targets } from './targets.ts';

/** An upload that did not arrive, and has not been followed by one that did. */
export interface FailedUpload {
  readonly problem: Problem;
  readonly since: string | null;
}

/** What there is to know of the backups of a home, at once and from the catalogue. */
export interface BackupFacts {
  readonly targets: readonly Target[];
  /** The core has just started and has not yet seen how all targets are. */
  readonly finding: boolean;
  /** The newest backup of each target, by the id of the target. */
  readonly newest: ReadonlyMap<string, BackupDescription>;
  /** The newest of them all. */
  readonly last: LastBackup | null;
  /** Why the newest upload to a target did not arrive, by the id of the target. */
  readonly failed: ReadonlyMap<string, FailedUpload>;
}

interface FactsOptions {
  readonly store: BackupStore;
  readonly targets: Targets;
  readonly finding: () => boolean;
  /** The newest upload to each target that came to an end, by the id of the target. */
  readonly uploads: () => Promise<ReadonlyMap<string, Operation>>;
}

/** Why an upload did not arrive; undefined where it did, or a newer one has. */
function failure(upload: Operation, newest: BackupDescription | undefined): FailedUpload | undefined {
  if (upload.state === 'succeeded') return undefined;
  const stored = Date.parse(newest?.stored_at ?? '');
  if (stored > Date.parse(upload.ended_at ?? upload.started_at)) return undefined;
  const problem = upload.problem && revive(upload.problem);
  const cut = !problem || problem.code === 'shutting_down';
  return { problem: cut ? new Problem('operation_interrupted') : problem, since: upload.ended_at };
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
export async function gatherFacts({ store, targets, finding, uploads }: FactsOptions): Promise<BackupFacts> {
  // asked first: what is found out meanwhile counts as unknown once more
  const stillFinding = finding();
  const [list, stocks, ended] = await Promise.all([targets.list(), store.stocks(), uploads()]);
  const newest = new Map<string, BackupDescription>();
  for (const [id, { description }] of stocks) {
    const parsed = v.safeParse(BackupDescription, description === null ? null : JSON.parse(description));
    if (parsed.success) newest.set(id, parsed.output);
  }
  const failed = new Map<string, FailedUpload>();
  for (const [id, upload] of ended) {
    const found = failure(upload, newest.get(id));
    if (found) failed.set(id, found);
  }
  return { targets: list, finding: stillFinding, newest, last: await lastOf(store, newest), failed };
}
