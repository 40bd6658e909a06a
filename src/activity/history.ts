import type { Happening, Language } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import { type Journal, wordEntry } from '../kernel/journal.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { State } from '../kernel/state.ts';

interface HistoryOptions {
  readonly journal: Journal;
  readonly bus: Bus<{ journal_changed: Record<never, never>; language_changed: Record<never, never> }>;
  readonly state: State;
  readonly log: Log;
  readonly language: () => Language;
}

/** So many entries lie in the document for programs of others; the journal has more. */
const ENTRIES = 100;

/** Keeps the document `history` as new as the journal; the returned function ends it. */
export function keepHistory({ journal, bus, state, log, language }: HistoryOptions): () => void {
  const document = state.document<{ readonly entries: Happening[] }>('history');
  let ended = false;
  const write = async () => {
    try {
      const entries = await journal.list({ limit: ENTRIES });
      if (!ended) document.set({ entries: entries.map((entry) => wordEntry(entry, language())) });
    } catch (error) {
      log.warning('the document of what happened could not be written', { reason: describeError(error) });
    }
  };
  const ends = [
    bus.on('journal_changed', () => void write()),
    bus.on('language_changed', () => void write()),
  ];
  void write();
  return () => {
    ended = true;
    for (const end of ends) end();
  };
}
