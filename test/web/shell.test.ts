import { expect, test } from 'vitest';
import { PATHS } from '../../src/contract/index.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { hoursAgo, target } from './shapes.ts';
import { inBrowser, Stage } from './stage.ts';
import { DESKTOP, PHONE, SMALLEST } from './visitor.ts';

const stage = Stage.set();

inBrowser('the shell', () => {
  test.for([
    { size: DESKTOP, scheme: 'light', language: 'en' },
    { size: DESKTOP, scheme: 'dark', language: 'de' },
    { size: PHONE, scheme: 'dark', language: 'en' },
    { size: SMALLEST, scheme: 'light', language: 'de' },
  ] as const)('looks well at $size.width pixels, $scheme, $language', async (options) => {
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [target(), target()] }));
    const visitor = await stage.visit(options);
    await visitor.page.getByRole('heading', { level: 1 }).waitFor();
    await visitor.page.getByText('Backblaze').first().waitFor();
    expect(await visitor.page.locator('html').getAttribute('lang')).toBe(options.language);
    await visitor.expectGood();
  });

  test('the first thing that Tab reaches leads past the navigation', async () => {
    const { page } = await stage.visit();
    await page.getByRole('navigation').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.innerText')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    expect(page.url()).not.toContain('#main');
  });

  test('a problem of the core is shown with its hint, and trying again helps', async () => {
    let asked = 0;
    stage.core.on(`GET ${PATHS.targets}`, () => {
      asked += 1;
      throw new Problem('disk_full');
    });
    const { page } = await stage.visit({ language: 'de' });
    // at first, and once more when the events are heard
    await expect.poll(() => asked).toBeGreaterThanOrEqual(2);
    const alert = page.getByRole('main').getByRole('alert');
    await alert.getByText('Speicherplatz').first().or(alert.getByText('voll')).first().waitFor();
    const again = page.getByRole('button', { name: 'Erneut versuchen' });
    const before = asked;
    await again.click();
    await expect.poll(() => asked).toBeGreaterThan(before);
    await expect.poll(() => again.getAttribute('aria-busy')).not.toBe('true');
    await alert.first().waitFor();
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [target()] }));
    await again.click();
    await page.getByText('Backblaze').first().waitFor();
  });

  test('what changes in the core is seen at once', async () => {
    let name = 'Attic';
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [target({ name })] }));
    const { page } = await stage.visit();
    await page.getByText('Attic').waitFor();
    name = 'Cellar';
    stage.core.tell({ event: 'targets_changed' });
    await page.getByText('Cellar').waitFor();
  });

  test('while the core is away a banner says so, and what is known stays; then everything is fetched anew', async () => {
    let name = 'Attic';
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [target({ name, refreshed_at: hoursAgo(3) })] }));
    const { page } = await stage.visit();
    await page.getByText('Attic').waitFor();
    const port = Number(new URL(stage.core.url).port);
    await stage.core.stop();
    await page.getByText('No connection to Homestash').waitFor();
    await page.getByText('Attic').waitFor();
    name = 'Cellar';
    await stage.core.start(port);
    await page.getByText('Cellar').waitFor({ timeout: 20_000 });
    await page.getByText('No connection to Homestash').waitFor({ state: 'hidden' });
  });

  test('behind a proxy that answers with a page of its own it says that this is not Homestash', async () => {
    const { page } = await stage.visit();
    await page.getByRole('navigation').waitFor();
    await page.route('**/api/v1/targets', (route) =>
      route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }),
    );
    stage.core.tell({ event: 'targets_changed' });
    await page.reload();
    await page.getByText('The answer does not come from Homestash.').waitFor();
  });
});
