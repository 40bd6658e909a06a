import { readFileSync, writeFileSync } from 'node:fs';
import { DEEDS, type Deed } from './case.ts';
import type { Outcome } from './scene.ts';

const FILE = new URL('../../docs/faults.md', import.meta.url);

/** Writes the sections of the document instead of comparing them. */
const UPDATE = process.env.HOMESTASH_UPDATE_DOCS === '1';

/** What came of each deed under each fault. */
export type Rows = ReadonlyMap<string, ReadonlyMap<Deed, Outcome>>;

const NOT_MET = '–';

function cell(outcome: Outcome | undefined): string {
  if (!outcome) return NOT_MET;
  if (outcome.problem) return `[${outcome.problem.code}](#${outcome.problem.code})`;
  return outcome.again ? 'well, at another try' : 'well';
}

/** The rows as a table in Markdown. */
export function tableOf(rows: Rows): string {
  const lines = [...rows].map(
    ([name, outcomes]) => `| ${name} | ${DEEDS.map((deed) => cell(outcomes.get(deed))).join(' | ')} |`,
  );
  return [`| what goes wrong | ${DEEDS.join(' | ')} |`, `|${'---|'.repeat(DEEDS.length + 1)}`, ...lines].join(
    '\n',
  );
}

/** The whole document. */
export function documentText(): string {
  return readFileSync(FILE, 'utf8');
}

/** What a section of the document says. An update writes it first. */
export function documented(section: string, text: string): string {
  const place = new RegExp(`(?<=<!-- ${section} -->\n)[^]*?(?=\n<!-- end -->)`);
  if (UPDATE)
    writeFileSync(
      FILE,
      documentText().replace(place, () => text),
    );
  return place.exec(documentText())?.[0] ?? '';
}
