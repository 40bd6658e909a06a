import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeBackup } from '../harness/archives.ts';
import { haveChromium, startChromium } from '../harness/chromium.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { builtWeb } from './built-web.ts';
import { OuterPage } from './outer-page.ts';
import { inBrowser } from './stage.ts';
import { PHONE, type Visitor, visit } from './visitor.ts';

const ADMINISTRATOR = '0123456789abcdef0123456789abcdef';

let browser: Browser;
let dir: string;
let core: LocalCore;
let visitor: Visitor | undefined;

beforeAll(async () => {
  if (haveChromium()) browser = await startChromium();
});
afterAll(() => browser?.close());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'homestash-web-core-'));
});
afterEach(async () => {
  await visitor?.leave();
  expect(visitor?.offences ?? []).toEqual([]);
  expect(core.defects()).toEqual([]);
  await core.remove();
  rmSync(dir, { recursive: true, force: true });
});

inBrowser('the page with the core itself', () => {
  test('from the first start to a backup that is there, downloaded and deleted, by clicking only', async () => {
    core = await startLocalCore({ webDir: builtWeb() });
    visitor = await visit(browser, core.url);
    const { page } = visitor;

    // the first password
    await page.getByLabel('Setup code').fill(core.setupCode());
    await page.getByLabel('New password', { exact: true }).fill('a sentence of some words');
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    await page.getByRole('article').first().waitFor();
    await page.locator('.verdict h1').waitFor();
    await visitor.expectGood();

    // a second location
    await page.locator('a.add').click();
    await page.getByRole('link', { name: 'Folder or share' }).click();
    await page.getByLabel('Name').fill('Shelf');
    await page.getByRole('textbox', { name: 'Folder' }).fill('/no/such/place');
    await page.getByRole('button', { name: 'Check and save' }).click();
    await page.locator('.steps .failed').getByText('/no/such/place').waitFor();
    await page.getByRole('textbox', { name: 'Folder' }).fill(join(dir, 'shelf'));
    await page.getByRole('button', { name: 'Check and save' }).click();
    await page.getByRole('heading', { level: 1, name: 'Shelf is ready.' }).waitFor();
    await page.getByRole('heading', { name: 'Next: connect to Home Assistant' }).waitFor();
    await visitor.expectGood();

    // a backup arrives while the list is looked at
    await page.getByRole('link', { name: 'Backups', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'There is no backup yet.' }).waitFor();
    const shelf = (await core.client.targets()).find(({ name }) => name === 'Shelf');
    const { backup, archive } = makeBackup();
    await core.client.upload(shelf?.id ?? '', backup, archive);
    await page.locator('.row.backup a').click();
    await page.getByRole('heading', { level: 1, name: /^Backup of / }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download from Shelf' }).click(),
    ]);
    expect(readFileSync(await download.path()).equals(archive)).toBe(true);
    await visitor.expectGood();

    // and goes again
    await page.getByRole('button', { name: 'Delete from Shelf' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { level: 1, name: 'There is no backup yet.' }).waitFor();

    // whoever comes back is still signed in
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'There is no backup yet.' }).waitFor();
  });

  test('behind ingress it has the colours and the language of Home Assistant, its room, and nobody signs in', async () => {
    core = await startLocalCore({
      webDir: builtWeb(),
      supervisor: { url: 'http://127.0.0.1:1', token: 'the token of the Supervisor' },
      ingress: { port: 0, gateway: '127.0.0.1', bind: '127.0.0.1' },
      isAdministrator: async (userId) => userId === ADMINISTRATOR,
    });
    const outer = new OuterPage({
      core: core.ingressUrl,
      user: ADMINISTRATOR,
      language: 'de',
      route: '/backups',
      style: [
        '--primary-background-color: #111111; --card-background-color: #1c1c1c',
        '--primary-text-color: #e1e1e1; --secondary-text-color: rgb(155, 155, 155)',
        '--primary-color: #009ac7; --success-color: #43a047; --warning-color: #ffa600; --error-color: #db4437',
      ].join('; '),
    });
    try {
      visitor = await visit(browser, await outer.start(), { size: PHONE });
      const { page } = visitor;
      const inside = page.frameLocator('iframe');
      await inside.getByRole('heading', { level: 1, name: 'Es gibt noch keine Sicherung.' }).waitFor();
      const frame = page.frames()[1];
      const style = (name: string) =>
        frame?.evaluate(`getComputedStyle(document.documentElement).getPropertyValue('${name}').trim()`);
      expect(await style('--hs-surface')).toBe('#111111');
      expect(await style('--hs-card')).toBe('#1c1c1c');
      expect(await style('--hs-inset-bottom')).toBe('34px');
      expect(await frame?.evaluate('document.documentElement.lang')).toBe('de');
      await visitor.expectGood(frame);
      // a theme that is changed is followed
      await page.evaluate(`document.documentElement.setAttribute('style',
        '--primary-background-color: #fafafa; --card-background-color: #ffffff; --primary-text-color: #212121;' +
        '--secondary-text-color: #727272; --primary-color: #03a9f4; --success-color: #43a047')`);
      await expect.poll(() => style('--hs-card')).toBe('#ffffff');
      await visitor.expectGood(frame);
      // what happens is heard through the proxy
      const target = await core.firstTarget();
      const { backup, archive } = makeBackup();
      await core.client.upload(target.id, backup, archive);
      await inside.locator('.row.backup a').click();
      const link = inside.getByRole('link', { name: /herunterladen$/ });
      const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
      expect(readFileSync(await download.path()).equals(archive)).toBe(true);
    } finally {
      await outer.stop();
    }
  });
});
