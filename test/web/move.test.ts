import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { PATHS } from '../../src/contract/index.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { inBrowser, Stage } from './stage.ts';

const stage = Stage.set();

inBrowser('moving to another device', () => {
  test('the file is sealed with a passphrase that was typed twice, and downloaded', async () => {
    const visitor = await stage.visit({ path: '/settings/move' });
    const { page } = visitor;
    const passphrase = page.getByLabel('Passphrase for the file', { exact: true });
    const again = page.getByLabel('The passphrase again', { exact: true });
    await passphrase.fill('short');
    await page.getByText('Still too short').waitFor();
    await passphrase.fill('correct horse battery');
    await page.getByRole('button', { name: 'Download the file' }).click();
    await page.getByText('This differs from the passphrase above.').waitFor();
    await again.fill('correct horse battery');
    stage.core.exported = Buffer.from('sealed');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download the file' }).click();
    expect((await download).suggestedFilename()).toBe('homestash-2026-03-01.age');
    expect(await readFile(await (await download).path(), 'utf8')).toBe('sealed');
    await page.getByText('Without its passphrase nobody can open it.').waitFor();
    expect(stage.core.deeds).toEqual([
      { call: `POST ${PATHS.export}`, body: { passphrase: 'correct horse battery' } },
    ]);
    // nothing that was secret is left on the page
    expect(await passphrase.inputValue()).toBe('');
    expect(await again.inputValue()).toBe('');
  });

  test('a file is taken over after a question, which says what it replaces; what came back is told', async () => {
    stage.core.on(`POST ${PATHS.import}`, () => {
      throw new Problem('import_wrong_passphrase');
    });
    const visitor = await stage.visit({ path: '/settings/move' });
    const { page } = visitor;
    await page.getByRole('button', { name: 'Take over' }).click();
    await page.getByText('Choose the file that was downloaded').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('file');
    await page.getByLabel('File', { exact: true }).setInputFiles({
      name: 'homestash-2026-03-01.age',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from('sealed'),
    });
    await page.getByLabel('Passphrase of the file', { exact: true }).fill('wrong');
    await page.getByRole('button', { name: 'Take over' }).click();
    const dialog = page.getByRole('dialog', { name: 'Take over “homestash-2026-03-01.age”?' });
    await dialog.getByText('No backup is deleted.').waitFor();
    await visitor.expectGood();
    await dialog.getByRole('button', { name: 'Take over' }).click();
    await dialog.getByRole('alert').getByText('This is not the passphrase of this file.').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    stage.core.on(`POST ${PATHS.import}`, () => ({ targets: 2, settings: ['general', 'tokens'] }));
    await page.getByLabel('Passphrase of the file', { exact: true }).fill('correct horse battery');
    await page.getByRole('button', { name: 'Take over' }).click();
    await dialog.getByRole('button', { name: 'Take over' }).click();
    await page.getByText('Came back: 2 locations, general settings and accesses.').waitFor();
    expect(stage.core.deeds.at(-1)?.body).toEqual({
      passphrase: 'correct horse battery',
      file: Buffer.from('sealed').toString('base64'),
    });
  });
});
