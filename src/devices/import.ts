import type * as v from 'valibot';
import {
  type DeviceImport,
  type DeviceImportRequest,
  DeviceInput,
  type Language,
} from '../contract/index.ts';
import { eachAtOnce } from '../kernel/at-once.ts';
import { isProblem, Problem, toProblem } from '../kernel/errors.ts';
import { parseInput } from '../kernel/http/input.ts';
import { wordProblem } from '../kernel/texts.ts';
import type { Devices } from './devices.ts';
import type { SettingValue } from './fields.ts';
import { handlerOf } from './registry.ts';
import { completeSettings } from './settings.ts';

/** Columns that are no setting of a kind. */
const PLAN_COLUMNS = ['kind', 'name', 'schedule', 'hours'] as const;

/** More lines are two tables. */
const MOST_LINES = 500;

/** So many devices are tried at once. */
const AT_ONCE = 8;

type Row = DeviceImport['rows'][number];

/**
 * Reads a table as spreadsheets write it (RFC 4180), with commas, semicolons or tabs.
 * Returns its lines with the number of each; empty ones are left out.
 * @throws Problem `invalid_request` where a quotation mark is not closed: what follows would be one cell
 */
export function parseTable(text: string): { readonly line: number; readonly cells: readonly string[] }[] {
  const source = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const first = source.split('\n', 1)[0] ?? '';
  const separator = [';', '\t', ','].find((sign) => first.includes(sign)) ?? ',';
  const lines: { line: number; cells: string[] }[] = [];
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  // what stands in quotes is meant as it stands there
  let verbatim = false;
  let line = 1;
  let begun = 1;
  let quoteAt = 1;
  const endCell = () => {
    cells.push(verbatim ? cell : cell.trim());
    cell = '';
    verbatim = false;
  };
  const endLine = () => {
    endCell();
    if (cells.some((content) => content !== '')) lines.push({ line: begun, cells });
    cells = [];
    begun = line;
  };
  for (let at = 0; at < source.length; at += 1) {
    const sign = source[at] as string;
    if (sign === '\n') line += 1;
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (source[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else quoted = false;
    } else if (verbatim && sign.trim() === '' && sign !== separator && sign !== '\n') {
      // blanks behind the quotes
    } else if (sign === '"' && cell.trim() === '') {
      cell = '';
      quoted = true;
      verbatim = true;
      quoteAt = line;
    } else if (sign === separator) endCell();
    else if (sign === '\n') endLine();
    else cell += sign;
  }
  if (quoted) {
    const detail = `line ${quoteAt}: a quotation mark without its second`;
    throw new Problem('invalid_request', { params: { detail } });
  }
  endLine();
  return lines;
}

/** What is written in a cell as the value that the setting has. */
function settingOf(cell: string, type: string | undefined): SettingValue {
  if (type === 'number' && /^-?\d+$/.test(cell)) return Number(cell);
  if (type === 'switch') return /^(1|yes|true|on|ja|x)$/i.test(cell);
  return cell;
}

function inputOf(columns: readonly string[], cells: readonly string[]): DeviceInput {
  const entries = columns.flatMap((column, index): [string, string][] => {
    const cell = cells[index] ?? '';
    return column === '' || cell === '' ? [] : [[column, cell]];
  });
  const values = Object.fromEntries(entries);
  const { fields } = handlerOf((values.kind ?? '').toLowerCase());
  // a table has the columns of all kinds: what stands in one that this kind does not know is a mistake, and is told
  const settings = Object.fromEntries(
    entries
      .filter(([column]) => !PLAN_COLUMNS.some((known) => known === column))
      .map(([column, cell]) => [column, settingOf(cell, fields[column]?.type)]),
  );
  const plan = Object.fromEntries(
    entries.filter(([column]) => ['name', 'schedule', 'hours'].includes(column)),
  );
  return parseInput(DeviceInput, { kind: values.kind?.toLowerCase(), settings, ...plan });
}

/** Devices out of a table. */
export class DeviceImports {
  readonly #devices: Devices;

  constructor(devices: Devices) {
    this.#devices = devices;
  }

  /** Adds what can be added, and says of each line what came of it. @throws Problem `device_import_header` */
  async run(
    { csv, save }: v.InferOutput<typeof DeviceImportRequest>,
    language: Language,
    signal: AbortSignal,
  ): Promise<DeviceImport> {
    const [head, ...lines] = parseTable(csv);
    const columns = (head?.cells ?? []).map((cell) => cell.toLowerCase().replaceAll(/[\s-]+/g, '_'));
    if (!columns.includes('kind')) {
      throw new Problem('device_import_header', { params: { column: 'kind' } });
    }
    if (lines.length > MOST_LINES) {
      throw new Problem('invalid_request', { params: { detail: `${MOST_LINES} lines at most` } });
    }
    const rows: Row[] = [];
    const turns = new Map<string, Promise<void>>();
    await eachAtOnce(lines.entries(), AT_ONCE, async ([index, one]) => {
      signal.throwIfAborted();
      // of two lines for the same device the first one counts
      const named = ['kind', 'address'].map((column) => one.cells[columns.indexOf(column)]);
      const key = named.join(' ').toLowerCase();
      const before = turns.get(key);
      const turn = (async () => {
        await before;
        rows[index] = await this.#line(columns, one, save, language, signal);
      })();
      turns.set(key, turn);
      await turn;
    });
    return { rows };
  }

  async #line(
    columns: readonly string[],
    { line, cells }: { readonly line: number; readonly cells: readonly string[] },
    save: boolean,
    language: Language,
    signal: AbortSignal,
  ): Promise<Row> {
    const at = (column: string) => cells[columns.indexOf(column)] ?? '';
    const base = { line, kind: at('kind').toLowerCase(), name: at('name') || at('address') };
    try {
      const input = inputOf(columns, cells);
      if (!save) {
        completeSettings(handlerOf(input.kind), input.settings);
        return { ...base, outcome: 'valid', problem: null };
      }
      const { name } = await this.#devices.create(input, language, signal);
      return { ...base, name, outcome: 'added', problem: null };
    } catch (error) {
      signal.throwIfAborted();
      const outcome = isProblem(error, 'device_exists') ? 'known' : 'failed';
      return { ...base, outcome, problem: wordProblem(toProblem(error), language) };
    }
  }
}
