import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sealFiles } from '../kernel/age.ts';
import { aborted, type Clock } from '../kernel/clock.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Operations } from '../kernel/operations.ts';
import { ArtefactFolder } from './artefacts/folder.ts';
import { namesInside, safeName } from './artefacts/names.ts';
import type { CopyRow, DeviceRow, DeviceStore, StoredArtefact } from './store.ts';

/** A target. */
interface Place {
  readonly id: string;
  readonly name: string;
  /** Where it is: a target that was moved has nothing yet. */
  readonly where: string;
  readonly sameDisk: boolean;
}

/** Where sealed copies go, and for whom they are sealed. */
export interface OffSitePlaces {
  readonly places: () => Promise<readonly Place[]>;
  /** @throws Problem why it could not be kept there */
  readonly put: (
    place: string,
    key: string,
    file: { readonly path: string; readonly size: number },
    signal: AbortSignal,
  ) => Promise<void>;
  /** The recovery key's open half: `age1…`. */
  readonly recipient: () => Promise<string>;
}

interface OffSiteOptions extends OffSitePlaces {
  readonly store: DeviceStore;
  readonly operations: Operations;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly onChange: () => void;
}

/** A copy that is wanted and not there. */
interface Wanted {
  readonly row: DeviceRow;
  readonly artefact: StoredArtefact;
}

/** What belongs together has changed together after so long (milliseconds). */
const QUIET_MS = 5_000;

/** A place that did not take something is asked again after so long, at least (milliseconds). */
const AGAIN_MS = 60 * 60_000;

/** Where a sealed copy is prepared; nothing else lies there, and a crash leaves nothing that is not swept. */
const ROOM = 'sealing';

/** The name of a device's copy in a target: the same for each newer one, which takes its place. */
export function copyKey(row: Pick<DeviceRow, 'id' | 'name'>): string {
  return `devices/${safeName(row.name).slice(0, 40)}_${row.id}.tar.age`;
}

/** Keeps the newest configuration of every device in all targets on other disks, sealed with the recovery key. */
export class OffSite {
  readonly #options: OffSiteOptions;
  /** Before which moment a place is not asked again, on the clock that only grows. */
  readonly #patience = new Map<string, number>();
  /** Configurations that cannot be sealed because a file of theirs is gone; the next one of the device can. */
  readonly #lost = new Set<string>();
  #life: AbortController | undefined;
  #touched = true;
  #nap: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: OffSiteOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#life) return;
    this.#life = new AbortController();
    this.#touched = true;
    this.#loop = this.#follow(this.#life.signal);
  }

  async stop(): Promise<void> {
    this.#life?.abort(new Problem('shutting_down'));
    this.#life = undefined;
    await this.#loop;
  }

  /** Devices or places are others now. */
  touch(): void {
    this.#touched = true;
    this.#nap?.abort();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    await rm(this.#room, { recursive: true, force: true }).catch(() => undefined);
    while (!signal.aborted) {
      const nap = new AbortController();
      this.#nap = nap;
      const either = AbortSignal.any([signal, nap.signal]);
      if (!this.#touched) {
        // nobody is waited for where nothing is missing
        if (this.#patience.size === 0) await aborted(either);
        else await clock.sleep(AGAIN_MS, either).catch(() => undefined);
      }
      this.#nap = undefined;
      if ((await this.#options.store.count()) > 0) await clock.sleep(QUIET_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      this.#touched = false;
      try {
        await this.#pass(signal);
      } catch (error) {
        if (signal.aborted) return;
        log.warning('sealed copies of devices could not be made', { reason: describeError(error) });
      }
    }
  }

  get #room(): string {
    return join(this.#options.dataDir, 'devices', ROOM);
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { store, places, recipient, clock, onChange } = this.#options;
    const [rows, newest, copies] = await Promise.all([store.devices(), store.newestOfAll(), store.copies()]);
    if (newest.length === 0) return;
    const byDevice = new Map(newest.map((artefact) => [artefact.device_id, artefact]));
    const key = await recipient();
    const all = await places();
    const keys = all.map(keyOf);
    if (await store.forgetCopies(keys)) onChange();
    for (const gone of this.#patience.keys()) if (!keys.includes(gone)) this.#patience.delete(gone);
    for (const place of all) {
      if (place.sameDisk || (this.#patience.get(keyOf(place)) ?? 0) > clock.monotonic()) continue;
      const there = new Map(
        copies.filter(({ place_id }) => place_id === keyOf(place)).map((copy) => [copy.device_id, copy]),
      );
      const wanted = rows.flatMap((row): Wanted[] => {
        const artefact = byDevice.get(row.id);
        return artefact && !this.#lost.has(artefact.id) && !isCopyOf(there.get(row.id), artefact, key)
          ? [{ row, artefact }]
          : [];
      });
      if (wanted.length > 0) await this.#serve(place, wanted, key, signal);
    }
  }

  /** All that is missing in one place; it fails as one. */
  async #serve(
    place: Place,
    wanted: readonly Wanted[],
    recipient: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { operations, clock, log, onChange, random } = this.#options;
    const total = wanted.reduce((sum, { artefact }) => sum + sizeOf(artefact), 0);
    const subject = { target_id: place.id, name: place.name };
    const operation = await operations.begin({ kind: 'device_copies', subject, total });
    const either = AbortSignal.any([signal, operation.signal]);
    let done = 0;
    let lost: Problem | undefined;
    try {
      for (const one of wanted) {
        either.throwIfAborted();
        await this.#copy(place, one, recipient, either).catch((error: unknown) => {
          // what is damaged on our disk keeps nothing else from being safe
          if (!isProblem(error, 'artefact_file_lost')) throw error;
          this.#lost.add(one.artefact.id);
          lost ??= error;
        });
        done += sizeOf(one.artefact);
        operation.progress(done);
      }
      this.#patience.delete(keyOf(place));
      if (lost) await operation.fail(lost);
      else await operation.succeed();
    } catch (error) {
      this.#patience.set(keyOf(place), clock.monotonic() + AGAIN_MS * (1 + random() / 4));
      const reason = describeError(error);
      log.warning('a target did not take the sealed copies of devices', { target: place.id, reason });
      await operation.fail(error);
    } finally {
      if (done > 0) onChange();
    }
  }

  async #copy(
    place: Place,
    { row, artefact }: Wanted,
    recipient: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, dataDir, put, clock } = this.#options;
    const folder = new ArtefactFolder(dataDir, row.id);
    await mkdir(this.#room, { recursive: true, mode: 0o700 });
    const output = join(this.#room, newId());
    try {
      for (const file of artefact.files) await folder.prove(file.stored_as, file);
      const names = namesInside(artefact.files.map(({ name }) => name));
      const files = artefact.files.map((file, index) => ({
        path: folder.file(file.stored_as, file, true).path,
        name: names[index] as string,
      }));
      await sealFiles({ files, recipient, output }, signal);
      const { size } = await stat(output);
      await put(place.id, copyKey(row), { path: output, size }, signal);
      await store.noteCopy({
        device_id: row.id,
        place_id: keyOf(place),
        artefact_id: artefact.id,
        recipient,
        stored_at: clock.now(),
      });
    } finally {
      await rm(output, { force: true });
    }
  }
}

/** How copies are known by where they lie. */
const keyOf = ({ id, where }: Place): string => `${id} ${where}`;

const sizeOf = ({ files }: StoredArtefact): number => files.reduce((sum, { size }) => sum + size, 0);

const isCopyOf = (copy: CopyRow | undefined, artefact: StoredArtefact, recipient: string): boolean =>
  copy?.artefact_id === artefact.id && copy.recipient === recipient;
