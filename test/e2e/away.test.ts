import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { haveVersitygw } from '../harness/cache.ts';
import { agentId } from '../harness/core.ts';
import { ForwardClock } from '../harness/forward-clock.ts';
import { freePort } from '../harness/free-port.ts';
import type { BackupInfo, HomeAssistant } from '../harness/home-assistant.ts';
import type { LocalCore } from '../harness/local-core.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
// A person still takes it for an answer; two seconds of it are the core's own limit.
const PATIENCE_MS = 5_000;
// Far above any pause on a busy machine, and short enough to wait for.
const IDLE_TIMEOUT_MS = 5_000;

describe.skipIf(!haveVersitygw())('what is away, seen from a real Home Assistant', () => {
  const stage = new Stage('away');
  const clock = new ForwardClock();
  let core: LocalCore;
  let home: HomeAssistant;
  let farServer: S3Server;
  let near: Target;
  let far: Target;
  let agents: { near: string; far: string };

  beforeAll(async () => {
    // A core that comes back has the address that it had.
    const port = await freePort();
    const parts = await Promise.all([
      stage.s3(),
      stage.s3(),
      stage.localCore({ clock, port, idleTimeoutMs: IDLE_TIMEOUT_MS }),
      stage.home(),
    ]);
    [, farServer, core, home] = parts;
    near = await core.client.addTarget(bucketInput(parts[0], 'Near'));
    far = await core.client.addTarget(bucketInput(farServer, 'Far'));
    agents = { near: agentId(near), far: agentId(far) };
    await pairWithHomeAssistant(home, core);
  });
  afterAll(() => stage.close());

  async function create(...agentIds: string[]) {
    const { backup, outcome } = await home.backups.create({ agentIds });
    if (!backup) throw new Error(`nobody has stored it: ${JSON.stringify(outcome)}`);
    return backup;
  }

  /** What the Backups page asks for; it must answer soon, whoever is away. */
  async function page(): Promise<BackupInfo> {
    const start = performance.now();
    const info = await home.backups.info();
    expect(performance.now() - start).toBeLessThan(PATIENCE_MS);
    return info;
  }

  async function untilAllAnswer(): Promise<BackupInfo> {
    return waitFor('all locations to answer', async () => {
      const info = await home.backups.info();
      return Object.keys(info.agent_errors).length === 0 && info;
    });
  }

  const problemAt = (info: BackupInfo, agent: string) =>
    info.agent_error_translations[agent]?.translation_key;

  describe.each([
    {
      state: 'that refuses connections',
      leave: () => farServer.stop(),
      comeBack: () => farServer.start(),
      problems: ['target_refused'],
    },
    {
      state: 'that is silent',
      leave: async () => farServer.pause(),
      comeBack: async () => farServer.resume(),
      problems: ['target_list_stale', 'target_timeout'],
    },
  ])('a target $state', ({ leave, comeBack, problems }) => {
    let before: string;

    beforeAll(async () => {
      before = (await create(agents.near, agents.far)).backup_id;
      await leave();
    });
    afterAll(() => comeBack());

    test('is shown for ten minutes as it was, and then called unreachable', async () => {
      expect((await page()).agent_errors).toEqual({});
      clock.forward(11 * MINUTE_MS);
      const info = await page();
      expect(Object.keys(info.agent_errors)).toEqual([agents.far]);
      expect(problems).toContain(problemAt(info, agents.far));
      const known = info.backups.find((backup) => backup.backup_id === before);
      expect(Object.keys(known?.agents ?? {})).toEqual([agents.near]);
    });

    test('does not keep a backup from the other one', async () => {
      const backup = await create(agents.near, agents.far);
      expect(Object.keys(backup.agents)).toEqual([agents.near]);
      expect(backup.failed_agent_ids).toEqual([agents.far]);
      const download = await home.backups.download(backup.backup_id, agents.near);
      expect(download).toMatchObject({ status: 200, size: backup.agents[agents.near]?.size });
    });

    test('keeps its list for an hour and more where nobody asks how old it is', async () => {
      clock.forward(HOUR_MS);
      const refused = core.client.list(far.id, 600);
      await expect(refused).rejects.toMatchObject({
        problem: { status: 503, code: expect.stringMatching(`^(${problems.join('|')})$`) },
      });
      const { backups, refreshed_at } = await core.client.list(far.id);
      expect(backups.map(({ backup }) => backup.backup_id)).toContain(before);
      expect(Date.parse(refreshed_at ?? '')).toBeLessThan(clock.now() - HOUR_MS);
    });

    test('works again as soon as it is back', async () => {
      await comeBack();
      const info = await untilAllAnswer();
      const known = info.backups.find((backup) => backup.backup_id === before);
      expect(Object.keys(known?.agents ?? {}).sort()).toEqual(Object.values(agents).sort());
      expect(Object.keys((await create(agents.far)).agents)).toEqual([agents.far]);
    });
  });

  test('targets that are added, renamed and removed follow without a restart', async () => {
    const { socket } = home;
    const named = async (id: string) =>
      (await home.backups.agents()).find((agent) => agent.agent_id === id)?.name;
    const added = await core.client.addTarget(bucketInput(farServer, 'Attic', { folder: 'attic' }));
    const agent = agentId(added);
    await waitFor('the new location', async () => (await named(agent)) === 'Attic');
    expect(Object.keys((await create(agent)).agents)).toEqual([agent]);

    await core.client.call('PATCH', `/api/v1/targets/${added.id}`, { name: 'Cellar' });
    await waitFor('the new name', async () => (await named(agent)) === 'Cellar');

    await core.client.call('DELETE', `/api/v1/targets/${added.id}`);
    await waitFor('the location to vanish', async () => (await named(agent)) === undefined);
    expect((await page()).agent_errors).toEqual({});
    expect(socket.open).toBe(true);
  });

  test('the core: its locations stay, say so, and work again by themselves', async () => {
    const { backup_id } = await create(agents.near);
    await core.stop();
    const info = await page();
    for (const agent of Object.values(agents)) expect(problemAt(info, agent)).toBe('core_unreachable');
    expect(info.backups.map((backup) => backup.backup_id)).not.toContain(backup_id);

    await core.start();
    const { backups } = await untilAllAnswer();
    expect(backups.map((backup) => backup.backup_id)).toContain(backup_id);
    expect(Object.keys((await create(agents.near)).agents)).toEqual([agents.near]);
  });

  test('the core that restarts while nothing happens loses nothing, and is followed again', async () => {
    const listed = (await untilAllAnswer()).backups.map((backup) => backup.backup_id).sort();
    await core.stop();
    await core.start();
    expect((await untilAllAnswer()).backups.map((backup) => backup.backup_id).sort()).toEqual(listed);
    await core.client.call('PATCH', `/api/v1/targets/${near.id}`, { name: 'Nearer' });
    await waitFor('what the core tells after its restart', async () =>
      (await home.backups.agents()).some(({ name }) => name === 'Nearer'),
    );
  });

  test('Home Assistant that starts while the core is away knows its locations, and finds it later', async () => {
    const { backup_id } = await create(agents.near);
    await core.stop();
    await home.restart();
    const known = (await home.backups.agents()).map((agent) => agent.agent_id);
    expect(known).toEqual(expect.arrayContaining(Object.values(agents)));
    expect(problemAt(await page(), agents.near)).toBe('core_unreachable');

    await core.start();
    const { backups } = await untilAllAnswer();
    expect(backups.map((backup) => backup.backup_id)).toContain(backup_id);
    expect((await home.backups.download(backup_id, agents.near)).status).toBe(200);
  });
});
