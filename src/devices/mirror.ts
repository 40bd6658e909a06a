import type { Mirror, MirrorFile } from '../contract/index.ts';
import { safeName } from './artefacts/names.ts';
import { presentMirrorFile } from './present.ts';
import { planOf, shownSettings } from './settings.ts';
import type { DeviceStore, FileRow, StoredArtefact } from './store.ts';

const MEGABYTE = 1024 * 1024;

/** A file that is larger would make each of Home Assistant's backups slow; it goes off-site only (bytes). */
export const MIRRORED_FILE_BYTES = 5 * MEGABYTE;

/** All of them together are no more (bytes). */
export const MIRRORED_BYTES = 50 * MEGABYTE;

interface MirrorOptions {
  readonly store: DeviceStore;
  readonly instanceId: string;
}

/** The name of a file in the one folder that all devices share there. */
function pathOf(device: { id: string; name: string }, file: FileRow): string {
  return `${safeName(device.name).slice(0, 30)}_${device.id}_${safeName(file.stored_as)}`;
}

/** What belongs into the backups that Home Assistant makes of itself. */
export class MirrorPlan {
  readonly #options: MirrorOptions;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  /** The newest good configuration of each device, the small ones first where not all have room. */
  async read(): Promise<Mirror> {
    const { store, instanceId } = this.#options;
    const [rows, newest] = await Promise.all([store.devices(), store.newestOfAll()]);
    const byDevice = new Map(newest.map((artefact) => [artefact.device_id, artefact]));
    const files: MirrorFile[] = [];
    const left: string[] = [];
    let bytes = 0;
    const sizeOf = (artefact: StoredArtefact | undefined) =>
      artefact?.files.reduce((sum, { size }) => sum + size, 0) ?? 0;
    const kept = new Map<string, MirrorFile[]>();
    for (const row of rows.toSorted((a, b) => sizeOf(byDevice.get(a.id)) - sizeOf(byDevice.get(b.id)))) {
      const artefact = byDevice.get(row.id);
      if (!artefact) continue;
      const all = artefact.files.map((file) => presentMirrorFile(row.id, file, pathOf(row, file)));
      // a part of it would look whole to a core that takes it over
      if (all.some(({ size }) => size > MIRRORED_FILE_BYTES) || bytes + sizeOf(artefact) > MIRRORED_BYTES) {
        left.push(row.id);
        continue;
      }
      bytes += sizeOf(artefact);
      files.push(...all);
      kept.set(row.id, all);
    }
    const devices = rows.flatMap((row) => {
      const artefact = byDevice.get(row.id);
      if (!artefact) return [];
      // none where it is left out: what was mirrored of it before is not its newest any more
      const mirrored = kept.get(row.id) ?? [];
      return [
        {
          id: row.id,
          kind: row.kind,
          name: row.name,
          settings: shownSettings(row),
          plan: planOf(row),
          identity: JSON.parse(artefact.identity) as object,
          place: row.place,
          made_at: artefact.made_at,
          files: mirrored.map(({ number, size, sha256, path }, index) => ({
            ...{ number, size, sha256, path },
            name: artefact.files[index]?.name,
          })),
        },
      ];
    });
    return { instance_id: instanceId, files, devices, left_out: left };
  }
}
