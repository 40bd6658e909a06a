import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artefact, Device } from '../../src/contract/index.ts';
import { SmallDevice } from '../devices/wled-like.ts';
import type { CoreProcess } from '../harness/core.ts';
import type { Created, HomeAssistant } from '../harness/home-assistant.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

/** Home Assistant's own place for backups. */
const LOCAL = 'backup.local';

/** The integration asks a core at most once a minute (milliseconds). */
const NEXT_LOOK_MS = 120_000;

/** What the check before a backup may take, and what a busy machine may need besides (milliseconds). */
const MOST_FOR_CHECK_MS = 5_000;

const NO_WAIT_MS = 2_000;

describe('what is saved of devices, in the backups of a real Home Assistant', () => {
  const stage = new Stage('devices');
  const lamp = new SmallDevice();
  let core: CoreProcess;
  let home: HomeAssistant;
  let device: Device;
  let saved: Map<string, Buffer>;
  let withoutTrouble: number;

  const devices = async (of: CoreProcess) =>
    (await of.client.call<{ devices: Device[] }>('GET', '/api/v1/devices')).devices;
  const history = async (of: CoreProcess, id: string) =>
    (await of.client.call<{ artefacts: Artefact[] }>('GET', `/api/v1/devices/${id}/artefacts`)).artefacts;

  /** The files of the newest configuration, by their names on the device. */
  async function newest(of: CoreProcess, id: string): Promise<Map<string, Buffer>> {
    const [artefact] = await history(of, id);
    const files = (artefact?.files ?? []).map(async ({ name, number }): Promise<[string, Buffer]> => {
      const path = `/api/v1/devices/${id}/artefacts/${artefact?.id}/files/${number}`;
      return [name, Buffer.from(await (await of.client.fetch('GET', path)).arrayBuffer())];
    });
    return new Map(await Promise.all(files));
  }

  const folderOf = (of: HomeAssistant) => join(of.configDir, '.storage/homestash');

  /** What the folder holds of the devices, whoever saved it. */
  function heldBy(of: HomeAssistant): Buffer[] {
    const folder = folderOf(of);
    if (!existsSync(join(folder, 'index.json'))) return [];
    const files = readdirSync(folder).filter((name) => !/^index\.|^unfinished$/.test(name));
    return files.map((name) => readFileSync(join(folder, name)));
  }

  const contents = (files: Iterable<Buffer>) => [...files].map(String).toSorted();

  /**
   * Makes a backup at Home Assistant's own place, where Homestash has no part in it, and says how long it took until it
   * was stored. Home Assistant then looks at the lists of all places, and waits for one that hangs.
   */
  async function backUp(): Promise<Created & { took: number }> {
    const start = performance.now();
    let stored = Number.POSITIVE_INFINITY;
    const created = await home.backups.create({
      agentIds: [LOCAL],
      onEvent: ({ stage }) => {
        if (stage === 'cleaning_up') stored = performance.now();
      },
    });
    return { ...created, took: stored - start };
  }

  /** The files of devices in a backup, as tar unpacks them. */
  async function inBackup({ backup }: Created): Promise<Buffer[]> {
    if (!backup) throw new Error('no backup is listed');
    const dir = mkdtempSync(join(tmpdir(), 'homestash-unpacked-'));
    try {
      const [name] = readdirSync(join(home.configDir, 'backups')).filter((file) =>
        readFileSync(join(home.configDir, 'backups', file)).includes(backup.backup_id),
      );
      execFileSync('tar', ['-C', dir, '-xf', join(home.configDir, 'backups', name as string)]);
      execFileSync('tar', ['-C', dir, '-xzf', join(dir, 'homeassistant.tar.gz')]);
      const folder = join(dir, 'data/.storage/homestash');
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
        files: { path: string }[];
      };
      expect(readdirSync(join(folder, 'unfinished'))).toEqual([]);
      return index.files.map(({ path }) => {
        expect(statSync(join(folder, path)).mode & 0o777).toBe(0o600);
        return readFileSync(join(folder, path));
      });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }

  const problems = async () => (await home.entries.issues('homestash')).map((issue) => issue.translation_key);

  beforeAll(async () => {
    await lamp.server.start();
    [core, home] = await Promise.all([stage.core(), stage.home()]);
    device = await core.client.call<Device>('POST', '/api/v1/devices', {
      kind: 'wled',
      settings: { address: lamp.address },
    });
    await waitFor('the first backup of the device', async () => (await history(core, device.id))[0]?.good);
    saved = await newest(core, device.id);
    await pairWithHomeAssistant(home, core);
  });
  afterAll(async () => {
    await stage.close();
    await lamp.server.stop();
  });

  test('lie in its configuration soon after they are saved', async () => {
    expect([...saved.keys()].toSorted()).toEqual(['cfg.json', 'presets.json']);
    await waitFor('the files in .storage', () => heldBy(home).length === saved.size);
    expect(contents(heldBy(home))).toEqual(contents(saved.values()));
  });

  test('are in a backup', async () => {
    const created = await backUp();
    expect(created.outcome.state, JSON.stringify(created.outcome)).toBe('completed');
    expect(contents(await inBackup(created))).toEqual(contents(saved.values()));
    withoutTrouble = created.took;
    expect(await problems()).toEqual([]);
  });

  test('are in a backup that is neither late nor failed while the core hangs', async () => {
    core.program.pause();
    try {
      const created = await backUp();
      expect(created.outcome.state, JSON.stringify(created.outcome)).toBe('completed');
      expect(created.took).toBeLessThan(withoutTrouble + NO_WAIT_MS);
      expect(contents(await inBackup(created))).toEqual(contents(saved.values()));
    } finally {
      core.program.resume();
    }
  });

  test('are missed after a backup when they are not there, and fetched again', async () => {
    for (const name of readdirSync(folderOf(home)).filter((file) => file.includes('presets'))) {
      rmSync(join(folderOf(home), name));
    }
    const created = await backUp();
    expect(created.outcome.state, JSON.stringify(created.outcome)).toBe('completed');
    expect(created.took).toBeLessThan(withoutTrouble + MOST_FOR_CHECK_MS);
    expect(await problems()).toEqual(['devices_missing']);
    await waitFor('the file to be there again', () => heldBy(home).length === saved.size, {
      timeoutMs: NEXT_LOOK_MS,
    });
    await waitFor('the notice to go', async () => (await problems()).length === 0);
  });

  test('are in a backup that is neither late nor failed while the core is dead', async () => {
    await core.kill9();
    const created = await backUp();
    expect(created.outcome.state, JSON.stringify(created.outcome)).toBe('completed');
    expect(created.took).toBeLessThan(withoutTrouble + NO_WAIT_MS);
    expect(contents(await inBackup(created))).toEqual(contents(saved.values()));
    if (created.backup) lost = created.backup.backup_id;
  });

  let lost = '';

  test('come back from a backup into a core that is new', async () => {
    rmSync(folderOf(home), { recursive: true });
    const restored = await home.backups.restore(lost, LOCAL);
    expect(restored).toMatchObject({ state: 'completed' });
    expect(contents(heldBy(home))).toEqual(contents(saved.values()));

    const fresh = await stage.core();
    await pairWithHomeAssistant(home, fresh);
    const offer = await waitFor('the offer', async () =>
      (await home.entries.issues('homestash')).find((issue) => issue.translation_key === 'devices_held'),
    );
    expect(offer).toMatchObject({ is_fixable: true, translation_placeholders: { names: device.name } });
    expect(await devices(fresh)).toEqual([]);
    const menu = await home.entries.startFix(offer);
    expect(menu).toMatchObject({ type: 'menu', menu_options: ['take_over', 'throw_away'] });
    const done = await home.entries.submitFix(menu.flow_id, { next_step_id: 'take_over' });
    expect(done, JSON.stringify(done)).toMatchObject({ type: 'create_entry' });

    const [back] = await devices(fresh);
    expect(back).toMatchObject({
      ...{ id: device.id, kind: 'wled', name: device.name, settings: device.settings, problem: null },
    });
    expect(contents((await newest(fresh, device.id)).values())).toEqual(contents(saved.values()));
    await waitFor('the files to be those of the new core', () => {
      const index = JSON.parse(readFileSync(join(folderOf(home), 'index.json'), 'utf8')) as {
        instance_id: string;
      };
      return index.instance_id !== '' && heldBy(home).length === saved.size;
    });
    expect(readdirSync(folderOf(home)).filter((name) => name.startsWith('index.'))).toEqual(['index.json']);
    expect(contents(heldBy(home))).toEqual(contents(saved.values()));
    await waitFor('the offer to go', async () => !(await problems()).includes('devices_held'));
  });
});
