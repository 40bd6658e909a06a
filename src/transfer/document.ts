import * as v from 'valibot';
import { type Clock, timestamp } from '../kernel/clock.ts';
import type { Tables } from '../kernel/database.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { parseInput } from '../kernel/http/input.ts';
import { parseJson } from '../kernel/json.ts';
import type { Portable } from '../kernel/portable.ts';

const FORMAT = 'homestash-export';

/** Grows with whatever an older core would read wrongly. */
const VERSION = 1;

const Head = v.object({
  format: v.literal(FORMAT),
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  made_by: v.pipe(v.string(), v.maxLength(50)),
  made_at: v.pipe(v.string(), v.maxLength(64)),
  parts: v.record(v.string(), v.unknown()),
});

/** The parts of an export by their names, as their schemas read them. */
export type Parts = ReadonlyMap<Portable, unknown>;

/** Writes all that travels, as it lies inside of the sealed file. */
export async function writeDocument(
  portables: readonly Portable[],
  tables: Tables,
  { version, clock }: { readonly version: string; readonly clock: Clock },
): Promise<string> {
  const parts: Record<string, unknown> = {};
  for (const { name, read } of portables) {
    const part = await read(tables);
    if (part !== undefined) parts[name] = part;
  }
  const head = { format: FORMAT, version: VERSION, made_by: version, made_at: timestamp(clock.now()) };
  return JSON.stringify({ ...head, parts }, null, 2);
}

function readHead(text: string): v.InferOutput<typeof Head> {
  try {
    return v.parse(Head, parseJson(text));
  } catch (cause) {
    throw new Problem('import_not_export', { cause });
  }
}

/** Reads and validates all of it. @throws Problem `import_not_export`, `import_newer` or `import_invalid` */
export function readDocument(text: string, portables: readonly Portable[]): Parts {
  const { version, made_by, parts } = readHead(text);
  if (version > VERSION) throw new Problem('import_newer', { params: { version: made_by } });
  const all = v.strictObject(
    Object.fromEntries(portables.map(({ name, schema }) => [name, v.optional(schema)])),
  );
  try {
    const read = parseInput(all, parts) as Record<string, unknown>;
    return new Map(
      portables.flatMap((one): [Portable, unknown][] =>
        read[one.name] === undefined ? [] : [[one, read[one.name]]],
      ),
    );
  } catch (error) {
    if (!isProblem(error)) throw error;
    throw new Problem('import_invalid', { params: { detail: error.params.detail ?? '' }, cause: error });
  }
}
