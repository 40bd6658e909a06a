import { NOTICES } from '../contract/index.ts';
import type { Entry, Journal } from '../kernel/journal.ts';
import { type Finding, findingId } from './words.ts';

/** Writes into the journal which problems have begun and which are over, across restarts. */
export class Matters {
  readonly #journal: Journal;
  #turn: Promise<void> = Promise.resolve();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** What needs a person at this moment. */
  take(findings: readonly Finding[]): Promise<void> {
    this.#turn = this.#turn.then(() => this.#compare(findings));
    return this.#turn;
  }

  async #compare(findings: readonly Finding[]): Promise<void> {
    // an upload that failed just now is written down by whoever saw it, before it is a matter here
    await this.#journal.settled();
    const open = await this.#journal.openProblems();
    const known = new Set(open.map(({ problem }) => problem));
    const now = new Set<string>(findings.map(findingId));
    for (const finding of findings) {
      const { code, target, params = {} } = finding;
      if (NOTICES[code].severity === 'info' || known.has(findingId(finding))) continue;
      await this.#journal.note({
        code: 'problem',
        notice: code,
        params,
        target,
        problem: findingId(finding),
      });
    }
    for (const { problem, notice, params, target } of open) {
      if (problem === undefined || now.has(problem)) continue;
      const over = notice ?? noticeOf(problem);
      if (!over) continue;
      const said = notice ? params : asNotice(params);
      await this.#journal.note({ code: 'problem_over', notice: over, params: said, target, problem });
    }
  }
}

/** What a notice says of a backup that was written down: its place has the name there. */
function asNotice({ name = '?', target = '?', ...params }: Entry['params']): Entry['params'] {
  return { ...params, name: target, backup: name };
}

/** The notice of a matter, by the id that it has as one. */
function noticeOf(problem: string): keyof typeof NOTICES | undefined {
  const [code = ''] = problem.split(':');
  return code in NOTICES ? (code as keyof typeof NOTICES) : undefined;
}
