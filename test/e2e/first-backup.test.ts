import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { agentId, type CoreProcess } from '../harness/core.ts';
import type { HomeAssistant } from '../harness/home-assistant.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import { Stage } from '../harness/stage.ts';

const PASSWORD = 'correct horse battery staple';

describe('a folder target in a real Home Assistant', () => {
  const stage = new Stage('first');
  let core: CoreProcess;
  let home: HomeAssistant;
  let target: Target;

  beforeAll(async () => {
    [core, home] = await Promise.all([stage.core(), stage.home()]);
    await pairWithHomeAssistant(home, core);
    target = (await core.client.targets())[0] as Target;
  });
  afterAll(() => stage.close());

  test('a fresh core is a location under Backups', async () => {
    const agents = await home.backups.agents();
    expect(agents).toContainEqual({ agent_id: agentId(target), name: target.name });
  });

  for (const password of [undefined, PASSWORD]) {
    test(`${password ? 'an encrypted' : 'a plain'} backup is created, listed, downloaded, restored and deleted`, async () => {
      const marker = join(home.configDir, 'marker.txt');
      writeFileSync(marker, 'kept');
      const { backup, outcome } = await home.backups.create({
        agentIds: [agentId(target)],
        ...(password ? { password } : {}),
      });
      expect(outcome.state, JSON.stringify(outcome)).toBe('completed');
      if (!backup) throw new Error('no backup is listed');
      const stored = backup.agents[agentId(target)];
      expect(stored?.protected).toBe(password !== undefined);

      const ours = (await core.client.list(target.id)).backups.find(
        (b) => b.backup.backup_id === backup.backup_id,
      );
      expect(ours?.suspect).toBeNull();
      const download = await home.backups.download(backup.backup_id, agentId(target));
      expect(download.size).toBe(stored?.size);

      rmSync(marker);
      const restored = await home.backups.restore(backup.backup_id, agentId(target), password);
      expect(restored).toMatchObject({ state: 'completed' });
      expect(existsSync(marker)).toBe(true);

      expect(await home.backups.delete(backup.backup_id)).toEqual({});
      expect(await home.backups.list()).toEqual([]);
      expect(readdirSync(join(core.dataDir, 'backups')).filter((name) => !name.startsWith('.'))).toEqual([]);
    });
  }
});
