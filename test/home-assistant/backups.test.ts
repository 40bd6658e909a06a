import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ADMIN_TOKEN,
  type HomeAssistantSimulator,
  startHomeAssistantSimulator,
} from '../simulators/home-assistant/index.ts';
import { Scene } from './scene.ts';

const SHELF = 'homestash.shelf';
const LOCAL = 'backup.local';
/** As the assistant of Home Assistant's page makes it. */
const KEY = 'ABCD-1234-EFGH-5678-IJKL-9012-MNOP';

let home: HomeAssistantSimulator;
let scene: Scene;

beforeEach(async () => {
  home = await startHomeAssistantSimulator();
  scene = new Scene();
  await scene.start();
});
afterEach(async () => {
  await scene.remove();
  await home.stop();
  expect(scene.defects).toEqual([]);
  expect(scene.lines.join('')).not.toMatch(/token-of-|"level":"error"|correct horse|ABCD-1234/);
});

const connect = () => scene.call('PUT', '', { url: home.url, token: ADMIN_TOKEN });
const backUp = (body: object = {}) => scene.call('POST', '/backups', body);
const automatic = (body: object) => scene.call('PUT', '/automatic', { enabled: true, ...body });

/** As a home in which the assistant was gone through. */
function setUp(change: Partial<HomeAssistantSimulator['home']['backups']['create_backup']> = {}): void {
  const { backups } = home.home;
  backups.automatic_backups_configured = true;
  backups.retention = { copies: 7, days: null };
  backups.schedule = { recurrence: 'custom_days', days: ['mon', 'thu'], time: '03:30:00' };
  Object.assign(backups.create_backup, { agent_ids: [LOCAL], password: 'correct horse', ...change });
}

/** All of Home Assistant's settings of automatic backups. */
const settings = () => structuredClone(home.home.backups);

describe('what is shown', () => {
  test('the schedule, and which locations it uses', async () => {
    setUp({ agent_ids: [SHELF, 'cloud.cloud'] });
    Object.assign(home.home.backups, {
      last_attempted_automatic_backup: '2026-11-02T03:30:00.123456+01:00',
      last_completed_automatic_backup: null,
      next_automatic_backup: '2026-11-05T03:30:00+01:00',
    });
    expect((await connect()).backups).toEqual({
      state: 'idle',
      stage: null,
      schedule: {
        recurrence: 'custom_days',
        days: ['mon', 'thu'],
        time: '03:30:00',
        next: '2026-11-05T02:30:00.000Z',
        last_attempt: '2026-11-02T02:30:00.123Z',
        last_completed: null,
      },
      encrypted: true,
      locations: [
        { agent_id: LOCAL, name: 'local', automatic: false },
        { agent_id: SHELF, name: 'Shelf', automatic: true },
        // chosen, and not there just now
        { agent_id: 'cloud.cloud', name: 'cloud', automatic: true },
      ],
      last_result: null,
    });
  });

  test('a backup as it goes on, and how it ended', async () => {
    await connect();
    home.home.generate([LOCAL], {});
    home.home.progress('create_backup', { state: 'in_progress', stage: 'home_assistant', reason: null });
    await scene.until(
      'the stage',
      ({ backups }) => backups?.state === 'create_backup' && backups.stage === 'home_assistant',
    );
    home.home.backups.last_completed_automatic_backup = '2026-11-02T03:40:00+01:00';
    home.home.finish('completed');
    await scene.until(
      'the end',
      ({ backups }) =>
        backups?.state === 'idle' &&
        backups.stage === null &&
        backups.last_result?.outcome === 'completed' &&
        backups.schedule.last_completed === '2026-11-02T02:40:00.000Z',
    );
    home.home.generate([LOCAL], {});
    home.home.finish('failed', 'upload_failed');
    const document = await scene.until(
      'the failure',
      ({ backups }) => backups?.last_result?.outcome === 'failed',
    );
    expect(document.backups?.last_result).toEqual({
      outcome: 'failed',
      reason: 'upload_failed',
      at: expect.stringMatching(/^2\d{3}-.*Z$/),
    });
  });

  test('whoever looks sees what has changed in Home Assistant soon', async () => {
    await connect();
    home.home.agents.push({ agent_id: 'homestash.attic', name: 'Attic' });
    await scene.clock.during(scene.clock.sleep(6_000));
    await scene.call('GET');
    const before = scene.clock.monotonic();
    await scene.until('the new location', ({ backups }) =>
      backups?.locations.some(({ name }) => name === 'Attic'),
    );
    expect(scene.clock.monotonic() - before).toBeLessThan(5_000);
  });

  test('the location that Home Assistant makes of a new target is seen within seconds, though nobody looks', async () => {
    await connect();
    await scene.clock.during(scene.clock.sleep(10_000));
    const before = scene.clock.monotonic();
    scene.bus.emit('targets_changed', {});
    await scene.clock.during(scene.clock.sleep(3_000));
    home.home.agents.push({ agent_id: 'homestash.attic', name: 'Attic' });
    await scene.until('the new location', ({ backups }) =>
      backups?.locations.some(({ name }) => name === 'Attic'),
    );
    expect(scene.clock.monotonic() - before).toBeLessThan(6_000);
  });

  test('a name, a currency and a language that are changed', async () => {
    await connect();
    Object.assign(home.home.config, {
      location_name: 'Cabin',
      currency: 'NOK',
      language: 'nb',
      country: null,
    });
    home.emit('core_config_updated', { event_type: 'core_config_updated' });
    const { home: said } = await scene.until('the news', (document) => document.home?.name === 'Cabin');
    expect(said).toMatchObject({ currency: 'NOK', language: 'nb', country: null });
  });
});

