import { readFileSync, statSync } from 'node:fs';
import { isObject, type Path, type Provided, WrongSettings } from './source.ts';

/** Nobody writes more by hand. */
const MAX_BYTES = 1024 * 1024;

const codeOf = (error: unknown) => String((error as { code?: unknown }).code ?? error);

function readText(path: string): string {
  try {
    if (statSync(path).size > MAX_BYTES) throw new WrongSettings(`the file ${path} is too long`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof WrongSettings) throw error;
    throw new WrongSettings(`the file ${path} cannot be read (${codeOf(error)})`, { cause: error });
  }
}

/** A secret that lies in a file of its own, as containers get them; its last line may have an end. */
export function readSecretFile(path: string): string {
  return readText(path).replace(/\r?\n$/, '');
}

/**
 * Reads settings from a file of YAML; undefined where there is none.
 * @throws WrongSettings with the line where it is no YAML
 */
export async function readFile(path: string, required: boolean): Promise<Provided | undefined> {
  if (!required && !statSync(path, { throwIfNoEntry: false })) return undefined;
  const text = readText(path);
  // loaded only where there is a file
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = parsed.errors;
  // its own words repeat what stands there, which may be secret
  if (error) throw new WrongSettings(`line ${lines.linePos(error.pos[0]).line}: no YAML (${error.code})`);
  let document: unknown;
  try {
    document = parsed.toJS() ?? {};
  } catch (cause) {
    throw new WrongSettings('it has too many aliases', { cause });
  }
  if (!isObject(document)) throw new WrongSettings('line 1: names with values expected');
  const lineOf = (path_: Path): number | undefined => {
    const node = parsed.getIn(path_, true) as { range?: [number, number, number] } | undefined;
    return node?.range ? lines.linePos(node.range[0]).line : undefined;
  };
  return {
    document,
    whereIs: (where) => {
      // what is missing is missing in what is around it
      for (let length = where.length; length > 0; length -= 1) {
        const line = lineOf(where.slice(0, length));
        if (line !== undefined) return `line ${line}`;
      }
      return undefined;
    },
  };
}
