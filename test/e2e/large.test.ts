import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { haveVersitygw } from '../harness/cache.ts';
import { agentId, type CoreProcess } from '../harness/core.ts';
import { uploadStream } from '../harness/home-assistant/streamed-upload.ts';
import type { HomeAssistant } from '../harness/home-assistant.ts';
import { LargeArchive } from '../harness/large-archive.ts';
import { buildPackage } from '../harness/package.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import { BucketOnDisk, bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';

const MIB = 1024 * 1024;
const MEBIBYTES = 2048;

/** The design's budget: what a box with 1 GB can spare beside Home Assistant. */
const CORE_PEAK_BYTES = 200 * 1000 * 1000;

/**
 * What Home Assistant may grow by. By itself it takes up to 40 MB for a backup of any size; an agent that kept what
 * it sends or gets would take gigabytes.
 */
const HOME_ASSISTANT_GROWTH_BYTES = 60 * MIB;

describe.skipIf(!haveVersitygw())('a backup of 2 GiB', () => {
  const stage = new Stage('large');
  let core: CoreProcess;
  let home: HomeAssistant;
  let bucket: BucketOnDisk;
  let agent: string;
  let archive: LargeArchive;
  let backupId: string;
  let idle: number;

  beforeAll(async () => {
    // the budget is for what ships; the source needs more, as Node strips its types
    const entry = buildPackage(stage.path('package'));
    const parts = await Promise.all([stage.s3(), stage.core({ entry }), stage.home()]);
    [, core, home] = parts;
    bucket = new BucketOnDisk(parts[0]);
    const folder = (await core.client.targets())[0] as Target;
    agent = agentId(await core.client.addTarget(bucketInput(parts[0], 'Bucket')));
    await pairWithHomeAssistant(home, core);
    // what Home Assistant makes itself, grown: a large one of its own would have to be compressed first
    const { backup } = await home.backups.create({ agentIds: [agentId(folder)] });
    const dir = join(core.dataDir, 'backups');
    const file = readdirSync(dir).find((name) => name.endsWith('.tar')) as string;
    archive = new LargeArchive(readFileSync(join(dir, file)), MEBIBYTES);
    await home.backups.delete(backup?.backup_id as string);
    idle = home.rss();
  });
  afterAll(() => stage.close());

  /** Runs a transfer and compares the memory that it took with the budgets. */
  async function watched<Result>(what: string, transfer: () => Promise<Result>): Promise<Result> {
    home.resetPeakRss();
    core.program.resetPeakRss();
    const start = performance.now();
    const result = await transfer();
    const seconds = (performance.now() - start) / 1000;
    const [corePeak, homePeak] = [core.program.peakRss(), home.peakRss()];
    const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
    process.stdout.write(
      `2 GiB ${what}: ${seconds.toFixed(1)} s, core at most ${mb(corePeak)}, Home Assistant ${mb(idle)} + ${mb(homePeak - idle)}\n`,
    );
    expect(corePeak).toBeLessThan(CORE_PEAK_BYTES);
    expect(homePeak).toBeLessThan(idle + HOME_ASSISTANT_GROWTH_BYTES);
    return result;
  }

  test('goes up in constant memory', async () => {
    backupId = await watched('up', () => uploadStream(home, agent, archive));
    const listed = (await home.backups.list()).find((backup) => backup.backup_id === backupId);
    expect(listed?.agents[agent]).toEqual({ protected: false, size: archive.size });
    expect(bucket.unfinished()).toEqual([]);
  });

  test('comes back in constant memory, to the byte', async () => {
    const { status, size, sha256 } = await watched('down', () => home.backups.download(backupId, agent));
    expect({ status, size, sha256 }).toEqual({ status: 200, size: archive.size, sha256: archive.sha256 });
  });

  test('is deleted, and the disk is free again', async () => {
    expect(await home.backups.delete(backupId)).toEqual({});
    expect(bucket.keys()).toEqual([]);
    expect(bucket.unfinished()).toEqual([]);
  });
});
