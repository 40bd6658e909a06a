import type { AgentBackup } from '../contract/index.ts';

/** The archive and, beside it, its description: the layout of Home Assistant's own S3 integrations. */
export interface ObjectNames {
  readonly archive: string;
  readonly sidecar: string;
}

const ARCHIVE_ENDING = '.tar';
/** By which the description of a backup is recognised. */
export const SIDECAR_ENDING = '.metadata.json';

/** What the keys of objects begin with that try something out and are removed again. */
export const PROBE_NAME = 'homestash-probe-';

/** File systems behind S3 gateways and folders allow 255 bytes in a name; the longest ending must fit. */
const MAX_NAME_BYTES = 200;

const ISO_DATE = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?/;

function datePart(date: string): string {
  const [, day = '', hour = '00', minute = '00', second = '00', fraction = ''] = ISO_DATE.exec(date) ?? [];
  return `${day || date} ${hour}.${minute} ${second}${fraction.padEnd(6, '0')}`;
}

function cutToBytes(text: string, limit: number): string {
  let cut = text;
  while (Buffer.byteLength(cut) > limit) cut = Array.from(cut).slice(0, -1).join('');
  return cut;
}

/** Names that would be read as a path, or that some store mangles, are replaced; all others stay to the letter. */
function isPlain(name: string): boolean {
  return (
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    !/[\u0000-\u001f\u007f\\]/.test(name) &&
    name
      .split('/')
      .every((part) => part !== '' && !part.startsWith('.') && Buffer.byteLength(part) <= MAX_NAME_BYTES) &&
    name.isWellFormed()
  );
}

/** The two names for an archive's stem. */
export function namesOf(stem: string): ObjectNames {
  return { archive: `${stem}${ARCHIVE_ENDING}`, sidecar: `${stem}${SIDECAR_ENDING}` };
}

/** The archive that a sidecar describes. */
export function archiveOf(sidecar: string): string {
  return sidecar.slice(0, -SIDECAR_ENDING.length) + ARCHIVE_ENDING;
}

/** The sidecars in a listing, without those whose archive is missing. */
export function sidecarsIn<Listed extends { readonly key: string }>(objects: readonly Listed[]): Listed[] {
  const keys = new Set(objects.map(({ key }) => key));
  return objects.filter(({ key }) => key.endsWith(SIDECAR_ENDING) && keys.has(archiveOf(key)));
}

/**
 * The stem under which Home Assistant's `suggested_filename` (components/backup/util.py) would store a backup,
 * so that its own integrations find the archive again. What cannot be a name gets the backup's id instead.
 */
export function suggestedStem(
  backup: Pick<AgentBackup, 'name' | 'date' | 'backup_id'>,
  slashes: 'keep' | 'replace',
): string {
  const stem = `${backup.name} ${datePart(backup.date)}`.split(/\s+/).filter(Boolean).join('_');
  const name = slashes === 'keep' ? stem : stem.replaceAll('/', '_');
  if (isPlain(name)) return name;
  const safe = cutToBytes(
    stem
      .toWellFormed()
      .replace(/[^\p{L}\p{N} ._-]+/gu, '_')
      .replace(/^[._]+/, ''),
    MAX_NAME_BYTES,
  );
  return `${safe}_${backup.backup_id}`;
}
