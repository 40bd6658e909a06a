import { execFileSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './cache.ts';

/** Every file that git knows, or will know when it is told; in these places only, where some are given. */
export function sourceFiles(places: readonly string[] = []): string[] {
  const listed = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...places];
  const files = execFileSync('git', listed, { cwd: repositoryRoot, encoding: 'utf8' });
  return files
    .trim()
    .split('\n')
    .filter((file) => existsSync(join(repositoryRoot, file)));
}

/** Copies them into a folder. */
export function copySources(to: string, places: readonly string[] = []): void {
  for (const file of sourceFiles(places)) cpSync(join(repositoryRoot, file), join(to, file));
}
