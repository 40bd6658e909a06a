import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTemperature } from '../../src/system/gauges.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { temporaryFolder } from '../harness/temporary.ts';

let core: LocalCore;

beforeAll(async () => {
  core = await startLocalCore();
});
afterAll(() => core.remove());

const read = async (path: string, token = core.client.token) =>
  fetch(`${core.url}${path}`, { headers: { authorization: `Bearer ${token}` } });

test('health and ping have the shape that clients of BaluPi know, and need no token', async () => {
  const { version } = await core.client.info();
  expect(await (await fetch(`${core.url}/api/ping`)).json()).toEqual({ status: 'ok' });
  expect(await (await fetch(`${core.url}/api/health`)).json()).toEqual({
    ...{ status: 'ok', version, service: 'homestash', cache_enabled: false, energy_enabled: false },
  });
});

test('the status of the system has its shape, too', async () => {
  const status = (await (await read('/api/system/status')).json()) as Record<string, unknown>;
  expect(status).toEqual({
    cpu_percent: expect.any(Number),
    cpu_temp_celsius: status.cpu_temp_celsius === null ? null : expect.any(Number),
    memory_total_mb: expect.any(Number),
    memory_used_mb: expect.any(Number),
    memory_percent: expect.any(Number),
    disk_total_gb: expect.any(Number),
    disk_used_gb: expect.any(Number),
    disk_percent: expect.any(Number),
    uptime_seconds: expect.any(Number),
    load_avg: [expect.any(Number), expect.any(Number), expect.any(Number)],
  });
  expect(Number(status.memory_used_mb)).toBeGreaterThan(0);
  expect(Number(status.memory_used_mb)).toBeLessThan(Number(status.memory_total_mb));
});

test('an error there has the member that such clients read', async () => {
  const answer = await read('/api/system/status', 'nobody');
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ code: 'unauthorized', detail: expect.stringMatching(/\w/) });
});

test('the temperature is that of the processor, where there is one that can be', async () => {
  const folder = temporaryFolder('thermal');
  const zone = (number: number, type: string, temp: string) => {
    const path = join(folder, `thermal_zone${number}`);
    mkdirSync(path);
    writeFileSync(join(path, 'type'), `${type}\n`);
    writeFileSync(join(path, 'temp'), temp);
  };
  expect(await readTemperature(join(folder, 'nothing'))).toBeNull();
  zone(0, 'acpitz', '27800\n');
  expect(await readTemperature(folder)).toBe(27.8);
  zone(1, 'cpu-thermal', '-273200\n');
  expect(await readTemperature(folder)).toBe(27.8);
  zone(2, 'x86_pkg_temp', '51250\n');
  expect(await readTemperature(folder)).toBe(51.3);
  zone(3, 'broken', '');
  expect(await readTemperature(folder)).toBe(51.3);
});
