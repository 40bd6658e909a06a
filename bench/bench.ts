import { statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentBackup, Target } from '../src/contract/index.ts';
import { describeBackup, makeArchive } from '../test/harness/archives.ts';
import { haveCompiled } from '../test/harness/cache.ts';
import { type Certificate, makeCertificate } from '../test/harness/certificate.ts';
import { type CoreProcess, startCoreProcess } from '../test/harness/core.ts';
import { LargeArchive } from '../test/harness/large-archive.ts';
import { startMinio } from '../test/harness/minio.ts';
import type { S3Server } from '../test/harness/s3-server.ts';
import { bucketInput } from '../test/harness/s3-target.ts';
import { startVersitygw } from '../test/harness/versitygw.ts';

export const MIB = 1024 * 1024;
export const MIB_PER_GIB = 1024;

/** What a section is given. */
export interface Bench {
  readonly sizeMiB: number;
  readonly rounds: number;
  /** A folder for everything, in memory where the machine has such a place; it goes afterwards. */
  readonly room: string;
  /** The core as it ships. */
  readonly entry: string;
}

/** One question of the benchmarks and its answer. */
export interface Section {
  readonly name: string;
  /** What script/bootstrap has to bring. */
  readonly needs: readonly string[];
  /** Measures, and returns what shall stand in RESULTS.md. */
  run(bench: Bench): Promise<string>;
}

export const say = (text: string): boolean => process.stderr.write(`${text}\n`);

export type ServerName = 'versitygw' | 'MinIO';

/** The servers that there are: MinIO counts where it was compiled for the tests. */
export function serversHere(): ServerName[] {
  return haveCompiled('minio') ? ['versitygw', 'MinIO'] : ['versitygw'];
}

/** The one whose own work is least in the way: connections stay open, and parts are put together at once. */
export function bestServer(): ServerName {
  return haveCompiled('minio') ? 'MinIO' : 'versitygw';
}

export interface BenchServer {
  readonly server: S3Server;
  readonly certificate: Certificate | undefined;
}

// What clients sign for when nobody tells them a region.
const REGION = 'us-east-1';

/** Starts a server with the bucket `bench`. */
export async function startServer(
  name: ServerName,
  dir: string,
  { tls = false, ...where }: { tls?: boolean; host?: string; within?: readonly string[] } = {},
): Promise<BenchServer> {
  const certificate = tls ? makeCertificate(join(dir, 'certificate')) : undefined;
  const options = {
    dir: join(dir, 'server'),
    region: REGION,
    ...where,
    ...(certificate ? { tls: certificate } : {}),
  };
  const server = name === 'MinIO' ? await startMinio(options) : await startVersitygw(options);
  server.createBucket('bench');
  return { server, certificate };
}

/** A core in a process of its own, as it ships. */
export function startCore({ entry }: Bench, dir: string): Promise<CoreProcess> {
  return startCoreProcess({ dataDir: join(dir, 'core'), entry });
}

/** Makes the bucket `bench` a target. */
export function addBucket(core: CoreProcess, { server, certificate }: BenchServer, name = 'bench') {
  const change = { bucket: 'bench', ca_certificate: certificate?.authority ?? '' };
  return core.client.addTarget(bucketInput(server, name, change));
}

export interface ArchiveFile {
  readonly path: string;
  readonly size: number;
}

/** A file with a valid archive of this many MiB. */
export async function makeArchiveFile(path: string, sizeMiB: number): Promise<ArchiveFile> {
  const archive = new LargeArchive(makeArchive('00000000', 0), sizeMiB);
  const file = await open(path, 'w');
  try {
    for await (const chunk of archive) await file.write(chunk);
  } finally {
    await file.close();
  }
  return { path, size: statSync(path).size };
}

/** Sends a file to the core with curl, which is not what is measured. Returns the description of what is stored. */
export async function sendWithCurl(
  core: CoreProcess,
  target: Target,
  { path, size }: ArchiveFile,
  around: (command: string, args: readonly string[]) => Promise<unknown>,
): Promise<AgentBackup> {
  const backup = describeBackup({ size });
  const { id } = await core.client.announce(target.id, backup);
  const sum = `${path}.sum`;
  const url = `${core.url}/api/v1/targets/${target.id}/uploads/${id}/archive`;
  writeFileSync(sum, '');
  await around('curl', ['-sf', '-T', path, '-o', sum, '-H', 'Expect:', ...authorized(core), url]);
  const file = await open(sum);
  await core.client.commit(target.id, id, JSON.parse(await file.readFile('utf8')));
  await file.close();
  return backup;
}

/** Fetches a backup from the core with curl, to nowhere. */
export async function fetchWithCurl(
  core: CoreProcess,
  target: Target,
  backup: AgentBackup,
  around: (command: string, args: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const url = `${core.url}/api/v1/targets/${target.id}/backups/${backup.backup_id}/archive`;
  await around('curl', ['-sf', '-o', '/dev/null', ...authorized(core), url]);
}

function authorized(core: CoreProcess): string[] {
  return ['-H', `Authorization: Bearer ${core.client.token}`];
}
