import {
  type Language,
  type ProbeReport,
  type Target,
  type TargetCheckRequest,
  type TargetInput,
  type TargetPatch,
  TargetSettings,
} from '../contract/index.ts';
import { type Clock, timestamp, within } from '../kernel/clock.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { parseInput } from '../kernel/http/input.ts';
import { newId } from '../kernel/ids.ts';
import { keptProblem } from '../kernel/kept-problem.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Secrets } from '../kernel/secrets.ts';
import { wordProblem } from '../kernel/texts.ts';
import { keptExamination, wordExamination } from './capabilities.ts';
import type { BackupStore, Stock, TargetRow } from './store.ts';
import { SealedSettings, shownSettings, uniqueIdOf } from './target-settings.ts';
import { targetType } from './targets/registry.ts';
import type { StorageTarget, TargetContext } from './targets/target.ts';
import { type Checked, type TrialOptions, Trials } from './trials.ts';

interface TargetsOptions {
  readonly store: BackupStore;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
  readonly context: TargetContext;
  /** The list of targets, or what is known of one, has changed. */
  readonly onChange: () => void;
  /** Somebody did something to a target. */
  readonly onDeed: (
    deed: 'target_added' | 'target_changed' | 'target_removed',
    id: string,
    name: string,
  ) => void;
}

/** A disk answers at once; a share that does not hangs (milliseconds). */
const DISK_ANSWER_MS = 1_000;

/** What a store was found to do is looked at again after this time (milliseconds): rules and rights change seldom. */
const EXAMINED_FOR_MS = 7 * 24 * 60 * 60_000;

/** Settings that are to be checked step by step, as the request meant them. */
interface PlannedCheck {
  readonly settings: TargetSettings;
  readonly name: string | undefined;
  readonly save: boolean;
  /** The target that they are a change of. */
  readonly row: TargetRow | undefined;
  /** They name another place than that target's. */
  readonly moved: boolean;
}

/** The targets: their settings, their secrets and their open connections. */
export class Targets {
  readonly #options: TargetsOptions;
  readonly #sealed: SealedSettings;
  readonly #trials: Trials;
  readonly #open = new Map<string, StorageTarget>();
  readonly #askingDisk = new Map<string, Promise<boolean>>();
  readonly #looking = new Set<string>();
  readonly #stopping = new AbortController();

