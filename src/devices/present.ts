import type { Artefact, Device, Language, MirrorFile } from '../contract/index.ts';
import { timestamp } from '../kernel/clock.ts';
import { keptProblem } from '../kernel/kept-problem.ts';
import { wordProblem } from '../kernel/texts.ts';
import { needsPerson } from './failing.ts';
import { kindName } from './kinds.ts';
import { DEVICE_HANDLERS } from './registry.ts';
import { keptIdentity, planOf, type SealedDevices, shownSettings } from './settings.ts';
import type { DeviceRow, DeviceStock, FileRow, StoredArtefact } from './store.ts';

const moment = (ms: number | null): string | null => (ms === null ? null : timestamp(ms));

/** A device as the API shows it. */
export function presentDevice(
  row: DeviceRow,
  stock: DeviceStock | undefined,
  { sealed, language, now }: { sealed: SealedDevices; language: Language; now: number },
): Device {
  const problem = keptProblem(row.problem);
  return {
    id: row.id,
    kind: row.kind,
    kind_name: kindName(row.kind, language),
    name: row.name,
    settings: shownSettings(row),
    secrets: sealed.known(row),
    ...planOf(row),
    identity: keptIdentity(row.identity),
    created_at: timestamp(row.created_at),
    tried_at: moment(row.tried_at),
    backed_up_at: moment(row.backed_up_at),
    changed_at: moment(row.changed_at),
    next_at: moment(row.due_at),
    problem: problem ? wordProblem(problem, language) : null,
    failures: row.failures,
    given_up: row.given_up === 1,
    needs_person: needsPerson(row, now),
    artefacts: stock?.artefacts ?? 0,
    bytes: stock?.bytes ?? 0,
    kept_bytes: stock?.keptBytes ?? 0,
    copies: stock?.copies ?? 0,
    restorable: DEVICE_HANDLERS.some(({ kind, restore }) => kind === row.kind && restore !== undefined),
  };
}

/** A saved configuration as the API shows it. */
export function presentArtefact(artefact: StoredArtefact, language: Language): Artefact {
  const problem = keptProblem(artefact.problem);
  return {
    id: artefact.id,
    made_at: timestamp(artefact.made_at),
    seen_at: timestamp(artefact.seen_at),
    good: artefact.good === 1,
    problem: problem ? wordProblem(problem, language) : null,
    pinned: artefact.pinned === 1,
    bytes: artefact.files.reduce((sum, { size }) => sum + size, 0),
    identity: keptIdentity(artefact.identity),
    files: artefact.files.map(({ number, name, stored_as, size, sha256 }) => ({
      ...{ number, name, stored_as, size, sha256 },
    })),
    added: artefact.added,
    removed: artefact.removed,
  };
}

/** A file of the mirror. */
export function presentMirrorFile(deviceId: string, file: FileRow, path: string): MirrorFile {
  const { artefact_id, number, size, sha256 } = file;
  return { device_id: deviceId, artefact_id, number, path, size, sha256 };
}
