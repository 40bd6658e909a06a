import type { DeviceState, Language, Operation } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import { type Clock, timestamp } from '../kernel/clock.ts';
import { keptProblem } from '../kernel/kept-problem.ts';
import type { Log } from '../kernel/log.ts';
import type { State } from '../kernel/state.ts';
import { wordProblem } from '../kernel/texts.ts';
import { Throttle } from '../kernel/throttle.ts';
import { keptIdentity } from './settings.ts';
import type { DeviceRow, DeviceStock, DeviceStore } from './store.ts';

/** What makes the document of a device another. */
interface StateEvents {
  devices_changed: Record<never, never>;
  language_changed: Record<never, never>;
  operation: Operation;
}

interface StatesOptions {
  readonly store: DeviceStore;
  readonly state: State;
  readonly bus: Bus<StateEvents>;
  readonly clock: Clock;
  readonly log: Log;
  readonly language: () => Language;
  readonly isBusy: (id: string) => boolean;
}

/** Documents are made at most so often (milliseconds): 200 devices that are backed up at once are one change. */
const INTERVAL_MS = 1_000;

/** A document for each device: how it is, and what is kept of it. */
export class DeviceStates {
  readonly #options: StatesOptions;
  readonly #throttle: Throttle;
  readonly #known = new Set<string>();
  #ends: (() => void)[] = [];

  constructor(options: StatesOptions) {
    this.#options = options;
    this.#throttle = new Throttle({
      clock: options.clock,
      intervalMs: INTERVAL_MS,
      run: () => this.#gather(),
      onError: (error) => options.log.warning('how devices stand could not be written', { error }),
    });
  }

  async start(): Promise<void> {
    if (this.#ends.length > 0) return;
    const touch = () => this.#throttle.touch('devices');
    this.#throttle.start();
    this.#ends = [
      this.#options.bus.on('devices_changed', touch),
      this.#options.bus.on('language_changed', touch),
    ];
    await this.#gather();
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#throttle.stop();
  }

  async #gather(): Promise<undefined> {
    const { store, state, language } = this.#options;
    const [rows, stocks] = await Promise.all([store.devices(), store.stocks()]);
    if (this.#ends.length === 0) return;
    const ids = new Set(rows.map(({ id }) => id));
    for (const id of this.#known) {
      if (ids.has(id)) continue;
      this.#known.delete(id);
      state.document(`devices/${id}`).delete();
    }
    for (const row of rows) {
      this.#known.add(row.id);
      state
        .document<DeviceState>(`devices/${row.id}`)
        .set(stateOf(row, stocks.get(row.id), { language: language(), busy: this.#options.isBusy(row.id) }));
    }
  }
}

const moment = (ms: number | null): string | null => (ms === null ? null : timestamp(ms));

function stateOf(
  row: DeviceRow,
  stock: DeviceStock | undefined,
  { language, busy }: { language: Language; busy: boolean },
): DeviceState {
  const { id, name, kind } = row;
  const problem = keptProblem(row.problem);
  const { model, firmware } = keptIdentity(row.identity);
  return {
    ...{ id, name, kind, model, firmware, busy },
    problem: problem !== undefined,
    problem_code: problem?.code ?? null,
    last_error: problem ? wordProblem(problem, language).title : null,
    last_backup: moment(row.backed_up_at),
    next_backup: moment(row.due_at),
    last_change: moment(row.changed_at),
    changed: row.changed_at !== null && row.changed_at === row.backed_up_at,
    bytes: stock?.bytes ?? 0,
    artefacts: stock?.artefacts ?? 0,
  };
}