describe('a backup now', () => {
  test('without locations is one with the automatic settings', async () => {
    setUp();
    await connect();
    expect(await backUp()).toMatchObject({ state: 'connected', backups: { state: 'create_backup' } });
    expect(home.home.generated).toEqual(['automatic']);
  });

  test('without locations, and none chosen, asks for them', async () => {
    await connect();
    await expect(backUp()).rejects.toMatchObject({
      problem: { status: 409, code: 'home_assistant_no_locations' },
    });
    expect(home.home.generated).toEqual([]);
  });

  test('to locations is encrypted as the automatic ones are, and holds what they hold', async () => {
    setUp({ include_database: false });
    await connect();
    await backUp({ agent_ids: [SHELF, SHELF] });
    expect(home.home.generated).toEqual([
      {
        agent_ids: [SHELF],
        include_homeassistant: true,
        include_database: false,
        include_all_addons: false,
        password: 'correct horse',
      },
    ]);
  });

  test.for([
    [
      { include_all_addons: true, include_folders: ['ssl'] },
      { include_all_addons: true, include_folders: ['ssl'] },
    ],
    [{ include_addons: ['core_ssh'] }, { include_all_addons: false, include_addons: ['core_ssh'] }],
  ])('under a Supervisor with the apps and folders of %j', async ([chosen, sent]) => {
    home.home.config.components.push('hassio');
    setUp(chosen);
    await connect();
    await backUp({ agent_ids: [SHELF] });
    expect(home.home.generated).toEqual([expect.objectContaining({ include_database: true, ...sent })]);
  });

  test('where nobody has set anything up it holds everything', async () => {
    home.home.config.components.push('hassio');
    await connect();
    await backUp({ agent_ids: [SHELF] });
    expect(home.home.generated).toEqual([
      {
        agent_ids: [SHELF],
        include_homeassistant: true,
        include_database: true,
        include_all_addons: true,
        include_folders: ['share', 'addons/local', 'ssl', 'media'],
      },
    ]);
  });

  test('to a location that Home Assistant does not have is refused, also beside one that it has', async () => {
    await connect();
    const refused = {
      status: 404,
      code: 'home_assistant_location_unknown',
      params: { location: 'homestash.gone' },
    };
    for (const agent_ids of [['homestash.gone'], [SHELF, 'homestash.gone']]) {
      await expect(backUp({ agent_ids })).rejects.toMatchObject({ problem: refused });
    }
    expect(home.home.generated).toEqual([]);
  });

  test('while there is another is refused, and of two at once one begins', async () => {
    setUp();
    await connect();
    const outcomes = await Promise.allSettled([backUp(), backUp({ agent_ids: [SHELF] }), backUp()]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(home.home.generated).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason.problem.code).toBe('home_assistant_busy');
    }
    await expect(backUp()).rejects.toMatchObject({ problem: { status: 409, code: 'home_assistant_busy' } });
  });

  test('that Home Assistant does not make is told in its words', async () => {
    setUp({ agent_ids: ['cloud.cloud'] });
    await connect();
    await expect(backUp()).rejects.toMatchObject({
      problem: {
        status: 502,
        code: 'home_assistant_failed',
        params: { reason: expect.stringContaining('agent') },
      },
    });
  });
});

