import type { Artefact, ArtefactList, Difference, Language } from '../contract/index.ts';
import { Problem } from '../kernel/errors.ts';
import { type Comparable, fileDifference } from './artefacts/difference.ts';
import { ArtefactFolder } from './artefacts/folder.ts';
import { comparableLines } from './back-up.ts';
import { presentArtefact } from './present.ts';
import { handlerOf } from './registry.ts';
import type { DeviceRow, DeviceStore, FileRow, StoredArtefact } from './store.ts';

interface HistoryOptions {
  readonly store: DeviceStore;
  readonly dataDir: string;
  /** Has a device for itself: no backup and no restore uses its files meanwhile. @throws Problem `device_busy` */
  readonly alone: <Result>(id: string, work: () => Promise<Result>) => Promise<Result>;
  readonly onChange: () => void;
}

/** What was saved of devices. */
export class History {
  readonly #options: HistoryOptions;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  async list(deviceId: string, language: Language): Promise<ArtefactList> {
    const artefacts = await this.#options.store.artefacts(deviceId);
    return { artefacts: artefacts.map((artefact) => presentArtefact(artefact, language)) };
  }

  /** Keeps one for good, or no longer. */
  async pin(deviceId: string, id: string, pinned: boolean, language: Language): Promise<Artefact> {
    const { store } = this.#options;
    await store.artefact(deviceId, id);
    await store.updateArtefact(id, { pinned: pinned ? 1 : 0 });
    return presentArtefact(await store.artefact(deviceId, id), language);
  }

  /** Deletes one; never the newest good one. @throws Problem `device_busy` */
  async delete(deviceId: string, id: string): Promise<void> {
    await this.#options.alone(deviceId, () => this.#delete(deviceId, id));
    this.#options.onChange();
  }

  async #delete(deviceId: string, id: string): Promise<void> {
    const { store, dataDir } = this.#options;
    const artefact = await store.artefact(deviceId, id);
    if ((await store.newest(deviceId))?.id === artefact.id) {
      throw new Problem('invalid_request', { params: { detail: 'the newest one is kept' } });
    }
    await new ArtefactFolder(dataDir, deviceId).remove(await store.forget(deviceId, [id]));
  }

  /** A file of one. @throws Problem `artefact_not_found` or `artefact_file_lost` */
  async file(
    deviceId: string,
    id: string,
    number: number,
  ): Promise<{ row: FileRow; good: boolean; open: () => ReturnType<ArtefactFolder['open']> }> {
    const { store, dataDir } = this.#options;
    const artefact = await store.artefact(deviceId, id);
    const row = artefact.files.find((file) => file.number === number);
    if (!row) throw new Problem('artefact_not_found');
    const good = artefact.good === 1;
    return { row, good, open: () => new ArtefactFolder(dataDir, deviceId).open(row.stored_as, row, good) };
  }

  /** What is different in one, against another or against the one before it. */
  async difference(device: DeviceRow, id: string, from: string | undefined): Promise<Difference> {
    const { store, dataDir } = this.#options;
    const to = await store.artefact(device.id, id);
    const before =
      from === undefined
        ? (await store.artefacts(device.id)).find((other) => other.good === 1 && other.made_at < to.made_at)
        : await store.artefact(device.id, from);
    const handler = handlerOf(device.kind);
    const folder = new ArtefactFolder(dataDir, device.id);
    const lines = (artefact: StoredArtefact | undefined, name: string): Promise<Comparable> => {
      const row = artefact?.files.find((file) => file.name === name);
      if (!artefact || !row) return Promise.resolve(undefined);
      return comparableLines(handler, folder.file(row.stored_as, row, artefact.good === 1));
    };
    const names = new Set([...to.files, ...(before?.files ?? [])].map(({ name }) => name));
    const files: Difference['files'] = [];
    for (const name of names) {
      const [left, right] = [await lines(before, name), await lines(to, name)];
      files.push(await fileDifference(name, left, right));
    }
    return { from: before?.id ?? null, to: to.id, files };
  }
}
