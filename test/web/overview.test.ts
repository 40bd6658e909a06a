import { expect, test } from 'vitest';
import { type Notice, type Overview, PATHS } from '../../src/contract/index.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { freshHome, fullHome, quietHome, troubledHome } from './scenes.ts';
import { folder, home, hoursAgo, notice, target, upload } from './shapes.ts';
import { inBrowser, Stage } from './stage.ts';
import { DESKTOP, PHONE, SMALLEST } from './visitor.ts';

const stage = Stage.set();

const overview = (more: Partial<Overview>): Overview => ({
  verdict: 'safe',
  last_backup: { at: hoursAgo(6), name: 'Automatic backup', size: 1_000, places: 1 },
  next_backup: null,
  notices: [],
  ...more,
});

inBrowser('the overview', () => {
  test.for([
    { scene: quietHome, size: DESKTOP, scheme: 'light', language: 'en' },
    { scene: quietHome, size: PHONE, scheme: 'dark', language: 'de' },
    { scene: troubledHome, size: DESKTOP, scheme: 'dark', language: 'de' },
    { scene: troubledHome, size: SMALLEST, scheme: 'light', language: 'en' },
    { scene: freshHome, size: PHONE, scheme: 'light', language: 'en' },
    { scene: fullHome, size: SMALLEST, scheme: 'dark', language: 'de' },
  ] as const)(
    'has no fault: $scene.name, $size.width pixels, $scheme, $language',
    async ({ scene, ...options }) => {
      scene(stage.core);
      const visitor = await stage.visit(options);
      await visitor.page.getByRole('article').first().waitFor();
      await visitor.page.getByRole('heading', { level: 1 }).waitFor();
      await visitor.expectGood();
    },
  );

  test('says in one sentence that everything is safe, and shows where and since when', async () => {
    quietHome(stage.core);
    const { page } = await stage.visit();
    await page.getByRole('heading', { level: 1, name: 'Everything is safe.' }).waitFor();
    const verdict = await page.getByRole('main').locator('.verdict').innerText();
    expect(verdict.replaceAll(/\s*\([^)]*\)\s*/g, '')).toContain(
      'Last backup 6 hours ago, in 2 locations. The next one in 17 hours.',
    );
    await page.getByRole('img', { name: 'Timeline of 20 backups' }).waitFor();
    expect(await page.locator('svg circle').count()).toBe(14 + 20);
    expect(await page.locator('svg circle.hollow').count()).toBe(1);
    await page.getByText('Show as a table').click();
    expect(await page.getByRole('row').count()).toBe(21);
  });

  test('a problem comes first, with since when, what is still safe, and its button', async () => {
    troubledHome(stage.core);
    const { page } = await stage.visit();
    await page
      .getByRole('heading', { level: 1, name: 'Backblaze refuses the access of Homestash.' })
      .waitFor();
    await page.getByRole('link', { name: 'Check the settings' }).click();
    await page.getByRole('heading', { level: 1, name: 'Settings of Backblaze' }).waitFor();
    expect(await page.title()).toBe('Settings of the location · Homestash');
    await page.goBack();
    await page.getByRole('heading', { name: 'One more thing' }).waitFor();
    await page.getByRole('link', { name: 'Open the backups' }).click();
    await page.getByRole('heading', { level: 1, name: /10 backups/ }).waitFor();
  });

  test.for([
    ['edit_target', 'link', 'Check the settings', '/backups/targets/bucket/edit'],
    ['check_target', 'link', 'Check now', '/backups/targets/bucket/check'],
    ['add_target', 'link', 'Add a location', '/backups/targets/new'],
    ['open_backups', 'link', 'Open the backups', '/backups'],
    ['connect_home_assistant', 'link', 'Check the connection', '/settings/home-assistant'],
    ['pair', 'link', 'Pair Home Assistant', '/settings/pairing'],
    ['keep_recovery_key', 'link', 'Keep the key', '/settings/recovery-key'],
  ] as const)('%s leads to %s', async ([action, role, name, path]) => {
    const bucket = target({ id: 'bucket' });
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [bucket] }));
    const asked: Notice = notice({ action, target_id: 'bucket' });
    stage.core.on(`GET ${PATHS.overview}`, () => overview({ verdict: 'unsafe', notices: [asked] }));
    const { page } = await stage.visit();
    const link = page.locator('.verdict').getByRole(role, { name });
    expect(await link.getAttribute('href')).toBe(`#${path}`);
  });
});

