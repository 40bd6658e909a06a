import { MemoryBudget } from '../kernel/admission.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { isProblem } from '../kernel/errors.ts';
import type { Feature } from '../kernel/feature.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Operations } from '../kernel/operations.ts';
import type { Secrets } from '../kernel/secrets.ts';
import { Catalogue } from './catalogue.ts';
import { Deletions } from './deletions.ts';
import { Downloads } from './downloads.ts';
import { Mending } from './mending.ts';
import { backupRoutes } from './routes.ts';
import type { BackupStore } from './store.ts';
import { Targets } from './targets.ts';
import { Uploads } from './uploads.ts';

export { BackupStore } from './store.ts';

/** What others must hear of targets and their backups. */
export interface BackupEvents {
  targets_changed: Record<never, never>;
  backups_changed: { targetId: string };
}

interface BackupsOptions {
  readonly store: BackupStore;
  readonly secrets: Secrets;
  readonly operations: Operations;
  readonly bus: Bus<BackupEvents>;
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDir: string;
  readonly idleTimeoutMs: number;
  /** True on the first start of a data folder: a place for backups is made, so that there is one at once. */
  readonly fresh: boolean;
}

/** Two parts of 64 MiB, the largest that are used: 625 GiB in 10,000 parts. */
const MEMORY_BYTES = 128 * 1024 * 1024;

/** The name of the target that a fresh install comes with; Home Assistant puts "Homestash" before it. */
const FIRST_TARGET = 'Local folder';

/** Home Assistant backups in targets: uploaded, listed, downloaded, deleted. */
export function createBackups(options: BackupsOptions): Feature {
  const { store, bus, clock } = options;
  const log = options.log.child('backups');
  const onTargets = () => bus.emit('targets_changed', {});
  const onBackups = (targetId: string) => {
    bus.emit('backups_changed', { targetId });
    onTargets();
    void targets.lookAgain(targetId);
  };
  const targets = new Targets({
    store,
    secrets: options.secrets,
    clock,
    log,
    context: {
      clock,
      memory: new MemoryBudget(MEMORY_BYTES),
      dataDir: options.dataDir,
      idleTimeoutMs: options.idleTimeoutMs,
      log,
    },
    onChange: onTargets,
  });
  const shared = {
    store,
    targets,
    clock,
    log,
    operations: options.operations,
    idleTimeoutMs: options.idleTimeoutMs,
  };
  const mending = new Mending({ ...shared, catalogue: () => catalogue });
  const uploads = new Uploads({ ...shared, mending });
  const catalogue = new Catalogue({
    ...shared,
    mend: (id, storage, signal) => uploads.mend(id, storage, signal),
    onChange: onBackups,
  });
  const downloads = new Downloads({ ...shared, catalogue });
  const deletions = new Deletions({ ...shared, catalogue, uploads });

  const addFirstTarget = async () => {
    try {
      await targets.create({ name: FIRST_TARGET, settings: { kind: 'folder', path: '' } });
    } catch (error) {
      if (!isProblem(error)) throw error;
      log.warning('the first target could not be made', { reason: describeError(error) });
    }
  };

  return {
    name: 'backups',
    routes: backupRoutes({ store, log, targets, catalogue, uploads, downloads, deletions }),
    start: async () => {
      if (options.fresh) await addFirstTarget();
      // behind the start: what a crash left is swept, and the lists are young when the first page asks
      for (const { id } of await store.targets()) catalogue.refresh(id).catch(() => undefined);
    },
    stop: async () => {
      await uploads.stop();
      await catalogue.stop();
      targets.stop();
    },
  };
}
