import { readFileSync, writeFileSync } from 'node:fs';
import type { ProblemDocument } from '../../src/contract/index.ts';
import { DEEDS, type Deed } from './case.ts';

const FILE = new URL('../../docs/faults.md', import.meta.url);

/** Writes the sections of the document instead of comparing them. */
const UPDATE = process.env.HOMESTASH_UPDATE_DOCS === '1';

/** What a person was told of each deed that met the fault; undefined when all went well. */
export type Outcomes = ReadonlyMap<Deed, ProblemDocument | undefined>;

const NOT_MET = '–';

function cell(outcomes: Outcomes, deed: Deed): string {
  if (!outcomes.has(deed)) return NOT_MET;
  const problem = outcomes.get(deed);
  return problem ? `[${problem.code}](#${problem.code})` : 'well';
}

/** What came of each fault, as a table in Markdown. */
export function tableOf(rows: ReadonlyMap<string, Outcomes>): string {
  const lines = [...rows].map(
    ([name, outcomes]) => `| ${name} | ${DEEDS.map((deed) => cell(outcomes, deed)).join(' | ')} |`,
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
