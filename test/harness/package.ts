import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './cache.ts';

interface Package {
  readonly bin: { readonly homestash: string };
  readonly files: readonly string[];
}

/**
 * Builds into a folder what ships: JavaScript, with nothing of this repository beside it but its packages. Returns
 * the program's path.
 */
export function buildPackage(dir: string): string {
  const { bin, files } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as Package;
  mkdirSync(dir, { recursive: true });
  const build = ['-p', 'tsconfig.build.json', '--outDir', join(dir, 'dist')];
  execFileSync(join(repositoryRoot, 'node_modules/.bin/tsc'), build, { cwd: repositoryRoot });
  for (const name of ['package.json', ...files.filter((file) => file !== 'dist')]) {
    cpSync(join(repositoryRoot, name), join(dir, name), { recursive: true });
  }
  symlinkSync(join(repositoryRoot, 'node_modules'), join(dir, 'node_modules'));
  return join(dir, bin.homestash);
}
