import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PATHS, PROBE_STEPS, type Target, type TargetCheckEvent } from '../../src/contract/index.ts';
import { haveVersitygw } from '../harness/cache.ts';
import { allEventsOf, eventsOf } from '../harness/event-stream.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { BucketOnDisk, bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import { startS3Simulator } from '../simulators/s3/index.ts';

let core: LocalCore;

beforeEach(async () => {
  core = await startLocalCore();
});
afterEach(async () => {
  await core.remove();
  expect(core.defects()).toEqual([]);
});

const ask = (body: object, init: RequestInit = {}) =>
  core.client.fetch('POST', PATHS.target_check, { ...init, body: JSON.stringify(body) });

/** All that is told of a check; the answer must be a stream of events. */
async function check(body: object, init: RequestInit = {}): Promise<TargetCheckEvent[]> {
  const response = await ask(body, init);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  return allEventsOf<TargetCheckEvent>(response);
}

const steps = (events: readonly TargetCheckEvent[]) =>
  events.flatMap((event) => (event.event === 'step' ? `${event.step} ${event.outcome}` : []));
const goesWell = PROBE_STEPS.flatMap((step) => [`${step} running`, `${step} ok`]);
const names = async () => (await core.client.targets()).map(({ name }) => name);
const folder = (path: string) => ({ kind: 'folder', path: join(core.dataDir, path) });

describe('a folder', () => {
  test('is tried step by step, and nothing is saved where that was not wanted', async () => {
    const events = await check({ settings: folder('disk'), save: false });
    expect(steps(events)).toEqual(goesWell);
    expect(events.at(-1)).toMatchObject({ event: 'report', report: { ok: true, found: [] } });
    expect(await names()).toEqual(['Local folder']);
  });

  test('is saved at the end, once', async () => {
    const wanted = { name: 'Disk', settings: folder('disk'), save: true };
    const events = await check(wanted);
    expect(steps(events)).toEqual(goesWell);
    const saved = { event: 'saved', target: { name: 'Disk', problem: null }, report: { ok: true } };
    expect(events.at(-1)).toMatchObject(saved);
    const again = await ask(wanted);
    expect([again.status, await again.json()]).toMatchObject([409, { code: 'target_exists' }]);
    expect(await names()).toEqual(['Local folder', 'Disk']);
  });

  test('that two save at once is saved by one of them, and the other is told', async () => {
    const wanted = { name: 'Disk', settings: folder('disk'), save: true };
    const answers = await Promise.all([ask(wanted), ask(wanted)]);
    const told = await Promise.all(
      answers.map(async (answer) =>
        answer.ok
          ? (await allEventsOf<TargetCheckEvent>(answer)).at(-1)
          : { event: 'problem', problem: await answer.json() },
      ),
    );
    expect(told).toContainEqual(expect.objectContaining({ event: 'saved' }));
    const exists = expect.objectContaining({ code: 'target_exists' });
    expect(told).toContainEqual({ event: 'problem', problem: exists });
    expect(await names()).toEqual(['Local folder', 'Disk']);
  });

  test('that cannot be is said in the language that is read, and the other steps are skipped', async () => {
    const body = { name: 'Disk', settings: folder('mnt/usb'), save: true };
    const events = await check(body, { headers: { 'accept-language': 'de' } });
    expect(steps(events)).toEqual([
      'reach running',
      'reach failed',
      ...PROBE_STEPS.slice(1).map((step) => `${step} skipped`),
    ]);
    const title = expect.stringMatching(/Ordner/);
    const problem = expect.objectContaining({ code: 'target_folder_missing', title });
    expect(events[1]).toMatchObject({ problem });
    expect(events.at(-1)).toMatchObject({ event: 'report', report: { ok: false } });
    expect(await names()).toEqual(['Local folder']);
  });

  test('whose disk is not mounted: nothing is made below its mount point, also when it is saved again', async () => {
    const target = await core.client.addTarget({ name: 'Disk', settings: folder('disk') as never });
    const path = join(core.dataDir, 'disk');
    rmSync(path, { recursive: true });
    for (const save of [false, true]) {
      const events = await check({ target_id: target.id, settings: {}, save });
      const [reach] = events.flatMap((event) => (event.event === 'report' ? event.report.steps : []));
      expect(reach?.problem?.code).toBe('target_folder_missing');
      expect(existsSync(path)).toBe(false);
    }
    mkdirSync(path);
    await check({ target_id: target.id, settings: {}, save: true });
    expect(readdirSync(path)).toEqual([]);
  });

  test.for([
    [400, 'invalid_request', { settings: { kind: 'folder', path: '/tmp' }, save: true }],
    [400, 'invalid_request', { settings: { kind: 'folder', path: 'tmp' }, save: false }],
    [400, 'invalid_request', { settings: { kind: 'tape' }, save: false }],
    [404, 'target_not_found', { target_id: 'none', settings: {}, save: false }],
  ] as const)('%i %s: %j', async ([status, code, body]) => {
    const response = await ask(body);
    expect([response.status, await response.json()]).toMatchObject([status, { code }]);
  });
});

