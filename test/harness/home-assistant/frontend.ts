import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { HomeAssistant } from '../home-assistant.ts';

/** A token of these tests lives for a year; the frontend shall not try to renew it (milliseconds). */
const A_YEAR_MS = 365 * 24 * 60 * 60_000;

/** Opens a page of Home Assistant's own frontend, signed in as the owner. The context is closed with the page's `context()`. */
export async function openFrontend(
  browser: Browser,
  home: HomeAssistant,
  path: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options });
  context.setDefaultTimeout(30_000);
  const tokens = {
    access_token: home.token,
    token_type: 'Bearer',
    expires_in: A_YEAR_MS / 1000,
    expires: Date.now() + A_YEAR_MS,
    refresh_token: '',
    hassUrl: home.url,
    clientId: `${home.url}/`,
  };
  await context.addInitScript(
    `localStorage.setItem('hassTokens', ${JSON.stringify(JSON.stringify(tokens))})`,
  );
  const page = await context.newPage();
  await page.goto(`${home.url}${path}`);
  return page;
}
