import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { checkZip, withZipFile, type ZipEntry, zipEntries, zipInMemory } from '../artefacts/zip.ts';
import type { SavedFile } from '../handler.ts';
import { checkGzip, comparableEntries, isGzip, isTar, tarEntries } from './archive.ts';
import { comparable, MASK, withoutUsers } from './json.ts';

/** Words in the names of settings that hold secrets. */
const SECRET_WORD =
  '(?:password|passwd|passphrase|passwort|kennwort|requirepass|secret|token|credential|psk|(?<![a-z])(?:pass|pwd|pw)(?![a-z])|(?:api|private|secret|preshared|pre-shared|shared|access|auth|encryption|priv|wep|wpa)[_-]?key)';

/** What is no secret, whatever its name says. */
const PLAIN_VALUE = '(?:yes|no|true|false|none|null|on|off|enabled?|disabled?)';

/** `name = value`, `name: value`, `option name 'value'`, `set a b name value`: the value goes to the end of the line. */
const ASSIGNMENT = new RegExp(
  `^(\\s*(?:[-+*;#]\\s*|option\\s+|export\\s+|set\\s+(?:\\S{1,100}\\s+){0,12}?)?["']?[\\w.-]*${SECRET_WORD}[\\w.-]*["']?(?:\\s*[=:]\\s*|\\s+))(?!["']?${PLAIN_VALUE}["',;]{0,3}\\s*$)\\S.*$`,
  'i',
);

/** `<name>value</name>`, also over several lines. */
const ELEMENT = new RegExp(
  `(<([\\w:.-]*${SECRET_WORD}[\\w:.-]*)(?:\\s[^<>]*)?>)(?!\\s*</)[^<]*(?:<!\\[CDATA\\[[^<]*\\]\\]>[^<]*)?(</\\2>)`,
  'gi',
);

const PEM_KEY =
  /(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)(?:(?!-----)[\s\S]){0,20000}(-----END [A-Z ]{0,30}PRIVATE KEY-----)/g;

/** A crypted password as in `/etc/shadow` (crypt(5)). */
const CRYPTED = /\$(?:1|2[abxy]?|5|6|7|y|gy)\$[./A-Za-z0-9$=,]{16,}/g;

/** A line that is longer is not read by anybody: its checksum says whether it changed (signs). */
const LONGEST_LINE = 4_000;

function maskLine(line: string): string {
  if (line.length > LONGEST_LINE) {
    return `(${line.length} signs, ${createHash('sha256').update(line).digest('hex').slice(0, 16)})`;
  }
  return withoutUsers(line.replace(ASSIGNMENT, `$1${MASK}`).replace(CRYPTED, MASK));
}

/** Any text, with what looks like a secret masked. It is never perfect, for nobody says which values are secret. */
export function maskSecrets(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(PEM_KEY, `$1${MASK}$2`)
    .replace(ELEMENT, `$1${MASK}$3`)
    .split('\n')
    .map(maskLine)
    .join('\n');
}

/** Bytes as text; undefined where they are none. */
export function textOf(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether bytes begin as zip does; `PK\5\6` is one without files (APPNOTE.TXT, sections 4.3.7 and 4.3.16). */
const isZip = (head: Buffer): boolean =>
  ['PK\u0003\u0004', 'PK\u0005\u0006'].includes(head.subarray(0, 4).toString('latin1'));

function comparableZip(entries: readonly ZipEntry[]): string {
  const lines = entries.map(
    ({ name, size, crc32 }) => `${name} ${size} ${crc32.toString(16).padStart(8, '0')}`,
  );
  return lines.toSorted((a, b) => (a < b ? -1 : 1)).join('\n');
}

/** A file of which nothing is known, to be compared: archives by what lies in them, JSON by its members, text by its lines. */
export async function comparableFile(bytes: Buffer): Promise<string | undefined> {
  const gzip = isGzip(bytes);
  if (gzip || isTar(bytes)) {
    const entries = await tarEntries([bytes], { file: '', gzip }).catch(() => undefined);
    return entries && comparableEntries(entries);
  }
  if (isZip(bytes)) {
    const entries = await zipEntries(zipInMemory('', bytes)).catch(() => undefined);
    return entries && comparableZip(entries);
  }
  const text = textOf(bytes);
  if (text === undefined) return undefined;
  if (/^\s*[[{]/.test(text)) return comparable(bytes) ?? maskSecrets(text);
  // XML is often written in one line
  return maskSecrets(/^\s*</.test(text) ? text.replaceAll('><', '>\n<') : text);
}

/** So much says what it is (bytes). */
const HEAD = 512;

/** Reads an archive to its end, for a cut is seen there only; what is none is taken. @throws Problem `artefact_cut`, `artefact_wrong` */
export async function checkArchive(file: SavedFile): Promise<'gzip' | 'tar' | 'zip' | undefined> {
  const head = Buffer.concat(await createReadStream(file.path, { end: HEAD - 1 }).toArray());
  const content = () => createReadStream(file.path);
  if (isTar(head)) await tarEntries(content(), { file: file.name, gzip: false });
  else if (isGzip(head)) await checkGzip(content(), file.name);
  else if (isZip(head)) await withZipFile(file, checkZip);
  else return undefined;
  return isTar(head) ? 'tar' : isGzip(head) ? 'gzip' : 'zip';
}
