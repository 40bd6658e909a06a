import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Artefact, Device, Operation, RecoveryKey } from '../../src/contract/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { haveAge, haveVersitygw } from '../harness/cache.ts';
import { ForwardClock } from '../harness/forward-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { BucketOnDisk, bucketInput } from '../harness/s3-target.ts';
import { temporaryFolder } from '../harness/temporary.ts';
import { startVersitygw } from '../harness/versitygw.ts';
import { waitFor } from '../harness/wait-for.ts';
import { SmallDevice } from './wled-like.ts';

// What waits until it is quiet does not wait here; limits of time stay what they are.
const QUIET_MS = 5_000;
class QuietClock extends ForwardClock {
  override sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(ms === QUIET_MS ? 1 : ms, signal);
}

const possible = haveVersitygw() && haveAge();
const device = new SmallDevice();
let server: S3Server;
let core: LocalCore;
let bucket: BucketOnDisk;

beforeAll(async () => {
  if (!possible) return;
  server = await startVersitygw();
  bucket = new BucketOnDisk(server);
  execFileSync('mkdir', ['-p', join(server.dataDir, 'backups')]);
  await device.server.start();
  core = await startLocalCore({ clock: new QuietClock() });
});
afterAll(async () => {
  await core?.remove();
  await device.server.stop();
  await server?.stop();
});

const copies = () => bucket.keys().filter((key) => key.includes('/devices/'));
const add = (name: string, { address }: SmallDevice) =>
  core.client.call<Device>('POST', '/api/v1/devices', { kind: 'wled', name, settings: { address } });
const read = (id: string) => core.client.call<Device>('GET', `/api/v1/devices/${id}`);

/** Opens a sealed file as a person would who has nothing but the bucket, the key and the tool `age`. */
async function opened(key: string): Promise<{ name: string; content: string }[]> {
  const person = await core.person();
  const { identity } = await person.call<RecoveryKey>('POST', '/api/v1/recovery-key/reveal', {});
  const dir = temporaryFolder('age');
  writeFileSync(join(dir, 'key.txt'), `${identity}\n`, { mode: 0o600 });
  const archive = join(dir, 'archive.tar');
  execFileSync('age', ['--decrypt', '-i', join(dir, 'key.txt'), '-o', archive, bucket.path(key)]);
  const names = execFileSync('tar', ['-tf', archive], { encoding: 'utf8' }).trim().split('\n');
  return names.map((name) => ({
    name,
    content: execFileSync('tar', ['-xOf', archive, name], { encoding: 'utf8' }),
  }));
}

test.skipIf(!possible)(
  'the newest configuration lies sealed in a bucket, and opens with the ordinary age',
  async () => {
    await core.client.addTarget(bucketInput(server, 'Bucket'));
    const { id } = await add('Shelf: above', device);
    const [key] = await waitFor('the sealed copy', () => (copies().length > 0 ? copies() : undefined));
    expect(key).toBe(`homeassistant/backups/devices/Shelf-above_${id}.tar.age`);
    expect(await opened(key as string)).toEqual([
      { name: 'cfg.json', content: device.files['cfg.json'] },
      { name: 'presets.json', content: device.files['presets.json'] },
    ]);
    expect(bucket.read(key as string).toString('latin1')).not.toContain('hush');
    await waitFor('the device to say so', async () => (await read(id)).copies === 1);

    device.change({ id: { name: 'Another' } });
    await core.client.call('POST', '/api/v1/commands/back_up_device', { device_id: id });
    await waitFor('the newer one', async () => {
      const [cfg] = await opened(key as string);
      return cfg?.content.includes('Another');
    });
    expect(copies()).toHaveLength(1);
    expect(bucket.unfinished()).toEqual([]);
  },
);

test.skipIf(!possible)('a bucket that is away gets its copies when it is back', async () => {
  await server.stop();
  const other = new SmallDevice('001122334455');
  await other.server.start();
  try {
    const { id } = await add('Other', other);
    await waitFor('the attempt', async () =>
      (await core.client.operations()).some(
        ({ kind, state }: Operation) => kind === 'device_copies' && state === 'failed',
      ),
    );
    expect((await read(id)).copies).toBe(0);
    await server.start();
    await core.stop();
    await core.start();
    await waitFor('its copy', async () => (await read(id)).copies === 1);
    expect(core.defects()).toEqual([]);
  } finally {
    await other.server.stop();
  }
});

test.skipIf(!possible)(
  'a file that was lost on the disk keeps no other device from being sealed',
  async () => {
    const [fresh, other] = [new SmallDevice('00aa00aa00aa'), new SmallDevice('00bb00bb00bb')];
    await Promise.all([fresh.server.start(), other.server.start()]);
    const add = (name: string, { address }: SmallDevice) =>
      core.client.call<Device>('POST', '/api/v1/devices', { kind: 'wled', name, settings: { address } });
    try {
      const first = await add('A first one', fresh);
      await waitFor('its copy', async () => (await read(first.id)).copies === 1);
      // of the next one a file goes before it can be sealed
      await server.stop();
      fresh.change({ id: { name: 'Changed' } });
      await core.client.call('POST', '/api/v1/commands/back_up_device', { device_id: first.id });
      await waitFor('the newer one', async () => (await read(first.id)).copies === 0);
      const { artefacts } = await core.client.call<{ artefacts: Artefact[] }>(
        'GET',
        `/api/v1/devices/${first.id}/artefacts`,
      );
      const lost = artefacts[0]?.files.find(({ name }) => name === 'cfg.json')?.stored_as ?? '?';
      rmSync(join(core.dataDir, 'devices', first.id, lost));
      const second = await add('Second', other);
      await waitFor('its backup', async () => (await read(second.id)).backed_up_at);
      await server.start();
      await core.stop();
      await core.start();
      await waitFor('the copy of the other', async () => (await read(second.id)).copies === 1);
      const failed = await waitFor('the loss to be told', async () =>
        (await core.client.operations()).find(
          ({ kind, problem }) => kind === 'device_copies' && problem?.code === 'artefact_file_lost',
        ),
      );
      expect(failed.problem?.params.file).toBe('cfg.json');
      expect((await read(first.id)).copies).toBe(0);
    } finally {
      await fresh.server.stop();
      await other.server.stop();
    }
  },
);

test.skipIf(!possible)(
  'a target that is moved gets the copies too, and one that is removed counts no more',
  async () => {
    const there = new SmallDevice('00cc00cc00cc');
    await there.server.start();
    try {
      const { id } = await add('Moved', there);
      await waitFor('its copy', async () => (await read(id)).copies === 1);
      const target = (await core.client.targets()).find(({ name }) => name === 'Bucket');
      await core.client.call('PATCH', `/api/v1/targets/${target?.id}`, { settings: { folder: 'elsewhere' } });
      const inThere = () => bucket.keys().filter((key) => key.startsWith('elsewhere/') && key.includes(id));
      await waitFor('the copy at the new place', () => inThere().length === 1);
      await waitFor('one copy', async () => (await read(id)).copies === 1);
      await core.client.call('DELETE', `/api/v1/targets/${target?.id}`);
      await waitFor('no copy', async () => (await read(id)).copies === 0);
    } finally {
      await there.server.stop();
    }
  },
);
