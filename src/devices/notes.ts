import { timestamp } from '../kernel/clock.ts';
import type { Problem } from '../kernel/errors.ts';
import type { Journal } from '../kernel/journal.ts';
import type { BackedUp } from './back-up.ts';
import { keptIdentity } from './settings.ts';
import type { DeviceRow, StoredArtefact } from './store.ts';

/** Writes into the journal what becomes of devices. */
export class Notes {
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  deed(code: 'device_added' | 'device_removed', device: string): void {
    void this.#journal.note({ code, params: { device } });
  }

  /** What is the same as ever is not worth a line. */
  backedUp(row: DeviceRow, { outcome, identity, bytes, added, removed }: BackedUp): void {
    const device = row.name;
    if (outcome === 'first') {
      void this.#journal.note({ code: 'device_backed_up', params: { device, size: { bytes } } });
    }
    if (outcome === 'changed') {
      const lines = { added: String(added), removed: String(removed) };
      void this.#journal.note({ code: 'device_changed', params: { device, ...lines } });
    }
    const { firmware: before } = keptIdentity(row.identity);
    const { firmware: version } = identity;
    if (before !== null && version !== null && before !== version) {
      void this.#journal.note({ code: 'device_updated', params: { device, before, version } });
    }
  }

  /** The first failure of its kind in a row; those after it say nothing new. */
  failed(row: DeviceRow, problem: Problem, before: Problem | undefined): void {
    if (before?.code === problem.code) return;
    void this.#journal.note({ code: 'device_not_backed_up', params: { device: row.name, problem } });
  }

  restored(row: DeviceRow, artefact: StoredArtefact, problem: Problem | undefined): void {
    const params = { device: row.name };
    if (problem) void this.#journal.note({ code: 'device_not_restored', params: { ...params, problem } });
    else {
      const date = timestamp(artefact.made_at);
      void this.#journal.note({ code: 'device_restored', params: { ...params, date } });
    }
  }

  adopted(count: number): void {
    void this.#journal.note({ code: 'devices_adopted', params: { count: String(count) } });
  }
}
