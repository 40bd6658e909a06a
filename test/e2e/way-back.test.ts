import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { agentId, type CoreProcess } from '../harness/core.ts';
import { signIn } from '../harness/home-assistant/auth.ts';
import type { HomeAssistant } from '../harness/home-assistant.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import { Scene } from '../home-assistant/scene.ts';

const LOCAL = 'backup.local';
const KEY = 'ABCD-1234-EFGH-5678-IJKL-9012-MNOP';
const ACCESS_NAME = 'Homestash, the way back';

describe('the way back into a real Home Assistant', () => {
  const stage = new Stage('way-back');
  const scene = new Scene();
  let core: CoreProcess;
  let home: HomeAssistant;
  let target: Target;
  let ours: string;

  beforeAll(async () => {
    [core, home] = await Promise.all([stage.core(), stage.home(), scene.start()]);
    await pairWithHomeAssistant(home, core);
    target = (await core.client.targets())[0] as Target;
    ours = agentId(target);
  });
  afterAll(async () => {
    await scene.remove();
    await stage.close();
  });

  const connect = (token: string) => scene.call('PUT', '', { url: home.url, token });
  const document = () => scene.feature.document();
  const backups = () => {
    const known = document().backups;
    if (!known) throw new Error('no backups are known');
    return known;
  };
  const config = async () => (await home.call('backup/config/info')).config;

  /** Another user, with a password where one is given. */
  async function addUser(name: string, group: string, password?: string): Promise<string> {
    const { user } = await home.call('config/auth/create', { name, group_ids: [group] });
    if (password !== undefined) {
      const credentials = { user_id: user.id, username: name, password };
      await home.call('config/auth_provider/homeassistant/create', credentials);
    }
    return user.id;
  }

  /** Waits for the end of a backup that was begun just now, and returns it as our core lists it. */
  async function stored(begun: number) {
    await waitFor('the end of the backup', () => {
      const { state, last_result } = backups();
      return state === 'idle' && last_result && Date.parse(last_result.at) >= begun;
    });
    expect(backups().last_result).toMatchObject({ outcome: 'completed', reason: null });
    return (await core.client.list(target.id)).backups;
  }

  test('a token of somebody who is no administrator is refused', async () => {
    await addUser('guest', 'system-users', 'a-long-password');
    const token = await signIn(home.url, { username: 'guest', password: 'a-long-password' });
    await expect(connect(token)).rejects.toMatchObject({
      problem: { status: 422, code: 'home_assistant_not_admin' },
    });
    await expect(connect('nonsense')).rejects.toMatchObject({ problem: { code: 'home_assistant_refused' } });
    expect(document().state).toBe('off');
  });

  test('address and token show the home and its locations', async () => {
    const token = await home.call('auth/long_lived_access_token', { client_name: ACCESS_NAME, lifespan: 1 });
    const { version, currency } = await home.call('get_config');
    expect(await connect(token)).toMatchObject({
      state: 'connected',
      via: 'token',
      url: home.url,
      problem: null,
      home: { name: 'Homestash test', version, language: 'en', time_zone: 'UTC', currency, country: 'US' },
      backups: {
        state: 'idle',
        schedule: { recurrence: 'never', next: null, last_completed: null },
        encrypted: false,
        locations: expect.arrayContaining([
          { agent_id: LOCAL, name: 'local', automatic: false },
          { agent_id: ours, name: target.name, automatic: false },
        ]),
      },
    });
  });

  test('the owner and administrators are administrators, until they are deactivated', async () => {
    const admin = await addUser('admin', 'system-admin');
    const gone = await addUser('gone', 'system-admin');
    await home.call('config/auth/update', { user_id: gone, is_active: false });
    const guest = (await home.call('config/auth/list')).find(
      (user: { name: string }) => user.name === 'guest',
    );
    const { id: owner } = await home.call('auth/current_user');
    const answers = [owner, admin, guest.id, gone].map((id) => scene.feature.isAdministrator(id));
    expect(await Promise.all(answers)).toEqual([true, true, false, false]);
  });

  test('a backup by a click goes to our location', async () => {
    const begun = Date.now();
    const answer = await scene.call('POST', '/backups', { agent_ids: [ours] });
    expect(answer.backups?.state).toBe('create_backup');
    await expect(scene.call('POST', '/backups', { agent_ids: [ours] })).rejects.toMatchObject({
      problem: { code: 'home_assistant_busy' },
    });
    const [backup] = await stored(begun);
    expect(backup?.backup).toMatchObject({
      homeassistant_included: true,
      database_included: true,
      protected: false,
    });
  });

  test('automatic backups are set up with a key that was seen, and never without one', async () => {
    await expect(scene.call('POST', '/backups', {})).rejects.toMatchObject({
      problem: { code: 'home_assistant_no_locations' },
    });
    const before = await config();
    const wish = { agent_id: ours, enabled: true, schedule: true };
    await expect(scene.call('PUT', '/automatic', wish)).rejects.toMatchObject({
      problem: { code: 'home_assistant_no_key' },
    });
    expect(await config()).toEqual(before);

    const answer = await scene.call('PUT', '/automatic', { ...wish, key: KEY });
    expect(answer.backups).toMatchObject({ encrypted: true, schedule: { recurrence: 'daily' } });
    expect(Date.parse(answer.backups?.schedule.next ?? '')).toBeGreaterThan(Date.now());
    expect(await config()).toMatchObject({
      automatic_backups_configured: true,
      create_backup: { agent_ids: [ours], password: KEY, include_database: true, include_all_addons: false },
      retention: { copies: 3, days: null },
    });
  });

  test('a location goes and comes, and the others stay', async () => {
    await home.call('backup/config/update', {
      create_backup: { agent_ids: [LOCAL, ours], name: 'nightly' },
      schedule: { recurrence: 'custom_days', days: ['sun'], time: '03:10' },
      retention: { days: 10 },
    });
    const { next_automatic_backup: _, create_backup, ...others } = await config();
    const now = async () => {
      const { next_automatic_backup: _next, ...rest } = await config();
      return rest;
    };
    await scene.call('PUT', '/automatic', { agent_id: ours, enabled: false });
    expect(await now()).toEqual({ ...others, create_backup: { ...create_backup, agent_ids: [LOCAL] } });
    await scene.call('PUT', '/automatic', { agent_id: ours, enabled: true, schedule: true });
    expect(await now()).toEqual({
      ...others,
      create_backup: { ...create_backup, agent_ids: [LOCAL, ours] },
    });
    expect(backups().schedule).toMatchObject({ recurrence: 'custom_days', days: ['sun'], time: '03:10:00' });
  });

  test('a backup with the automatic settings is encrypted and counted', async () => {
    const begun = Date.now();
    await scene.call('POST', '/backups', {});
    const list = await stored(begun);
    expect(list.map(({ backup }) => backup)).toContainEqual(
      expect.objectContaining({ name: 'nightly', protected: true }),
    );
    await waitFor('the time of it', () => {
      const { last_attempt, last_completed } = backups().schedule;
      return Date.parse(last_attempt ?? '') >= begun && Date.parse(last_completed ?? '') >= begun;
    });
  });

  test('a token that is revoked is noticed at once, and a new one helps', async () => {
    const tokens = await home.call('auth/refresh_tokens');
    const { id } = tokens.find((token: { client_name: string }) => token.client_name === ACCESS_NAME);
    await home.call('auth/delete_refresh_token', { refresh_token_id: id });
    await waitFor('the refusal', () => document().state === 'refused');
    expect(document().problem?.code).toBe('home_assistant_refused');
    expect(await connect(home.token)).toMatchObject({ state: 'connected', problem: null });
  });

  test('a restart is got over', async () => {
    const restarting = home.restart();
    await waitFor('the end of the connection', () => document().state === 'away', { timeoutMs: 120_000 });
    expect(document().home?.name).toBe('Homestash test');
    await restarting;
    await waitFor('the connection', () => document().state === 'connected' && backups().state === 'idle');
    await waitFor('our location', () => backups().locations.some(({ name }) => name === target.name));
  });
});
