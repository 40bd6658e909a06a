import { type Kysely, sql } from 'kysely';
import {
  HAPPENINGS,
  type Happening,
  type HappeningCode,
  type HappeningTopic,
  type Language,
  NOTICES,
  type NoticeCode,
  type Severity,
} from '../contract/index.ts';
import type { Bus } from './bus.ts';
import { type Clock, timestamp } from './clock.ts';
import type { Database, Migration, Tables } from './database.ts';
import { describeError, type Log } from './log.ts';
import { wordHappening, wordNotice } from './texts.ts';
import { keepValues, keptValues, speakAll, type Value } from './values.ts';

interface JournalTables {
  journal: {
    id: number;
    at: number;
    code: string;
    severity: Severity;
    /** How urgent it is to those who are told: the end of a problem goes to whoever heard of it. */
    urgency: Severity;
    /** What the words are those of, where it is a problem or its end. */
    notice: string | null;
    params: string;
    target_id: string | null;
    backup_id: string | null;
    problem_id: string | null;
  };
}

/** The table of what happened. */
export const journalMigration: Migration = {
  number: 9,
  sql: `
    CREATE TABLE journal (
      id INTEGER PRIMARY KEY, at INTEGER NOT NULL, code TEXT NOT NULL, severity TEXT NOT NULL,
      urgency TEXT NOT NULL, notice TEXT, params TEXT NOT NULL, target_id TEXT, backup_id TEXT, problem_id TEXT
    ) STRICT;
    CREATE INDEX journal_by_problem ON journal (problem_id, id) WHERE problem_id IS NOT NULL;`,
};

/** What happened. */
export interface Note {
  readonly code: HappeningCode;
  readonly params?: Readonly<Record<string, Value>>;
  readonly target?: string | undefined;
  readonly backup?: string | undefined;
  /** The matter that this belongs to, by the id of its notice. */
  readonly problem?: string | undefined;
  /** Of a problem and of its end: its notice. */
  readonly notice?: NoticeCode;
}

/** An entry before it is worded. */
export interface Entry {
  readonly id: number;
  readonly at: number;
  readonly code: HappeningCode;
  readonly about: HappeningTopic;
  readonly severity: Severity;
  readonly urgency: Severity;
  readonly notice: NoticeCode | undefined;
  readonly params: Readonly<Record<string, Value>>;
  readonly target: string | undefined;
  readonly backup: string | undefined;
  readonly problem: string | undefined;
}

/** Hears of an entry while it is written, in the same transaction: what it writes there is there if the entry is. */
type Clerk = (entry: Entry, tables: Tables) => Promise<void>;

interface JournalOptions {
  readonly database: Database;
  readonly bus: Bus<{ journal_changed: Record<never, never>; happened: Entry }>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Years of daily backups to several targets. By number and not by age: a clock that is wrong for a moment takes nothing. */
const KEPT_ENTRIES = 5_000;

function entryOf(row: JournalTables['journal']): Entry {
  // what an older version wrote and this one does not know any more
  const code = (row.code in HAPPENINGS ? row.code : 'problem') as HappeningCode;
  const known = row.notice !== null && row.notice in NOTICES ? (row.notice as NoticeCode) : undefined;
  return {
    id: row.id,
    at: row.at,
    code,
    about: known && row.target_id ? 'locations' : HAPPENINGS[code].about,
    severity: row.severity,
    urgency: row.urgency,
    notice: known,
    params: keptValues(row.params),
    target: row.target_id ?? undefined,
    backup: row.backup_id ?? undefined,
    problem: row.problem_id ?? undefined,
  };
}

/** An entry as people read it. */
export function wordEntry(entry: Entry, language: Language): Happening {
  const { id, at, code, about, severity, notice } = entry;
  const params = speakAll(entry.params, language);
  const matter = notice && wordNotice(notice, params, language);
  const words =
    matter && code === 'problem'
      ? matter
      : wordHappening(code, matter ? { ...params, title: matter.title } : params, language);
  return {
    ...{ id, at: timestamp(at), code, about, severity, ...words },
    target_id: entry.target ?? null,
    backup_id: entry.backup ?? null,
    problem_id: entry.problem ?? null,
  };
}

/** What happened, for weeks and over restarts. Features note it; pages, files and messages tell of it. */
export class Journal {
  readonly #options: JournalOptions;
  readonly #clerks = new Set<Clerk>();
  #writing: Promise<unknown> = Promise.resolve();

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** From now on it hears of each entry; the returned function ends it. */
  onNote(clerk: Clerk): () => void {
    this.#clerks.add(clerk);
    return () => this.#clerks.delete(clerk);
  }