  constructor(options: TargetsOptions) {
    this.#options = options;
    this.#sealed = new SealedSettings(options);
    this.#trials = new Trials({
      store: options.store,
      storageOf: (id) => this.storage(id),
      stopping: this.#stopping.signal,
    });
  }

  stop(): void {
    this.#stopping.abort(new Problem('shutting_down'));
    for (const storage of this.#open.values()) storage.close();
    this.#open.clear();
  }

  async list(language: Language = 'en'): Promise<Target[]> {
    const { store } = this.#options;
    const [rows, stocks] = await Promise.all([store.targets(), store.stocks()]);
    return Promise.all(rows.map((row) => this.#present(row, stocks, language)));
  }

  async get(id: string, language: Language = 'en'): Promise<Target> {
    const row = await this.#row(id);
    return this.#present(row, await this.#options.store.stocks(), language);
  }

  /** The open store of a target. @throws Problem `target_not_found` or `target_secret_lost` */
  async storage(id: string): Promise<StorageTarget> {
    const known = this.#open.get(id);
    if (known) return known;
    const row = await this.#row(id);
    const settings = this.#sealed.open(row);
    const raced = this.#open.get(id);
    if (raced) return raced;
    const storage = targetType(settings.kind).open(settings, this.#options.context);
    this.#open.set(id, storage);
    return storage;
  }

  /** Tries settings without keeping anything. */
  async probe(input: TargetInput, language: Language = 'en'): Promise<ProbeReport> {
    const storage = this.#openOnce(this.#complete(input.settings));
    try {
      return (await this.#trials.report(storage, { language })).report;
    } finally {
      storage.close();
    }
  }

  /** Tries a target as it is, and keeps what its store was found to do. */
  async probeSaved(id: string, language: Language = 'en'): Promise<ProbeReport> {
    const storage = await this.storage(id);
    await storage.recognise?.();
    const { report, examination } = await this.#trials.report(storage, { language, id });
    if (examination) await this.#keep(id, storage, { capabilities: JSON.stringify(examination) });
    return report;
  }

  /** What is to be checked. @throws Problem what is wrong with the request, before anything is tried */
  async planCheck(request: TargetCheckRequest): Promise<PlannedCheck> {
    const { target_id: id, name, save } = request;
    const row = id === undefined ? undefined : await this.#row(id);
    const { settings, moved } = row
      ? this.#merged(row, request.settings)
      : { settings: this.#complete(parseInput(TargetSettings, request.settings)), moved: true };
    if (save) await this.#refuseSecond(settings, id);
    return { settings, name, save, row, moved };
  }

  /** Tries settings step by step, and saves them where that was wanted and all went well. */
  async check(
    plan: PlannedCheck,
    options: Pick<TrialOptions, 'language' | 'onStep' | 'signal'>,
  ): Promise<{ report: ProbeReport; target: Target | undefined }> {
    const { settings, row } = plan;
    const storage = this.#openOnce(settings);
    try {
      const { report, examination } = await this.#trials.report(storage, {
        ...options,
        id: row?.id,
        known: !plan.moved,
      });
      options.signal?.throwIfAborted();
      if (!report.ok || !plan.save) return { report, target: undefined };
      // from here on it is carried through, whoever goes
      const checked: Checked = {
        capabilities: examination ? JSON.stringify(examination) : null,
        place_id: await this.#trials.mark(storage, row?.id),
      };
      const id = row ? await this.#change(row, plan, checked) : await this.#add(plan, checked);
      return { report, target: await this.get(id, options.language) };
    } finally {
      storage.close();
    }
  }

  /** Looks again at what a store does, where that was long ago, or never; at most the mark of its place is written. */
  async lookAgain(id: string): Promise<void> {
    const { store, clock, log } = this.#options;
    if (this.#looking.has(id) || this.#stopping.signal.aborted) return;
    this.#looking.add(id);
    try {
      const row = await store.target(id);
      if (!row || row.problem !== null) return;
      const known = keptExamination(row.capabilities);
      if (known && clock.now() - Date.parse(known.examined_at) < EXAMINED_FOR_MS) return;
      const storage = await this.storage(id);
      if (!storage.examine) return;
      const placeId = row.place_id ?? (await storage.prepare?.()) ?? null;
      const found = await storage.examine({ depth: 'look', known, signal: this.#stopping.signal });
      await this.#keep(id, storage, { capabilities: JSON.stringify(found), place_id: placeId });
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      if (!isProblem(error)) log.error('examining a target met a defect', { target: id, error });
      else log.debug('a target could not be examined', { target: id, reason: describeError(error) });
    } finally {
      this.#looking.delete(id);
    }
  }

  /** Adds a target after a round trip there. @throws Problem `target_exists`, or what the round trip met. */
  async create(input: TargetInput, language: Language = 'en'): Promise<Target> {
    const settings = this.#complete(input.settings);
    await this.#refuseSecond(settings);
    const id = await this.#add({ name: input.name, settings }, await this.#check(settings));
    return this.get(id, language);
  }

  /**
   * Makes the place of a target ready that was added without being tried, as a person would have had it done. What goes
   * wrong is noted and thrown; the next look tries it again.
   */
  async makeReady(id: string): Promise<void> {
    const { store, clock } = this.#options;
    const row = await this.#row(id);
    if (row.unprepared === null) return;
    try {
      await store.updateTarget(id, { ...(await this.#check(this.#sealed.open(row), id)), unprepared: null });
    } catch (error) {
      await store.noteProblem(id, error, clock.now());
      this.#options.onChange();
      throw error;
    }
  }

  /** Changes a target. New settings are tried first; its place in Home Assistant (`unique_id`) stays. */
  async update(id: string, patch: TargetPatch, language: Language = 'en'): Promise<Target> {
    const row = await this.#row(id);
    if (patch.settings !== undefined) {
      const { settings, moved } = this.#merged(row, patch.settings);
      if (moved) await this.#refuseSecond(settings, id);
      await this.#change(row, { name: patch.name, settings, moved }, await this.#check(settings, id));
    } else if (patch.name !== undefined) {
      // a new name cuts no transfer
      await this.#options.store.updateTarget(id, { name: patch.name });
      this.#options.onChange();
      this.#options.onDeed('target_changed', id, patch.name);
    }
    return this.get(id, language);
  }

  /** Forgets a target; what is stored there stays. */
  async remove(id: string): Promise<void> {
    const { name } = await this.#row(id);
    await this.#options.store.deleteTarget(id);
    this.#close(id);
    this.#options.log.info('a target was removed', { target: id });
    this.#options.onChange();
    this.#options.onDeed('target_removed', id, name);
  }

  /** A change of settings, complete, and whether it names another place. */
  #merged(row: TargetRow, patch: object): Pick<PlannedCheck, 'settings' | 'moved'> {
    const merged = { ...this.#sealed.openForChange(row), ...patch, kind: row.kind };
    const settings = this.#complete(parseInput(TargetSettings, merged));
    const before = JSON.parse(row.settings) as TargetSettings;
    const { place } = targetType(settings.kind);
    return { settings, moved: place(settings) !== place(before) };
  }

  /** Keeps a new target whose settings were checked. Returns its id. */
  async #add({ name, settings }: Pick<PlannedCheck, 'name' | 'settings'>, checked: Checked): Promise<string> {
    await this.#refuseSecond(settings);
    const id = newId();
    const { kind } = settings;
    await this.#insert({
      id,
      unique_id: uniqueIdOf(settings),
      name: name ?? kind,
      kind,
      ...this.#sealed.separate(id, settings),
      created_at: this.#options.clock.now(),
      refreshed_at: null,
      problem: null,
      problem_since: null,
      unprepared: null,
      checked_at: null,
      ...checked,
    });
    this.#options.log.info('a target was added', { target: id, kind });
    this.#options.onChange();
    this.#options.onDeed('target_added', id, name ?? kind);
    return id;
  }

  /** Keeps changed settings that were checked. Returns the id of the target. */
  async #change(
    { id, place_id, name: before }: TargetRow,
    { name, settings, moved }: Pick<PlannedCheck, 'name' | 'settings' | 'moved'>,
    checked: Checked,
  ): Promise<string> {
    if (moved) await this.#refuseSecond(settings, id);
    await this.#options.store.updateTarget(id, {
      ...(name === undefined ? {} : { name }),
      ...this.#sealed.separate(id, settings),
      ...checked,
      problem: null,
      problem_since: null,
      unprepared: null,
      // a mark that could not be read just now is still that of the same place
      ...(!moved && checked.place_id === null ? { place_id } : {}),
      ...(moved ? { refreshed_at: null, checked_at: null } : {}),
    });
    this.#close(id);
    this.#options.onChange();
    this.#options.onDeed('target_changed', id, name ?? before);
    return id;
  }

  /** Two that add the same place at once: the database lets one of them in. */
  async #insert(row: TargetRow): Promise<void> {
    try {
      await this.#options.store.insertTarget(row);
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_CONSTRAINT_UNIQUE') throw error;
      throw new Problem('target_exists', { params: { name: row.name }, cause: error });
    }
  }

  #close(id: string): void {
    this.#open.get(id)?.close();
    this.#open.delete(id);
  }

  async #row(id: string): Promise<TargetRow> {
    const row = await this.#options.store.target(id);
    if (!row) throw new Problem('target_not_found');
    return row;
  }

  async #refuseSecond(settings: TargetSettings, except?: string): Promise<void> {
    const uniqueId = uniqueIdOf(settings);
    const others = (await this.#options.store.targets()).filter((row) => row.id !== except);
    for (const row of others) {
      const known = JSON.parse(row.settings) as TargetSettings;
      const taken =
        row.unique_id === uniqueId ||
        uniqueIdOf(known) === uniqueId ||
        (known.kind === settings.kind && (await targetType(settings.kind).same?.(known, settings)));
      if (taken) throw new Problem('target_exists', { params: { name: row.name } });
    }
  }

  #complete(settings: TargetSettings): TargetSettings {
    return targetType(settings.kind).complete(settings, this.#options.context);
  }

  async #check(settings: TargetSettings, except?: string): Promise<Checked> {
    const storage = this.#openOnce(settings);
    try {
      return await this.#trials.check(storage, except);
    } finally {
      storage.close();
    }
  }

  #openOnce(settings: TargetSettings): StorageTarget {
    return targetType(settings.kind).open(settings, this.#options.context);
  }

  /** Keeps what was found out, unless the target has changed meanwhile. */
  async #keep(id: string, storage: StorageTarget, found: Partial<Checked>): Promise<void> {
    if (this.#open.get(id) !== storage) return;
    await this.#options.store.updateTarget(id, found);
    this.#options.onChange();
  }

  /** On a share that hangs one question waits for its answer and not many: they would use up Node's threads. */
  async #sameDisk(id: string, settings: TargetSettings): Promise<boolean> {
    let asking = this.#askingDisk.get(id);
    if (!asking) {
      asking = targetType(settings.kind)
        .sameDisk(settings, this.#options.context)
        .finally(() => this.#askingDisk.delete(id));
      this.#askingDisk.set(id, asking);
    }
    // what is not known is not called safe
    return (await within(this.#options.clock, DISK_ANSWER_MS, asking)) ?? true;
  }

  async #present(row: TargetRow, stocks: ReadonlyMap<string, Stock>, language: Language): Promise<Target> {
    const examination = keptExamination(row.capabilities);
    const settings = JSON.parse(row.settings) as TargetSettings;
    const problem = keptProblem(row.problem);
    const stock = stocks.get(row.id);
    return {
      id: row.id,
      unique_id: row.unique_id,
      name: row.name,
      settings: shownSettings(row),
      created_at: timestamp(row.created_at),
      refreshed_at: moment(row.refreshed_at),
      problem: problem ? wordProblem(problem, language) : null,
      problem_since: problem ? moment(row.problem_since) : null,
      checked_at: moment(row.checked_at),
      same_disk: await this.#sameDisk(row.id, settings),
      capabilities: examination ? wordExamination(examination, language) : null,
      backups: stock?.backups ?? 0,
      bytes: stock?.bytes ?? 0,
      newest_backup: moment(stock?.newest ?? null),
    };
  }
}

function moment(ms: number | null): string | null {
  return ms === null ? null : timestamp(ms);
}
