import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildWeb } from '../../script/lib/build-web.ts';

/** Where the page was built; the processes of the tests inherit it. */
const BUILT = 'HOMESTASH_TEST_WEB';

/** Builds the page as it ships, once for all who show it; what is returned removes it. */
export default async function setUpWeb(): Promise<() => void> {
  const dir = await mkdtemp(join(tmpdir(), 'homestash-built-web-'));
  await buildWeb(dir);
  process.env[BUILT] = dir;
  return () => rmSync(dir, { recursive: true, force: true });
}

/** The folder with the page that `setUpWeb` has built. */
export function builtWeb(): string {
  const dir = process.env[BUILT];
  if (!dir) throw new Error('setUpWeb has not built the page');
  return dir;
}
