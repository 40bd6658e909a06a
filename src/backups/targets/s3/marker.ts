import * as v from 'valibot';
import { isProblem } from '../../../kernel/errors.ts';
import { newId } from '../../../kernel/ids.ts';
import { parseJson } from '../../../kernel/json.ts';
import type { StorageTarget } from '../target.ts';

/**
 * Marks a folder as a place of its own, by whatever name its server is reached. It ends in `.json` alone, so no tool
 * takes it for the description of a backup.
 */
export const MARKER = '.homestash.json';

const MARKER_VERSION = 1;

/** It must never meet another one anywhere: 130 random bits. */
const ID_LENGTH = 26;

/** A larger one is somebody else's. */
const MAX_BYTES = 4 * 1024;

const Marker = v.looseObject({ homestash: v.number(), id: v.pipe(v.string(), v.regex(/^[a-z0-9]{26}$/)) });

/**
 * Reads the id of the place, and marks it first where nobody has. Undefined where that is refused, or where something
 * else has that name: the place can be used without.
 */
export async function markPlace(target: StorageTarget): Promise<string | undefined> {
  try {
    const there = await target.read(MARKER, MAX_BYTES);
    if (there) return idIn(there);
    const id = (newId() + newId()).slice(0, ID_LENGTH);
    await target.put(MARKER, Buffer.from(`${JSON.stringify({ homestash: MARKER_VERSION, id })}\n`));
    // of two that mark it at once, one prevails
    const prevailing = await target.read(MARKER, MAX_BYTES);
    return prevailing && idIn(prevailing);
  } catch (error) {
    if (!isProblem(error)) throw error;
    return undefined;
  }
}

function idIn(data: Buffer): string | undefined {
  try {
    const marker = v.safeParse(Marker, parseJson(data.toString('utf8')));
    return marker.success ? marker.output.id : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Leaves out of the list of a folder what belongs to others: folders inside it that are marked as places of their
 * own, and the marks.
 */
export function withoutOtherPlaces<Listed extends { readonly key: string }>(
  objects: readonly Listed[],
  prefix: string,
): Listed[] {
  const marks = objects.filter(({ key }) => key === prefix + MARKER || key.endsWith(`/${MARKER}`));
  if (marks.length === 0) return [...objects];
  const others = marks
    .map(({ key }) => key.slice(0, -MARKER.length))
    .filter((folder) => folder.length > prefix.length);
  return objects.filter(
    ({ key }) =>
      key !== prefix + MARKER &&
      !key.endsWith(`/${MARKER}`) &&
      !others.some((folder) => key.startsWith(folder)),
  );
}
