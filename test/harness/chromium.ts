import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** As Debian, other systems and Google call it. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

const SYSTEM_FOLDERS = ['/usr/bin', '/usr/local/bin', '/snap/bin'];

function find(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) =>
    existsSync(path),
  );
}

/** Is there a browser to test with? */
export const haveChromium = (): boolean => find() !== undefined;

/** A real browser without a window. */
export function startChromium(): Promise<Browser> {
  const executablePath = find();
  if (executablePath === undefined) throw new Error('chromium is missing: run script/bootstrap chromium');
  // root has no sandbox, and small containers little shared memory
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  });
}
