import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { S3Settings, Target } from '../../src/contract/index.ts';
import { makeBackup } from '../harness/archives.ts';
import type { LocalCore } from '../harness/local-core.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { bucketInput, MARK } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import { FAULTS, type S3Simulator, startS3Simulator } from '../simulators/s3/index.ts';

const PART_BYTES = 16 * 1024 * 1024;

const stage = new Stage('homes');
let store: S3Simulator;
let ours: LocalCore;
let theirs: LocalCore;

beforeAll(async () => {
  store = await startS3Simulator({ buckets: ['backups', 'copy'] });
  ours = await stage.localCore();
  theirs = await stage.localCore();
});
afterAll(async () => {
  await stage.close();
  await store.stop();
});
beforeEach(async () => {
  store.reset();
  for (const core of [ours, theirs]) {
    for (const { id } of (await core.client.targets()).slice(1)) {
      await core.client.call('DELETE', `/api/v1/targets/${id}`);
    }
  }
});

const entered = (folder: string, more: Partial<S3Settings> = {}, name = folder) =>
  bucketInput(store as unknown as S3Server, name, { folder, ...more });

const keep = async (core: LocalCore, target: Target, instance_id = 'test') => {
  const made = makeBackup({ extra_metadata: { instance_id } });
  await core.client.upload(target.id, made.backup, made.archive);
  return made.backup.backup_id;
};

const listed = async (core: LocalCore, target: Target) =>
  (await core.client.list(target.id, 0)).backups.map(({ backup }) => backup.backup_id).toSorted();

const marks = () =>
  store
    .objects('backups')
    .filter(({ key }) => key.endsWith(MARK))
    .map(({ key }) => key);

describe('two homes in one bucket', () => {
  test('see their own backups only, also where the folder of one lies in that of the other', async () => {
    const outer = await ours.client.addTarget(entered('homes'));
    const inner = await theirs.client.addTarget(entered('homes/cabin'));
    const [a, b] = [await keep(ours, outer), await keep(theirs, inner)];
    expect(await listed(ours, outer)).toEqual([a]);
    expect(await listed(theirs, inner)).toEqual([b]);
    await ours.client.delete(outer.id, a);
    expect(await listed(theirs, inner)).toEqual([b]);
    expect(marks()).toEqual([`homes/${MARK}`, `homes/cabin/${MARK}`]);
  });

  test('see all where they share a folder, and neither removes what the other is just uploading', async () => {
    const mine = await ours.client.addTarget(entered('shared'));
    const other = await theirs.client.addTarget(entered('shared'));
    const [a, b] = [await keep(ours, mine), await keep(theirs, other)];
    expect(await listed(ours, mine)).toEqual([a, b].toSorted());
    expect(await listed(theirs, other)).toEqual([a, b].toSorted());
    expect(marks()).toEqual([`shared/${MARK}`]);

    const { backup } = makeBackup({ size: 4 * PART_BYTES });
    const { id } = await theirs.client.announce(other.id, backup);
    const sending = new AbortController();
    const bytes = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(PART_BYTES + 1)),
    });
    const path = `/api/v1/targets/${other.id}/uploads/${id}/archive`;
    const upload = theirs.client
      .fetch('PUT', path, { body: bytes, duplex: 'half', signal: sending.signal })
      .catch(() => undefined);
    await waitFor('an upload in parts', () => store.uploads('backups').length === 1);
    // what a start, a list and a probe sweep is one's own
    await ours.stop();
    await ours.start();
    expect(await listed(ours, mine)).toEqual([a, b].toSorted());
    await ours.client.call('POST', `/api/v1/targets/${mine.id}/probe`);
    expect(store.uploads('backups')).toHaveLength(1);
    sending.abort();
    await upload;
    await theirs.client.call('DELETE', `/api/v1/targets/${other.id}/uploads/${id}`).catch(() => undefined);
    await waitFor('the upload to be removed by its own core', () => store.uploads('backups').length === 0);
  });

  test('a folder that only holds backups of another home is no place for the own ones, and that is said', async () => {
    const target = await ours.client.addTarget(entered('mine'));
    await keep(ours, target, 'our home');
    const foreign = await theirs.client.addTarget(entered('theirs'));
    await keep(theirs, foreign, 'their home');
    const advice = async (folder: string) =>
      (await ours.client.probe(entered(folder))).capabilities?.advice.map(({ code }) => code);
    expect(await advice('theirs')).toContain('other_homes');
    expect(await advice('mine')).not.toContain('other_homes');
    expect(await advice('empty')).not.toContain('other_homes');
    await keep(theirs, foreign, 'a third home');
    const { found } = await ours.client.probe(entered('theirs'));
    expect(found).toMatchObject([{ folder: 'theirs', backups: 2, homes: 2 }]);
  });
});

describe('one place by two names', () => {
  const byName = () => ({ endpoint: store.endpoint.replace('127.0.0.1', 'localhost') });

  test('is refused a second time', async () => {
    await ours.client.addTarget(entered('mine', {}, 'First'));
    const again = ours.client.addTarget(entered('mine', byName(), 'Second'));
    await expect(again).rejects.toMatchObject({
      problem: { code: 'target_exists', params: { name: 'First' } },
    });
    const other = await ours.client.addTarget(entered('elsewhere', byName()));
    const moving = ours.client.call('PATCH', `/api/v1/targets/${other.id}`, { settings: { folder: 'mine' } });
    await expect(moving).rejects.toMatchObject({ problem: { code: 'target_exists' } });
    const renamed = await ours.client.call('PATCH', `/api/v1/targets/${other.id}`, {
      settings: { endpoint: store.endpoint },
    });
    expect(renamed).toMatchObject({ settings: { endpoint: store.endpoint } });
    expect(store.objects('backups').map(({ key }) => key)).toEqual([`elsewhere/${MARK}`, `mine/${MARK}`]);
  });

  test('a copy of a bucket carries the same mark and is a place of its own', async () => {
    await ours.client.addTarget(entered('mine'));
    const copied = store.content('backups', `mine/${MARK}`);
    const there = await theirs.client.addTarget(entered('mine', { bucket: 'copy' }));
    // as a tool that mirrors buckets would overwrite it
    await overwrite('copy', `mine/${MARK}`, copied);
    expect(there.name).toBe('mine');
    const mirror = await ours.client.addTarget(entered('mine', { bucket: 'copy' }, 'Mirror'));
    expect(mirror.name).toBe('Mirror');
  });
});

test('where the mark cannot be written, or is something else, backups can be kept all the same', async () => {
  const refused = store.faults.add({
    on: { operation: 'PutObject', key: new RegExp(MARK.replaceAll('.', '\\.')) },
    fault: FAULTS.accessDenied,
  });
  const target = await ours.client.addTarget(entered('unmarked'));
  refused.remove();
  const id = await keep(ours, target);
  expect(await listed(ours, target)).toEqual([id]);
  expect(marks()).toEqual([]);

  await overwrite('backups', `odd/${MARK}`, Buffer.from('{"homestash":"no"}'));
  const odd = await ours.client.addTarget(entered('odd'));
  expect(await listed(ours, odd)).toEqual([]);
  expect(store.content('backups', `odd/${MARK}`).toString()).toBe('{"homestash":"no"}');
});

async function overwrite(bucket: string, key: string, content: Buffer): Promise<void> {
  const client = new S3Client({
    endpoint: store.endpoint,
    region: store.region,
    forcePathStyle: true,
    credentials: { accessKeyId: store.accessKey, secretAccessKey: store.secretKey },
  });
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content }));
  client.destroy();
}
