import type { Difference, DifferenceRow } from '../../contract/index.ts';

/** So many rows that are the same are shown around what is not. */
const CONTEXT = 3;

/** More rows of a file help nobody, and fill a page. */
const MOST_ROWS = 3_000;

/** Texts whose lines differ more often are not compared to the last line: it takes the square of that, holds everything up, and shows nothing. */
const MOST_EDITS = 1_500;

/** A line that is longer is shown so far (signs). */
const LONGEST_LINE = 2_000;

/** The lines of a file as they are compared; undefined where there is no such file, null where it is no text. */
export type Comparable = readonly string[] | null | undefined;

/** Text as lines. */
export const linesOf = (text: string): string[] => {
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
};

type FileDifference = Difference['files'][number];

/** What is different in a file, side by side. */
export async function fileDifference(
  name: string,
  before: Comparable,
  after: Comparable,
): Promise<FileDifference> {
  const empty = { name, added: 0, removed: 0, parts: [], cut: false };
  if (before === null || after === null) return { ...empty, state: 'binary' };
  const rows = await rowsOf(before ?? [], after ?? []);
  const added = rows.filter((row) => row.new_number !== null && !isSame(row)).length;
  const removed = rows.filter((row) => row.old_number !== null && !isSame(row)).length;
  const state =
    before === undefined ? 'added' : after === undefined ? 'removed' : added + removed ? 'changed' : 'same';
  const shown = rows.slice(0, MOST_ROWS);
  return { name, state, added, removed, parts: partsOf(shown), cut: rows.length > shown.length };
}

const isSame = ({ old_text, new_text }: DifferenceRow): boolean => old_text !== null && old_text === new_text;

async function rowsOf(before: readonly string[], after: readonly string[]): Promise<DifferenceRow[]> {
  const { diffArrays } = await import('diff');
  const changes = diffArrays([...before], [...after], { maxEditLength: MOST_EDITS }) ?? [
    { removed: true, added: false, value: [...before], count: before.length },
    { removed: false, added: true, value: [...after], count: after.length },
  ];
  const rows: DifferenceRow[] = [];
  let old = 0;
  let fresh = 0;
  let gone: string[] = [];
  const flush = (come: readonly string[]) => {
    for (let index = 0; index < Math.max(gone.length, come.length); index += 1) {
      const [left, right] = [gone[index], come[index]];
      rows.push({
        old_number: left === undefined ? null : ++old,
        old_text: left === undefined ? null : left.slice(0, LONGEST_LINE),
        new_number: right === undefined ? null : ++fresh,
        new_text: right === undefined ? null : right.slice(0, LONGEST_LINE),
      });
    }
    gone = [];
  };
  for (const { added, removed, value } of changes) {
    if (removed) gone = value;
    else if (added) flush(value);
    else {
      flush([]);
      for (const line of value) {
        const text = line.slice(0, LONGEST_LINE);
        rows.push({ old_number: ++old, old_text: text, new_number: ++fresh, new_text: text });
      }
    }
  }
  flush([]);
  return rows;
}

/** Runs of rows around what is different; the rest is left out. */
function partsOf(rows: readonly DifferenceRow[]): DifferenceRow[][] {
  const parts: DifferenceRow[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  rows.forEach((row, index) => {
    if (isSame(row)) return;
    const from = Math.max(0, index - CONTEXT, last + 1);
    if (from > last + 1 || parts.length === 0) parts.push([]);
    const until = Math.min(rows.length - 1, index + CONTEXT);
    parts.at(-1)?.push(...rows.slice(from, until + 1));
    last = until;
  });
  return parts;
}
