import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PATHS, type StoredBackup, type Target } from '../../src/contract/index.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { freshHome, fullHome, quietHome } from './scenes.ts';
import { folder, hoursAgo, stored, target } from './shapes.ts';
import { inBrowser, Stage } from './stage.ts';
import { DESKTOP, PHONE, SMALLEST } from './visitor.ts';

const stage = Stage.set();

const bucket = target({ id: 'bucket', name: 'Backblaze' });
const nas = folder({ id: 'nas', name: 'NAS' });

function keep(backups: readonly StoredBackup[], targets: readonly Target[] = [bucket, nas]): void {
  stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [...targets] }));
  stage.core.on(`GET ${PATHS.all_backups}`, () => ({ backups: [...backups], targets_unread: [] }));
}

inBrowser('the backups', () => {
  test.for([
    { scene: quietHome, size: DESKTOP, scheme: 'light', language: 'de' },
    { scene: freshHome, size: PHONE, scheme: 'dark', language: 'en' },
    { scene: fullHome, size: SMALLEST, scheme: 'light', language: 'de' },
    { scene: fullHome, size: DESKTOP, scheme: 'dark', language: 'en' },
  ] as const)(
    'have no fault: $scene.name, $size.width pixels, $scheme, $language',
    async ({ scene, ...options }) => {
      scene(stage.core);
      const visitor = await stage.visit({ ...options, path: '/backups' });
      await visitor.page.locator('.stack, .empty').first().waitFor();
      await visitor.expectGood();
    },
  );

  test('of 500 the newest stand there, more on demand, and any is found by its words', async () => {
    fullHome(stage.core);
    const { page } = await stage.visit({ path: '/backups' });
    await page.getByRole('heading', { level: 1, name: '500 backups, 3.8 TB in use' }).waitFor();
    const rows = page.locator('.row.backup');
    expect(await rows.count()).toBe(50);
    await page.getByRole('button', { name: 'Show more (450)' }).click();
    expect(await rows.count()).toBe(100);
    await page.getByLabel('Search').fill('Heizungs aktualisierung');
    await page.getByText('1 backup found').waitFor();
    expect(await rows.count()).toBe(1);
    await page.getByLabel('Search').fill('nothing like this');
    await page.getByText('0 backups found').waitFor();
  });

  test('few of them need no search, and say what they hold, where they lie and how they are', async () => {
    keep([
      stored([bucket, nas], { homeassistant_version: '2026.11.0' }),
      stored(
        [nas],
        { protected: false, addons: [], folders: [], database_included: false },
        { suspect: 'odd' },
      ),
    ]);
    const { page } = await stage.visit({ path: '/backups' });
    const rows = page.locator('.row.backup');
    await rows.first().waitFor();
    const [first = '', second = ''] = await rows.allInnerTexts();
    const said = [
      'Home Assistant 2026.11.0, history, 2 apps, 2 folders',
      '3.5 GB',
      'Backblaze, NAS',
      'Encrypted',
    ];
    for (const words of said) expect(first).toContain(words);
    for (const words of ['Not encrypted', 'Looks odd']) expect(second).toContain(words);
    expect(await page.getByLabel('Search').count()).toBe(0);
  });

  test('where nothing is yet it says what to do first', async () => {
    keep([], []);
    const { page } = await stage.visit({ path: '/backups' });
    await page.getByText('First of all a location is needed').waitFor();
    expect(await page.locator('.empty').getByRole('link').getAttribute('href')).toBe('#/backups/targets/new');
  });

  test('a location that was never read is named, for what lies there is missing', async () => {
    keep([stored([nas])]);
    stage.core.on(`GET ${PATHS.all_backups}`, () => ({
      backups: [stored([nas])],
      targets_unread: ['bucket'],
    }));
    const { page } = await stage.visit({ path: '/backups' });
    await page.getByText('Not read yet: Backblaze').waitFor();
  });
});

