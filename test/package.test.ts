import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repositoryRoot } from './harness/cache.ts';
import { freePort } from './harness/free-port.ts';
import { buildPackage } from './harness/package.ts';
import { Program } from './harness/process.ts';
import { waitFor } from './harness/wait-for.ts';

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
  const entry = buildPackage(dir);
  const port = await freePort();
  program = new Program({
    command: process.execPath,
    args: [entry, 'serve'],
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
