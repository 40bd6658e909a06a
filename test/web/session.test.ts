import { expect, test } from 'vitest';
import { PATHS, type Session } from '../../src/contract/index.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { inBrowser, Stage } from './stage.ts';
import { DESKTOP, PHONE } from './visitor.ts';

const stage = Stage.set();

const session = (state: Session['state']): Session => ({
  state,
  via: state === 'signed_in' ? 'password' : null,
  user: null,
  name: 'Homestash',
});

inBrowser('coming in', () => {
  test('on the first start a password is chosen with the code from the log, with the keyboard alone', async () => {
    stage.core.on(`GET ${PATHS.session}`, () => session('setup'));
    stage.core.on(`POST ${PATHS.session_setup}`, () => {
      throw new Problem('setup_code_invalid');
    });
    const visitor = await stage.visit();
    const { page } = visitor;
    await page.getByRole('heading', { name: 'Welcome to Homestash' }).waitFor();
    await visitor.expectGood();
    await page.keyboard.type('wrong');
    await page.keyboard.press('Tab');
    await page.keyboard.type('short');
    await page.getByText('Still too short').waitFor();
    await page.keyboard.type(' is not good enough');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('This setup code is wrong').waitFor();
    await visitor.expectGood();
    // nothing that was typed is lost
    expect(await page.getByLabel('Setup code').inputValue()).toBe('wrong');
    stage.core.on(`POST ${PATHS.session_setup}`, () => session('signed_in'));
    await page.getByLabel('Setup code').fill(' ABCD-1234 ');
    await page.getByRole('button', { name: 'Begin' }).click();
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    expect(stage.core.deeds.at(-1)?.body).toEqual({
      code: 'ABCD-1234',
      password: 'short is not good enough',
    });
  });

  test.for([
    { size: DESKTOP, scheme: 'dark', language: 'en' },
    { size: PHONE, scheme: 'light', language: 'de' },
  ] as const)('signing in looks well ($scheme, $language)', async (options) => {
    stage.core.on(`GET ${PATHS.session}`, () => session('signed_out'));
    const visitor = await stage.visit(options);
    await visitor.page.getByRole('heading', { level: 1 }).waitFor();
    await visitor.expectGood();
  });

  test('a wrong password says so, the right one opens the page that was asked for', async () => {
    stage.core.on(`GET ${PATHS.session}`, () => session('signed_out'));
    stage.core.on(`POST ${PATHS.session}`, () => {
      throw new Problem('password_wrong');
    });
    const { page } = await stage.visit({ path: '/overview' });
    const password = page.getByLabel('Password', { exact: true });
    await password.fill('not this one');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('This password is wrong').waitFor();
    stage.core.on(`POST ${PATHS.session}`, () => session('signed_in'));
    await page.getByRole('button', { name: 'Show: Password' }).click();
    expect(await password.getAttribute('type')).toBe('text');
    await password.fill('this one');
    await page.keyboard.press('Enter');
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    expect(await page.title()).toBe('Overview · Homestash');
  });

  test('who forgot the password chooses another with a new code', async () => {
    stage.core.on(`GET ${PATHS.session}`, () => session('signed_out'));
    const { page } = await stage.visit();
    await page.getByRole('button', { name: 'Password forgotten' }).click();
    await page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
    await page.getByText('homestash setup-code').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('a session that ended elsewhere leads back to signing in', async () => {
    const { page } = await stage.visit();
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    stage.core.on(`GET ${PATHS.session}`, () => session('signed_out'));
    stage.core.on(`GET ${PATHS.targets}`, () => {
      throw new Problem('session_ended');
    });
    stage.core.tell({ event: 'targets_changed' });
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('who is no administrator of Home Assistant is told so', async () => {
    stage.core.on(`GET ${PATHS.session}`, () => {
      throw new Problem('administrators_only');
    });
    const visitor = await stage.visit();
    await visitor.page.getByText('This page is for administrators of Home Assistant.').waitFor();
    expect(await visitor.page.getByRole('navigation').count()).toBe(0);
  });
});
