import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { haveVersitygw } from '../harness/cache.ts';
import { agentId, type CoreProcess } from '../harness/core.ts';
import type { HomeAssistant } from '../harness/home-assistant.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import { bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

const PASSWORD = 'correct horse battery staple';

describe.skipIf(!haveVersitygw())('a machine that replaces one that burnt down', () => {
  const stage = new Stage('new-machine');
  const bucket = { name: 'Bucket', input: {} as ReturnType<typeof bucketInput> };
  let lost: { backupId: string; agent: string };
  let core: CoreProcess;
  let home: HomeAssistant;

  beforeAll(async () => {
    const [server, oldCore, oldHome] = await Promise.all([stage.s3(), stage.core(), stage.home()]);
    bucket.input = bucketInput(server, bucket.name);
    const agent = agentId(await oldCore.client.addTarget(bucket.input));
    await pairWithHomeAssistant(oldHome, oldCore);
    writeFileSync(join(oldHome.configDir, 'marker.txt'), 'from before the fire');
    const { backup } = await oldHome.backups.create({ agentIds: [agent], password: PASSWORD });
    if (!backup) throw new Error('no backup is listed');
    lost = { backupId: backup.backup_id, agent };
    await Promise.all([oldCore.kill9(), oldHome.kill9()]);
  });
  afterAll(() => stage.close());

  test('finds the bucket’s backups at once, at the place that Home Assistant knew them', async () => {
    [core, home] = await Promise.all([stage.core(), stage.home()]);
    await pairWithHomeAssistant(home, core);
    const probe = await core.client.probe(bucket.input);
    expect(probe).toMatchObject({ ok: true, found: [{ backups: 1, current: true }] });
    expect(agentId(await core.client.addTarget(bucket.input))).toBe(lost.agent);
    const listed = await waitFor('the backup of the old machine in the list of the new one', async () =>
      (await home.backups.list()).find((backup) => backup.backup_id === lost.backupId),
    );
    expect(listed.agents[lost.agent]).toMatchObject({ protected: true });
  });

  test('refuses a wrong password and restores with the right one', async () => {
    const wrong = home.backups.restore(lost.backupId, lost.agent, 'wrong');
    await expect(wrong).rejects.toMatchObject({ code: 'password_incorrect' });
    const restored = await home.backups.restore(lost.backupId, lost.agent, PASSWORD);
    expect(restored).toMatchObject({ state: 'completed' });
    const marker = join(home.configDir, 'marker.txt');
    expect(existsSync(marker) && readFileSync(marker, 'utf8')).toBe('from before the fire');
  });

  test('pairs with the new core beside the one that the backup remembers, and in place of it', async () => {
    const [old] = await home.entries.list('homestash');
    if (!old) throw new Error('the restored home has no entry');
    const expectListed = () =>
      waitFor('the place to answer through the new core', async () => {
        const { backups, agent_errors } = await home.backups.info();
        return agent_errors[lost.agent] === undefined && backups[0]?.backup_id === lost.backupId;
      });
    await pairWithHomeAssistant(home, core);
    await expectListed();
    const added = (await home.entries.list('homestash')).find(({ entry_id }) => entry_id !== old.entry_id);
    await home.entries.remove(added?.entry_id ?? '');

    const { flow_id } = await home.entries.startFlow('homestash', { reconfigure: old.entry_id });
    const done = await home.entries.submitFlow(flow_id, {
      url: core.url,
      pairing_code: await core.pairingCode(),
    });
    expect(done).toMatchObject({ type: 'abort', reason: 'reconfigure_successful' });
    await expectListed();
    expect((await home.entries.list('homestash')).map(({ entry_id }) => entry_id)).toEqual([old.entry_id]);
    expect((await home.backups.info()).agent_errors).toEqual({});
    expect((await home.backups.download(lost.backupId, lost.agent)).status).toBe(200);
  });
});
