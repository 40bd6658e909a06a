import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { PATHS } from '../../src/contract/index.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { wordProblem } from '../../src/kernel/texts.ts';
import { ABOUT, GENERAL, LOG, RECOVERY } from './settings-core.ts';
import { hoursAgo } from './shapes.ts';
import { inBrowser, Stage } from './stage.ts';

const stage = Stage.set();

inBrowser('general settings', () => {
  test('what is entered is checked as it is typed, and sent as the core wants it', async () => {
    let settings = GENERAL;
    stage.core.on(`GET ${PATHS.settings}`, () => settings);
    stage.core.on(`PATCH ${PATHS.settings}`, ({ body }) => {
      settings = { ...settings, ...(body as object) };
      return settings;
    });
    const { page } = await stage.visit({ path: '/settings/general' });
    await page.getByRole('heading', { name: 'This Homestash is called “Homestash”.' }).waitFor();
    await page.getByLabel('Name').fill('');
    await page.getByLabel('Backups are overdue after').fill('three');
    await page.getByText('A whole number from 0 to 365.').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('A name is needed').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('name');
    await page.getByLabel('Name').fill('Attic');
    await page.getByLabel('Backups are overdue after').fill('3');
    await page.getByText('More settings').click();
    await page.getByLabel('Web pages that may use the API').fill('https://dash.example.org/page');
    await page.getByText('without a path').waitFor();
    // what is wrong is found where it is folded away, too
    await page.getByText('More settings').click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page
      .getByLabel('Web pages that may use the API')
      .fill('https://dash.example.org\n\n http://10.0.0.2:81');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('status').getByText('Saved.').waitFor();
    expect(stage.core.deeds.map(({ body }) => body)).toEqual([
      {
        name: 'Attic',
        language: 'auto',
        overdue_days: 3,
        cors_origins: ['https://dash.example.org', 'http://10.0.0.2:81'],
      },
    ]);
    await page.getByRole('heading', { name: 'This Homestash is called “Attic”.' }).waitFor();
    await page.getByText('when there was no backup for 3 days').waitFor();
  });

  test('what was typed stays when it could not be saved, or when another person saved meanwhile', async () => {
    stage.core.on(`PATCH ${PATHS.settings}`, () => {
      throw new Problem('disk_full');
    });
    const { page } = await stage.visit({ path: '/settings/general' });
    await page.getByLabel('Name').fill('Cellar');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('main').getByRole('alert').waitFor();
    stage.core.on(`GET ${PATHS.settings}`, () => ({ ...GENERAL, name: 'Attic' }));
    stage.core.tell({ event: 'settings_changed' });
    await page.getByRole('heading', { name: 'This Homestash is called “Attic”.' }).waitFor();
    expect(await page.getByLabel('Name').inputValue()).toBe('Cellar');
  });
});

