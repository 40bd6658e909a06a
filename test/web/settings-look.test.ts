import { expect, test } from 'vitest';
import { PATHS } from '../../src/contract/index.ts';
import { connectedHome, OWN_BROKER, token } from './settings-core.ts';
import { inBrowser, Stage } from './stage.ts';
import { DESKTOP, PHONE, SMALLEST } from './visitor.ts';

const stage = Stage.set();

const PAGES = [
  '',
  '/general',
  '/home-assistant',
  '/pairing',
  '/mqtt',
  '/notifications',
  '/recovery-key',
  '/access',
  '/move',
  '/log',
  '/about',
];

inBrowser('the settings', () => {
  test.for([
    { size: DESKTOP, scheme: 'light', language: 'en' },
    { size: PHONE, scheme: 'dark', language: 'de' },
    { size: SMALLEST, scheme: 'light', language: 'de' },
  ] as const)(
    'look well at $size.width pixels, $scheme, $language',
    { timeout: 180_000 },
    async (options) => {
      stage.core.on(`GET ${PATHS.home_assistant}`, () => connectedHome());
      stage.core.on(`GET ${PATHS.mqtt}`, () => OWN_BROKER);
      const name = 'The dashboard on the tablet in the kitchen';
      stage.core.on(`GET ${PATHS.tokens}`, () => ({
        tokens: [token(), token({ id: 'token2', name, last_used_at: null })],
      }));
      const visitor = await stage.visit({ ...options, path: '/settings' });
      const { page } = visitor;
      for (const path of PAGES) {
        await page.goto(`${stage.core.url}/#/settings${path}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await expect.poll(() => page.locator('.skeleton').count()).toBe(0);
        await visitor.expectGood();
      }
    },
  );

  test('every page is reached from the first with the keyboard, and leads back', async () => {
    const { page } = await stage.visit({ path: '/settings' });
    const rows = page.getByRole('main').getByRole('link');
    await rows.first().waitFor();
    expect(await rows.count()).toBe(PAGES.length - 1);
    const first = await page.title();
    const titles = new Set<string>();
    for (let at = 0; at < PAGES.length - 1; at += 1) {
      await rows.nth(at).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('link', { name: 'Settings' }).nth(1).waitFor();
      await expect.poll(() => page.title()).not.toBe(first);
      titles.add(await page.title());
      // who listens hears the sentence of the page
      await expect.poll(() => page.locator('.skeleton').count()).toBe(0);
      await expect.poll(() => page.evaluate('document.activeElement.tagName')).toBe('H1');
      await page.getByRole('main').getByRole('link', { name: 'Settings' }).click();
      await rows.nth(PAGES.length - 2).waitFor();
      await expect.poll(() => page.title()).toBe(first);
    }
    expect(titles.size).toBe(PAGES.length - 1);
  });

  test('the first sentence says what is most worth doing', async () => {
    const { page } = await stage.visit({ path: '/settings' });
    const sentence = (name: string) => page.getByRole('heading', { level: 1, name }).waitFor();
    await sentence('No Home Assistant is paired with this Homestash yet.');
    stage.core.on(`GET ${PATHS.tokens}`, () => ({ tokens: [token()] }));
    stage.core.tell({ event: 'tokens_changed' });
    await sentence('Homestash is not connected to Home Assistant.');
    stage.core.on(`GET ${PATHS.home_assistant}`, () => connectedHome());
    stage.core.tell({ event: 'home_assistant_changed' });
    await sentence('The recovery key still has to be kept.');
  });
});