describe('a location of the automatic backups', () => {
  test('is added and taken out, and nothing else is touched', async () => {
    setUp({ include_all_addons: true });
    await connect();
    const before = settings();
    const { backups } = await automatic({ agent_id: SHELF });
    expect(backups?.locations.map(({ automatic }) => automatic)).toEqual([true, true]);
    const { create_backup, ...others } = before;
    expect(settings()).toEqual({ ...others, create_backup: { ...create_backup, agent_ids: [LOCAL, SHELF] } });
    const without = await automatic({ agent_id: SHELF, enabled: false });
    expect(without.backups?.locations.map(({ automatic }) => automatic)).toEqual([true, false]);
    expect(settings()).toEqual(before);
  });

  test('that is as it is wished costs no change', async () => {
    setUp();
    await connect();
    await automatic({ agent_id: LOCAL, schedule: true });
    await automatic({ agent_id: SHELF, enabled: false });
    expect(home.commands.map(({ type }) => type)).not.toContain('backup/config/update');
  });

  test('several at once are all there in the end', async () => {
    setUp({ agent_ids: [] });
    home.home.agents.push({ agent_id: 'homestash.attic', name: 'Attic' });
    await connect();
    await Promise.all([SHELF, LOCAL, 'homestash.attic'].map((agent_id) => automatic({ agent_id })));
    expect(settings().create_backup.agent_ids.toSorted()).toEqual([LOCAL, 'homestash.attic', SHELF]);
  });

  test('that somebody else overwrites in the same moment is set again', async () => {
    setUp();
    await connect();
    let times = 0;
    home.hooks = {
      command: ({ type }) => {
        // their page had the list from before, and saves it after us
        if (
          type === 'backup/config/info' &&
          home.home.backups.create_backup.agent_ids.includes(SHELF) &&
          times++ === 0
        )
          home.home.backups.create_backup.agent_ids = [LOCAL, 'cloud.cloud'];
        return undefined;
      },
    };
    await automatic({ agent_id: SHELF });
    expect(settings().create_backup.agent_ids).toEqual([LOCAL, 'cloud.cloud', SHELF]);
  });

  test('that does not stay is told', async () => {
    setUp();
    await connect();
    home.hooks = { command: ({ type }) => (type === 'backup/config/update' ? null : undefined) };
    await expect(automatic({ agent_id: SHELF })).rejects.toThrow('home_assistant_unexpected');
  });

  test.for([
    { recurrence: 'never', days: [], time: '01:15:00' },
    { recurrence: 'custom_days', days: [], time: null },
  ])('with the schedule %j is one of daily backups, where that is wished', async (schedule) => {
    setUp();
    home.home.backups.schedule = schedule;
    await connect();
    await automatic({ agent_id: SHELF });
    expect(settings().schedule).toEqual(schedule);
    await automatic({ agent_id: SHELF, schedule: true });
    expect(settings().schedule).toEqual({ ...schedule, recurrence: 'daily' });
  });

  test('that is only just being added is waited for, and one that does not come is told', async () => {
    setUp();
    await connect();
    setTimeout(() => home.home.agents.push({ agent_id: 'homestash.attic', name: 'Attic' }), 700);
    await automatic({ agent_id: 'homestash.attic' });
    expect(settings().create_backup.agent_ids).toContain('homestash.attic');
    const params = { location: 'homestash.gone' };
    await expect(scene.clock.during(automatic({ agent_id: 'homestash.gone' }))).rejects.toMatchObject({
      problem: { status: 404, code: 'home_assistant_location_unknown', params },
    });
  });

  test('that is gone from Home Assistant can still be taken out', async () => {
    setUp({ agent_ids: [LOCAL, 'homestash.gone'] });
    await connect();
    await automatic({ agent_id: 'homestash.gone', enabled: false });
    expect(settings().create_backup.agent_ids).toEqual([LOCAL]);
  });
});

describe('where nobody has set up automatic backups yet', () => {
  test('there is no key, and none is invented', async () => {
    await connect();
    const before = settings();
    await expect(automatic({ agent_id: SHELF, schedule: true })).rejects.toMatchObject({
      problem: { status: 409, code: 'home_assistant_no_key' },
    });
    expect(settings()).toEqual(before);
  });

  test.for([false, true])(
    'with a key that a person has seen it is done as the assistant recommends (Supervisor: %s)',
    async (supervised) => {
      if (supervised) home.home.config.components.push('hassio');
      await connect();
      const { backups } = await automatic({ agent_id: SHELF, schedule: true, key: KEY });
      expect(backups).toMatchObject({ encrypted: true, schedule: { recurrence: 'daily' } });
      expect(settings()).toMatchObject({
        automatic_backups_configured: true,
        create_backup: {
          agent_ids: [SHELF],
          password: KEY,
          include_database: true,
          include_all_addons: supervised,
        },
        retention: { copies: 3, days: null },
        schedule: { recurrence: 'daily', days: [], time: null },
      });
    },
  );

  test('an assistant that was left in the middle has a key, which stays', async () => {
    home.home.backups.create_backup.password = 'correct horse';
    await connect();
    await automatic({ agent_id: SHELF, key: KEY });
    expect(settings()).toMatchObject({
      automatic_backups_configured: true,
      create_backup: { agent_ids: [SHELF], password: 'correct horse' },
    });
  });
});