  /** Writes down what happened, in the order in which it is told. A full disk costs the entry and not the work. */
  note(note: Note): Promise<void> {
    const noted = this.#writing.then(() => this.#write(note));
    this.#writing = noted;
    return noted;
  }

  /** Resolves when all that was noted until now is written. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  /** Entries, newest first; those before `before` where that is given. */
  async list({ before, limit }: { before?: number | undefined; limit: number }): Promise<Entry[]> {
    let query = this.#query().selectFrom('journal').selectAll();
    if (before !== undefined) query = query.where('id', '<', before);
    return (await query.orderBy('id', 'desc').limit(limit).execute()).map(entryOf);
  }

  /** The newest entry of each matter that is not over. */
  async openProblems(): Promise<Entry[]> {
    const rows = await this.#query()
      .selectFrom('journal')
      .selectAll()
      // beside a maximum, SQLite takes the other columns from the row that has it
      .select(({ fn }) => fn.max('id').as('newest'))
      .where('problem_id', 'is not', null)
      .groupBy('problem_id')
      .execute();
    return rows.filter(({ code }) => code !== 'problem_over').map(entryOf);
  }

  /** How often a matter was noted since it was last over, until this entry. */
  async timesOf(problem: string, tables: Tables, until: number): Promise<number> {
    const row = await tables<JournalTables>()
      .selectFrom('journal')
      .select(({ fn }) => fn.countAll<number>().as('times'))
      .where('problem_id', '=', problem)
      .where('code', '!=', 'problem_over')
      .where('id', '<=', until)
      .where('id', '>', ({ selectFrom }) =>
        selectFrom('journal')
          .select(sql<number>`coalesce(max(id), 0)`.as('last'))
          .where('problem_id', '=', problem)
          .where('code', '=', 'problem_over')
          .where('id', '<', until),
      )
      .executeTakeFirst();
    return row?.times ?? 0;
  }

  #query(): Kysely<JournalTables> {
    return this.#options.database.tables<JournalTables>();
  }

  async #write(note: Note): Promise<void> {
    const { database, bus, clock, log } = this.#options;
    try {
      const entry = await database.transaction((tables) => this.#insert(note, clock.now(), tables));
      bus.emit('journal_changed', {});
      bus.emit('happened', entry);
    } catch (error) {
      log.warning('what happened is missing in the journal', {
        code: note.code,
        reason: describeError(error),
      });
    }
  }

  async #insert(note: Note, now: number, tables: Tables): Promise<Entry> {
    const { code, params = {}, notice, target, backup, problem } = note;
    const severity = code === 'problem' && notice ? NOTICES[notice].severity : HAPPENINGS[code].severity;
    const row = await tables<JournalTables>()
      .insertInto('journal')
      .values({
        ...{ at: now, code, severity, urgency: notice ? NOTICES[notice].severity : severity },
        ...{ notice: notice ?? null, params: keepValues(params) },
        ...{ target_id: target ?? null, backup_id: backup ?? null, problem_id: problem ?? null },
      } as JournalTables['journal'])
      .returningAll()
      .executeTakeFirstOrThrow();
    const entry = entryOf(row);
    for (const clerk of this.#clerks) await clerk(entry, tables);
    await tables<JournalTables>()
      .deleteFrom('journal')
      .where('id', '<=', row.id - KEPT_ENTRIES)
      .execute();
    return entry;
  }
}
