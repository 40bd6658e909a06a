import { expect, test } from 'vitest';
import { PATHS } from '../../src/contract/index.ts';
import { failed, busyHome as playedBy } from './scenes.ts';
import { happening } from './shapes.ts';
import { inBrowser, Stage } from './stage.ts';
import { DESKTOP, PHONE, SMALLEST } from './visitor.ts';

const stage = Stage.set();

inBrowser('the activity', () => {
  test.for([
    { size: DESKTOP, scheme: 'light', language: 'en' },
    { size: DESKTOP, scheme: 'dark', language: 'de' },
    { size: PHONE, scheme: 'dark', language: 'en' },
    { size: SMALLEST, scheme: 'light', language: 'de' },
  ] as const)('looks well at $size.width pixels, $scheme, $language', async (options) => {
    playedBy(stage.core);
    const visitor = await stage.visit({ ...options, path: '/activity' });
    await visitor.page.getByText(failed.title).waitFor();
    await visitor.expectGood();
  });

  test('tells day by day, shows older entries, and problems alone', async () => {
    playedBy(stage.core);
    const { page } = await stage.visit({ path: '/activity' });
    await page.getByText(failed.title).waitFor();
    expect(await page.getByRole('listitem').filter({ hasText: 'Backblaze' }).count()).toBe(4);
    await page.getByRole('button', { name: 'Show older' }).click();
    await page.getByText('Automatic backup 27').waitFor();
    expect(await page.getByRole('button', { name: 'Show older' }).count()).toBe(0);
    await page.getByLabel('Show').selectOption({ label: 'Problems only' });
    await page.getByText('Automatic backup 27').waitFor({ state: 'detached' });
    expect(await page.getByRole('listitem').filter({ hasText: 'Backblaze' }).count()).toBe(1);
  });

  test('tells of what happens without a reload, and keeps what was opened', async () => {
    playedBy(stage.core);
    const { page } = await stage.visit({ path: '/activity' });
    await page.getByRole('button', { name: 'Show older' }).click();
    await page.getByText('Automatic backup 27').waitFor();
    stage.core.on(`GET ${PATHS.journal}`, () => ({
      entries: [happening(100, { title: 'NAS was added' }), happening(99), failed, happening(75)],
      next: 75,
    }));
    await expect.poll(() => stage.core.listeners).toBe(1);
    stage.core.tell({ event: 'journal_changed' });
    await page.getByText('NAS was added').waitFor();
    expect(await page.getByText('Automatic backup 27').count()).toBe(1);
  });

  test('says that nothing has happened yet', async () => {
    const { page } = await stage.visit({ path: '/activity', language: 'de' });
    await page.getByText('Es ist noch nichts geschehen.').waitFor();
  });

  test('a part of the page that cannot be loaded says so, and can be tried again', async () => {
    const { page } = await stage.visit();
    await page.getByRole('navigation').waitFor();
    let refused = 0;
    await page.route(/activity-\w+\.js$/, (route) => {
      refused += 1;
      return route.abort();
    });
    await page.getByRole('link', { name: 'Activity' }).click();
    await page.getByRole('main').getByRole('alert').waitFor();
    expect(refused).toBeGreaterThan(0);
    await page.unroute(/activity-\w+\.js$/);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { level: 1, name: 'What happened' }).waitFor();
  });
});
