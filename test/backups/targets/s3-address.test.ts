import { describe, expect, it } from 'vitest';
import { addressOf } from '../../../src/backups/targets/s3/address.ts';
import { s3TargetType } from '../../../src/backups/targets/s3/index.ts';
import { Limits } from '../../../src/backups/targets/s3/limits.ts';
import { compositeEtag, planParts } from '../../../src/backups/targets/s3/parts.ts';
import type { S3Settings } from '../../../src/contract/index.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { MEMORY, MIB, s3Settings } from './s3-support.ts';

const settings = (more: Partial<S3Settings>) => s3Settings({}, more);

describe('the address of a bucket', () => {
  it.each([
    ['', 'us-east-1'],
    ['https://s3.eu-central-1.amazonaws.com', 'eu-central-1'],
    ['https://s3.dualstack.us-west-2.amazonaws.com', 'us-west-2'],
    ['https://s3.amazonaws.com', 'us-east-1'],
    ['https://s3.us-west-004.backblazeb2.com', 'us-west-004'],
    ['https://s3.eu-central-2.wasabisys.com', 'eu-central-2'],
    ['https://fsn1.your-objectstorage.com', 'fsn1'],
    ['https://0123abc.r2.cloudflarestorage.com', 'auto'],
    ['https://0123abc.eu.r2.cloudflarestorage.com', 'auto'],
    ['https://fra1.digitaloceanspaces.com', 'fra1'],
    ['https://s3.fr-par.scw.cloud', 'fr-par'],
    ['http://nas.local:9000', 'us-east-1'],
  ])('%s has the region %s', (endpoint, region) => {
    expect(addressOf(settings({ endpoint })).region).toBe(region);
    expect(addressOf(settings({ endpoint, region: 'mine' })).region).toBe('mine');
  });

  it.each([
    ['', 'bucket', 'auto', false],
    ['', 'bucket.with.dots', 'auto', true],
    ['', 'bucket', 'on', true],
    ['https://s3.eu-central-1.amazonaws.com', 'bucket', 'auto', false],
    ['http://nas.local:9000', 'bucket', 'auto', true],
    ['http://nas.local:9000', 'bucket', 'off', false],
  ] as const)('%s %s %s: path style %s', (endpoint, bucket, path_style, expected) => {
    expect(addressOf(settings({ endpoint, bucket, path_style })).pathStyle).toBe(expected);
  });

  it.each([
    ['https://account.r2.cloudflarestorage.com/bucket', 'https://account.r2.cloudflarestorage.com'],
    ['https://bucket.s3.eu-central-1.amazonaws.com/', 'https://s3.eu-central-1.amazonaws.com'],
    ['https://nas.local/s3/', 'https://nas.local/s3'],
    ['http://NAS.local:80', 'http://nas.local'],
    ['', ''],
  ])('is stored without what does not belong to it: %s', (endpoint, expected) => {
    expect(s3TargetType.complete(settings({ endpoint }), { dataDir: '' }).endpoint).toBe(expected);
  });

  it('is the same place whatever the credentials, the region and the spelling', () => {
    const place = (more: Partial<S3Settings>) => s3TargetType.place(settings(more));
    const nas = place({ endpoint: 'https://nas.local' });
    expect(nas).toBe('s3://nas.local:443/bucket/homeassistant/backups');
    expect(place({ endpoint: 'https://NAS.local:443/', region: 'x', access_key: 'y', secret_key: 'z' })).toBe(
      nas,
    );
    expect(place({ endpoint: 'https://nas.local:9000' })).not.toBe(nas);
    expect(place({ endpoint: 'https://nas.local', bucket: 'other' })).not.toBe(nas);
    expect(place({ endpoint: 'https://nas.local', folder: '' })).not.toBe(nas);
    const aws = place({});
    expect(place({ region: 'eu-central-1' })).toBe(aws);
    expect(place({ endpoint: 'https://s3.eu-central-1.amazonaws.com' })).toBe(aws);
    expect(place({ region: 'cn-north-1' })).not.toBe(aws);
  });
});

describe('parts', () => {
  const GIB = 1024 * MIB;
  it.each([
    [0, 16, 1],
    [1, 16, 1],
    [3 * MIB + 1, 16, 1],
    [16 * MIB, 16, 1],
    [16 * MIB + 1, 16, 2],
    [10 * GIB, 16, 2],
    [140 * GIB, 16, 2],
    [200 * GIB, 23, 2],
    [600 * GIB, 64, 2],
    [625 * GIB, 64, 2],
  ])('of an archive of at most %i bytes have %i MiB in %i buffers', (size, mib, buffers) => {
    const plan = planParts(size, MEMORY);
    expect(plan).toMatchObject({ bufferSize: mib * MIB, buffers });
    expect(Math.ceil(size / plan.bufferSize)).toBeLessThanOrEqual(10_000);
  });

  it('are refused when they cannot be enough, or do not fit into the memory', () => {
    expect(() => planParts(625 * GIB + 1, MEMORY)).toThrow('upload_too_large');
    expect(() => planParts(600 * GIB, 100 * MIB)).toThrow('upload_too_large');
    expect(() => planParts(20 * MIB, 31 * MIB)).toThrow('upload_too_large');
  });

  it('are as few as a provider takes, and what cannot fit into them is refused before the first byte', () => {
    const scaleway = new Limits(settings({ endpoint: 'https://s3.fr-par.scw.cloud' }), systemClock);
    for (const gib of [1, 20, 60]) {
      const { bufferSize } = scaleway.plan(gib * GIB, MEMORY);
      expect(Math.ceil((gib * GIB) / bufferSize)).toBeLessThanOrEqual(1_000);
    }
    expect(() => scaleway.plan(63 * GIB, MEMORY)).toThrow('upload_too_large');
    const other = new Limits(settings({ endpoint: 'https://s3.eu-central-2.wasabisys.com' }), systemClock);
    expect(other.plan(63 * GIB, MEMORY)).toMatchObject({ bufferSize: 16 * MIB, buffers: 2 });
  });

  it('have an ETag together', () => {
    // Two parts "a" and "b": md5 of both sums, as AWS documents it.
    const etags = ['"0cc175b9c0f1b6a831c399e269772661"', '92eb5ffee6ae2fec3ad71c777531578f'];
    expect(compositeEtag(etags)).toMatch(/^[0-9a-f]{32}-2$/);
    expect(compositeEtag(['"not-an-md5"'])).toBeUndefined();
  });
});
