import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from './harness/cache.ts';

/** Folders of `src` that are no feature; every other one is. */
const GROUND = new Set(['contract', 'kernel']);

/** Where the parts are put together: serving, what serving and commands both open, the commands, and what travels. */
const COMPOSITION = new Set([
  'main.ts',
  'data.ts',
  'one-shot.ts',
  'portables.ts',
  'environment.ts',
  'listeners.ts',
]);

/** Each file, relative to `src`, with what it imports: packages by name, own files relative to `src`. */
type Imports = ReadonlyMap<string, readonly string[]>;

const IMPORT = /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

function importsIn(file: string, source: string): string[] {
  const names = [...source.matchAll(IMPORT), ...source.matchAll(DYNAMIC_IMPORT)].map(
    ([, from, bare]) => (from ?? bare) as string,
  );
  return names.map((name) => (name.startsWith('.') ? join(dirname(file), name) : name));
}

function readSource(): Imports {
  const root = join(repositoryRoot, 'src');
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  return new Map(files.map((file) => [file, importsIn(file, readFileSync(join(root, file), 'utf8'))]));
}

/** The room of a file: its top folder, or the file itself where it lies in `src`. */
const roomOf = (file: string): string => file.split('/')[0] as string;
const isOwn = (imported: string): boolean => imported.endsWith('.ts');
const isFeature = (room: string): boolean => !room.endsWith('.ts') && !GROUND.has(room);
const isGenerator = (file: string): boolean =>
  file === 'contract/generate.ts' || file.startsWith('contract/generate/');

/** The page has the contract, the words, and its own libraries, and nothing of the core. */
function inBrowser(imported: string): boolean {
  const [room] = imported.split('/');
  if (isOwn(imported)) return room === 'web' || (room === 'contract' && !isGenerator(imported));
  return /^(lit(\/.*)?|@mdi\/js|valibot|\.\.\/translations\/\w+\.json)$/.test(imported);
}

function breach(file: string, imported: string): string | undefined {
  const [room, other] = [roomOf(file), roomOf(imported)];
  if (room === 'web')
    return inBrowser(imported) ? undefined : 'the page imports what a browser can load only';
  if (imported.startsWith('..')) return 'what ships lies in src';
  if (room === 'contract' && !isGenerator(file)) {
    const allowed = imported === 'valibot' || (other === 'contract' && !isGenerator(imported));
    return allowed ? undefined : 'the contract imports valibot and itself only';
  }
  if (!isOwn(imported) || room === other || COMPOSITION.has(file)) return undefined;
  if (room === 'kernel' && other !== 'contract') return 'the kernel imports the contract and itself only';
  if (isFeature(room) && !GROUND.has(other)) return 'a feature imports kernel, contract and itself only';
  if (isFeature(other)) return 'features are put together in main.ts';
  if (isGenerator(imported)) return 'nothing that runs imports the generator';
  return undefined;
}

function breaches(imports: Imports): string[] {
  return [...imports].flatMap(([file, names]) =>
    names.flatMap((name) => {
      const reason = breach(file, name);
      return reason === undefined ? [] : [`${file} imports ${name}: ${reason}`];
    }),
  );
}

/** A way around through `graph`, or undefined. */
function cycleIn(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | undefined => {
    const at = path.indexOf(node);
    if (at >= 0) return [...path.slice(at), node];
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node, []);
    if (cycle) return cycle;
  }
  return undefined;
}

function graphOf(imports: Imports, nameOf: (file: string) => string): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const [file, names] of imports) {
    const from = nameOf(file);
    const others = names.filter((name) => imports.has(name) && nameOf(name) !== from).map(nameOf);
    graph.set(from, new Set([...(graph.get(from) ?? []), ...others]));
  }
  return graph;
}

describe('the import rules of the source', () => {
  const source = readSource();

  test('every import of an own file is understood', () => {
    const features = [...source.keys()].map(roomOf).filter(isFeature);
    expect(new Set(features)).toContain('backups');
    const own = [...source].flatMap(([file, names]) =>
      names.filter((name) => isOwn(name)).map((name) => [file, name] as const),
    );
    expect(own.length).toBeGreaterThan(source.size);
    expect(own.filter(([, name]) => !source.has(name))).toEqual([]);
  });

  test('kernel, contract and features import what they may', () => expect(breaches(source)).toEqual([]));

  test('no room imports one that imports it', () => expect(cycleIn(graphOf(source, roomOf))).toBeUndefined());

  test('no file imports one that imports it', () =>
    expect(cycleIn(graphOf(source, (file) => file))).toBeUndefined());
});

/** What takes memory that a box with 1 GB has only for who uses it: loaded when it is needed, by `import()`. */
const HEAVY = ['age-encryption', 'home-assistant-js-websocket', 'mqtt', 'ssh2', 'tar-stream', 'ws', 'yaml'];

test('what is heavy is loaded only when it is needed', () => {
  const root = join(repositoryRoot, 'src');
  const offenders = [...readSource().keys()].filter((file) => {
    // what only makes files of the repository does not run at a home
    if (isGenerator(file)) return false;
    const source = readFileSync(join(root, file), 'utf8');
    const loaded = [...source.matchAll(/^import (?!type\b)[^;]*?from '([^']+)'/gm)].map(([, name]) => name);
    return loaded.some((name) => HEAVY.includes(name as string));
  });
  expect(offenders).toEqual([]);
});

describe('the check itself', () => {
  const made: [string, string, string][] = [
    ['kernel/http/app.ts', "import { Targets } from '../../backups/targets.ts';", 'kernel'],
    ['kernel/log.ts', "export * from '../main.ts';", 'kernel'],
    [
      'access/index.ts',
      "import type { Bus } from '../kernel/bus.ts';\nimport '../backups/index.ts';",
      'feature',
    ],
    ['backups/index.ts', "import {\n  type A,\n  b,\n} from '../activity/index.ts';", 'feature'],
    ['backups/targets/s3/open.ts', "const x = await import('../../../main.ts');", 'feature'],
    ['instance.ts', 'import { Uploads } from "./backups/uploads.ts";', 'put together'],
    ['contract/common.ts', "import { newId } from '../kernel/ids.ts';", 'contract'],
    ['contract/common.ts', "import { readFileSync } from 'node:fs';", 'contract'],
    ['contract/index.ts', "export * from './generate/python.ts';", 'contract'],
    ['kernel/log.ts', "import '../contract/generate.ts';", 'generator'],
    ['kernel/log.ts', "import x from '../../package.json';", 'ships'],
    ['web/main.ts', "import { fill } from '../kernel/texts.ts';", 'browser'],
    ['web/main.ts', "import { readFileSync } from 'node:fs';", 'browser'],
    ['web/words/index.ts', "import '../../contract/generate.ts';", 'browser'],
    ['kernel/log.ts', "import { t } from '../web/words/index.ts';", 'kernel'],
  ];

  test.for(made)('%s with %j is refused', ([file, code, word]) => {
    const found = breaches(new Map([[file, importsIn(file, code)]]));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(word);
  });

  test('a way around is found', () => {
    const imports = new Map([
      ['a/x.ts', ['b/y.ts']],
      ['b/y.ts', ['c/z.ts']],
      ['c/z.ts', ['a/w.ts']],
      ['a/w.ts', []],
    ]);
    expect(cycleIn(graphOf(imports, roomOf))).toEqual(['a', 'b', 'c', 'a']);
    expect(cycleIn(graphOf(imports, (file) => file))).toBeUndefined();
  });
});
