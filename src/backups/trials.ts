import { type Capabilities, type Language, PROBE_STEPS, type ProbeReport } from '../contract/index.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { wordProblem } from '../kernel/texts.ts';
import { wordExamination } from './capabilities.ts';
import { samePlace } from './same-place.ts';
import type { BackupStore, TargetRow } from './store.ts';
import { wentWell } from './targets/round-trip.ts';
import type { Examination, ExamineOptions, ProbeOutcome, StorageTarget } from './targets/target.ts';

interface TrialsOptions {
  readonly store: BackupStore;
  /** The open store of a target that is known. */
  readonly storageOf: (id: string) => Promise<StorageTarget>;
  /** Ends with the core. */
  readonly stopping: AbortSignal;
}

/** How a trial is followed, and ended when nobody wants it any more. */
export interface TrialOptions {
  readonly language?: Language | undefined;
  /** The target that is tried, where there is one already. */
  readonly id?: string | undefined;
  /** It is at the place of a target: should that be missing, nothing is made in its stead. */
  readonly known?: boolean;
  readonly onStep?: ((step: ProbeOutcome) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the check of new or changed settings found. */
export type Checked = Pick<TargetRow, 'capabilities' | 'place_id'>;

/** A fault of a target that a person is just entering is a fault of the input. */
const INPUT_STATUS = 422;

/** Tries stores: with a round trip, by looking for what is there, and by finding out what they do. */
export class Trials {
  readonly #options: TrialsOptions;

  constructor(options: TrialsOptions) {
    this.#options = options;
  }

  /** Tries a store and tells all that was seen. Whoever goes away ends the round trip, which cleans up first. */
  async report(
    storage: StorageTarget,
    { language = 'en', id, known = false, onStep, signal }: TrialOptions = {},
  ): Promise<{ report: ProbeReport; examination: Examination | undefined }> {
    const outcomes = (known && (await missing(storage, onStep))) || (await storage.probe(onStep, signal));
    signal?.throwIfAborted();
    const ok = wentWell(outcomes);
    const steps = outcomes.map((step) => ({
      ...step,
      problem: step.problem && wordProblem(step.problem, language),
    }));
    if (!ok) return { report: { ok, steps, found: [], capabilities: null }, examination: undefined };
    const places = await storage.find();
    const found = places.map((place) => ({ ...place, homes: place.homes.length }));
    // not by the signal of whoever waits: what it has begun in a bucket it also removes
    const options: ExamineOptions = { depth: 'measure', signal: this.#options.stopping };
    const examination = await storage.examine?.(options);
    let capabilities: Capabilities | null = null;
    if (examination) {
      const here = places.find(({ current }) => current)?.homes ?? [];
      const advice = (await this.#onlyOthers(here, id)) ? [{ code: 'other_homes' }] : [];
      capabilities = wordExamination(
        { ...examination, advice: [...advice, ...examination.advice] },
        language,
      );
    }
    return { report: { ok, steps, found, capabilities }, examination };
  }

  /** Tries settings, marks their place and finds out what the store does. @throws Problem what was met */
  async check(storage: StorageTarget, except?: string): Promise<Checked> {
    const failed = (await storage.probe()).find((step) => step.problem);
    if (failed?.problem) throw failed.problem.withStatus(INPUT_STATUS);
    const placeId = await this.mark(storage, except);
    const found = await storage.examine?.({ depth: 'try', signal: this.#options.stopping });
    return { capabilities: found ? JSON.stringify(found) : null, place_id: placeId };
  }

  /** Marks the place of a store that will be used. @throws Problem `target_exists` */
  async mark(storage: StorageTarget, except?: string): Promise<string | null> {
    const placeId = (await storage.prepare?.()) ?? null;
    await this.#refuseSamePlace(storage, placeId, except);
    return placeId;
  }

  /** The same place by another name of its server. A copy of a bucket has the same mark, and is another place. */
  async #refuseSamePlace(storage: StorageTarget, placeId: string | null, except?: string): Promise<void> {
    if (placeId === null) return;
    for (const row of await this.#options.store.targets()) {
      if (row.id === except || row.place_id !== placeId) continue;
      const known = await this.#options.storageOf(row.id).catch(() => undefined);
      if (known && (await samePlace(known, storage))) {
        throw new Problem('target_exists', { params: { name: row.name } });
      }
    }
  }

  /** Whether these are homes of others only; nobody knows before this core has a backup of its own home. */
  async #onlyOthers(homes: readonly string[], targetId?: string): Promise<boolean> {
    if (homes.length === 0) return false;
    const own = await this.#options.store.homes(targetId);
    return own.length > 0 && !homes.some((home) => own.includes(home));
  }
}

/** The outcomes where the place itself is not there; otherwise undefined. */
async function missing(
  storage: StorageTarget,
  onStep: TrialOptions['onStep'],
): Promise<ProbeOutcome[] | undefined> {
  try {
    // otherwise the folder of a disk that is not mounted would be made below its mount point
    await storage.recognise?.();
    return undefined;
  } catch (problem) {
    if (!isProblem(problem)) throw problem;
    const outcomes = PROBE_STEPS.map((step, at): ProbeOutcome => {
      const first = at === 0;
      return { step, outcome: first ? 'failed' : 'skipped', problem: first ? problem : null };
    });
    for (const outcome of outcomes) onStep?.(outcome);
    return outcomes;
  }
}
