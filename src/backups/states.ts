import type { Language, Operation, Target, TargetState } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { revive } from '../kernel/kept-problem.ts';
import type { Log } from '../kernel/log.ts';
import { percentOf, Speed } from '../kernel/speed.ts';
import type { State, StateWriter } from '../kernel/state.ts';
import { wordProblem } from '../kernel/texts.ts';
import { Throttle } from '../kernel/throttle.ts';
import type { BackupFacts } from './facts.ts';

interface StatesOptions {
  readonly state: State;
  readonly bus: Bus<StateEvents>;
  readonly clock: Clock;
  readonly log: Log;
  readonly facts: () => Promise<BackupFacts>;
  /** In which language those are told who cannot be asked. */
  readonly language: () => Language;
}

/** What makes the document of a target another. */
interface StateEvents {
  targets_changed: Record<never, never>;
  backups_changed: object;
  language_changed: Record<never, never>;
  operation: Operation;
}

/** The facts are gathered at most so often (milliseconds): a list that is read is many changes and one fact. */
const INTERVAL_MS = 1_000;

/** What is known of a target without what is on its way there. */
type Known = Omit<TargetState, 'upload_name' | 'upload_percent' | 'upload_bytes_per_second'>;

interface Upload {
  readonly id: string;
  readonly speed: Speed;
  readonly shown: Pick<TargetState, 'upload_name' | 'upload_percent' | 'upload_bytes_per_second'>;
}

const NOTHING_UNDER_WAY = { upload_name: null, upload_percent: null, upload_bytes_per_second: null };

/** A document for each target: how it is, what it holds, what is on its way. */
export class TargetStates {
  readonly #options: StatesOptions;
  readonly #throttle: Throttle;
  readonly #known = new Map<string, Known>();
  /** The newest upload to each target that is under way. */
  readonly #uploads = new Map<string, Upload>();
  #ends: (() => void)[] = [];

  constructor(options: StatesOptions) {
    this.#options = options;
    this.#throttle = new Throttle({
      clock: options.clock,
      intervalMs: INTERVAL_MS,
      run: () => this.#gather(),
      onError: (error) => options.log.warning('how targets stand could not be written', { error }),
    });
  }

  /** Writes what is known, and from then on what changes. */
  async start(): Promise<void> {
    if (this.#ends.length > 0) return;
    const { bus } = this.#options;
    const touch = () => this.#throttle.touch('facts');
    this.#throttle.start();
    this.#ends = [
      bus.on('targets_changed', touch),
      bus.on('backups_changed', touch),
      bus.on('language_changed', touch),
      bus.on('operation', (operation) => {
        if (operation.kind !== 'upload') return;
        this.#upload(operation);
        if (operation.state !== 'running') touch();
      }),
    ];
    await this.#gather();
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#throttle.stop();
  }

  async #gather(): Promise<undefined> {
    const facts = await this.#options.facts();
    if (this.#ends.length === 0) return;
    const ids = new Set(facts.targets.map(({ id }) => id));
    for (const id of this.#known.keys()) {
      if (ids.has(id)) continue;
      this.#known.delete(id);
      this.#uploads.delete(id);
      this.#document(id).delete();
    }
    for (const target of facts.targets) {
      this.#known.set(target.id, known(target, facts, this.#options.language()));
      this.#write(target.id);
    }
  }

  #upload({ id, state, subject, done, total }: Operation): void {
    const target = subject.target_id ?? '';
    const before = this.#uploads.get(target);
    if (state !== 'running') {
      if (before?.id === id) this.#uploads.delete(target);
    } else {
      const speed = before?.id === id ? before.speed : new Speed();
      this.#uploads.set(target, {
        id,
        speed,
        shown: {
          upload_name: subject.name ?? null,
          upload_percent: percentOf(done, total),
          upload_bytes_per_second: speed.see(done, this.#options.clock.monotonic()),
        },
      });
    }
    this.#write(target);
  }

  #write(id: string): void {
    const known = this.#known.get(id);
    if (!known) return;
    this.#document(id).set({ ...known, ...(this.#uploads.get(id)?.shown ?? NOTHING_UNDER_WAY) });
  }

  #document(id: string): StateWriter<TargetState> {
    return this.#options.state.document<TargetState>(`backups/target-${id}`);
  }
}

function known(target: Target, { newest, failed }: BackupFacts, language: Language): Known {
  const { id, name, settings, problem: met, checked_at, backups, bytes } = target;
  const problem = met ? revive(met) : failed.get(id)?.problem;
  const last = newest.get(id)?.backup;
  return {
    ...{ id, name, kind: settings.kind, checked_at, backups, bytes },
    problem: problem !== undefined,
    problem_code: problem?.code ?? null,
    last_error: problem ? wordProblem(problem, language).title : null,
    reachable: checked_at === null ? null : met === null,
    last_backup: target.newest_backup,
    last_backup_name: last?.name ?? null,
    last_backup_bytes: last?.size ?? null,
  };
}
