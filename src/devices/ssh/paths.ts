import { Problem } from '../../kernel/errors.ts';

/** A list that is longer is no list of a person. */
const MOST_PATHS = 200;

/** No system takes a longer path (PATH_MAX of Linux). */
const LONGEST_PATH = 4_096;

/** What is wanted from a device. */
export interface WantedPath {
  /** Absolute, or from the home of the user. */
  readonly path: string;
  /** In which it lies. */
  readonly folder: string;
  /** Which names are wanted; undefined where the path itself is. */
  readonly matches: ((name: string) => boolean) | undefined;
}

const invalid = (detail: string): Problem => new Problem('invalid_request', { params: { detail } });

/**
 * Reads paths, one a line. `*` stands for any signs in the last part.
 * @throws Problem `invalid_request`
 */
export function readPaths(text: string): WantedPath[] {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) throw invalid('paths: at least one');
  if (lines.length > MOST_PATHS) throw invalid(`paths: at most ${MOST_PATHS}`);
  return lines.map(readPath);
}

function readPath(line: string): WantedPath {
  if (line.length > LONGEST_PATH || line.includes('\0')) throw invalid('paths: a path');
  const home = line === '~' ? '.' : line.replace(/^~\//, './');
  const path = home.length > 1 ? home.replace(/\/+$/, '') || '/' : home;
  const cut = path.lastIndexOf('/');
  const folder = cut < 0 ? '.' : path.slice(0, cut) || '/';
  const last = path.slice(cut + 1);
  if (folder.includes('*')) throw invalid('paths: * in the last part only');
  return { path, folder, matches: last.includes('*') ? matching(last) : undefined };
}

/** Names that fit a pattern with `*`; hidden ones only where the pattern begins as they do, as shells do it. */
function matching(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*');
  const [first = '', last = ''] = [parts[0], parts.at(-1)];
  return (name) => {
    if (name.startsWith('.') && !first.startsWith('.')) return false;
    if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) {
      return false;
    }
    let at = first.length;
    const end = name.length - last.length;
    for (const part of parts.slice(1, -1)) {
      const found = name.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
