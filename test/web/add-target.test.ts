import { expect, test } from 'vitest';
import {
  type Capabilities,
  type FoundBackups,
  PATHS,
  PROBE_STEPS,
  type ProbeReport,
  type Target,
  type TargetCheckEvent,
  type TargetCheckRequest,
} from '../../src/contract/index.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { wordProblem, wordRemark } from '../../src/kernel/texts.ts';
import { quietHome } from './scenes.ts';
import { folder, home, hoursAgo, target } from './shapes.ts';
import { inBrowser, Stage } from './stage.ts';
import { DESKTOP, PHONE, SMALLEST, type Visitor } from './visitor.ts';

const stage = Stage.set();

const CAPABILITIES: Capabilities = {
  examined_at: hoursAgo(0),
  provider: 'b2',
  server: null,
  region: 'eu-central-003',
  conditional_writes: 'refused',
  checksums: 'enforced',
  versioning: 'on',
  object_lock: { state: 'off', default_days: null, mode: null },
  parts: { equal: 'not_required', smallest: 5_000_000, most: 10_000 },
  lifecycle: { state: 'unsupported', aborts_after_days: null },
  permissions: [{ name: 's3:ListBucketVersions', allowed: false }],
  advice: [{ code: 'versions_kept', text: wordRemark('advice', { code: 'versions_kept' }) }],
};

function report(more: Partial<ProbeReport> = {}): ProbeReport {
  const steps = PROBE_STEPS.map((step) => ({ step, outcome: 'ok' as const, problem: null }));
  return { ok: true, steps, found: [], capabilities: CAPABILITIES, ...more };
}

/** All steps one after the other, each when `next` lets it. */
async function* steps(next: () => Promise<void>, last: TargetCheckEvent): AsyncGenerator<TargetCheckEvent> {
  for (const step of PROBE_STEPS) {
    yield { event: 'step', step, outcome: 'running', problem: null };
    await next();
    yield { event: 'step', step, outcome: 'ok', problem: null };
  }
  yield last;
}

const atOnce = async () => undefined;

/** What the person gave, as the core reads it. */
const asked = (): TargetCheckRequest => stage.core.deeds.at(-1)?.body as TargetCheckRequest;

async function fillIn({ page }: Visitor): Promise<void> {
  await page.getByLabel('Region').fill('eu-central-003');
  await page.getByLabel('Bucket', { exact: true }).fill('home-backups');
  await page.getByLabel('Access key').fill('003abc');
  await page.getByLabel('Secret key', { exact: true }).fill('K003secret');
}

/** A core that keeps what was saved. */
function keep(saved: Target, targets: readonly Target[] = []): void {
  stage.core.on(`GET ${PATHS.targets}`, () => ({ targets: [...targets, saved] }));
}

