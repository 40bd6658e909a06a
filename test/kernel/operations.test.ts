import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { pump } from '../../src/kernel/http/pump.ts';
import { SlowRequest } from '../api/slow.ts';
import { makeBackup } from '../harness/archives.ts';
import { type CoreProcess, startCoreProcess } from '../harness/core.ts';
import { waitFor } from '../harness/wait-for.ts';

describe('an upload whose core is killed', () => {
  let dir: string;
  let core: CoreProcess;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'homestash-operations-'));
    core = await startCoreProcess({ dataDir: join(dir, 'data') });
  });
  afterEach(async () => {
    await core.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test('is interrupted in the history after the next start, and can be made anew', async () => {
    const target = (await core.client.targets())[0] as Target;
    const { backup, archive } = makeBackup();
    const { id, operation_id } = await core.client.announce(target.id, backup);
    const path = `/api/v1/targets/${target.id}/uploads/${id}/archive`;
    const request = new SlowRequest(core.client, 'PUT', path, [`Content-Length: ${archive.length}`]);
    await request.write(archive.subarray(0, 50_000));
    const operation = async () =>
      (await core.client.operations()).find((candidate) => candidate.id === operation_id);
    await waitFor('the first bytes', async () => ((await operation())?.done ?? 0) > 0);
    expect(await operation()).toMatchObject({ kind: 'upload', state: 'running', ended_at: null });
    await core.kill9();
    await core.start();
    expect(await operation()).toMatchObject({ state: 'interrupted', ended_at: expect.any(String) });
    await expect(core.client.call('POST', `/api/v1/operations/${operation_id}/cancel`)).rejects.toMatchObject(
      {
        problem: { code: 'operation_not_cancellable' },
      },
    );
    await core.client.upload(target.id, backup, archive);
    expect((await core.client.list(target.id)).backups).toHaveLength(1);
  });
});

test('the time that the taker takes does not count as idleness of the sender', async () => {
  const idleMs = 100;
  const taken: number[] = [];
  const server = createServer((request, response) => {
    const onChunk = async (chunk: Buffer) => {
      taken.push(chunk.length);
      await sleep(4 * idleMs);
    };
    pump(request, { idleMs, signal: new AbortController().signal, onChunk }).then(
      () => response.end('taken'),
      (error: Error) => response.end(error.message),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const body = new Uint8Array(200_000);
    const response = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body });
    expect(await response.text()).toBe('taken');
    expect(taken.length).toBeGreaterThan(1);
    expect(taken.reduce((a, b) => a + b)).toBe(body.length);
  } finally {
    server.close();
  }
});
