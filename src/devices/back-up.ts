import type { DeviceIdentity } from '../contract/index.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { keepProblem } from '../kernel/kept-problem.ts';
import { checkFiles } from './artefacts/check.ts';
import { type Comparable, fileDifference, linesOf } from './artefacts/difference.ts';
import { ArtefactFolder, type Incoming, type Placed, type ReceivedFile } from './artefacts/folder.ts';
import { storedNames } from './artefacts/names.ts';
import type { DeviceHandler, SavedFile } from './handler.ts';
import { FirstUse, limited, type SessionOptions, sessionWith } from './session.ts';
import { fullIdentity, keptIdentity, type Settings } from './settings.ts';
import type { ArtefactRow, DeviceRow, DeviceStore, FileRow, StoredArtefact } from './store.ts';

/** No file is larger unless its kind says so (bytes). */
const MOST_BYTES = 64 * 1024 * 1024;

/** No device has more files. */
const MOST_FILES = 2_000;

/** A file that is larger is not compared line by line (bytes). */
const COMPARED_BYTES = 4 * 1024 * 1024;

/** What came of a backup. */
export interface BackedUp {
  readonly identity: DeviceIdentity;
  /** `first`: there was none before. `same`: the one that is kept already. */
  readonly outcome: 'first' | 'changed' | 'same';
  readonly bytes: number;
  readonly added: number;
  readonly removed: number;
}

interface BackUpOptions extends SessionOptions {
  readonly store: DeviceStore;
  readonly dataDir: string;
}

interface OneBackUp {
  readonly row: DeviceRow;
  readonly handler: DeviceHandler;
  readonly settings: Settings;
  readonly signal: AbortSignal;
  /** What a backup that went well makes of the device, besides what was found. */
  readonly fine: () => Partial<DeviceRow>;
  /** Bytes that have arrived. */
  readonly onBytes: (bytes: number) => void;
}

/** Where a device is, as it stands in sentences. */
export const hostOf = (row: Pick<DeviceRow, 'place' | 'name'>): string =>
  row.place === '' ? row.name : row.place;

/**
 * Fetches, checks and keeps the configuration of a device. What does not pass the check is kept apart.
 * @throws Problem why nothing good was kept
 */
export async function backUp(options: BackUpOptions, one: OneBackUp): Promise<BackedUp> {
  const folder = new ArtefactFolder(options.dataDir, one.row.id);
  const incoming = await folder.receive();
  try {
    const host = hostOf(one.row);
    const trust = new FirstUse(one.row.trust ?? undefined);
    const limits = { clock: options.clock, signal: one.signal, host };
    // what takes long is given up; what is kept after that, is kept to its end
    const { identity, wrong } = await limited(limits, async (signal) => {
      const context = sessionWith(options, {
        settings: one.settings,
        trust,
        signal,
        workDir: () => incoming.workDir(),
      });
      const { handler } = one;
      const found = fullIdentity(await (handler.identify ?? handler.test)(context));
      refuseOther(one.row, found);
      await receive(one, incoming, context, signal);
      signal.throwIfAborted();
      return {
        // one that does not say its number this time is still known by it
        identity: { ...found, id: found.id ?? keptIdentity(one.row.identity).id },
        wrong: await problemOf(checkFiles(handler, incoming.files, { settings: one.settings, host })),
      };
    });
    one.signal.throwIfAborted();
    if (wrong) {
      await keepApart(options, one, folder, incoming.files, { error: wrong, identity });
      throw wrong;
    }
    const change = { identity: JSON.stringify(identity), trust: trust.met ?? null };
    return await keepGood(options, one, folder, incoming.files, { identity, change });
  } finally {
    await incoming.discard();
  }
}

/** The problem that something ends with; undefined where it goes well. */
const problemOf = (work: Promise<void>): Promise<Problem | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => {
      if (isProblem(error)) return error;
      throw error;
    },
  );

/** @throws Problem `device_replaced` where another device answers than the one that is known */
export function refuseOther(row: Pick<DeviceRow, 'identity'>, found: DeviceIdentity): void {
  const known = keptIdentity(row.identity);
  if (known.id === null || found.id === null || known.id === found.id) return;
  throw new Problem('device_replaced', { params: { expected: known.id, found: found.id } });
}

async function receive(
  { handler, onBytes }: OneBackUp,
  incoming: Incoming,
  context: Parameters<DeviceHandler['fetch']>[0],
  signal: AbortSignal,
): Promise<void> {
  let before = 0;
  for await (const { name, content } of handler.fetch(context)) {
    if (incoming.files.length >= MOST_FILES) {
      throw new Problem('artefact_too_large', { params: { file: name, limit: `${MOST_FILES} files` } });
    }
    await incoming.take(name, content, {
      limit: handler.maxBytes ?? MOST_BYTES,
      onBytes: (size) => {
        signal.throwIfAborted();
        onBytes(before + size);
      },
    });
    before += incoming.files.at(-1)?.size ?? 0;
  }
}

const bytesOf = (files: readonly { readonly size: number }[]): number =>
  files.reduce((sum, { size }) => sum + size, 0);

function sameFiles(artefact: StoredArtefact, files: readonly ReceivedFile[]): boolean {
  const key = (file: { name: string; sha256: string }) => `${file.name} ${file.sha256}`;
  const before = new Set(artefact.files.map(key));
  return before.size === files.length && files.every((file) => before.has(key(file)));
}