inBrowser('beside a problem that is mended first', () => {
  test('nothing leads to the same place twice', async () => {
    freshHome(stage.core);
    const { page } = await stage.visit();
    await page.locator('.verdict').getByRole('link', { name: 'Pair Home Assistant' }).waitFor();
    await page.getByRole('article').first().waitFor();
    expect(await page.locator('.verdict .actions').getByRole('link').count()).toBe(1);
  });
});

inBrowser('a backup by a click', () => {
  const nas = folder({ id: 'nas', name: 'NAS' });

  test('is made as the automatic ones, with progress, and its end is told', async () => {
    const at = home([nas]);
    let now = at;
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [nas] }));
    stage.core.on(`GET ${PATHS.overview}`, () => overview({}));
    stage.core.on(`GET ${PATHS.home_assistant}`, () => now);
    stage.core.on(`POST ${PATHS.home_assistant_backups}`, () => {
      now = {
        ...at,
        backups: at.backups && { ...at.backups, state: 'create_backup', stage: 'home_assistant' },
      };
    });
    const visitor = await stage.visit();
    const { page } = visitor;
    await page.getByRole('button', { name: 'Back up now' }).click();
    await page.getByText('Home Assistant makes a backup', { exact: true }).waitFor();
    await page.getByText('Its settings and data').waitFor();
    expect(stage.core.deeds).toEqual([{ call: `POST ${PATHS.home_assistant_backups}`, body: {} }]);
    expect(await page.getByRole('button', { name: 'Back up now' }).isDisabled()).toBe(true);
    stage.core.tell({ event: 'operation_changed', operation: upload(nas, { done: 1_000_000_000 }) });
    await page.getByText('1 GB of 3.4 GB').waitFor();
    await visitor.expectGood();
    stage.core.tell({
      event: 'operation_changed',
      operation: upload(nas, { state: 'succeeded', ended_at: hoursAgo(0) }),
    });
    const result = { outcome: 'completed', reason: null, at: hoursAgo(0) } as const;
    now = { ...at, backups: at.backups && { ...at.backups, last_result: result } };
    stage.core.tell({ event: 'home_assistant_changed' });
    await page.getByText('The backup is complete.').waitFor();
    await page.getByRole('heading', { name: 'Under way' }).waitFor({ state: 'detached' });
  });

  test('goes to our own locations where no automatic ones are set up', async () => {
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [nas] }));
    stage.core.on(`GET ${PATHS.overview}`, () => overview({}));
    stage.core.on(`GET ${PATHS.home_assistant}`, () => home([nas], []));
    stage.core.on(`POST ${PATHS.home_assistant_backups}`, () => {
      throw new Problem('home_assistant_busy');
    });
    const { page } = await stage.visit();
    await page.getByRole('button', { name: 'Back up now' }).click();
    await page.getByRole('alert').getByText('Home Assistant').first().waitFor();
    expect(stage.core.deeds[0]?.body).toEqual({ agent_ids: ['homestash.unique-nas'] });
  });

  test('that fails says why', async () => {
    const at = home([nas]);
    let now = at;
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [nas] }));
    stage.core.on(`GET ${PATHS.overview}`, () => overview({}));
    stage.core.on(`GET ${PATHS.home_assistant}`, () => now);
    stage.core.on(`POST ${PATHS.home_assistant_backups}`, () => undefined);
    const { page } = await stage.visit({ language: 'de' });
    await page.getByRole('button', { name: 'Jetzt sichern' }).click();
    const result = { outcome: 'failed', reason: 'upload_failed', at: hoursAgo(0) } as const;
    now = { ...at, backups: at.backups && { ...at.backups, last_result: result } };
    stage.core.tell({ event: 'home_assistant_changed' });
    await page.getByText('nicht abgeschlossen (upload_failed)').waitFor();
  });

  test('needs a way into Home Assistant, and leads there', async () => {
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [nas] }));
    const { page } = await stage.visit();
    const link = page.getByRole('link', { name: 'Connect to Home Assistant' });
    expect(await link.getAttribute('href')).toBe('#/settings/home-assistant');
  });

  test('an upload shows speed and remaining time once they are known, and can be cancelled', async () => {
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [nas] }));
    let operation = upload(nas);
    stage.core.on(`GET ${PATHS.operations}`, () => ({ operations: [operation] }));
    stage.core.on(`POST ${PATHS.operation_cancel}`, () => undefined);
    const { page } = await stage.visit();
    await page
      .getByText('0 bytes of 3.4 GB', { exact: false })
      .or(page.getByText('0 byte of 3.4 GB'))
      .waitFor();
    expect(await page.getByText(' left').count()).toBe(0);
    await expect.poll(() => stage.core.listeners).toBe(1);
    // what comes within seconds makes a speed
    for (let done = 1; (await page.getByText(/MB\/s · .* left/).count()) === 0; done += 1) {
      operation = upload(nas, { done: done * 2_000_000 });
      stage.core.tell({ event: 'operation_changed', operation });
      await page
        .locator('.progress-words')
        .getByText(`${2 * done} MB of`)
        .waitFor();
    }
    await page.getByRole('button', { name: 'Cancel: Automatic backup 2026.11.0 to NAS' }).click();
    await expect
      .poll(() => stage.core.deeds.map(({ call }) => call))
      .toEqual([`POST ${PATHS.operation_cancel}`]);
  });
});

