import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeBackup } from '../harness/archives.ts';
import { freePort } from '../harness/free-port.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { Program } from '../harness/process.ts';
import { temporaryFolder } from '../harness/temporary.ts';
import { waitFor } from '../harness/wait-for.ts';

const havePrometheus = existsSync('/usr/bin/prometheus') && existsSync('/usr/bin/promtool');

let core: LocalCore;

beforeAll(async () => {
  core = await startLocalCore();
  const target = await core.firstTarget();
  const name = 'A "quoted"\\ name\\nof one line';
  await core.client.call('PATCH', `/api/v1/targets/${target.id}`, { name });
  const { backup, archive } = makeBackup();
  await core.client.upload(target.id, backup, archive);
});
afterAll(() => core.remove());

async function metrics(): Promise<string> {
  const answer = await core.client.fetch('GET', '/metrics');
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return answer.text();
}

test('are for those who are known', async () => {
  expect((await fetch(`${core.url}/metrics`)).status).toBe(401);
});

test('hold what is measured, in base units', async () => {
  const text = await waitFor('the backup', async () => {
    const found = await metrics();
    return /^homestash_target_backups\{.*\} 1$/m.test(found) && found;
  });
  expect(text).toMatch(/^homestash_info\{version="[\d.]+"\} 1$/m);
  expect(text).toMatch(
    /^homestash_target_reachable\{id="\w+",name="A \\"quoted\\"\\\\ name\\\\nof one line"\} 1$/m,
  );
  expect(text).toMatch(/^homestash_target_last_backup_timestamp_seconds\{.*\} 1\d{9}(\.\d+)?$/m);
  expect(text).toMatch(/^homestash_operations_total\{kind="upload",outcome="succeeded"\} 1$/m);
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
});

test.skipIf(!havePrometheus)('leave nothing to say for promtool', async () => {
  const text = await metrics();
  // it fails with whatever it would say
  expect(execFileSync('/usr/bin/promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
});

test.skipIf(!havePrometheus)('are read by a real Prometheus', async () => {
  const dir = temporaryFolder('prometheus');
  const port = await freePort();
  const configuration = join(dir, 'prometheus.yml');
  const target = core.url.replace('http://', '');
  writeFileSync(
    configuration,
    [
      'global: { scrape_interval: 1s, scrape_timeout: 1s }',
      'scrape_configs:',
      '  - job_name: homestash',
      `    authorization: { credentials: ${core.client.token} }`,
      `    static_configs: [{ targets: ['${target}'] }]`,
      '',
    ].join('\n'),
  );
  const program = new Program({
    command: '/usr/bin/prometheus',
    args: [
      `--config.file=${configuration}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    logFile: join(dir, 'prometheus.log'),
  });
  program.start();
  try {
    const query = async (expression: string) => {
      const answer = await fetch(
        `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`,
      );
      const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
      return data.result[0]?.value[1];
    };
    await waitFor(
      'the scrape',
      async () => (await query('up{job="homestash"}').catch(() => undefined)) === '1',
    );
    expect(await query('homestash_target_backups')).toBe('1');
  } finally {
    await program.stop();
  }
});