async function keepGood(
  { store, clock }: BackUpOptions,
  { row, handler, fine: onFine }: OneBackUp,
  folder: ArtefactFolder,
  files: readonly ReceivedFile[],
  { identity, change }: { identity: DeviceIdentity; change: Partial<DeviceRow> },
): Promise<BackedUp> {
  const now = clock.now();
  const bytes = bytesOf(files);
  const newest = await store.newest(row.id);
  const fine = { ...change, ...onFine(), tried_at: now, backed_up_at: now };
  if (newest && sameFiles(newest, files)) {
    await folder.mend(storedPlaces(newest, files), true);
    await store.seen(newest, Math.max(now, newest.made_at), fine);
    return { identity, outcome: 'same', bytes, added: 0, removed: 0 };
  }
  const lines = newest ? await changedLines(handler, folder, newest, files) : undefined;
  const changed = newest !== undefined && (lines === undefined || lines.added + lines.removed > 0);
  // a clock that was set back must not put what is new behind what is old
  const madeAt = Math.max(now, (newest?.made_at ?? 0) + 1);
  const artefact = artefactRow(row.id, { madeAt, identity, good: 1, problem: null });
  const kept = { ...artefact, added: lines?.added ?? null, removed: lines?.removed ?? null };
  const more = { ...fine, ...(changed && { changed_at: now }) };
  await keepFiles(store, folder, { handler, artefact: kept, files }, more);
  return {
    identity,
    outcome: !newest ? 'first' : changed ? 'changed' : 'same',
    bytes,
    added: lines?.added ?? 0,
    removed: lines?.removed ?? 0,
  };
}

/** What did not pass the check is there to be looked at, and stands for nothing. */
async function keepApart(
  { store, clock }: BackUpOptions,
  { row, handler }: OneBackUp,
  folder: ArtefactFolder,
  files: readonly ReceivedFile[],
  { error, identity }: { error: Problem; identity: DeviceIdentity },
): Promise<void> {
  const kept = files.filter(({ size }) => size > 0);
  if (kept.length === 0) return;
  const artefact = artefactRow(row.id, {
    ...{ madeAt: clock.now(), identity, good: 0, problem: keepProblem(error) },
  });
  await keepFiles(store, folder, { handler, artefact, files: kept }, {});
}

/** A saved configuration that nothing is compared with and nobody has pinned yet. */
export function artefactRow(
  deviceId: string,
  made: { madeAt: number; identity: DeviceIdentity; good: 0 | 1; problem: string | null },
): ArtefactRow {
  return {
    id: newId(),
    device_id: deviceId,
    made_at: made.madeAt,
    seen_at: made.madeAt,
    good: made.good,
    problem: made.problem,
    pinned: 0,
    identity: JSON.stringify(made.identity),
    added: null,
    removed: null,
  };
}

/** Where the files of a saved configuration lie that were received once more. */
const storedPlaces = ({ files }: StoredArtefact, received: readonly ReceivedFile[]): Placed[] =>
  received.flatMap((file) => {
    const known = files.find(({ name, sha256 }) => name === file.name && sha256 === file.sha256);
    return known ? [{ file, storedAs: known.stored_as }] : [];
  });

interface Keep {
  readonly handler: DeviceHandler;
  readonly artefact: ArtefactRow;
  readonly files: readonly ReceivedFile[];
}

/** Gives the files their names and keeps the configuration: all of it or nothing. What is there already is not stored twice. */
export async function keepFiles(
  store: DeviceStore,
  folder: ArtefactFolder,
  { handler, artefact, files }: Keep,
  change: Partial<DeviceRow>,
): Promise<void> {
  const good = artefact.good === 1;
  const names = storedNames(
    files.map(({ name }) => name),
    { moment: artefact.made_at, extension: handler.extension, taken: await folder.names(good) },
  );
  const fresh: Placed[] = [];
  const there: Placed[] = [];
  const rows: FileRow[] = [];
  for (const [index, file] of files.entries()) {
    const known = await store.stored(artefact.device_id, file.sha256, artefact.good);
    const twin = fresh.find((other) => other.file.sha256 === file.sha256);
    const storedAs = known?.stored_as ?? twin?.storedAs ?? (names[index] as string);
    if (known) there.push({ file, storedAs });
    else if (!twin) fresh.push({ file, storedAs });
    const { name, size, sha256 } = file;
    rows.push({ artefact_id: artefact.id, number: index + 1, name, stored_as: storedAs, size, sha256 });
  }
  await folder.mend(there, good);
  await folder.place(fresh, good);
  try {
    await store.keep(artefact, rows, change);
  } catch (error) {
    await folder.takeBack(fresh, good);
    throw error;
  }
}

/** A file as lines to be compared. */
export async function comparableLines(handler: DeviceHandler, file: SavedFile): Promise<Comparable> {
  if (file.size > COMPARED_BYTES) return null;
  const text = await handler.normalise(file.name, await file.bytes());
  return text === undefined ? null : linesOf(text);
}

/** How many lines are different from the newest that is kept; undefined where that cannot be said. */
async function changedLines(
  handler: DeviceHandler,
  folder: ArtefactFolder,
  before: StoredArtefact,
  files: readonly ReceivedFile[],
): Promise<{ added: number; removed: number } | undefined> {
  let [added, removed, compared] = [0, 0, 0];
  const names = new Set([...before.files, ...files].map(({ name }) => name));
  for (const name of names) {
    const old = before.files.find((file) => file.name === name);
    const fresh = files.find((file) => file.name === name);
    const [left, right] = [
      old && (await comparableLines(handler, folder.file(old.stored_as, old, true)).catch(() => null)),
      fresh && (await comparableLines(handler, fresh)),
    ];
    if (left === null || right === null) {
      // what is different and cannot be shown must not look like nothing
      if (old?.sha256 !== fresh?.sha256) return undefined;
      continue;
    }
    const difference = await fileDifference(name, left, right);
    compared += 1;
    added += difference.added;
    removed += difference.removed;
  }
  return compared === 0 ? undefined : { added, removed };
}
