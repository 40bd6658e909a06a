import { dirname } from 'node:path';
import type { Browser, Frame, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { haveChromium, startChromium } from '../harness/chromium.ts';
import { agentId } from '../harness/core.ts';
import { openFrontend } from '../harness/home-assistant/frontend.ts';
import type { HomeAssistant } from '../harness/home-assistant.ts';
import { takePicture } from '../harness/pictures.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import { builtWeb } from '../web/built-web.ts';
import { inBrowser } from '../web/stage.ts';
import { DESKTOP, PHONE, Visitor, visit } from '../web/visitor.ts';

let browser: Browser;

beforeAll(async () => {
  if (haveChromium()) browser = await startChromium();
});
afterAll(() => browser?.close());

/** Which locations hold each backup that Home Assistant knows. */
async function whereBackupsLie(home: HomeAssistant): Promise<string[][]> {
  const { backups } = await home.backups.info();
  return backups.map(({ agents }) => Object.keys(agents));
}

inBrowser('from the first start to the first backup, by clicking only', () => {
  let stage: Stage;
  /** What is open in the browser besides our page. */
  let frontend: Page | undefined;
  let visitor: Visitor | undefined;

  beforeEach(() => {
    stage = new Stage('page');
  });
  afterEach(async () => {
    await visitor?.leave();
    await frontend?.context().close();
    visitor = undefined;
    frontend = undefined;
    await stage.close();
  });

  test('with a core in a container and a bucket: both sides are connected, and Home Assistant’s pages show it', async () => {
    const [home, server, core] = await Promise.all([
      stage.home(),
      stage.s3(['cloud']),
      stage.localCore({ webDir: builtWeb() }),
    ]);
    visitor = await visit(browser, core.url);
    const { page } = visitor;
    const main = page.getByRole('main');
    const text = (name: string | RegExp) => main.getByRole('textbox', { name });

    await text('Setup code').fill(core.setupCode());
    await page.getByLabel('New password', { exact: true }).fill('a sentence of some words');
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.getByRole('heading', { level: 1, name: 'Home Assistant is not paired yet.' }).waitFor();
    await visitor.expectGood();

    // Home Assistant gets a code
    await page.locator('.verdict').getByRole('link', { name: 'Pair Home Assistant' }).click();
    await page.getByRole('button', { name: 'Make a pairing code' }).click();
    const code = (await page.locator('.secret').textContent()) ?? '';
    frontend = await openFrontend(browser, home, '/config/integrations/dashboard/add?domain=homestash');
    await frontend.getByRole('button', { name: 'OK' }).click();
    await frontend.getByRole('textbox', { name: /Pairing code/ }).fill(code);
    await frontend.getByRole('button', { name: 'Submit' }).click();
    await frontend.getByText('Homestash is connected.').waitFor();
    await frontend.getByRole('button', { name: 'Finish' }).click();
    await page.getByText('The code was used: it is paired.').waitFor();

    // and Homestash a way back
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.locator('.verdict').getByRole('link', { name: 'Connect to Home Assistant' }).click();
    await text('Address').fill(home.url);
    await text('Long-lived access token').fill(home.token);
    await page.getByRole('button', { name: 'Try and connect' }).click();
    await page.getByRole('heading', { level: 1, name: 'Connected to the Home Assistant' }).waitFor();

    // a bucket is added, step by step
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await main.getByRole('link', { name: 'Add a location' }).first().click();
    await main.getByText('Servers of your own').click();
    await main.getByRole('link', { name: 'versitygw' }).click();
    await text(/^Name/).fill('Cloud');
    await text('Address').fill(server.endpoint);
    await text('Bucket').fill('cloud');
    await text('Access key').fill(server.accessKey);
    await text('Secret key').fill('wrong');
    await page.getByRole('button', { name: 'Check and save' }).click();
    await main.locator('.steps .failed').getByText('The secret key does not match').waitFor();
    await text('Secret key').fill(server.secretKey);
    await page.getByRole('button', { name: 'Check and save' }).click();
    await page.getByRole('heading', { level: 1, name: 'Cloud is ready.' }).waitFor();

    // it gets the automatic backups, with a key that Home Assistant did not have yet, and a first one
    await main.getByRole('button', { name: 'Use for automatic backups' }).click();
    const dialog = page.getByRole('dialog');
    const use = dialog.getByRole('button', { name: 'Use for automatic backups' });
    await use.click();
    const key = (await dialog.locator('.key').textContent())?.trim();
    expect(await use.isDisabled()).toBe(true);
    await dialog.getByText('The key is kept somewhere else').click();
    await use.click();
    await main.getByText('Automatic backups go here.').waitFor();
    await main.getByRole('button', { name: 'Make a first backup now' }).click();
    await main.getByText('The backup is complete.').waitFor({ timeout: 60_000 });
    await visitor.expectGood();
    await page.getByRole('link', { name: 'To the overview' }).click();
    await page.getByRole('heading', { level: 1, name: 'Everything is safe.' }).waitFor();
    await main.getByText('in one location').waitFor();
    await visitor.expectGood();

    // so it is in Home Assistant
    const cloud = (await core.client.targets()).find(({ name }) => name === 'Cloud');
    const agent = cloud ? agentId(cloud) : 'none';
    expect(await whereBackupsLie(home)).toEqual([[agent]]);
    const { config } = await home.call('backup/config/info');
    expect(config).toMatchObject({
      automatic_backups_configured: true,
      create_backup: { agent_ids: [agent], password: key },
      schedule: { recurrence: 'daily' },
    });

    // whose own pages show it, too
    await frontend.goto(`${home.url}/config/integrations/integration/homestash`);
    await frontend.getByRole('button', { name: 'Add location' }).waitFor();
    for (const name of ['Cloud', 'Local folder']) await frontend.getByText(name, { exact: true }).waitFor();
    const icon = frontend.getByRole('img', { name: 'Homestash' });
    await waitFor('our icon', () =>
      icon.evaluate((image) => (image as { naturalWidth?: number }).naturalWidth),
    );
    await takePicture(frontend, 'home-assistant-integration-desktop-light-en');
    await frontend.goto(`${home.url}/config/backup/settings`);
    for (const name of ['Cloud', 'Local folder']) await frontend.getByText(`Homestash: ${name}`).waitFor();

    // a key that is refused later is a repair there, and mended there
    const [dir, port] = [dirname(server.dataDir), Number(new URL(server.endpoint).port)];
    await server.stop();
    await stage.s3([], { dir, port, secretKey: 'made-anew' });
    await main.getByRole('button', { name: 'Back up now' }).click();
    await page.getByRole('heading', { level: 1, name: 'Cloud refuses the access of Homestash.' }).waitFor();
    await frontend.goto(`${home.url}/config/repairs`);
    await frontend.getByText('Cloud refuses the access of Homestash').click();
    await frontend.getByText('The secret key does not match the access key. Nothing new is stored').waitFor();
    await takePicture(frontend, 'home-assistant-repair-desktop-light-en');
    await frontend.locator('input[type=password]').first().fill('made-anew');
    await frontend.getByRole('button', { name: 'Submit' }).click();
    await frontend.getByText('The issue is repaired').waitFor();
    await page.getByRole('heading', { level: 1, name: 'Everything is safe.' }).waitFor();
  });

  test('as an app: found, confirmed, and looked at in the sidebar, in German, in the dark, on a phone', async () => {
    const supervisor = await stage.supervisor({ hostname: '127.0.0.1' });
    await supervisor.showInSidebar(true);
    const home = await stage.home({ supervisor });
    const core = await stage.localCore({
      webDir: builtWeb(),
      supervisor: { url: supervisor.url, token: supervisor.app.token },
      ingress: { port: 0, gateway: supervisor.gateway, bind: '127.0.0.1' },
    });
    supervisor.app.ingress = { host: '127.0.0.1', port: Number(new URL(core.ingressUrl).port) };

    frontend = await openFrontend(browser, home, '/config/integrations/dashboard', {
      locale: 'de-DE',
      colorScheme: 'dark',
      viewport: DESKTOP,
    });
    const add = frontend.getByRole('button', { name: 'Hinzufügen', exact: true });
    await add.waitFor();
    await takePicture(frontend, 'home-assistant-discovered-desktop-dark-de');
    await add.click();
    await frontend.getByText('Ein Klick verbindet beide').waitFor();
    await frontend.getByRole('button', { name: 'OK' }).click();
    await frontend.getByText('Homestash ist verbunden.').waitFor();
    await frontend.getByRole('button', { name: 'Fertigstellen' }).click();

    await frontend.getByRole('link', { name: 'Homestash' }).first().click();
    const inside = frontend.frameLocator('iframe');
    await inside.getByRole('heading', { level: 1, name: 'Es gibt noch keine Sicherung.' }).waitFor();
    const frame = frontend.frames().find((one) => one.url().includes('/api/hassio_ingress/')) as Frame;
    const style = (name: string) =>
      frame.evaluate(`getComputedStyle(document.documentElement).getPropertyValue('${name}').trim()`);
    expect(await style('--hs-surface')).toBe('#111111');
    visitor = new Visitor(frontend.context(), frontend);
    const faults = async () => [
      ...((await visitor?.accessibilityFaults(frame)) ?? []),
      ...((await visitor?.layoutFaults(frame)) ?? []),
    ];
    expect(await faults()).toEqual([]);
    await frontend.setViewportSize(PHONE);
    await expect.poll(() => frame.evaluate('innerWidth')).toBe(PHONE.width);
    expect(await faults()).toEqual([]);
    await takePicture(frontend, 'home-assistant-sidebar-phone-dark-de');
    await inside.getByRole('button', { name: 'Jetzt sichern' }).click();
    await inside.getByRole('heading', { level: 1, name: 'Nichts wird automatisch gesichert.' }).waitFor();
    const [target] = await core.client.targets();
    expect(await whereBackupsLie(home)).toEqual([[target ? agentId(target) : 'none']]);
    expect(supervisor.mistakes).toEqual([]);
  });
});
