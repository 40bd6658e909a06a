// Measures the core against rclone on the same S3 server, in alternating rounds, and writes bench/RESULTS.md.
// usage: script/bench [MIB] [ROUNDS]
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { AgentBackup, Target } from '../src/contract/index.ts';
import { describeBackup, makeArchive } from '../test/harness/archives.ts';
import { compiledProgram, repositoryRoot, version } from '../test/harness/cache.ts';
import { type CoreProcess, startCoreProcess } from '../test/harness/core.ts';
import { buildPackage } from '../test/harness/package.ts';
import { startVersitygw } from '../test/harness/versitygw.ts';
import { type Cost, costOf, cpuSeconds, median, medianCost } from './measure.ts';

const [sizeMiB = 1024, rounds = 3] = process.argv.slice(2).map(Number);
const MIB = 1024 * 1024;
const LISTED = 1_000;
const LIST_ROUNDS = 20;
const TAR_HEADER = 512;

const room = mkdtempSync(join(tmpdir(), 'homestash-bench-'));
const say = (text: string) => process.stderr.write(`${text}\n`);

/** A valid archive of the wanted size: a description, and one large member of random bytes. */
function makeLargeArchive(path: string, backupId: string): void {
  const small = makeArchive(backupId, 0);
  const member = makeArchive(backupId, 1).subarray(2 * TAR_HEADER, 3 * TAR_HEADER);
  const header = Buffer.from(member);
  const length = sizeMiB * MIB;
  header.write(`${length.toString(8).padStart(11, '0')}\0`, 124);
  header.fill(' ', 148, 156);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  const file = openSync(path, 'w');
  writeSync(file, small.subarray(0, 2 * TAR_HEADER));
  writeSync(file, header);
  const noise = randomBytes(MIB);
  for (let written = 0; written < length; written += MIB) writeSync(file, noise);
  writeSync(file, Buffer.alloc(2 * TAR_HEADER));
  closeSync(file);
}

async function inCore(core: CoreProcess, command: string, args: readonly string[]): Promise<Cost> {
  core.program.resetPeakRss();
  const before = cpuSeconds(core.program.pid);
  const { wallSeconds } = await costOf(command, args);
  return {
    wallSeconds,
    cpuSeconds: cpuSeconds(core.program.pid) - before,
    peakMiB: core.program.peakRss() / MIB,
  };
}

async function coreUpload(
  core: CoreProcess,
  target: Target,
  backup: AgentBackup,
  file: string,
): Promise<Cost> {
  const { id } = await core.client.announce(target.id, backup);
  const url = `${core.url}/api/v1/targets/${target.id}/uploads/${id}/archive`;
  const sum = join(room, 'sum.json');
  const cost = await inCore(core, 'curl', [
    '-sf',
    '-T',
    file,
    '-o',
    sum,
    '-H',
    `Authorization: Bearer ${core.client.token}`,
    url,
  ]);
  await core.client.commit(
    target.id,
    id,
    await import(`${sum}?${id}`, { with: { type: 'json' } }).then((m) => m.default),
  );
  return cost;
}

function coreDownload(core: CoreProcess, target: Target, backup: AgentBackup): Promise<Cost> {
  const url = `${core.url}/api/v1/targets/${target.id}/backups/${backup.backup_id}/archive`;
  return inCore(core, 'curl', [
    '-sf',
    '-o',
    '/dev/null',
    '-H',
    `Authorization: Bearer ${core.client.token}`,
    url,
  ]);
}

async function listing(core: CoreProcess): Promise<{ first: number; again: number }> {
  const path = join(room, 'many');
  mkdirSync(path);
  for (let index = 0; index < LISTED; index += 1) {
    const backup = describeBackup({ size: 10 });
    writeFileSync(join(path, `${index}.tar`), 'x'.repeat(10));
    writeFileSync(join(path, `${index}.metadata.json`), JSON.stringify(backup));
  }
  const target = await core.client.addTarget({ name: 'many', settings: { kind: 'folder', path } });
  const start = performance.now();
  while ((await core.client.list(target.id)).backups.length < LISTED);
  const first = performance.now() - start;
  const again: number[] = [];
  for (let round = 0; round < LIST_ROUNDS; round += 1) {
    const from = performance.now();
    await core.client.list(target.id, 600);
    again.push(performance.now() - from);
  }
  return { first, again: median(again) };
}