inBrowser('the way in', () => {
  test('the password is changed with the current one', async () => {
    stage.core.on(`PUT ${PATHS.session_password}`, () => {
      throw new Problem('password_wrong');
    });
    const { page } = await stage.visit({ path: '/settings/access' });
    await page.getByLabel('Current password', { exact: true }).fill('the old one');
    await page.getByLabel('New password', { exact: true }).fill('short');
    await page.getByText('Still too short').waitFor();
    await page.getByLabel('New password', { exact: true }).fill('long enough for me');
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByRole('alert').getByText('This password is wrong').waitFor();
    stage.core.on(`PUT ${PATHS.session_password}`, () => undefined);
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByText('All other sessions have ended.').waitFor();
    expect(await page.getByLabel('New password', { exact: true }).inputValue()).toBe('');
    expect(stage.core.deeds.at(-1)?.body).toEqual({ current: 'the old one', password: 'long enough for me' });
  });

  test('signing out leads to signing in', async () => {
    const { page } = await stage.visit({ path: '/settings/access' });
    stage.core.on(`DELETE ${PATHS.session}`, () => undefined);
    const out = { state: 'signed_out', via: null, user: null, name: 'Homestash' };
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    stage.core.on(`GET ${PATHS.session}`, () => out);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('through Home Assistant there is no password', async () => {
    stage.core.on(`GET ${PATHS.session}`, () => ({
      state: 'signed_in',
      via: 'home_assistant',
      user: 'Anna',
      name: 'Homestash',
    }));
    const { page } = await stage.visit({ path: '/settings/access' });
    await page.getByText('You are here as Anna.').waitFor();
    expect(await page.getByRole('button').count()).toBe(0);
  });
});

inBrowser('the recovery key', () => {
  test('is shown when it is asked for, can be taken along, and is kept once somebody says so', async () => {
    const identity = 'AGE-SECRET-KEY-1QQPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPSSLT4FS';
    let state = RECOVERY;
    stage.core.on(`GET ${PATHS.recovery_key}`, () => state);
    stage.core.on(`POST ${PATHS.recovery_key_reveal}`, () => ({ identity }));
    stage.core.on(`POST ${PATHS.recovery_key_kept}`, () => {
      state = { ...RECOVERY, kept_at: hoursAgo(0) };
      return state;
    });
    const visitor = await stage.visit({ path: '/settings/recovery-key' });
    const { page } = visitor;
    await page.getByRole('heading', { name: 'The recovery key still has to be kept.' }).waitFor();
    expect(await page.getByRole('button', { name: 'I have kept it' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Show the key' }).click();
    await page.getByText(identity).waitFor();
    await visitor.expectGood();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as a file' }).click();
    const saved = await readFile(await (await download).path(), 'utf8');
    expect(saved).toContain(`\n\n${identity}\n\n`);
    expect(saved).toContain('age-encryption.org');
    await page.getByRole('button', { name: 'I have kept it' }).click();
    await page.getByRole('heading', { name: 'The recovery key is kept.' }).waitFor();
    expect(await page.getByText(identity).count()).toBe(0);
  });

  test('that is lost says so', async () => {
    stage.core.on(`POST ${PATHS.recovery_key_reveal}`, () => {
      throw new Problem('recovery_key_lost');
    });
    const { page } = await stage.visit({ path: '/settings/recovery-key' });
    await page.getByRole('button', { name: 'Show the key' }).click();
    await page.getByRole('main').getByRole('alert').waitFor();
  });
});

inBrowser('the log', () => {
  test('is filtered by level in the core and searched on the page, and can be copied', async () => {
    const asked: Readonly<Record<string, string>>[] = [];
    stage.core.on(`GET ${PATHS.log}`, ({ query }) => {
      asked.push(query);
      const entries =
        query.level === 'error' ? LOG.entries.filter(({ level }) => level === 'error') : LOG.entries;
      return { ...LOG, entries };
    });
    const { page } = await stage.visit({ path: '/settings/log' });
    await page.getByRole('heading', { name: 'One error stands in the newest lines' }).waitFor();
    const lines = page.getByRole('list', { name: 'Log' }).getByRole('listitem');
    expect(await lines.count()).toBe(4);
    await page.getByLabel('Search').fill('TARGET access');
    await page.getByText('1 line', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied.').waitFor();
    await page.getByLabel('Search').fill('nothing at all');
    await page.getByText('No line contains all of these words.').waitFor();
    await page.getByLabel('Search').fill('');
    await page.getByLabel('From this level on').selectOption('error');
    await page.getByText('1 line', { exact: true }).waitFor();
    expect(asked).toEqual([
      { level: 'info', limit: '200' },
      { level: 'error', limit: '200' },
    ]);
  });

  test('is read again and again while somebody follows it', async () => {
    let entries = LOG.entries.slice(3);
    stage.core.on(`GET ${PATHS.log}`, () => ({ ...LOG, entries }));
    const { page } = await stage.visit({ path: '/settings/log' });
    await page.getByRole('heading', { name: 'No errors' }).waitFor();
    await page.getByLabel('Follow').check();
    entries = LOG.entries.slice();
    await page.getByText('the storage does not know this access key').waitFor();
  });

  test('becomes louder until the next start', async () => {
    let level = 'info';
    stage.core.on(`GET ${PATHS.log}`, () => ({ ...LOG, level }));
    stage.core.on(`PUT ${PATHS.log_level}`, ({ body }) => {
      level = (body as { level: string }).level;
    });
    const { page } = await stage.visit({ path: '/settings/log' });
    await page.getByLabel('What is written').selectOption('debug');
    await page.getByText('Written from now on: Debug.').waitFor();
    expect(stage.core.deeds).toEqual([{ call: `PUT ${PATHS.log_level}`, body: { level: 'debug' } }]);
  });

  test('has what helps who helps beside it, to be downloaded', async () => {
    const { page } = await stage.visit({ path: '/settings/log' });
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download diagnostics' }).click();
    expect(JSON.parse(await readFile(await (await download).path(), 'utf8'))).toEqual({ settings: {} });
  });

  test('shows older lines when there are some, and an empty one says what to do', async () => {
    stage.core.on(`GET ${PATHS.log}`, ({ query }) => ({
      level: 'info',
      entries: Array.from({ length: Math.min(Number(query.limit), 300) }, (_, at) => ({
        time: hoursAgo(at),
        level: 'info',
        scope: 'core',
        message: `line ${at}`,
        fields: {},
      })),
    }));
    const { page } = await stage.visit({ path: '/settings/log' });
    await page.getByText('200 lines').waitFor();
    await page.getByRole('button', { name: 'Show older lines' }).click();
    await page.getByText('300 lines').waitFor();
    stage.core.on(`GET ${PATHS.log}`, () => ({ level: 'info', entries: [] }));
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('Choose a lower one to see more.').waitFor();
  });
});

inBrowser('about', () => {
  test('says how much room there is, and why there is no newer copy of the database', async () => {
    stage.core.on(`GET ${PATHS.about}`, ({ language }) => ({
      ...ABOUT,
      mode: 'app',
      data_bytes: null,
      database_copied_at: null,
      provided: { settings: ['general', 'targets'], problem: null },
      database_copy_problem: wordProblem(new Problem('disk_full'), language),
    }));
    const { page } = await stage.visit({ path: '/settings/about' });
    await page.getByRole('heading', { name: 'This is Homestash 0.1.0.' }).waitFor();
    await page.getByText('12 GB of 31 GB free').waitFor();
    await page.getByText('As an app of Home Assistant').waitFor();
    await page.getByText('Not known').waitFor();
    await page.getByText('general settings and locations').waitFor();
    await page.getByRole('main').getByRole('alert').waitFor();
  });
});
