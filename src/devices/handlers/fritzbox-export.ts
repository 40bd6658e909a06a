import { crc32 } from 'node:zlib';
import { Problem } from '../../kernel/errors.ts';
import { isSecretName, MASK } from './json.ts';

/** A file within an export. */
interface Section {
  /** How its lines are written; undefined where that is not known here. */
  readonly form: 'CFG' | 'BIN' | 'B64' | undefined;
  /** Whether all of it is encrypted with the password of the export. */
  readonly encrypted: boolean;
  readonly name: string;
  readonly lines: readonly string[];
}

/** An export of the settings of a FRITZ!Box, as it is written (FRITZ!OS 5 to 8). */
interface Export {
  /** Names and values that stand before the files. */
  readonly header: readonly (readonly [string, string])[];
  readonly sections: readonly Section[];
  /** What it says of itself in its last line: eight hexadecimal digits. */
  readonly checksum: string;
  /** Whether all of it is understood, so that the checksum can be computed. */
  readonly understood: boolean;
}

const START = /^\*{4} .+ CONFIGURATION EXPORT\s*$/;
const FILE = /^\*{4} (CRYPTED)?(\w*?)FILE:(.+)$/;
const FILE_END = '**** END OF FILE ****';
const END = /^\*{4} END OF EXPORT ([0-9A-F]{8}) \*{4}$/i;
const VARIABLE = /^(\w+)=(.*)$/;

/** One byte a sign: what is checked are bytes, and old firmware writes no UTF-8. */
const BYTES = 'latin1';

/**
 * Reads an export.
 * @throws Problem `artefact_wrong` where it is none, `artefact_cut` where its end is missing
 */
export function readExport(file: string, bytes: Buffer): Export {
  const wrong = (reason: string) => new Problem('artefact_wrong', { params: { file, reason } });
  const lines = bytes.toString(BYTES).split(/\r?\n/);
  if (!START.test(lines[0] ?? '')) throw wrong('no configuration export of a FRITZ!Box');
  const header: [string, string][] = [];
  const sections: Section[] = [];
  let understood = true;
  let open: { form: Section['form']; encrypted: boolean; name: string; lines: string[] } | undefined;
  for (const [index, line] of lines.entries()) {
    if (index === 0) continue;
    if (open) {
      if (line === FILE_END) {
        sections.push(open);
        open = undefined;
      } else open.lines.push(line);
      continue;
    }
    const [, checksum] = END.exec(line) ?? [];
    if (checksum) {
      if (lines.slice(index + 1).some((rest) => rest.trim() !== '')) throw wrong('something after its end');
      return { header, sections, checksum: checksum.toUpperCase(), understood };
    }
    const [, encrypted, written = '', name] = FILE.exec(line) ?? [];
    const [, variable, value = ''] = VARIABLE.exec(line) ?? [];
    if (name !== undefined) {
      const form = written === 'CFG' || written === 'BIN' || written === 'B64' ? written : undefined;
      open = { form, encrypted: encrypted !== undefined, name, lines: [] };
      understood &&= form !== undefined;
    } else if (variable !== undefined) header.push([variable, value]);
    else if (line !== '') understood = false;
  }
  throw new Problem('artefact_cut', { params: { file } });
}

/**
 * The checksum of an export: CRC-32 over the variables (name and value without `=`, then NUL), the names of the files
 * (then NUL), and their bytes. A text is written with its backslashes doubled and one line feed before the mark of its end.
 * The rule is the one that fritzchecksum and PeterPawn's decoder found; it holds for real exports of a FRITZ!Box 7490.
 */
export function exportChecksum({ header, sections }: Pick<Export, 'header' | 'sections'>): string {
  let sum = 0;
  const add = (bytes: Buffer) => {
    sum = crc32(bytes, sum);
  };
  for (const [name, value] of header) add(Buffer.from(`${name}${value}\0`, BYTES));
  for (const section of sections) {
    add(Buffer.from(`${section.name}\0`, BYTES));
    add(contentOf(section));
  }
  return sum.toString(16).toUpperCase().padStart(8, '0');
}

