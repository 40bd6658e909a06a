import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Token } from '../../src/contract/index.ts';
import { agentId, type CoreProcess } from '../harness/core.ts';
import type { FlowStep, HomeAssistant } from '../harness/home-assistant.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

describe('access to the core, given and taken in a real Home Assistant', () => {
  const stage = new Stage('reauth');
  let core: CoreProcess;
  let other: CoreProcess;
  let home: HomeAssistant;
  let agent: string;

  beforeAll(async () => {
    [core, other, home] = await Promise.all([stage.core(), stage.core(), stage.home()]);
    const [target] = await core.client.targets();
    if (!target) throw new Error('a fresh core has no place for backups');
    agent = agentId(target);
  });
  afterAll(() => stage.close());

  /** The accesses that Home Assistant has. */
  async function tokensOfHome(): Promise<Token[]> {
    return (await core.client.tokens()).filter(({ name }) => name.startsWith('Home Assistant'));
  }

  async function entryId(): Promise<string> {
    const entries = await home.entries.list('homestash');
    expect(entries).toHaveLength(1);
    return entries[0]?.entry_id ?? '';
  }

  /** Adds a core as a person does who pastes its code. */
  async function add(added: CoreProcess): Promise<FlowStep> {
    const { flow_id } = await home.entries.startFlow('homestash');
    return home.entries.submitFlow(flow_id, { pairing_code: await added.pairingCode() });
  }

  async function expectBackupsToWork(): Promise<void> {
    await waitFor('the location to answer', async () => {
      const { agent_errors } = await home.backups.info();
      const known = (await home.backups.agents()).some(({ agent_id }) => agent_id === agent);
      return known && Object.keys(agent_errors).length === 0;
    });
    const { backup, outcome } = await home.backups.create({ agentIds: [agent] });
    expect(outcome.state, JSON.stringify(outcome)).toBe('completed');
    expect(Object.keys(backup?.agents ?? {})).toEqual([agent]);
  }

  /** Takes the access away and waits for what Home Assistant then shows. */
  async function revoke(): Promise<FlowStep> {
    for (const { id } of await tokensOfHome()) await core.client.call('DELETE', `/api/v1/tokens/${id}`);
    const flow = await waitFor('Home Assistant to ask for a new access', async () =>
      (await home.entries.flowsInProgress()).find(
        ({ handler, context }) => handler === 'homestash' && context.source === 'reauth',
      ),
    );
    return home.entries.getFlow(flow.flow_id);
  }

  test('a wrong, a used and a garbled code are refused, and the same form takes the right one', async () => {
    const used = await core.pairingCode();
    const secret = JSON.parse(Buffer.from(used, 'base64url').toString()).s;
    await core.client.call('POST', '/api/v1/pairing', { secret, client_name: 'somebody quicker' });
    const unknown = Buffer.from(JSON.stringify({ v: 1, u: core.url, s: 'A'.repeat(secret.length) }));

    const { flow_id } = await home.entries.startFlow('homestash');
    for (const [code, error] of [
      ['certainly no code', 'code_unreadable'],
      [unknown.toString('base64url'), 'pairing_code_invalid'],
      [used, 'pairing_code_invalid'],
    ]) {
      const step = await home.entries.submitFlow(flow_id, { pairing_code: code });
      expect(step).toMatchObject({ type: 'form', step_id: 'user', errors: { pairing_code: error } });
    }
    const done = await home.entries.submitFlow(flow_id, { pairing_code: await core.pairingCode() });
    expect(done).toMatchObject({ type: 'create_entry', title: 'Homestash' });
    await expectBackupsToWork();
  });

  test('pairing once more updates the entry and leaves no access behind', async () => {
    const before = await entryId();
    const [token] = await tokensOfHome();
    expect(await add(core)).toMatchObject({ type: 'abort', reason: 'already_configured' });
    expect(await entryId()).toBe(before);
    await waitFor('the old access to be given back', async () => (await tokensOfHome()).length === 1);
    expect((await tokensOfHome())[0]?.id).not.toBe(token?.id);
    await expectBackupsToWork();
  });

  test('a revoked access is asked for again; a code of a core that has an entry of its own does not do', async () => {
    const step = await revoke();
    expect(step).toMatchObject({ type: 'form', step_id: 'reauth_confirm' });
    expect((await home.backups.info()).agent_errors).toHaveProperty([agent]);
    const second = await add(other);
    expect(second.type).toBe('create_entry');
    const tokensOfOther = await other.client.tokens();
    const done = await home.entries.submitFlow(step.flow_id, { pairing_code: await other.pairingCode() });
    expect(done).toMatchObject({ type: 'abort', reason: 'wrong_instance' });
    const ids = (tokens: readonly Token[]) => tokens.map(({ id }) => id);
    expect(ids(await other.client.tokens())).toEqual(ids(tokensOfOther));
    await home.entries.remove(second.result.entry_id);
  });

  test('a new code ends the reauthentication, and backups work again', async () => {
    const before = await entryId();
    const step = await revoke();
    const wrong = await home.entries.submitFlow(step.flow_id, { pairing_code: 'certainly no code' });
    expect(wrong.errors).toEqual({ pairing_code: 'code_unreadable' });
    const done = await home.entries.submitFlow(step.flow_id, { pairing_code: await core.pairingCode() });
    expect(done).toMatchObject({ type: 'abort', reason: 'reauth_successful' });
    expect(await entryId()).toBe(before);
    await expectBackupsToWork();
    expect(await tokensOfHome()).toHaveLength(1);
    expect((await home.entries.flowsInProgress()).filter(({ handler }) => handler === 'homestash')).toEqual(
      [],
    );
  });

  test('a core that has moved is found at its new address, and at no wrong one', async () => {
    const before = await entryId();
    await core.stop();
    core = await stage.core({ dataDir: core.dataDir });
    const form = await home.entries.startFlow('homestash', { reconfigure: before });
    expect(form).toMatchObject({ type: 'form', step_id: 'reconfigure' });
    for (const [url, error] of [
      ['http://127.0.0.1:1', { base: 'cannot_connect' }],
      [home.url, { base: 'not_homestash' }],
      ['ftp://nowhere', { url: 'url_invalid' }],
    ]) {
      const step = await home.entries.submitFlow(form.flow_id, { url });
      expect(step).toMatchObject({ type: 'form', errors: error });
    }
    const done = await home.entries.submitFlow(form.flow_id, { url: core.url });
    expect(done).toMatchObject({ type: 'abort', reason: 'reconfigure_successful' });
    expect(await entryId()).toBe(before);
    await expectBackupsToWork();
    expect(await tokensOfHome()).toHaveLength(1);
  });

  test('an entry that is removed gives its access back and deletes nothing', async () => {
    const listed = (await home.backups.list()).map((backup) => backup.backup_id).sort();
    const targets = (await core.client.targets()).map(({ id }) => id);
    await home.entries.remove(await entryId());
    await waitFor('the access to be given back', async () => (await tokensOfHome()).length === 0);
    expect(await home.backups.list()).toEqual([]);
    expect((await core.client.targets()).map(({ id }) => id)).toEqual(targets);

    await pairWithHomeAssistant(home, core);
    expect((await home.backups.list()).map((backup) => backup.backup_id).sort()).toEqual(listed);
  });
});
