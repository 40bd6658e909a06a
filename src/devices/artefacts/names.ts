/** A name that is longer says no more (signs). */
const LONGEST = 80;

/** A name from a device as a part of a file name: nothing in it leads elsewhere or troubles a file system. */
export function safeName(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+|[.-]+$/g, '');
  if (plain.length <= LONGEST) return plain === '' ? 'file' : plain;
  const ending = /\.[A-Za-z0-9]{1,8}$/.exec(plain)?.[0] ?? '';
  return plain.slice(0, LONGEST - ending.length) + ending;
}

/** A name that is not used yet, with a number where it must; file systems of others do not tell capitals from small letters. */
function unused(stem: string, ending: string, used: Set<string>): string {
  let candidate = `${stem}${ending}`;
  for (let number = 2; used.has(candidate.toLowerCase()); number += 1)
    candidate = `${stem}-${number}${ending}`;
  used.add(candidate.toLowerCase());
  return candidate;
}

/** A part of a path that leads elsewhere, and signs that no file system wants in a name. */
const NO_PART = /^\.{0,2}$/;
const NO_SIGN = /[\p{Cc}\\]+/gu;

/** No part of a path may be longer (bytes): what most file systems take. */
const LONGEST_PART = 200;

/**
 * What files are called for somebody who unpacks them without us: as the device names them, each within the folder where
 * it is unpacked, and no two the same, also where capitals are small letters.
 */
export function namesInside(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name) => {
    const parts = name.split('/').filter((part) => !NO_PART.test(part));
    const short = parts.map((part) => {
      const plain = part.replace(NO_SIGN, '-');
      return Buffer.byteLength(plain) <= LONGEST_PART ? plain : safeName(plain);
    });
    const path = short.join('/') || 'file';
    const [, stem = path, ending = ''] = /^(.*?[^/])(\.[^./]*)?$/.exec(path) ?? [];
    return unused(stem, ending, used);
  });
}

const two = (number: number): string => String(number).padStart(2, '0');

/** The local minute as it stands in names: `2025-01-15_10-30`. */
export function minuteOf(moment: number): string {
  const at = new Date(moment);
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${day}_${two(at.getHours())}-${two(at.getMinutes())}`;
}

/**
 * What the files of one saved configuration are called on the disk: `backup_2025-01-15_10-30.json`, and where there are
 * several `backup_2025-01-15_10-30_presets.json`. No two are the same, and none is one of `taken`.
 */
export function storedNames(
  names: readonly string[],
  { moment, extension, taken }: { moment: number; extension: string | undefined; taken: ReadonlySet<string> },
): string[] {
  const begin = `backup_${minuteOf(moment)}`;
  const used = new Set([...taken].map((name) => name.toLowerCase()));
  return names.map((name) => {
    const safe = safeName(name.split('/').join('-'));
    const ending = /\.tar\.gz$|\.[A-Za-z0-9]{1,8}$/.exec(safe)?.[0] ?? (extension ? `.${extension}` : '');
    const stem =
      names.length === 1
        ? begin
        : `${begin}_${safe.slice(0, safe.length - (safe.endsWith(ending) ? ending.length : 0))}`;
    return unused(stem, ending, used);
  });
}
