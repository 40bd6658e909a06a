// usage: build-web.ts [FOLDER]      builds the web UI into dist/web, or into FOLDER
// Imported by tests, which want it in a folder of their own.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, type Metafile, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
const source = join(root, 'src/web');
const contract = join(root, 'src/contract');

/** What the page says, of all that stands in a translation: the rest is worded by the core. */
const SECTIONS = ['web', 'fields'];

/** Browsers from 2024 on; older ones know no `AbortSignal.any`. */
const TARGET = ['chrome116', 'firefox124', 'safari17.4'];

/** Files smaller than this gain nothing by being packed (bytes). */
const WORTH_PACKING = 500;

const PACKED = new Set(['.js', '.css', '.html', '.svg']);

const onlyNeededTexts: Plugin = {
  name: 'texts',
  setup({ onLoad }) {
    onLoad({ filter: /translations\/\w+\.json$/ }, ({ path }) => {
      const texts = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
      const needed = Object.fromEntries(SECTIONS.map((section) => [section, texts[section]]));
      return { contents: JSON.stringify(needed), loader: 'json' };
    });
  },
};

/** What the contract calls to describe something, where it begins. */
const DESCRIBES = /(?<![\w.])(v\.\w+|describe)(?=\()/g;

/** The contract is nothing but descriptions: whatever the page does not name may be left out, file by file and line by line. */
const contractHasNoEffects: Plugin = {
  name: 'contract',
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /\/src\/contract\/.*\.ts$/ }, ({ path }) => {
      const contents = readFileSync(path, 'utf8').replace(DESCRIBES, '/* @__PURE__ */ $1');
      return { contents, loader: 'ts' };
    });
    onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir }) => {
      const file = join(resolveDir, path);
      return file.startsWith(contract) ? { path: file, sideEffects: false } : undefined;
    });
  },
};

/** Templates are indented for who reads them; a browser takes one space for many. Nothing else in a minified script is indented. */
const unindent = (script: string): string => script.replace(/\n +/g, ' ');

/** The name under which a file of ours was built, relative to the page. */
function builtFrom(metafile: Metafile, file: string): string {
  const found = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === file);
  if (!found) throw new Error(`${file} was not built`);
  return basename(found[0]);
}

function write(dir: string, name: string, content: Uint8Array | string): void {
  const bytes = Buffer.from(content);
  writeFileSync(join(dir, name), bytes);
  if (!PACKED.has(extname(name)) || bytes.length < WORTH_PACKING) return;
  writeFileSync(join(dir, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  writeFileSync(join(dir, `${name}.br`), brotliCompressSync(bytes, { params: quality }));
}

/** Builds the page: scripts and styles named by their content, everything with packed twins beside it. */
export async function buildWeb(dir: string): Promise<void> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: { app: 'src/web/main.ts', style: 'src/web/style/index.css' },
    outdir: dir,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: TARGET,
    minify: true,
    legalComments: 'linked',
    plugins: [onlyNeededTexts, contractHasNoEffects],
    metafile: true,
    write: false,
    logLevel: 'error',
  });
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  for (const { path, text } of outputFiles) {
    write(dir, basename(path), extname(path) === '.js' ? unindent(text) : text);
  }
  const page = readFileSync(join(source, 'index.html'), 'utf8')
    .replace('main.ts', builtFrom(metafile, 'src/web/main.ts'))
    .replace('style/index.css', builtFrom(metafile, 'src/web/style/index.css'));
  write(dir, 'index.html', page);
  write(dir, 'icon.svg', readFileSync(join(source, 'icon.svg')));
}

if (import.meta.main) await buildWeb(process.argv[2] ?? join(root, 'dist/web'));
