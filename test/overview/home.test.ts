import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type HomeAssistant,
  type Notice,
  type NoticeCode,
  type Overview,
  PATHS,
  type Target,
} from '../../src/contract/index.ts';
import { agentId } from '../harness/core.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  ADMIN_TOKEN,
  type HomeAssistantSimulator,
  startHomeAssistantSimulator,
} from '../simulators/home-assistant/index.ts';
import { DAY_MS, HOUR_MS, Scene } from './scene.ts';

let scene: Scene;
let home: HomeAssistantSimulator;
let cloud: Target;

beforeEach(async () => {
  home = await startHomeAssistantSimulator();
  scene = await Scene.start();
  await scene.keepRecoveryKey();
  cloud = await scene.addBucket();
});
afterEach(async () => {
  await scene.remove();
  await home.stop();
  expect(scene.core.defects()).toEqual([]);
});

const find = ({ notices }: Overview, code: NoticeCode): Notice | undefined =>
  notices.find((notice) => notice.code === code);

async function connect(): Promise<void> {
  const person = await scene.person();
  const access = { url: home.url, token: ADMIN_TOKEN };
  const document = await scene.clock.during(person.call<HomeAssistant>('PUT', PATHS.home_assistant, access));
  expect(document.state).toBe('connected');
}

/** Home Assistant makes backups by itself, to these locations. */
function schedule(agents: readonly string[], recurrence = 'daily', days: string[] = []): void {
  Object.assign(home.home.backups, { automatic_backups_configured: true });
  home.home.backups.create_backup.agent_ids = [...agents];
  home.home.backups.schedule = { days, recurrence, time: null };
  home.home.backups.next_automatic_backup = new Date(scene.clock.now() + HOUR_MS).toISOString();
  home.home.agents = agents.map((agent_id) => ({ agent_id, name: agent_id }));
}

/** Waits until the way back knows that it does not work. */
const away = () =>
  waitFor('Home Assistant to be away', async () => {
    const { state } = await scene.core.client.call<HomeAssistant>('GET', PATHS.home_assistant);
    return state === 'away';
  });

/** What was changed in Home Assistant is noticed with the next look at it. */
const changed = (what: string, is: (overview: Overview) => unknown) => scene.until(what, is);

describe('automatic backups', () => {
  test('go to none of our places, and then to one', async () => {
    schedule(['backup.local']);
    expect(find(await scene.read(), 'not_automatic')).toBeUndefined();
    await connect();
    const before = await scene.read();
    expect(find(before, 'not_automatic')).toMatchObject({ severity: 'warning', action: 'use_automatic' });
    expect(before).toMatchObject({ verdict: 'unsafe', next_backup: null });
    expect(find(before, 'not_automatic')?.title).toBe('Nothing is backed up automatically');
    expect(find(await scene.read('de'), 'not_automatic')?.title).toBe('Nichts wird automatisch gesichert');
    schedule(['backup.local', agentId(cloud)]);
    const after = await changed('the choice', (overview) => !find(overview, 'not_automatic'));
    expect(after.next_backup).toBe(home.home.backups.next_automatic_backup);
    await scene.backUp(cloud);
    expect(await scene.read()).toMatchObject({ verdict: 'safe', notices: [] });
  });

  test('are never made, whatever is chosen', async () => {
    schedule([agentId(cloud)], 'never');
    await connect();
    expect(find(await scene.read(), 'not_automatic')).toBeDefined();
    schedule([agentId(cloud)], 'custom_days', []);
    home.home.finish('completed');
    expect(find(await scene.read(), 'not_automatic')).toBeDefined();
    schedule([agentId(cloud)], 'custom_days', ['mon']);
    await changed('a day', (overview) => !find(overview, 'not_automatic'));
  });

  test('that do not come here leave a backup by hand as it is: safe for now, and not by itself', async () => {
    schedule(['backup.local']);
    await connect();
    await scene.backUp(cloud);
    const overview = await scene.read();
    expect(overview).toMatchObject({ verdict: 'attention', next_backup: null });
    expect(overview.notices.map(({ code }) => code)).toEqual(['not_automatic']);
  });

  test('to a target that was removed do not come here', async () => {
    schedule([agentId(cloud)]);
    await connect();
    expect(find(await scene.read(), 'not_automatic')).toBeUndefined();
    await scene.core.client.call('DELETE', `/api/v1/targets/${cloud.id}`);
    expect(find(await scene.read(), 'not_automatic')).toBeDefined();
  });

  test('of each day are missed after a day and a half', async () => {
    schedule([agentId(cloud)]);
    await connect();
    await scene.backUp(cloud);
    scene.clock.forward(1.5 * DAY_MS - HOUR_MS);
    expect(find(await scene.read(), 'backup_overdue')).toBeUndefined();
    scene.clock.forward(HOUR_MS);
    expect(find(await scene.read(), 'backup_overdue')).toMatchObject({ params: { days: '2 days' } });
    expect((await scene.read()).verdict).toBe('unsafe');
  });
});

describe('the way back', () => {
  test('is away: not at once, but after some minutes, and gone when it works again', async () => {
    schedule([agentId(cloud)]);
    await connect();
    await scene.backUp(cloud);
    await home.stop();
    await away();
    expect(find(await scene.read(), 'home_assistant_away')).toBeUndefined();
    const document = await scene.core.client.call<HomeAssistant>('GET', PATHS.home_assistant);
    scene.clock.forward(10 * 60_000);
    const overview = await scene.read();
    expect(find(overview, 'home_assistant_away')).toMatchObject({ since: document.since, repair: false });
    expect(overview.verdict).toBe('attention');
    expect(find(overview, 'home_assistant_away')?.title).toBe('Homestash does not reach Home Assistant');
    const german = find(await scene.read('de'), 'home_assistant_away');
    expect(german?.title).toBe('Homestash erreicht Home Assistant nicht');
    expect(german?.text).not.toBe(find(overview, 'home_assistant_away')?.text);
    await home.start();
    await scene.until('it to be back', ({ verdict }) => verdict === 'safe');
  });

  test('is away, and the clock is set back meanwhile: it is said all the same', async () => {
    await connect();
    await home.stop();
    await away();
    scene.clock.setBack(3 * DAY_MS);
    await scene.read();
    scene.clock.forward(10 * 60_000);
    expect(find(await scene.read(), 'home_assistant_away')).toBeDefined();
  });

  test('that was never heard of leaves it open whether all is safe', async () => {
    await connect();
    await scene.backUp(cloud);
    await home.stop();
    await scene.core.stop();
    await scene.core.start();
    scene.clock.forward(60_000);
    await scene.look(cloud);
    await scene.look(await scene.core.firstTarget());
    expect(await scene.read()).toMatchObject({ verdict: 'unknown', notices: [] });
  });
});
