import { expect, test } from 'vitest';
import { PATHS, type Webhook } from '../../src/contract/index.ts';
import { failing, webhook } from './scenes.ts';
import { inBrowser, Stage } from './stage.ts';
import { DESKTOP, PHONE, SMALLEST } from './visitor.ts';

const stage = Stage.set();

inBrowser('messages to others', () => {
  test.for([
    { size: DESKTOP, scheme: 'light', language: 'en', path: '/settings/notifications' },
    { size: DESKTOP, scheme: 'dark', language: 'de', path: '/settings/notifications/chat' },
    { size: PHONE, scheme: 'dark', language: 'en', path: '/settings/notifications/phone' },
    { size: SMALLEST, scheme: 'light', language: 'de', path: '/settings/notifications/new' },
    { size: SMALLEST, scheme: 'dark', language: 'de', path: '/settings/notifications' },
  ] as const)('look well at $size.width pixels, $scheme, $language, $path', async (options) => {
    stage.core.on(`GET ${PATHS.webhooks}`, () => ({ webhooks: [webhook(), failing] }));
    const visitor = await stage.visit(options);
    await visitor.page.locator('main .card').first().waitFor();
    await visitor.page.getByRole('heading', { level: 1 }).waitFor();
    await visitor.expectGood();
  });

  test('a recipient is added, tried and found in its list', async () => {
    const list: Webhook[] = [];
    stage.core.on(`GET ${PATHS.webhooks}`, () => ({ webhooks: list }));
    stage.core.on(`POST ${PATHS.webhooks}`, () => {
      const made = webhook({ kind: 'gotify', host: 'gotify.example.org', deliveries: [] });
      list.push(made);
      return made;
    });
    stage.core.on(`POST ${PATHS.webhook_test}`, () => undefined);
    const { page } = await stage.visit({ path: '/settings/notifications' });
    await page.getByRole('heading', { name: 'Nobody is told of problems yet.' }).waitFor();
    await page.getByRole('link', { name: 'Add a recipient' }).click();
    await page.getByLabel('Kind').selectOption({ label: 'Gotify' });
    await page.getByLabel('Name').fill('Phone');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByText('An address such as https://gotify.example.org').waitFor();
    await page.getByLabel('Address').fill('https://gotify.example.org');
    await page.getByLabel('Key', { exact: true }).fill('A.token');
    await page.getByLabel('What is told').selectOption({ label: 'All problems' });
    await page.getByLabel('Access').uncheck();
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('heading', { level: 1, name: 'Phone' }).waitFor();
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByText('Phone has taken the test message.').waitFor();
    expect(stage.core.deeds).toEqual([
      {
        call: `POST ${PATHS.webhooks}`,
        body: {
          ...{ name: 'Phone', kind: 'gotify', url: 'https://gotify.example.org', token: 'A.token' },
          ...{ severity: 'warning', topics: ['backups', 'locations', 'devices', 'box'], enabled: true },
        },
      },
      { call: `POST ${PATHS.webhook_test}`, body: undefined },
    ]);
  });

  test('one that is not reached says why, and what waits; a change leaves the address as it is', async () => {
    stage.core.on(`GET ${PATHS.webhooks}`, () => ({ webhooks: [failing] }));
    stage.core.on(`PATCH ${PATHS.webhook}`, () => failing);
    const { page } = await stage.visit({ path: '/settings' });
    await page.getByText('Family chat is not reached').waitFor();
    await page.getByRole('link', { name: /Messages/ }).click();
    await page.getByRole('link', { name: /Family chat/ }).click();
    await page.getByRole('alert').getByText('knows no such recipient').waitFor();
    await page.getByText('2 messages wait').first().waitFor();
    await page.getByLabel('Messages are sent').uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    expect(stage.core.deeds.map(({ body }) => body)).toEqual([
      { name: 'Family chat', severity: 'error', topics: [], enabled: false },
    ]);
  });

  test('the secret is shown to whoever sets up the receiver, and a recipient is deleted after a question', async () => {
    const list = [webhook({ kind: 'generic', host: 'example.org' })];
    stage.core.on(`GET ${PATHS.webhooks}`, () => ({ webhooks: list }));
    stage.core.on(`POST ${PATHS.webhook_secret}`, () => ({
      secret: 'whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0',
    }));
    stage.core.on(`DELETE ${PATHS.webhook}`, () => {
      list.splice(0);
    });
    const { page } = await stage.visit({ path: '/settings/notifications/phone' });
    await page.getByRole('button', { name: 'Show the secret for signatures' }).click();
    await page.getByText('whsec_MTIz').waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Nobody is told of problems yet.' }).waitFor();
  });
});
