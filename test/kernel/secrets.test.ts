import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { Secrets } from '../../src/kernel/secrets.ts';
import { haveVersitygw } from '../harness/cache.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';

test('a key file that was cut is named, with what to do', () => {
  const dir = mkdtempSync(join(tmpdir(), 'homestash-key-'));
  try {
    writeFileSync(join(dir, 'secret.key'), 'c2hvcnQ=\n');
    expect(() => Secrets.open(dir)).toThrow(`the key file ${join(dir, 'secret.key')} cannot be read`);
    expect(readFileSync(join(dir, 'secret.key'), 'utf8')).toBe('c2hvcnQ=\n');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

describe.skipIf(!haveVersitygw())('the secret of a bucket', () => {
  const stage = new Stage('secrets');
  let server: S3Server;
  let core: LocalCore;
  let target: Target;

  beforeAll(async () => {
    server = await stage.s3();
    core = await startLocalCore();
    target = await core.client.addTarget(bucketInput(server, 'Bucket'));
  });
  afterAll(async () => {
    await core?.remove();
    await stage.close();
  });

  const known = async () => (await core.client.targets()).find(({ id }) => id === target.id);

  test('is in no answer, in no line of the log and not in the database', async () => {
    expect(JSON.stringify([await core.client.targets(), target])).not.toContain(server.secretKey);
    expect(core.lines.join('')).not.toContain(server.secretKey);
    for (const name of ['homestash.db', 'homestash.db-wal']) {
      expect(readFileSync(join(core.dataDir, name)).includes(server.secretKey)).toBe(false);
    }
  });

  test('opens again after a restart', async () => {
    await core.stop();
    await core.start();
    const path = `/api/v1/targets/${target.id}/probe`;
    expect(await core.client.call('POST', path)).toMatchObject({ ok: true });
  });

  test('is lost with the key file: that is said, all other settings stay, and a new secret mends it', async () => {
    await core.stop();
    rmSync(join(core.dataDir, 'secret.key'));
    await core.start();
    const path = `/api/v1/targets/${target.id}`;
    const lost = { problem: { code: 'target_secret_lost', hint: expect.stringMatching(/\w/) } };
    await expect(core.client.call('POST', `${path}/probe`)).rejects.toMatchObject(lost);
    await waitFor('the problem to be seen', async () => (await known())?.problem);
    const { settings, name, unique_id } = target;
    expect(await known()).toMatchObject({ settings, name, unique_id, ...lost });
    await core.client.call('PATCH', path, { settings: { secret_key: server.secretKey } });
    expect(await core.client.call('POST', `${path}/probe`)).toMatchObject({ ok: true });
    expect(await known()).toMatchObject({ settings, name, unique_id, problem: null });
  });
});