describe.skipIf(!haveVersitygw())('a bucket', () => {
  let stage: Stage;
  let server: S3Server;

  beforeEach(async () => {
    stage = new Stage('check');
    server = await stage.s3();
  });
  afterEach(() => stage.close());

  test('is tried, saved, and changed with what is absent kept, the secret too', async () => {
    const events = await check({ ...bucketInput(server, 'Bucket'), save: true });
    expect(steps(events)).toEqual(goesWell);
    const { target, report } = events.at(-1) as TargetCheckEvent & { event: 'saved' };
    expect(report.capabilities).not.toBeNull();
    const { id, unique_id } = target;
    const changed = await check({ target_id: id, name: 'Renamed', settings: { folder: 'b' }, save: true });
    expect(changed.at(-1)).toMatchObject({
      event: 'saved',
      target: { id, unique_id, name: 'Renamed', settings: { folder: 'b' } },
    });
    const spoilt = { target_id: id, name: 'Spoilt', settings: { secret_key: 'wrong' }, save: true };
    expect((await check(spoilt)).at(-1)).toMatchObject({ event: 'report', report: { ok: false } });
    expect(await names()).toEqual(['Local folder', 'Renamed']);
    expect((await core.client.list(id, 0)).backups).toEqual([]);
  });

  test('a problem that is mended by new settings is gone', async () => {
    const target = await core.client.addTarget(bucketInput(server, 'Bucket'));
    const right = server.secretKey;
    const known = async () => (await core.client.targets())[1] as Target;
    await waitFor('the first look', async () => (await known()).checked_at);
    await server.stop();
    await expect(core.client.list(target.id, 0)).rejects.toBeDefined();
    expect((await known()).problem_since).not.toBeNull();
    await server.start();
    const mended = await check({ target_id: target.id, settings: { secret_key: right }, save: true });
    expect(mended.at(-1)).toMatchObject({ target: { problem: null, problem_since: null } });
  });

  test('whoever goes away ends it, and nothing of it is left', async () => {
    const gone = new AbortController();
    const response = await ask({ ...bucketInput(server, 'Bucket'), save: true }, { signal: gone.signal });
    for await (const event of eventsOf<TargetCheckEvent>(response)) {
      if (event.event === 'step' && event.step === 'write' && event.outcome === 'ok') break;
    }
    gone.abort();
    const bucket = new BucketOnDisk(server);
    await waitFor('the bucket to be clean', () => bucket.keys().length + bucket.unfinished().length === 0);
    expect(await names()).toEqual(['Local folder']);
  });
});

describe('a store that answers slowly', () => {
  test('whoever goes away in the middle of a large upload leaves none behind', async () => {
    const simulator = await startS3Simulator({ buckets: ['backups'] });
    try {
      simulator.faults.add({ on: { operation: 'UploadPart' }, fault: { kind: 'stall', at: 'at_once' } });
      const { endpoint, region, accessKey, secretKey } = simulator;
      const keys = { access_key: accessKey, secret_key: secretKey };
      const settings = { kind: 's3', endpoint, region, bucket: 'backups', ...keys };
      const gone = new AbortController();
      const response = await ask({ name: 'Bucket', settings, save: true }, { signal: gone.signal });
      await waitFor('the upload', () => simulator.uploads('backups').length > 0);
      gone.abort();
      simulator.faults.clear();
      await expect(allEventsOf(response)).rejects.toBeDefined();
      await waitFor(
        'the bucket to be clean',
        () => simulator.uploads('backups').length + simulator.objects('backups').length === 0,
      );
      expect(await names()).toEqual(['Local folder']);
      expect(simulator.mistakes).toEqual([]);
    } finally {
      await simulator.stop();
    }
  });
});
