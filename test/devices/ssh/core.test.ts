import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Artefact, Device, Operation } from '../../../src/contract/index.ts';
import { ForwardClock } from '../../harness/forward-clock.ts';
import { type LocalCore, startLocalCore } from '../../harness/local-core.ts';
import { haveRsync } from '../../harness/rsyncd.ts';
import { haveSshd, makeSshKey, type Sshd, startSshd } from '../../harness/sshd.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { waitFor } from '../../harness/wait-for.ts';

const clock = new ForwardClock();
let core: LocalCore;
let server: Sshd;
let box: string;

const key = haveSshd() ? makeSshKey(temporaryFolder('key')) : undefined;
/** What stands in the private key, and nowhere else. */
const SECRET = key?.privateKey.split('\n')[2] ?? '';

const call = <Result>(method: string, path: string, body?: unknown) =>
  core.client.call<Result>(method, `/api/v1/devices${path}`, body);
const history = async (id: string) =>
  (await call<{ artefacts: Artefact[] }>('GET', `/${id}/artefacts`)).artefacts;
const backups = async (): Promise<Operation[]> =>
  (await core.client.operations()).filter(
    ({ kind, state }) => kind === 'device_backup' && state !== 'running',
  );

/** Adds a device, and waits until it was tried to back it up. */
async function added(kind: string, settings: object): Promise<Device> {
  const account = { address: server.address, user: server.user, private_key: key?.privateKey };
  const { id } = await call<Device>('POST', '', { kind, settings: { ...account, ...settings } });
  await waitFor('the first backup to end', async () => (await backups()).length > 0);
  return call<Device>('GET', `/${id}`);
}

async function backUp(id: string): Promise<Device> {
  const before = (await backups()).length;
  await core.client.call('POST', '/api/v1/commands/back_up_device', { device_id: id });
  await waitFor('the backup to end', async () => (await backups()).length > before);
  return call<Device>('GET', `/${id}`);
}

/** Every file of the core that may be looked at. */
const everything = () =>
  readdirSync(core.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));

describe.skipIf(!haveSshd())('in a core, with a real SSH server', () => {
  beforeEach(async () => {
    box = temporaryFolder('box');
    server = await startSshd({ keys: [key?.publicKey ?? ''] });
    core = await startLocalCore({ clock });
  });
  afterEach(async () => {
    await core.remove();
    await server.stop();
  });

  test('a command is saved once as long as its output is the same, and its key is kept sealed', async () => {
    const file = join(box, 'state');
    writeFileSync(file, 'one\n');
    const { id, problem } = await added('ssh', { template: 'custom', command: `cat '${file}'` });
    expect(problem).toBeNull();
    await backUp(id);
    expect(await history(id)).toHaveLength(1);
    writeFileSync(file, 'two\n');
    await backUp(id);
    const [newest, ...older] = await history(id);
    expect(older).toHaveLength(1);
    expect([newest?.added, newest?.removed]).toEqual([1, 1]);
    expect(SECRET.length).toBeGreaterThan(20);
    expect(JSON.stringify(await call('GET', `/${id}`))).not.toContain(SECRET);
    for (const content of everything()) expect(content.includes(SECRET)).toBe(false);
  });

  test('two commands and two sets of files of one machine are devices of their own, and paths are shown', async () => {
    writeFileSync(join(box, 'a'), 'x');
    writeFileSync(join(box, 'b'), 'y');
    const all = [
      await added('ssh', { template: 'custom', command: 'echo 1' }),
      await added('ssh', { template: 'custom', command: 'echo 2' }),
      await added('sftp', { paths: join(box, 'a') }),
      await added('sftp', { paths: join(box, 'b') }),
    ];
    expect(new Set(all.map(({ id }) => id)).size).toBe(4);
    expect(all.map(({ problem }) => problem)).toEqual([null, null, null, null]);
    expect(all.at(-1)?.settings.paths).toBe(join(box, 'b'));
    expect(all.at(-1)?.secrets).not.toContain('paths');
    await expect(added('ssh', { template: 'custom', command: 'echo 2' })).rejects.toThrow('device_exists');
    await expect(added('sftp', { paths: join(box, 'b') })).rejects.toThrow('device_exists');
  });

  test('another host key stops it until it is tested anew, and nothing is sent', async () => {
    const { id } = await added('ssh', { template: 'custom', command: 'echo 1' });
    await server.stop();
    server.newHostKey();
    await server.start();
    const before = server.log().length;
    expect(await backUp(id)).toMatchObject({
      problem: { code: 'device_pin', params: { fingerprint: server.fingerprint } },
    });
    expect(server.log().slice(before)).not.toContain('Accepted');
    expect(await history(id)).toHaveLength(1);
  });

  test('output without end is refused, and the command ends', async () => {
    const device = await added('ssh', { template: 'custom', command: 'yes; :' });
    expect(device).toMatchObject({ problem: { code: 'artefact_too_large' } });
    expect(await history(device.id)).toEqual([]);
    await waitFor('the end of the session', () =>
      server.log().split('Starting session').at(-1)?.includes('Disconnected'),
    );
  });

  test('files come under names that are safe on the disk', async () => {
    mkdirSync(join(box, '-deep $(x)'));
    writeFileSync(join(box, '-deep $(x)/a "b".conf'), 'x = 1\n');
    const { id, problem } = await added('sftp', { paths: box });
    expect(problem).toBeNull();
    const [saved] = await history(id);
    expect(saved?.files.map(({ name }) => name)).toEqual([`${box.slice(1)}/-deep $(x)/a "b".conf`]);
    const names = readdirSync(join(core.dataDir, 'devices', id));
    expect(names).toHaveLength(1);
    expect(names[0]).toMatch(/^[\w.-]+$/);
  });

  test.skipIf(!haveRsync())('an archive of rsync is kept once, and leaves nothing beside it', async () => {
    writeFileSync(join(box, 'a'), 'x');
    const { id, problem } = await added('rsync', { path: box });
    expect(problem).toBeNull();
    await backUp(id);
    expect(await history(id)).toHaveLength(1);
    expect(readdirSync(join(core.dataDir, 'devices', id))).toHaveLength(1);
    for (const content of everything()) expect(content.includes(SECRET)).toBe(false);
  });
});
