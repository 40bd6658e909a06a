import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compiledProgram, haveRclone } from '../harness/cache.ts';
import { Command } from '../harness/command.ts';
import {
  FAULTS,
  PROFILES,
  type Profile,
  type ProfileName,
  type S3Simulator,
  startS3Simulator,
} from './s3/index.ts';

const MIB = 1024 * 1024;

/** The profile, what rclone calls the provider, and what it can do there. */
const PROVIDERS = [
  // over https: what rclone sends to AWS itself is signed with the body as a whole over plain http
  { profile: 'aws', provider: 'AWS', tls: 'trusted', versions: true },
  { profile: 'b2', provider: 'Other', versions: true },
  { profile: 'garage', provider: 'Other', versions: false },
  { profile: 'r2', provider: 'Cloudflare', versions: false },
  { profile: 'minio', provider: 'Minio', versions: true },
  { profile: 'mega', provider: 'Mega', versions: false },
  { profile: 'wasabi', provider: 'Wasabi', versions: true },
  { profile: 'hetzner', provider: 'Other', versions: true },
  { profile: 'old', provider: 'Other', versions: false },
] as const satisfies readonly {
  profile: ProfileName;
  provider: string;
  tls?: 'trusted';
  versions: boolean;
}[];

const FILES = ['a.txt', 'big.bin', 'sub dir/ü + (1)&=%.txt'];

let dir: string;
let simulator: S3Simulator;
let provider = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'homestash-rclone-'));
  mkdirSync(join(dir, 'files/sub dir'), { recursive: true });
  writeFileSync(join(dir, 'files/a.txt'), 'hello');
  writeFileSync(join(dir, 'files/big.bin'), randomBytes(12 * MIB));
  writeFileSync(join(dir, `files/${FILES[2]}`), 'x'.repeat(1000));
});
afterEach(async () => {
  expect(simulator.mistakes).toEqual([]);
  await simulator.stop();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs rclone on the simulator; in parts of 5 MiB, and with one attempt. */
async function attempt(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Command(compiledProgram('rclone'), args, {
    // No configuration of the person who runs the tests may have a say.
    RCLONE_CONFIG: '/dev/null',
    RCLONE_RETRIES: '1',
    RCLONE_LOW_LEVEL_RETRIES: '1',
    RCLONE_CA_CERT: simulator.authority === '' ? '' : join(dir, 'authority.pem'),
    RCLONE_S3_PROVIDER: provider,
    RCLONE_S3_ENDPOINT: simulator.endpoint,
    RCLONE_S3_REGION: simulator.region,
    RCLONE_S3_ACCESS_KEY_ID: simulator.accessKey,
    RCLONE_S3_SECRET_ACCESS_KEY: simulator.secretKey,
    RCLONE_S3_UPLOAD_CUTOFF: '5Mi',
    RCLONE_S3_CHUNK_SIZE: '5Mi',
    RCLONE_S3_NO_CHECK_BUCKET: 'true',
  }).ended;
}

async function rclone(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await attempt(...args);
  expect(code, stderr).toBe(0);
  return stdout.split('\n').filter((line) => line !== '');
}

const keys = () => simulator.objects('home').map(({ key }) => key);

describe.runIf(haveRclone()).each(PROVIDERS)('rclone with the rules of $profile', (about) => {
  const { profile, versions } = about;
  const rules: Profile = PROFILES[profile];
  /** Without a size of its pages, a list has one. */
  async function start(pageSize = 1000): Promise<void> {
    const tls = 'tls' in about ? { tls: about.tls } : {};
    simulator = await startS3Simulator({ profile, buckets: ['home'], pageSize, ...tls });
    writeFileSync(join(dir, 'authority.pem'), simulator.authority);
    provider = about.provider;
  }

  it('copies, compares, lists, copies there, deletes', async () => {
    await start(2);
    await rclone('copy', join(dir, 'files'), ':s3:home/here');
    expect(keys()).toEqual(FILES.map((name) => `here/${name}`));
    expect(simulator.requests.filter(({ operation }) => operation === 'UploadPart')).toHaveLength(3);
    expect(simulator.uploads('home')).toEqual([]);
    await rclone('check', '--download', join(dir, 'files'), ':s3:home/here');
    const listed = await rclone('lsf', '-R', '--files-only', ':s3:home/here');
    expect(listed.sort()).toEqual([...FILES].sort());
    await rclone('copyto', ':s3:home/here/a.txt', ':s3:home/here/copy.txt');
    expect(simulator.content('home', 'here/copy.txt').toString()).toBe('hello');
    await rclone('delete', ':s3:home/here', '--include', '*.txt');
    expect(keys()).toEqual(['here/big.bin']);
    await rclone('purge', ':s3:home/here');
    expect(keys()).toEqual([]);
    const refused = simulator.requests.filter(({ status }) => status === undefined || status >= 400);
    const kinds = new Set(refused.map(({ operation, status }) => `${operation} ${status}`));
    // Before a purge it looks whether there are versions.
    const asked = 'GetBucketVersioning' in rules.lacking ? ['GetBucketVersioning 501'] : [];
    expect([...kinds]).toEqual(['HeadObject 404', ...asked]);
  });

  it(versions ? 'lists old versions and removes them' : 'is told that there are no versions', async () => {
    await start();
    if (rules.versioning === 'on request') simulator.createBucket({ name: 'home', versioning: true });
    for (const name of ['a.txt', FILES[2] as string]) {
      await rclone('copyto', join(dir, 'files', name), ':s3:home/a.txt');
    }
    await rclone('deletefile', ':s3:home/a.txt');
    expect(keys()).toEqual([]);
    if (!versions) {
      const { code, stderr } = await attempt('lsf', '--s3-versions', ':s3:home');
      expect([code, stderr]).toEqual([1, expect.stringContaining('NotImplemented')]);
      return;
    }
    expect(simulator.versions('home')).toHaveLength(3);
    const listed = await rclone('lsf', '--s3-versions', ':s3:home');
    expect(listed).toEqual([expect.stringMatching(/^a-v/), expect.stringMatching(/^a-v/)]);
    await rclone('backend', 'cleanup-hidden', ':s3:home');
    expect(simulator.versions('home')).toEqual([]);
  });

  it('removes uploads that were not completed', async () => {
    await start();
    simulator.faults.add({ on: { operation: 'CompleteMultipartUpload' }, fault: FAULTS.accessDenied });
    const big = join(dir, 'files/big.bin');
    const { code } = await attempt('copyto', '--s3-leave-parts-on-error', big, ':s3:home/big.bin');
    expect(code).not.toBe(0);
    expect(keys()).toEqual([]);
    expect(simulator.uploads('home')).toMatchObject([{ key: 'big.bin' }]);
    await rclone('backend', 'cleanup', ':s3:home', '-o', 'max-age=1ns');
    // it looks for those of the whole bucket
    expect(simulator.uploads('home')).toHaveLength(rules.uploadsByKeyOnly ? 1 : 0);
  });
});
