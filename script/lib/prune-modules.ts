// usage: prune-modules.ts FOLDER
// Takes out of a node_modules what the running program never reads: it is three quarters of it.
import { globSync, lstatSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';

const MIB = 1024 * 1024;

/** The binary of this platform; the image has glibc, so not the one for musl. */
const BINARY = `${process.platform}-${process.arch}.node`;

/** What goes, as patterns in node_modules. */
const SURPLUS = [
  // the compiler comes as a peer that valibot may have; types are read by it alone
  '{typescript,@typescript,@types,undici-types}',
  '**/*.{ts,mts,cts}',
  // SQLite's own source, and what would compile it: the compiled module lies beside it
  'better-sqlite3/{deps,src,binding.gyp}',
  'node-addon-api',
  // ssh2 does without them: machine code that would be compiled here
  '{cpu-features,buildcheck,nan}',
  // tar-stream needs them on the runtime Bare only
  'bare-*',
  'ssh2/lib/protocol/crypto/{src,binding.gyp}',
  'better-sqlite3/prebuilds/*',
  // the second and third copy of the same code, for bundlers, browsers and require()
  '{@aws-sdk,@smithy}/*/{dist-es,dist-types}',
  'hono/dist/{cjs,types}',
  'valibot/dist/*.{cjs,min.*}',
  'yaml/browser',
  'mqtt/dist',
  // what compiles modules for the Node that a package brings (outside of containers)
  'node-linux-*/{include,share}',
  // what people read
  '**/*.{map,md,markdown}',
  '**/{test,tests,__tests__,docs,example,examples,benchmark,.github}',
];

/** Licences travel with the code. */
const KEPT = /^licen[cs]e|^notice/i;

function sizeOf(path: string): number {
  const { size } = lstatSync(path);
  if (!lstatSync(path).isDirectory()) return size;
  return globSync('**/*', { cwd: path }).reduce((sum, file) => sum + lstatSync(join(path, file)).size, 0);
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: prune-modules.ts FOLDER');
const before = sizeOf(folder);
for (const path of globSync(SURPLUS, { cwd: folder })) {
  if (basename(path) === BINARY || KEPT.test(basename(path))) continue;
  rmSync(join(folder, path), { recursive: true, force: true });
}
const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
process.stdout.write(`${folder}: ${mib(before)} before, ${mib(sizeOf(folder))} after\n`);