inBrowser('automatic backups', () => {
  const nas = folder({ id: 'nas', name: 'NAS' });
  const bucket = target({ id: 'bucket', name: 'Backblaze' });

  test('are chosen from the notice; where Home Assistant has no key, one is made, shown and kept first', async () => {
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [nas, bucket] }));
    stage.core.on(`GET ${PATHS.home_assistant}`, () => home([nas, bucket], []));
    const asked = notice({ code: 'not_automatic', action: 'use_automatic', severity: 'warning' });
    stage.core.on(`GET ${PATHS.overview}`, () => overview({ verdict: 'attention', notices: [asked] }));
    stage.core.on(`PUT ${PATHS.home_assistant_automatic}`, ({ body }) => {
      if ((body as { key?: string }).key === undefined) throw new Problem('home_assistant_no_key');
    });
    const visitor = await stage.visit({ size: PHONE });
    const { page } = visitor;
    await page.getByRole('button', { name: 'Back up automatically' }).click();
    const dialog = page.getByRole('dialog', { name: 'Back up automatically' });
    await visitor.expectGood();
    await dialog.getByLabel('Backblaze').uncheck();
    await dialog.getByRole('button', { name: 'Use for automatic backups' }).click();
    const key = await dialog.locator('.key').innerText();
    expect(key).toMatch(/^[A-Z0-9]{4}(-[A-Z0-9]{4}){6}$/);
    await visitor.expectGood();
    const use = dialog.getByRole('button', { name: 'Use for automatic backups' });
    expect(await use.isDisabled()).toBe(true);
    // under the pointer it is no button to press, either
    await use.hover({ force: true });
    const ground = await page.evaluate(
      "getComputedStyle(document.querySelector('dialog .actions .primary')).backgroundColor",
    );
    expect(ground).toBe('rgba(0, 0, 0, 0)');
    await dialog.getByLabel('The key is kept somewhere else than on this device.').check();
    await use.click();
    await page.getByText('Automatic backups go here from now on.').waitFor();
    const agent_id = 'homestash.unique-nas';
    expect(stage.core.deeds.map(({ body }) => body)).toEqual([
      { agent_id, enabled: true, schedule: true },
      { agent_id, enabled: true, schedule: true, key },
    ]);
    expect(await dialog.count()).toBe(0);
    expect(await visitor.focused()).toBe('Back up automatically');
  });

  test('that Home Assistant refuses stay in the dialog with the reason', async () => {
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [nas] }));
    stage.core.on(`GET ${PATHS.home_assistant}`, () => home([nas], []));
    const asked = notice({ code: 'not_automatic', action: 'use_automatic', severity: 'warning' });
    stage.core.on(`GET ${PATHS.overview}`, () => overview({ verdict: 'attention', notices: [asked] }));
    stage.core.on(`PUT ${PATHS.home_assistant_automatic}`, () => {
      throw new Problem('home_assistant_away');
    });
    const { page } = await stage.visit();
    await page.getByRole('button', { name: 'Back up automatically' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Use for automatic backups' }).click();
    await dialog.getByRole('alert').getByText('Home Assistant cannot be reached at the moment.').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
  });
});
