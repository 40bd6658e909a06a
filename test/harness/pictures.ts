import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** Where `script/screenshots` wants pictures; nowhere while it is only tested. */
const FOLDER = process.env.HOMESTASH_SCREENSHOTS;

/** Takes a picture for the documentation, where one is wanted. */
export async function takePicture(page: Page, name: string): Promise<void> {
  if (FOLDER) await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: 'disabled' });
}