inBrowser('adding a location', () => {
  test.for([
    { size: DESKTOP, scheme: 'light', language: 'en', path: '/backups/targets/new' },
    { size: SMALLEST, scheme: 'dark', language: 'de', path: '/backups/targets/new' },
    { size: PHONE, scheme: 'light', language: 'de', path: '/backups/targets/new/aws' },
    { size: SMALLEST, scheme: 'dark', language: 'en', path: '/backups/targets/new/r2' },
    { size: DESKTOP, scheme: 'dark', language: 'de', path: '/backups/targets/new/other' },
    { size: PHONE, scheme: 'dark', language: 'en', path: '/backups/targets/new/folder' },
  ] as const)('has no fault: $path, $size.width pixels, $scheme, $language', async (options) => {
    quietHome(stage.core);
    const visitor = await stage.visit(options);
    await visitor.page.locator('.tile, form').first().waitFor();
    for (const more of await visitor.page.locator('summary').all()) await more.click();
    await visitor.expectGood();
  });

  test('from the tile to the first backup, by clicking only', async () => {
    const saved = target({ id: 'fresh', name: 'Backblaze B2', backups: 0, capabilities: CAPABILITIES });
    const at = home([saved], []);
    stage.core.on(`GET ${PATHS.home_assistant}`, () => at);
    const visitor = await stage.visit({ path: '/backups' });
    const { page } = visitor;
    await page.getByRole('link', { name: 'Add a location' }).first().click();
    await page.getByRole('link', { name: 'Backblaze B2' }).click();
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Backblaze B2');
    expect(await visitor.focused()).toBe('Backblaze B2');
    const keys = page.getByRole('link', { name: 'Make a key at Backblaze B2' });
    expect(await keys.getAttribute('href')).toBe('https://secure.backblaze.com/app_keys.htm');
    expect(await keys.getAttribute('rel')).toContain('noopener');
    await fillIn(visitor);

    // the steps show one by one
    let go: () => void = () => undefined;
    const next = () => new Promise<void>((resolve) => (go = resolve));
    stage.core.check = () => steps(next, { event: 'saved', target: saved, report: report() });
    await page.getByRole('button', { name: 'Check and save' }).click();
    await page.getByText('Reach it and sign in: under way').waitFor();
    await page.getByText('Delete it again: not yet').waitFor();
    await visitor.expectGood();
    expect(asked()).toEqual({
      name: 'Backblaze B2',
      settings: {
        kind: 's3',
        endpoint: 'https://s3.eu-central-003.backblazeb2.com',
        bucket: 'home-backups',
        access_key: '003abc',
        secret_key: 'K003secret',
      },
      save: true,
    });
    keep(saved);
    for (const name of ['Reach it', 'Write a', 'Find it', 'Read it', 'Upload in', 'Delete it']) {
      await page.locator('.steps .running').getByText(name).waitFor();
      go();
    }
    await page.getByRole('heading', { level: 1, name: 'Backblaze B2 is ready.' }).waitFor();
    await visitor.expectGood();
  });

  test('nothing is asked for that the provider knows, and an address may be pasted as it is shown', async () => {
    quietHome(stage.core);
    stage.core.check = () => [{ event: 'problem', problem: wordProblem(new Problem('target_timeout')) }];
    const visitor = await stage.visit({ path: '/backups/targets/new/b2' });
    const { page } = visitor;
    await fillIn(visitor);
    expect(await page.getByLabel('Address').count()).toBe(0);
    await page.getByLabel('Region').fill('s3.us-west-004.backblazeb2.com');
    await page.getByRole('button', { name: 'Check and save' }).click();
    await page.getByRole('alert').getByText('The storage does not answer.').waitFor();
    expect(asked().settings.endpoint).toBe('s3.us-west-004.backblazeb2.com');
    await page.goto(`${stage.core.url}/#/backups/targets/new/r2`);
    await page.getByLabel('Account ID').fill('0123456789abcdef0123456789abcdef');
    await page.getByLabel('Bucket', { exact: true }).fill('home-backups');
    await page.getByLabel('Access key').fill('k');
    await page.getByLabel('Secret key', { exact: true }).fill('s');
    await page.getByRole('button', { name: 'Check and save' }).click();
    await expect
      .poll(() => asked().settings.endpoint)
      .toBe('https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com');
    await page.goto(`${stage.core.url}/#/backups/targets/new/folder`);
    expect(await page.locator('form input').count()).toBe(2);
  });

  test('what is missing or wrong is said at its field before anything is tried', async () => {
    quietHome(stage.core);
    const visitor = await stage.visit({ path: '/backups/targets/new/b2' });
    const { page } = visitor;
    await page.getByLabel('Bucket', { exact: true }).fill('no spaces here');
    await page.getByText('A bucket has 2 to 255').waitFor();
    expect(await page.getByText('This is needed.').count()).toBe(0);
    await page.getByRole('button', { name: 'Check and save' }).click();
    await expect.poll(() => page.getByText('This is needed.').count()).toBe(3);
    expect(await page.evaluate('document.activeElement.id')).toBe('field-where');
    await visitor.expectGood();
    expect(stage.core.deeds).toEqual([]);
    await page.getByText('More settings').click();
    await page.getByLabel('Hours without that limit').fill('at night');
    await page.getByText('Two times of day').waitFor();
  });

  test('a refusal keeps what was typed, and says what to do at the step', async () => {
    quietHome(stage.core);
    stage.core.check = (_asked, language) => {
      const problem = wordProblem(new Problem('target_wrong_secret'), language);
      const skipped = PROBE_STEPS.slice(1).map((step) => ({
        step,
        outcome: 'skipped' as const,
        problem: null,
      }));
      return [
        { event: 'step', step: 'reach', outcome: 'running', problem: null },
        { event: 'step', step: 'reach', outcome: 'failed', problem },
        ...skipped.map((step) => ({ event: 'step' as const, ...step })),
        {
          event: 'report',
          report: report({
            ok: false,
            steps: [{ step: 'reach', outcome: 'failed', problem }, ...skipped],
            capabilities: null,
          }),
        },
      ];
    };
    const visitor = await stage.visit({ path: '/backups/targets/new/b2', size: PHONE });
    await fillIn(visitor);
    const { page } = visitor;
    await page.getByRole('button', { name: 'Check and save' }).click();
    const failed = page.locator('.steps .failed');
    await failed.getByText('The secret key does not match the access key.').waitFor();
    await failed.getByText('Enter the secret key again, complete and without spaces.').waitFor();
    expect(await page.getByLabel('Bucket', { exact: true }).inputValue()).toBe('home-backups');
    expect(await page.getByLabel('Secret key', { exact: true }).inputValue()).toBe('K003secret');
    await visitor.expectGood();
  });

  test('a connection that breaks in the middle is told, and can be tried again', async () => {
    quietHome(stage.core);
    const visitor = await stage.visit({ path: '/backups/targets/new/b2' });
    const { page } = visitor;
    await fillIn(visitor);
    await page.route('**/targets/check', (route) => route.abort());
    await page.getByRole('button', { name: 'Check and save' }).click();
    await page.getByRole('alert').getByText('Homestash does not answer.').waitFor();
    await page.unroute('**/targets/check');
    const saved = target({ id: 'fresh', name: 'Backblaze B2' });
    keep(saved);
    stage.core.check = () => steps(atOnce, { event: 'saved', target: saved, report: report() });
    await page.getByRole('button', { name: 'Check and save' }).click();
    await page.getByRole('heading', { name: 'Backblaze B2 is ready.' }).waitFor();
  });

  test('folders with earlier backups are offered, and one that is chosen is taken instead', async () => {
    quietHome(stage.core);
    const found: FoundBackups[] = [
      { folder: 'homeassistant/backups', backups: 0, newest: null, current: true, homes: 0 },
      { folder: 'old/backups', backups: 12, newest: hoursAgo(100), current: false, homes: 1 },
    ];
    const first = target({ id: 'first', name: 'Backblaze B2' });
    const second = target({ id: 'second', name: 'Backblaze B2' });
    stage.core.on(`DELETE ${PATHS.target}`, () => undefined);
    stage.core.check = ({ settings }) =>
      settings.folder === 'old/backups'
        ? steps(atOnce, { event: 'saved', target: second, report: report() })
        : steps(atOnce, { event: 'saved', target: first, report: report({ found }) });
    const visitor = await stage.visit({ path: '/backups/targets/new/b2' });
    const { page } = visitor;
    await fillIn(visitor);
    await page.getByRole('button', { name: 'Check and save' }).click();
    await page.getByRole('heading', { name: 'There are backups already' }).waitFor();
    await page.getByText('12 backups').waitFor();
    await visitor.expectGood();
    keep(second);
    await page.getByRole('button', { name: 'Use this folder: old/backups' }).click();
    await page.getByRole('heading', { name: 'Backblaze B2 is ready.' }).waitFor();
    expect(page.url()).toContain('/backups/targets/second/added');
    expect(stage.core.deeds.map(({ call }) => call)).toEqual([
      `POST ${PATHS.target_check}`,
      `DELETE ${PATHS.target}`,
      `POST ${PATHS.target_check}`,
    ]);
    expect(asked().settings).toMatchObject({ folder: 'old/backups', secret_key: 'K003secret' });
  });

  test('the policy to copy names the bucket, and nothing else may be done with it', async () => {
    quietHome(stage.core);
    const { page } = await stage.visit({ path: '/backups/targets/new/aws' });
    await page.getByLabel('Bucket', { exact: true }).fill('home-backups');
    await page.getByText('The least rights, as a policy to copy').click();
    const policy = JSON.parse(await page.locator('pre').innerText());
    const resources = policy.Statement.map(({ Resource }: { Resource: string }) => Resource);
    expect(resources).toEqual(['arn:aws:s3:::home-backups', 'arn:aws:s3:::home-backups/*']);
    expect(JSON.stringify(policy)).not.toContain('"s3:*"');
  });
});

