import * as v from 'valibot';
import { Id, type Language, type Operation } from '../contract/index.ts';
import { MemoryBudget } from '../kernel/admission.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { command } from '../kernel/commands.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import type { Feature } from '../kernel/feature.ts';
import type { Journal } from '../kernel/journal.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Operations } from '../kernel/operations.ts';
import type { Secrets } from '../kernel/secrets.ts';
import type { State } from '../kernel/state.ts';
import { type FileBeside, keepBeside, type Place, placesOf } from './beside.ts';
import { Catalogue } from './catalogue.ts';
import { Deletions } from './deletions.ts';
import { Downloads } from './downloads.ts';
import { targetDevice } from './entities.ts';
import { type BackupFacts, gatherFacts } from './facts.ts';
import { Notes } from './journal.ts';
import { Looks } from './looks.ts';
import { Mending } from './mending.ts';
import { backupRoutes } from './routes.ts';
import { TargetStates } from './states.ts';
import type { BackupStore } from './store.ts';
import { Targets } from './targets.ts';
import { Uploads } from './uploads.ts';

export { BackupStore } from './store.ts';

/** What others must hear of targets and their backups. */
export interface BackupEvents {
  targets_changed: Record<never, never>;
  backups_changed: { targetId: string };
}

/** What it listens to. */
interface HeardEvents {
  operation: Operation;
  language_changed: Record<never, never>;
}

interface BackupsOptions {
  readonly store: BackupStore;
  readonly secrets: Secrets;
  readonly operations: Operations;
  readonly journal: Journal;
  readonly state: State;
  readonly bus: Bus<BackupEvents & HeardEvents>;
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDir: string;
  readonly idleTimeoutMs: number;
  /** True on the first start of a data folder: a place for backups is made, so that there is one at once. */
  readonly fresh: boolean;
  /** Has Home Assistant make a backup for the target that it knows by this id. @throws Problem why it does not */
  readonly backUpTo: (uniqueId: string) => Promise<void>;
  /** In which language those are told who cannot be asked. */
  readonly language: () => Language;
  /** From 0 to 1, so that many homes do not knock in step; tests bring their own. */
  readonly random?: () => number;
}

/** Backups and their targets, with what the rest of the core wants to know of them. */
export interface BackupsFeature extends Feature {
  /** What is known now; `targets_changed` and `backups_changed` tell when it is something else. */
  facts(): Promise<BackupFacts>;
  /** Where something else than backups could be kept, too. */
  places(): Promise<readonly Place[]>;
  /** Keeps a file beside the backups of a target, in place of what has its name there. @throws Problem `target_…` */
  keepBeside(id: string, key: string, file: FileBeside, signal: AbortSignal): Promise<void>;
}

/** Two parts of 64 MiB, the largest that are used: 625 GiB in 10,000 parts. */
const MEMORY_BYTES = 128 * 1024 * 1024;

const TargetOf = v.object({ target_id: Id });

/** The name of the target that a fresh install comes with; Home Assistant puts "Homestash" before it. */
const FIRST_TARGET = 'Local folder';

/** Home Assistant backups in targets: uploaded, listed, downloaded, deleted. */
export function createBackups(options: BackupsOptions): BackupsFeature {
  const { store, bus, clock, journal, operations } = options;
  const log = options.log.child('backups');
  const notes = new Notes({ journal, store, bus });
  const onTargets = () => {
    bus.emit('targets_changed', {});
    looks.touch().catch((error) => log.warning('the targets could not be looked up', { error }));
  };
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
    onDeed: (deed, id, name) => notes.target(deed, id, name),
  });
  const shared = {
    store,
    targets,
    clock,
    log,
    operations,
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
  const deletions = new Deletions({
    ...shared,
    catalogue,
    uploads,
    onDeleted: (targetId, entry) => void notes.deleted(targetId, entry),
  });

  const looks = new Looks({
    clock,
    random: options.random ?? Math.random,
    targets: () => store.targetIds(),
    look: async (id) => {
      await targets.makeReady(id);
      await catalogue.refresh(id);
    },
    late: async (id) => {
      await store.noteProblem(id, new Problem('target_timeout'), clock.now());
      onTargets();
    },
  });

  const facts = () =>
    gatherFacts({
      store,
      targets,
      finding: () => looks.finding,
      uploads: () => operations.newestOf('upload', 'target_id'),
    });
  const states = new TargetStates({ ...options, log, facts });

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
    devices: [targetDevice],
    commands: [
      command({
        name: 'back_up_now',
        input: TargetOf,
        run: async ({ target_id }) => options.backUpTo((await targets.get(target_id)).unique_id),
      }),
      command({
        name: 'check_now',
        input: TargetOf,
        run: async ({ target_id }) => {
          await targets.get(target_id);
          await looks.now(target_id);
        },
      }),
    ],
    facts,
    places: () => placesOf(targets),
    keepBeside: (id, key, file, signal) => keepBeside(targets, { id, key, file, signal }),
    routes: backupRoutes({ store, log, targets, catalogue, uploads, downloads, deletions }),
    start: async () => {
      notes.start();
      if (options.fresh) await addFirstTarget();
      await states.start();
      // behind the start: what a crash left is swept, and the lists are young when the first page asks
      await looks.start();
    },
    stop: async () => {
      looks.stop();
      await uploads.stop();
      await catalogue.stop();
      targets.stop();
      states.stop();
      notes.stop();
    },
  };
}
