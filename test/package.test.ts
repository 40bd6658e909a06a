import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repositoryRoot } from './harness/cache.ts';
import { freePort } from './harness/free-port.ts';
import { Program } from './harness/process.ts';
import { waitFor } from './harness/wait-for.ts';

interface Package {
  readonly bin: { readonly homestash: string };
  readonly files: readonly string[];
}

// What ships is JavaScript in a folder of its own, with nothing of this repository beside it but its packages.
let dir: string;
let program: Program | undefined;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'homestash-package-'));
});
afterAll(async () => {
  await program?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('what ships starts, and words its problems', async () => {
  const { bin, files } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as Package;
  const build = ['-p', 'tsconfig.build.json', '--outDir', join(dir, 'dist')];
  execFileSync(join(repositoryRoot, 'node_modules/.bin/tsc'), build, { cwd: repositoryRoot });
  for (const name of ['package.json', ...files.filter((file) => file !== 'dist')]) {
    cpSync(join(repositoryRoot, name), join(dir, name), { recursive: true });
  }
  symlinkSync(join(repositoryRoot, 'node_modules'), join(dir, 'node_modules'));

  const port = await freePort();
  program = new Program({
    command: process.execPath,
    args: [join(dir, bin.homestash), 'serve'],
    env: { HOMESTASH_DATA: join(dir, 'data'), HOMESTASH_API_PORT: String(port) },
    logFile: join(dir, 'core.log'),
  });
  program.start();
  await waitFor('the core', () => program?.log().includes('{"ready":true'));
  const headers = { 'accept-language': 'de' };
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/info`, { headers });
  expect(answer.status).toBe(401);
  const { problems } = JSON.parse(readFileSync(join(repositoryRoot, 'translations/de.json'), 'utf8'));
  expect(await answer.json()).toMatchObject(problems.unauthorized);
});