inBrowser('a location that was added', () => {
  const nas = folder({ id: 'nas', name: 'NAS' });

  test('gets the automatic backups and a first one', async () => {
    let automatic: Target[] = [];
    let state = 'idle';
    keep(nas);
    stage.core.on(`GET ${PATHS.home_assistant}`, () => {
      const at = home([nas], automatic);
      return { ...at, backups: at.backups && { ...at.backups, state } };
    });
    stage.core.on(`PUT ${PATHS.home_assistant_automatic}`, () => {
      automatic = [nas];
    });
    stage.core.on(`POST ${PATHS.home_assistant_backups}`, () => {
      state = 'create_backup';
    });
    const visitor = await stage.visit({ path: '/backups/targets/nas/added', size: PHONE, scheme: 'dark' });
    const { page } = visitor;
    await page.getByRole('heading', { name: 'Use it for automatic backups?' }).waitFor();
    await visitor.expectGood();
    await page.getByRole('button', { name: 'Use for automatic backups' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Use for automatic backups' }).click();
    await page.getByText('Automatic backups go here.', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Make a first backup now' }).click();
    await page.getByText('Home Assistant makes a backup', { exact: true }).waitFor();
    expect(asked()).toEqual({ agent_ids: ['homestash.unique-nas'] });
  });

  test('without a way into Home Assistant says how to get one', async () => {
    keep(nas);
    const { page } = await stage.visit({ path: '/backups/targets/nas/added' });
    await page.getByRole('heading', { name: 'Next: connect to Home Assistant' }).waitFor();
    const link = page.getByRole('link', { name: 'Connect to Home Assistant' });
    expect(await link.getAttribute('href')).toBe('#/settings/home-assistant');
  });

  test('that Home Assistant does not know yet leads to pairing, until it does', async () => {
    keep(nas);
    let at = home([]);
    stage.core.on(`GET ${PATHS.home_assistant}`, () => at);
    const { page } = await stage.visit({ path: '/backups/targets/nas/added' });
    await page.getByRole('heading', { name: 'Home Assistant does not know this location yet' }).waitFor();
    at = home([nas], []);
    stage.core.tell({ event: 'home_assistant_changed' });
    await page.getByRole('heading', { name: 'Use it for automatic backups?' }).waitFor();
  });
});

inBrowser('a location', () => {
  const bucket = target({ id: 'bucket', name: 'Backblaze', capabilities: CAPABILITIES });

  test.for([
    { size: DESKTOP, scheme: 'dark', language: 'en', path: '/backups/targets/bucket' },
    { size: SMALLEST, scheme: 'light', language: 'de', path: '/backups/targets/bucket' },
    { size: SMALLEST, scheme: 'dark', language: 'en', path: '/backups/targets/bucket/edit' },
  ] as const)('has no fault: $path, $size.width pixels, $scheme, $language', async (options) => {
    keep(bucket);
    const visitor = await stage.visit(options);
    await visitor.page.locator('.card').first().waitFor();
    for (const more of await visitor.page.locator('summary').all()) await more.click();
    await visitor.expectGood();
  });

  test('shows what its store can do, and what follows from that', async () => {
    keep(bucket);
    const { page } = await stage.visit({ path: '/backups/targets/bucket' });
    await page.getByRole('heading', { name: 'What this storage can do' }).waitFor();
    await page.getByText('This bucket keeps old versions').waitFor();
    await page.getByText('s3:ListBucketVersions').waitFor();
    await page.getByText('Bucket home-backups · Backblaze B2').waitFor();
  });

  test('is checked at once where a link asks for it, and nothing is saved', async () => {
    keep(bucket);
    stage.core.check = () => steps(atOnce, { event: 'report', report: report() });
    const { page } = await stage.visit({ path: '/backups/targets/bucket/check' });
    await page.getByText('Delete it again: went well').waitFor();
    expect(asked()).toEqual({ target_id: 'bucket', settings: {}, save: false });
  });

  test('is changed with what was changed only; secrets that are not entered stay', async () => {
    keep(bucket);
    stage.core.check = () => steps(atOnce, { event: 'saved', target: bucket, report: report() });
    const { page } = await stage.visit({ path: '/backups/targets/bucket/edit' });
    const secret = page.getByLabel('Secret key', { exact: true });
    expect(await secret.inputValue()).toBe('');
    expect(await secret.getAttribute('placeholder')).toBe('Kept as it is');
    await page.getByText('More settings').click();
    await page.getByLabel('Limit for uploads').fill('2,5');
    await page.getByLabel('Encryption by the storage').selectOption('customer');
    await page.getByLabel('Key of your own', { exact: true }).fill('too short');
    await page.getByText('The key has 32 bytes in base64').waitFor();
    await page.getByLabel('Encryption by the storage').selectOption('off');
    await page.getByLabel('Name', { exact: true }).fill('Cloud');
    await page.getByRole('button', { name: 'Check and save' }).click();
    await page.getByText('Saved.').waitFor();
    await page.getByRole('heading', { level: 1, name: 'Backblaze' }).waitFor();
    expect(asked()).toMatchObject({ target_id: 'bucket', name: 'Cloud', save: true });
    expect(asked().settings).toMatchObject({ upload_limit_mbit: 2.5, encryption: 'off' });
    expect(asked().settings).not.toHaveProperty('secret_key');
    expect(asked().settings).not.toHaveProperty('bucket');
  });

  test('is removed after a question that says what stays', async () => {
    keep(bucket);
    stage.core.on(`DELETE ${PATHS.target}`, () => undefined);
    const visitor = await stage.visit({ path: '/backups/targets/bucket' });
    const { page } = visitor;
    await page.getByRole('button', { name: 'Remove' }).click();
    const dialog = page.getByRole('dialog', { name: 'Remove Backblaze?' });
    await dialog.getByText('Its 12 backups (41 GB) stay in Bucket home-backups').waitFor();
    await visitor.expectGood();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(stage.core.deeds).toEqual([]);
    await page.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('Backblaze was removed.').waitFor();
    expect(page.url()).toMatch(/#\/backups$/);
  });
});
