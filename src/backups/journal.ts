import type { Operation } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Journal, Note } from '../kernel/journal.ts';
import { revive } from '../kernel/kept-problem.ts';
import type { BackupStore, CatalogueEntry } from './store.ts';

interface NotesOptions {
  readonly journal: Journal;
  readonly store: BackupStore;
  readonly bus: Bus<{ operation: Operation }>;
}

/** Writes into the journal what becomes of backups and of their places. */
export class Notes {
  readonly #options: NotesOptions;
  #unlisten: (() => void) | undefined;

  constructor(options: NotesOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unlisten ??= this.#options.bus.on('operation', (operation) => {
      if (operation.state !== 'running') void this.#ended(operation);
    });
  }

  stop(): void {
    this.#unlisten?.();
    this.#unlisten = undefined;
  }

  /** Something was done to a target. */
  target(code: 'target_added' | 'target_changed' | 'target_removed', id: string, name: string): void {
    void this.#options.journal.note({ code, target: id, params: { target: name } });
  }

  /** A backup is no more. */
  async deleted(target: string, { backup: { backup_id: backup, name } }: CatalogueEntry): Promise<void> {
    const params = { name, target: await this.#nameOf(target) };
    await this.#options.journal.note({ code: 'backup_deleted', target, backup, params });
  }

  async #ended(operation: Operation): Promise<void> {
    const { target_id: target = '', backup_id: backup = '', name = '' } = operation.subject;
    const about = { target, backup, params: { name, target: await this.#nameOf(target) } };
    if (operation.kind === 'download') {
      const note = read(operation, about);
      if (note) await this.#options.journal.note(note);
      return;
    }
    const stored = await this.#options.store.backup(target, backup).catch(() => undefined);
    const note = uploaded(operation, about, stored?.suspect ?? null);
    if (note) await this.#options.journal.note(note);
  }

  async #nameOf(target: string): Promise<string> {
    return (await this.#options.store.target(target).catch(() => undefined))?.name ?? '?';
  }
}

type About = Pick<Note, 'target' | 'backup'> & { readonly params: Record<string, string> };

function uploaded(
  { state, done, problem }: Operation,
  about: About,
  suspect: string | null,
): Note | undefined {
  if (state === 'succeeded') {
    const params = { ...about.params, size: { bytes: done } };
    if (suspect === null) return { ...about, code: 'backup_stored', params };
    return { ...about, code: 'backup_stored_odd', params, problem: `backup_suspect:${about.target}` };
  }
  if (state === 'cancelled') return { ...about, code: 'backup_cancelled' };
  // with its place it went, and that is written down
  if (!problem || problem.code === 'target_not_found') return undefined;
  const params = { ...about.params, problem: revive(problem) };
  return { ...about, code: 'backup_failed', params, problem: `upload_failed:${about.target}` };
}

function read({ state, problem }: Operation, about: About): Note | undefined {
  if (state === 'succeeded') return { ...about, code: 'backup_read' };
  if (state !== 'failed' || !problem) return undefined;
  return { ...about, code: 'backup_not_read', params: { ...about.params, problem: revive(problem) } };
}
