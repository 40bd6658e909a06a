import type { Archive } from './stock.ts';

/** What may be stored of a backup: one of these archives, or nothing (null). */
type States = ReadonlySet<Archive | null>;

/** What a deed came to. `sure`: the client was told so. `perhaps`: nobody knows whether it was done. */
export type Effect =
  | { readonly kind: 'none' }
  | { readonly kind: 'sure' | 'perhaps'; readonly state: Archive | null };

interface Entry {
  states: Set<Archive | null>;
  /** Deeds that are under way. */
  busy: number;
  /** Some of them overlap: whose effect is the last one, nobody knows. */
  overlapping: boolean;
}

/** The books of whoever uses the core: what was promised of each backup. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();

  /** The ids of all backups that there ever were. */
  get ids(): readonly string[] {
    return [...this.#entries.keys()];
  }

  states(id: string): States {
    return this.#entries.get(id)?.states ?? new Set([null]);
  }

  /** It was promised, and nobody is changing it but whoever asks (`own` deeds). */
  isSure(id: string, own = 0): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && entry.busy <= own && !entry.overlapping && !entry.states.has(null);
  }

  /** Two deeds change it at once, or have a moment ago. */
  overlaps(id: string): boolean {
    return this.#entries.get(id)?.overlapping ?? false;
  }

  isBusy(id: string): boolean {
    return (this.#entries.get(id)?.busy ?? 0) > 0;
  }

  /** Whether some of it may be there. */
  mayBe(id: string): boolean {
    return [...this.states(id)].some((state) => state !== null);
  }

  /** Enters a deed that changes a backup; it returns what the backup may be, also by deeds that overlapped with it. */
  async change(id: string, deed: () => Promise<Effect>): Promise<void> {
    const entry = this.#entries.get(id) ?? { states: new Set([null]), busy: 0, overlapping: false };
    this.#entries.set(id, entry);
    entry.busy += 1;
    if (entry.busy > 1) entry.overlapping = true;
    try {
      const effect = await deed();
      if (effect.kind === 'none') return;
      if (effect.kind === 'sure' && !entry.overlapping) entry.states.clear();
      entry.states.add(effect.state);
    } finally {
      entry.busy -= 1;
      if (entry.busy === 0) entry.overlapping = false;
    }
  }
}
