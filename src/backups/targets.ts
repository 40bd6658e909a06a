import { createHash } from 'node:crypto';
import * as v from 'valibot';
import {
  type Capabilities,
  type Language,
  type ProbeReport,
  PublicTargetSettings,
  type Target,
  type TargetInput,
  type TargetPatch,
  TargetSettings,
} from '../contract/index.ts';
import { type Clock, timestamp, within } from '../kernel/clock.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { parseInput } from '../kernel/http/input.ts';
import { newId } from '../kernel/ids.ts';
import { describeError, type Log } from '../kernel/log.ts';
import { SealError, type Secrets } from '../kernel/secrets.ts';
import { wordProblem } from '../kernel/texts.ts';
import { keptExamination, wordExamination } from './capabilities.ts';
import { samePlace } from './same-place.ts';
import type { BackupStore, TargetRow } from './store.ts';
import { targetType } from './targets/registry.ts';
import { wentWell } from './targets/round-trip.ts';
import type { Examination, ExamineOptions, StorageTarget, TargetContext } from './targets/target.ts';

interface TargetsOptions {
  readonly store: BackupStore;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
  readonly context: TargetContext;
  /** The list of targets, or what is known of one, has changed. */
  readonly onChange: () => void;
}

/** The bytes of SHA-256 that tell places apart: 64 bits, as Home Assistant's ids stay readable. */
const UNIQUE_ID_BYTES = 8;

/** A target's address in Home Assistant: from where it is, never from when it was added. */
function uniqueIdOf(settings: TargetSettings): string {
  const place = targetType(settings.kind).place(settings);
  return createHash('sha256')
    .update(place)
    .digest('hex')
    .slice(0, UNIQUE_ID_BYTES * 2);
}

/** The settings without secrets; those that only another version knows are passed over. */
function shownSettings(row: TargetRow): PublicTargetSettings {
  return v.parse(PublicTargetSettings, JSON.parse(row.settings));
}

/** A fault of a target that a person is just entering is a fault of the input. */
const INPUT_STATUS = 422;

/** A disk answers at once; a share that does not hangs (milliseconds). */
const DISK_ANSWER_MS = 1_000;

/** What a store was found to do is looked at again after this time (milliseconds): rules and rights change seldom. */
const EXAMINED_FOR_MS = 7 * 24 * 60 * 60_000;

/** What the check of new or changed settings found. */
type Checked = Pick<TargetRow, 'capabilities' | 'place_id'>;

/** The targets: their settings, their secrets and their open connections. */
export class Targets {
  readonly #options: TargetsOptions;
  readonly #open = new Map<string, StorageTarget>();
  readonly #askingDisk = new Map<string, Promise<boolean>>();
  readonly #looking = new Set<string>();
  readonly #stopping = new AbortController();

