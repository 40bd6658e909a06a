import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { agentId, type CoreProcess } from '../harness/core.ts';
import type { FlowStep, HomeAssistant, Subentry } from '../harness/home-assistant.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

describe('the targets of a core in the forms of a real Home Assistant', () => {
  const stage = new Stage('subentries');
  let core: CoreProcess;
  let home: HomeAssistant;
  let server: S3Server;
  let entryId: string;

  beforeAll(async () => {
    [core, home, server] = await Promise.all([
      stage.core(),
      stage.home(),
      stage.s3(['cloud', 'second', 'third']),
    ]);
    entryId = (await pairWithHomeAssistant(home, core)).result.entry_id;
  });
  afterAll(() => stage.close());

  const subentry = async (title: string) =>
    (await home.entries.subentries(entryId)).find((one) => one.title === title);
  const appears = (title: string): Promise<Subentry> => waitFor(`${title} to appear`, () => subentry(title));
  const agents = async () => (await home.backups.agents()).map(({ agent_id }) => agent_id);
  const targetOf = async (name: string) =>
    (await core.client.targets()).find((target) => target.name === name) as Target;

  /** What a person fills in for a bucket of the server, with what the form already shows. */
  const filledIn = (name: string, bucket: string) => ({
    ...{ name, bucket, endpoint: server.endpoint, region: server.region, folder: 'homeassistant/backups' },
    ...{ access_key: server.accessKey, secret_key: server.secretKey, advanced: { path_style: 'auto' } },
  });

  async function addForm(provider: string): Promise<FlowStep> {
    const step = await home.entries.startSubentryFlow(entryId, 'target');
    expect(step).toMatchObject({ type: 'form', step_id: 'provider' });
    return home.entries.submitSubentryFlow(step.flow_id, { provider });
  }

  async function expectBackupsAt(target: Target): Promise<void> {
    const { backup, outcome } = await home.backups.create({ agentIds: [agentId(target)] });
    expect(outcome.state, JSON.stringify(outcome)).toBe('completed');
    expect(Object.keys(backup?.agents ?? {})).toEqual([agentId(target)]);
  }

  test('those that exist are there from the beginning', async () => {
    const [target] = await core.client.targets();
    expect(await home.entries.subentries(entryId)).toMatchObject([
      { subentry_type: 'target', title: target?.name, unique_id: target?.unique_id },
    ]);
    expect((await home.entries.list('homestash'))[0]).toMatchObject({
      supported_subentry_types: { target: { supports_reconfigure: true } },
    });
  });

  test('one is added: the core tries it out, says what is wrong, and what was entered stays', async () => {
    const form = await addForm('versitygw');
    expect(form).toMatchObject({ type: 'form', step_id: 's3', errors: {} });
    const wrong = { ...filledIn('Cloud', 'cloud'), secret_key: 'wrong' };
    const refused = await home.entries.submitSubentryFlow(form.flow_id, wrong);
    expect(refused).toMatchObject({
      ...{ type: 'form', step_id: 's3', errors: { base: 'core_problem' } },
      description_placeholders: { title: 'The secret key does not match the access key.' },
    });
    const bucket = refused.data_schema.find(({ name }: { name: string }) => name === 'bucket');
    expect(bucket.description).toEqual({ suggested_value: 'cloud' });
    expect(await targetOf('Cloud')).toBeUndefined();

    const step = await home.entries.submitSubentryFlow(form.flow_id, filledIn('Cloud', 'cloud'));
    // nobody has set up automatic backups in this home
    expect(step).toMatchObject({ type: 'form', step_id: 'by_hand', data_schema: [] });
    const done = await home.entries.submitSubentryFlow(step.flow_id);
    expect(done).toMatchObject({ type: 'create_entry', title: 'Cloud' });
    const cloud = await targetOf('Cloud');
    expect(await subentry('Cloud')).toMatchObject({ unique_id: cloud.unique_id });
    await waitFor('the location', async () => (await agents()).includes(agentId(cloud)));
    await expectBackupsAt(cloud);
    const stored = join(home.configDir, '.storage/core.config_entries');
    await waitFor('the entry on disk', () => readFileSync(stored, 'utf8').includes(cloud.unique_id));
    expect(readFileSync(stored, 'utf8')).not.toContain(server.secretKey);
  });

  test('the second is used for automatic backups with one click, and the others stay in use', async () => {
    await home.call('backup/config/update', {
      automatic_backups_configured: true,
      create_backup: { agent_ids: ['backup.local'], password: 'ABCD-1234' },
    });
    const form = await addForm('other');
    const step = await home.entries.submitSubentryFlow(form.flow_id, filledIn('Second', 'second'));
    expect(step).toMatchObject({ type: 'form', step_id: 'automatic' });
    const done = await home.entries.submitSubentryFlow(step.flow_id, { automatic: true });
    expect(done.type).toBe('create_entry');
    const { config } = await home.call('backup/config/info');
    expect(config.create_backup).toMatchObject({
      agent_ids: ['backup.local', agentId(await targetOf('Second'))],
      password: 'ABCD-1234',
    });
    const ours = async () => (await home.entries.issues('backup')).map(({ issue_id }) => issue_id);
    await waitFor('no complaint of Home Assistant', async () => (await ours()).length === 0);
  });

  test('one place is not added twice', async () => {
    const form = await addForm('other');
    const refused = await home.entries.submitSubentryFlow(form.flow_id, filledIn('Again', 'second'));
    expect(refused).toMatchObject({ type: 'form', errors: { base: 'core_problem' } });
    expect(refused.description_placeholders?.title).toContain('Second');
  });

  test('one is changed: a wrong key changes nothing, and a secret that is left out stays', async () => {
    const { subentry_id, unique_id } = await appears('Cloud');
    const form = await home.entries.startSubentryFlow(entryId, 'target', { reconfigure: subentry_id });
    expect(form).toMatchObject({ type: 'form', step_id: 's3', errors: {} });
    const { secret_key: _, ...visible } = filledIn('Cloud of mine', 'cloud');
    const wrong = { ...visible, access_key: 'nobody' };
    const refused = await home.entries.submitSubentryFlow(form.flow_id, wrong);
    expect(refused).toMatchObject({ type: 'form', errors: { base: 'core_problem' } });
    expect((await targetOf('Cloud')).settings).toMatchObject({ access_key: server.accessKey });
    const done = await home.entries.submitSubentryFlow(form.flow_id, visible);
    expect(done).toMatchObject({ type: 'abort', reason: 'reconfigure_successful' });
    expect(await subentry('Cloud of mine')).toMatchObject({ subentry_id, unique_id });
    await expectBackupsAt(await targetOf('Cloud of mine'));
  });

  test('what the core does appears here, and a name that is given here goes to the core', async () => {
    const third = await core.client.addTarget(bucketInput(server, 'Third', { bucket: 'third' }));
    const { subentry_id } = await appears('Third');
    await waitFor('its location', async () => (await agents()).includes(agentId(third)));
    await home.entries.renameSubentry(entryId, subentry_id, 'Drei');
    await waitFor('the name in the core', async () => (await targetOf('Drei'))?.id === third.id);
    await core.client.call('PATCH', `/api/v1/targets/${third.id}`, { name: 'Trois' });
    expect((await appears('Trois')).subentry_id).toBe(subentry_id);
    await core.client.call('DELETE', `/api/v1/targets/${third.id}`);
    await waitFor('it to go', async () => !(await subentry('Trois')));
    await waitFor('its location to go', async () => !(await agents()).includes(agentId(third)));
  });

  test('what is removed here is hidden and stays in the core, until it is shown again', async () => {
    const target = await targetOf('Cloud of mine');
    const { subentry_id } = await appears('Cloud of mine');
    await home.entries.removeSubentry(entryId, subentry_id);
    await waitFor('its location to go', async () => !(await agents()).includes(agentId(target)));
    await core.client.call('PATCH', `/api/v1/targets/${target.id}`, { name: 'Still there' });
    await home.restart();
    await waitFor('the locations', async () => (await agents()).includes(agentId(await targetOf('Second'))));
    await waitFor('the news', async () =>
      JSON.stringify(await home.entries.diagnostics(entryId)).includes('Still there'),
    );
    expect(await agents()).not.toContain(agentId(target));
    expect((await core.client.list(target.id)).backups).toHaveLength(2);

    const menu = await home.entries.startSubentryFlow(entryId, 'target');
    expect(menu).toMatchObject({ type: 'menu', menu_options: ['provider', 'show'] });
    const step = await home.entries.submitSubentryFlow(menu.flow_id, { next_step_id: 'show' });
    const done = await home.entries.submitSubentryFlow(step.flow_id, { target: target.unique_id });
    expect(done).toMatchObject({ type: 'create_entry', title: 'Still there' });
    await waitFor('its location', async () => (await agents()).includes(agentId(target)));
    await expectBackupsAt(target);
  });

  test('a key that was made anew is a repair, and is entered right there', async () => {
    const target = await targetOf('Second');
    const repair = async () =>
      (await home.entries.issues('homestash')).find(
        ({ translation_placeholders }) => translation_placeholders?.name === 'Second',
      );
    expect(await repair()).toBeUndefined();
    await server.stop();
    const port = Number(new URL(server.endpoint).port);
    const dir = dirname(server.dataDir);
    server = await stage.s3([], { dir, port, secretKey: 'made-anew' });
    const { outcome } = await home.backups.create({ agentIds: [agentId(target)] });
    expect(outcome.state).not.toBe('completed');

    const issue = await waitFor('the repair', repair);
    expect(issue).toMatchObject({ translation_key: 'target_credentials', severity: 'error' });
    const form = await home.entries.startFix(issue);
    expect(form).toMatchObject({ type: 'form', step_id: 's3', errors: {} });
    const { secret_key: _, ...visible } = filledIn('Second', 'second');
    const refused = await home.entries.submitFix(form.flow_id, visible);
    expect(refused).toMatchObject({ type: 'form', errors: { base: 'core_problem' } });
    expect(refused.description_placeholders?.title).toContain('secret key');
    const done = await home.entries.submitFix(form.flow_id, filledIn('Second', 'second'));
    expect(done.type, JSON.stringify(done)).toBe('create_entry');
    await waitFor('the repair to go', async () => !(await repair()));
    await expectBackupsAt(target);
    expect(await repair()).toBeUndefined();
  });

  test('locations exist while the core is away', async () => {
    await core.stop();
    await home.restart();
    for (const { unique_id } of await home.entries.subentries(entryId)) {
      expect(await agents()).toContain(`homestash.${unique_id}`);
    }
    const done = await home.entries.startSubentryFlow(entryId, 'target');
    expect(done).toMatchObject({ type: 'abort', reason: 'core_unreachable' });
    await core.start();
    await waitFor(
      'it to answer',
      async () => Object.keys((await home.backups.info()).agent_errors).length === 0,
    );
  });
});
