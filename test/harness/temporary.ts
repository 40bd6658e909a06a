import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// Its programs end before their folders go: what is done at an exit is done in the order of the imports.
import './process.ts';

// A process that was killed a moment ago may still have made a file.
const REMOVE_RETRIES = 3;

const folders = new Set<string>();
process.once('exit', removeAllTemporary);

/** A new folder that goes with this process at the latest. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `homestash-${name}-`));
  folders.add(folder);
  return folder;
}

/** Removes all that is still there: the workers of tests are ended without an exit. */
export function removeAllTemporary(): void {
  for (const folder of [...folders]) removeTemporary(folder);
}

/** Removes what `temporaryFolder` made, and nothing else; HOMESTASH_KEEP keeps it to be looked at. */
export function removeTemporary(folder: string): void {
  if (!folders.delete(folder) || process.env.HOMESTASH_KEEP) return;
  rmSync(folder, { recursive: true, force: true, maxRetries: REMOVE_RETRIES });
}