  constructor(options: TargetsOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopping.abort(new Problem('shutting_down'));
    for (const storage of this.#open.values()) storage.close();
    this.#open.clear();
  }

  async list(language: Language = 'en'): Promise<Target[]> {
    const rows = await this.#options.store.targets();
    return Promise.all(rows.map((row) => this.#present(row, language)));
  }

  async get(id: string, language: Language = 'en'): Promise<Target> {
    return this.#present(await this.#row(id), language);
  }

  /** The open store of a target. @throws Problem `target_not_found` or `target_secret_lost` */
  async storage(id: string): Promise<StorageTarget> {
    const known = this.#open.get(id);
    if (known) return known;
    const row = await this.#row(id);
    const settings = this.#settings(row);
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
      return (await this.#report(storage, language)).report;
    } finally {
      storage.close();
    }
  }

  /** Tries a target as it is, and keeps what its store was found to do. */
  async probeSaved(id: string, language: Language = 'en'): Promise<ProbeReport> {
    const storage = await this.storage(id);
    // otherwise the folder of a disk that is not mounted would be made below its mount point
    await storage.recognise?.();
    const { report, examination } = await this.#report(storage, language, id);
    if (examination) await this.#keep(id, storage, { capabilities: JSON.stringify(examination) });
    return report;
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
    const uniqueId = uniqueIdOf(settings);
    await this.#refuseSecond(settings);
    const checked = await this.#check(settings);
    const id = newId();
    const row: TargetRow = {
      id,
      unique_id: uniqueId,
      name: input.name,
      kind: settings.kind,
      ...this.#separate(id, settings),
      created_at: this.#options.clock.now(),
      refreshed_at: null,
      problem: null,
      ...checked,
    };
    await this.#refuseSecond(settings);
    await this.#insert(row);
    this.#options.log.info('a target was added', { target: id, kind: settings.kind });
    this.#options.onChange();
    return this.#present(row, language);
  }

  /** Changes a target. New settings are tried first; its place in Home Assistant (`unique_id`) stays. */
  async update(id: string, patch: TargetPatch, language: Language = 'en'): Promise<Target> {
    const row = await this.#row(id);
    const change: Partial<TargetRow> = patch.name === undefined ? {} : { name: patch.name };
    if (patch.settings !== undefined) {
      const merged = { ...this.#settingsForChange(row), ...patch.settings, kind: row.kind };
      const settings = this.#complete(parseInput(TargetSettings, merged));
      const place = targetType(settings.kind).place(settings);
      const before = JSON.parse(row.settings) as TargetSettings;
      const moved = place !== targetType(settings.kind).place(before);
      if (moved) await this.#refuseSecond(settings, id);
      const checked = await this.#check(settings, id);
      Object.assign(
        change,
        this.#separate(id, settings),
        checked,
        { problem: null },
        // a mark that could not be read just now is still that of the same place
        !moved && checked.place_id === null ? { place_id: row.place_id } : {},
        moved ? { refreshed_at: null } : {},
      );
    }
    if (Object.keys(change).length > 0) {
      await this.#options.store.updateTarget(id, change);
      // a new name cuts no transfer
      if (patch.settings !== undefined) this.#close(id);
      this.#options.onChange();
    }
    return this.get(id, language);
  }

  /** Forgets a target; what is stored there stays. */
  async remove(id: string): Promise<void> {
    await this.#row(id);
    await this.#options.store.deleteTarget(id);
    this.#close(id);
    this.#options.log.info('a target was removed', { target: id });
    this.#options.onChange();
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

  #openOnce(settings: TargetSettings): StorageTarget {
    return targetType(settings.kind).open(settings, this.#options.context);
  }

  /** Tries settings, marks their place and finds out what the store does. */
  async #check(settings: TargetSettings, except?: string): Promise<Checked> {
    const storage = this.#openOnce(settings);
    try {
      const failed = (await storage.probe()).find((step) => step.problem);
      if (failed?.problem) throw failed.problem.withStatus(INPUT_STATUS);
      const placeId = (await storage.prepare?.()) ?? null;
      await this.#refuseSamePlace(storage, placeId, except);
      const found = await storage.examine?.({ depth: 'try', signal: this.#stopping.signal });
      return { capabilities: found ? JSON.stringify(found) : null, place_id: placeId };
    } finally {
      storage.close();
    }
  }

  /** The same place by another name of its server. A copy of a bucket has the same mark, and is another place. */
  async #refuseSamePlace(storage: StorageTarget, placeId: string | null, except?: string): Promise<void> {
    if (placeId === null) return;
    for (const row of await this.#options.store.targets()) {
      if (row.id === except || row.place_id !== placeId) continue;
      const known = await this.storage(row.id).catch(() => undefined);
      if (known && (await samePlace(known, storage))) {
        throw new Problem('target_exists', { params: { name: row.name } });
      }
    }
  }

  async #report(
    storage: StorageTarget,
    language: Language,
    id?: string,
  ): Promise<{ report: ProbeReport; examination: Examination | undefined }> {
    const outcomes = await storage.probe();
    const ok = wentWell(outcomes);
    const steps = outcomes.map((step) => ({
      ...step,
      problem: step.problem && wordProblem(step.problem, language),
    }));
    if (!ok) return { report: { ok, steps, found: [], capabilities: null }, examination: undefined };
    const places = await storage.find();
    const found = places.map((place) => ({ ...place, homes: place.homes.length }));
    const options: ExamineOptions = { depth: 'measure', signal: this.#stopping.signal };
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

  /** Whether these are homes of others only; nobody knows before this core has a backup of its own home. */
  async #onlyOthers(homes: readonly string[], targetId?: string): Promise<boolean> {
    if (homes.length === 0) return false;
    const own = await this.#options.store.homes(targetId);
    return own.length > 0 && !homes.some((home) => own.includes(home));
  }

  /** Keeps what was found out, unless the target has changed meanwhile. */
  async #keep(id: string, storage: StorageTarget, found: Partial<Checked>): Promise<void> {
    if (this.#open.get(id) !== storage) return;
    await this.#options.store.updateTarget(id, found);
    this.#options.onChange();
  }

  /** Splits settings into what may be shown and what is sealed. */
  #separate(id: string, settings: TargetSettings): Pick<TargetRow, 'settings' | 'secrets'> {
    const names = targetType(settings.kind).secrets;
    const secret = Object.entries(settings).filter(([name]) => names.includes(name));
    for (const [, value] of secret) this.#options.log.redact(String(value));
    return {
      settings: JSON.stringify(
        Object.fromEntries(Object.entries(settings).filter(([name]) => !names.includes(name))),
      ),
      secrets: this.#options.secrets.seal(JSON.stringify(Object.fromEntries(secret)), `target ${id}`),
    };
  }

  #settings(row: TargetRow): TargetSettings {
    try {
      const secret = JSON.parse(this.#options.secrets.unseal(row.secrets, `target ${row.id}`)) as Record<
        string,
        unknown
      >;
      for (const value of Object.values(secret)) this.#options.log.redact(String(value));
      return v.parse(TargetSettings, { ...shownSettings(row), ...secret });
    } catch (error) {
      if (error instanceof SealError) throw new Problem('target_secret_lost', { cause: error });
      throw error;
    }
  }

  /** With a lost key file the visible settings stay, and the secret must be entered again. */
  #settingsForChange(row: TargetRow): object {
    try {
      return this.#settings(row);
    } catch (error) {
      if (isProblem(error, 'target_secret_lost')) return shownSettings(row);
      throw error;
    }
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

  async #present(row: TargetRow, language: Language): Promise<Target> {
    const examination = keptExamination(row.capabilities);
    const settings = JSON.parse(row.settings) as TargetSettings;
    return {
      id: row.id,
      unique_id: row.unique_id,
      name: row.name,
      settings: shownSettings(row),
      created_at: timestamp(row.created_at),
      refreshed_at: row.refreshed_at === null ? null : timestamp(row.refreshed_at),
      problem: this.#options.store.problemOf(row),
      same_disk: await this.#sameDisk(row.id, settings),
      capabilities: examination ? wordExamination(examination, language) : null,
      ...(await this.#options.store.usage(row.id)),
    };
  }
}