function contentOf({ form, lines }: Section): Buffer {
  if (form === 'BIN') return Buffer.from(lines.join(''), 'hex');
  if (form === 'B64') return Buffer.concat(lines.map((line) => Buffer.from(line, 'base64')));
  return Buffer.from(lines.join('\n').replaceAll('\\\\', '\\'), BYTES);
}

/** @throws Problem `artefact_wrong`, `artefact_cut` where it is no whole and undamaged export */
export function checkExport(file: string, bytes: Buffer): void {
  const found = readExport(file, bytes);
  const wrong = (reason: string) => new Problem('artefact_wrong', { params: { file, reason } });
  if (!found.sections.some(({ form }) => form === 'CFG')) throw wrong('no file of settings in it');
  // a newer firmware may write what is not known here: then there is nothing to compare with
  const computed = found.understood ? exportChecksum(found) : found.checksum;
  if (computed !== found.checksum) throw wrong(`checksum ${computed} instead of ${found.checksum}`);
}

/** Encrypted anew with each export. */
const ENCRYPTED = /\$\$\$\$[A-Z0-9]+/g;

/** The comment in which the moment of the export stands: ` * Thu Jan  1 01:06:16 1970`. */
const MOMENT = /^ \* \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;

/** When the box last looked for an update, and the like: no setting. */
const MOMENT_SETTING = /^\s*\w+ = "\d{4}-\d\d-\d\d \d\d:\d\d:\d\d";$/;

/** `name = value;`, whose value may go on in the next lines. */
const SETTING = /^(\s*)([\w.]+)\s*=\s*(.*)$/;

/** Values that betray nothing. */
const PLAIN_VALUE = /^(""|yes|no|0);$/;

/** Secrets by the names that FRITZ!OS gives them, besides the usual ones. */
const SECRET = /(pskvalue|passw|secret|pin$|_[ar]tok$)/i;
const KEY = /key$/i;
const PUBLIC = /public/i;

/** Files that change without anybody changing a setting. */
const NOISE = new Set(['calllog']);

/** An export to be compared line by line; undefined where it is none. */
export function comparableExport(bytes: Buffer): string | undefined {
  let found: Export;
  try {
    found = readExport('', bytes);
  } catch {
    return undefined;
  }
  const header = found.header
    .filter(([name]) => name !== 'Password')
    .map(([name, value]) => `${name}=${value}`);
  const files = found.sections
    .filter(({ name }) => !NOISE.has(name))
    .flatMap((section) => ['', `[${section.name}]`, ...comparableFile(section)]);
  return [...header, ...files].join('\n');
}

function comparableFile(section: Section): string[] {
  if (section.encrypted) return [MASK];
  if (section.form !== 'CFG') {
    const content = contentOf(section);
    return content.length === 0
      ? []
      : [`${content.length} bytes, CRC-32 ${crc32(content).toString(16).padStart(8, '0')}`];
  }
  const shown: string[] = [];
  let hiding = false;
  for (const line of readable(contentOf(section)).split('\n')) {
    if (hiding) {
      hiding = !line.endsWith(';');
      continue;
    }
    if (MOMENT.test(line) || MOMENT_SETTING.test(line)) continue;
    const [, indent = '', name = '', value = ''] = SETTING.exec(line) ?? [];
    if (isSecret(name) && !PLAIN_VALUE.test(value)) {
      shown.push(`${indent}${name} = ${MASK};`);
      hiding = !value.endsWith(';');
    } else shown.push(line.replace(ENCRYPTED, MASK));
  }
  return shown;
}

const isSecret = (name: string): boolean =>
  isSecretName(name) || SECRET.test(name) || (KEY.test(name) && !PUBLIC.test(name));

/** UTF-8, or what old firmware writes instead. */
function readable(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') ? bytes.toString(BYTES) : text;
}