inBrowser('a backup', () => {
  const both = stored([bucket, nas], { backup_id: 'abcd1234', date: hoursAgo(30) });

  test.for([
    { size: DESKTOP, scheme: 'dark', language: 'en' },
    { size: SMALLEST, scheme: 'light', language: 'de' },
  ] as const)('has no fault at $size.width pixels, $scheme, $language', async (options) => {
    keep([both]);
    const visitor = await stage.visit({ ...options, path: '/backups/item/abcd1234' });
    await visitor.page.locator('.place').first().waitFor();
    await visitor.page.locator('summary').click();
    await visitor.expectGood();
  });

  test('is found in three clicks, and downloaded with the third', async () => {
    keep([both]);
    const { page } = await stage.visit();
    await page.getByRole('link', { name: 'Backups', exact: true }).click();
    await page.locator('.row.backup a').click();
    await page.getByRole('heading', { level: 1, name: /^Backup of / }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download from NAS' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('abcd1234.tar');
    expect(readFileSync(await download.path(), 'utf8')).toBe('the archive of abcd1234 in nas');
  });

  test('is deleted where the person says, after being told what goes and what stays', async () => {
    let left: StoredBackup[] = [both];
    stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [bucket, nas] }));
    stage.core.on(`GET ${PATHS.all_backups}`, () => ({ backups: left, targets_unread: [] }));
    const from: string[] = [];
    stage.core.on(`DELETE ${PATHS.backup}`, ({ params }) => {
      from.push(params.target_id ?? '');
      left = params.target_id === 'nas' ? [] : [stored([nas], both.backup)];
    });
    const visitor = await stage.visit({ path: '/backups/item/abcd1234' });
    const { page } = visitor;
    await page.getByRole('button', { name: 'Delete from Backblaze' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete this backup?' });
    await dialog.getByText('From Backblaze (3.5 GB)').waitFor();
    await dialog.getByText('It stays in: NAS.').waitFor();
    await visitor.expectGood();
    await dialog.getByLabel('From NAS (3.5 GB)').check();
    await dialog.getByText('Afterwards it exists nowhere any more.').waitFor();
    await dialog.getByLabel('From NAS (3.5 GB)').uncheck();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('The backup was deleted.').waitFor();
    expect(from).toEqual(['bucket']);
    await page.getByRole('heading', { name: 'In one location' }).waitFor();
    await page.getByRole('button', { name: 'Delete from NAS' }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { level: 1, name: 'There is no backup yet.' }).waitFor();
    expect(page.url()).toMatch(/#\/backups$/);
  });

  test('that the store protects stays, and says until when; what could be deleted is', async () => {
    keep([both]);
    const from: string[] = [];
    stage.core.on(`DELETE ${PATHS.backup}`, ({ params }) => {
      from.push(params.target_id ?? '');
      if (params.target_id === 'nas') {
        throw new Problem('target_locked', { params: { until: '2027-01-01T00:00:00Z' } });
      }
    });
    const { page } = await stage.visit({ path: '/backups/item/abcd1234' });
    await page.getByRole('button', { name: 'Delete everywhere' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await dialog
      .getByRole('alert')
      .getByText('1 January 2027')
      .or(dialog.getByText('January 1, 2027'))
      .waitFor();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await expect.poll(() => from).toEqual(['bucket', 'nas', 'nas']);
  });

  test('in an archive cannot be downloaded, and says why', async () => {
    keep([
      stored([bucket], { backup_id: 'cold' }, { archived: true, storage_class: 'DEEP_ARCHIVE', crc32: null }),
    ]);
    const { page } = await stage.visit({ path: '/backups/item/cold' });
    await page.getByText('must be restored at the provider').waitFor();
    await page.getByText('Storage class DEEP_ARCHIVE').waitFor();
    expect(await page.getByRole('link', { name: /Download/ }).count()).toBe(0);
  });

  test('that is gone says so', async () => {
    keep([]);
    const { page } = await stage.visit({ path: '/backups/item/gone' });
    await page.getByRole('heading', { level: 1, name: 'There is no such backup any more.' }).waitFor();
  });
});