function row(name: string, { wallSeconds, cpuSeconds: cpu, peakMiB }: Cost, perGiB: number): string {
  return `| ${name} | ${(wallSeconds * perGiB).toFixed(2)} | ${(cpu * perGiB).toFixed(2)} | ${peakMiB.toFixed(0)} |`;
}

const server = await startVersitygw({ dir: join(room, 's3') });
server.createBucket('bench');
const core = await startCoreProcess({
  dataDir: join(room, 'core'),
  entry: buildPackage(join(room, 'package')),
});
try {
  const atRest = core.program.rss() / MIB;
  const target = await core.client.addTarget({
    name: 'bench',
    settings: {
      kind: 's3',
      endpoint: server.endpoint,
      region: server.region,
      bucket: 'bench',
      access_key: server.accessKey,
      secret_key: server.secretKey,
    },
  });
  const described = describeBackup();
  const file = join(room, 'archive.tar');
  makeLargeArchive(file, described.backup_id);
  const backup = { ...described, size: statSync(file).size };
  const remote = `:s3,provider=Other,endpoint='${server.endpoint}',region=${server.region},access_key_id=${server.accessKey},secret_access_key=${server.secretKey}:bench/rclone.tar`;
  const rclone = [
    '--config',
    '/dev/null',
    '--s3-no-check-bucket',
    '--s3-chunk-size',
    '16M',
    '--s3-upload-concurrency',
    '2',
  ];
  const costs: Record<string, Cost[]> = { up: [], down: [], rcloneUp: [], rcloneDown: [] };
  for (let round = 1; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds}: ${sizeMiB} MiB up and down, core and rclone`);
    costs.up?.push(await coreUpload(core, target, backup, file));
    costs.rcloneUp?.push(
      await costOf(compiledProgram('rclone'), ['copyto', '--ignore-times', ...rclone, file, remote]),
    );
    costs.down?.push(await coreDownload(core, target, backup));
    costs.rcloneDown?.push(await costOf(compiledProgram('rclone'), ['cat', ...rclone, remote]));
  }
  say(`listing ${LISTED} backups`);
  const lists = await listing(core);
  const figures = Object.fromEntries(
    Object.entries(costs).map(([name, list]) => [name, medianCost(list)]),
  ) as Record<string, Cost>;
  const { up, down, rcloneUp, rcloneDown } = figures as {
    up: Cost;
    down: Cost;
    rcloneUp: Cost;
    rcloneDown: Cost;
  };
  const perGiB = 1024 / sizeMiB;
  const text = `# Results

Made by \`script/bench\`: ${sizeMiB} MiB through the core to versitygw ${version('VERSITYGW_VERSION')} on the same machine over plain http on
loopback, medians of ${rounds} alternating rounds. Node ${process.versions.node}, rclone ${version('RCLONE_VERSION')} (16 MiB parts, two at a time, as the core);
${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / MIB / 1024)} GiB. The core is the one that ships;
its figures are those of its process, which receives
or sends the bytes over HTTP besides; rclone reads a file, or writes to nowhere.

| per GiB | wall s | CPU s | peak MiB |
|---|---|---|---|
${row('core, upload', up, perGiB)}
${row('rclone, upload', rcloneUp, perGiB)}
${row('core, download', down, perGiB)}
${row('rclone, download', rcloneDown, perGiB)}

| what | figure |
|---|---|
| core's CPU to rclone's, upload | ${(up.cpuSeconds / rcloneUp.cpuSeconds).toFixed(2)} × |
| core's CPU to rclone's, download | ${(down.cpuSeconds / rcloneDown.cpuSeconds).toFixed(2)} × |
| memory of the core at rest | ${atRest.toFixed(0)} MiB |
| ${LISTED} backups, first list of an unknown folder | ${lists.first.toFixed(0)} ms |
| ${LISTED} backups, from the catalogue | ${lists.again.toFixed(0)} ms |
`;
  writeFileSync(join(repositoryRoot, 'bench/RESULTS.md'), text);
  process.stdout.write(text);
} finally {
  await core.stop();
  await server.stop();
  rmSync(room, { recursive: true, force: true });
}
