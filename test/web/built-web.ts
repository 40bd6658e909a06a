import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildWeb } from '../../script/lib/build-web.ts';

let building: Promise<string> | undefined;

async function build(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'homestash-built-web-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  await buildWeb(join(dir, 'web'));
  return join(dir, 'web');
}

/** The page as it ships, built once for each process. */
export function builtWeb(): Promise<string> {
  building ??= build();
  return building;
}
