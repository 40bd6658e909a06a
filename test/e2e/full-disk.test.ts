import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { agentId } from '../harness/core.ts';
import type { Backup, HomeAssistant } from '../harness/home-assistant.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import { SmallDisk } from '../harness/small-disk.ts';
import { Stage } from '../harness/stage.ts';

describe('a full disk under a folder, seen from a real Home Assistant', () => {
  const stage = new Stage('full-disk');
  let disk: SmallDisk;
  let home: HomeAssistant;
  let target: Target;
  let earlier: Backup;

  beforeAll(async () => {
    [disk, home] = await Promise.all([SmallDisk.start('64m', 'elsewhere'), stage.home()]);
    target = await disk.client.addTarget({
      name: 'Small',
      settings: { kind: 'folder', path: join(disk.mountPoint, 'backups') },
    });
    await pairWithHomeAssistant(home, disk);
    earlier = await store();
  });
  afterAll(async () => {
    await disk?.close();
    await stage.close();
  });

  async function store(): Promise<Backup> {
    const { backup, outcome } = await home.backups.create({ agentIds: [agentId(target)] });
    if (!backup) throw new Error(`no backup is listed: ${JSON.stringify(outcome)}`);
    return backup;
  }

  const files = () =>
    readdirSync(disk.seen(join(disk.mountPoint, 'backups'))).filter((name) => name !== '.homestash-target');

  test('a backup fails in words, nothing of it stays, and the earlier one is as it was', async () => {
    disk.fill();
    const { backup, outcome } = await home.backups.create({ agentIds: [agentId(target)] });
    expect(outcome).toMatchObject({ state: 'failed' });
    expect(backup).toBeUndefined();
    const [newest] = await disk.client.operations();
    expect(newest).toMatchObject({ kind: 'upload', state: 'failed', problem: { code: 'target_full' } });
    expect(home.log()).toContain(newest?.problem?.title);
    expect(files()).toHaveLength(2);
    expect((await home.backups.list()).map(({ backup_id }) => backup_id)).toEqual([earlier.backup_id]);
    const { status, size } = await home.backups.download(earlier.backup_id, agentId(target));
    expect({ status, size }).toEqual({ status: 200, size: earlier.agents[agentId(target)]?.size });
  });

  test('with room again the next backup is stored', async () => {
    disk.empty();
    const next = await store();
    expect((await home.backups.list()).map(({ backup_id }) => backup_id).toSorted()).toEqual(
      [earlier.backup_id, next.backup_id].toSorted(),
    );
    expect(files()).toHaveLength(4);
  });
});
