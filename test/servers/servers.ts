import { join } from 'node:path';
import type { ProblemCode } from '../../src/contract/index.ts';
import { haveCompiled, haveOnRequest } from '../harness/cache.ts';
import { type Certificate, makeCertificate } from '../harness/certificate.ts';
import { startGarage } from '../harness/garage.ts';
import { startMinio } from '../harness/minio.ts';
import { startRclone } from '../harness/rclone.ts';
import type { S3Server } from '../harness/s3-server.ts';
import { startVersitygw } from '../harness/versitygw.ts';

/** What a person is told when an entry of the settings is wrong; absent where the server does not look at it. */
export interface Refusals {
  readonly key: ProblemCode;
  readonly secret: ProblemCode;
  readonly bucket: ProblemCode;
  readonly region?: ProblemCode;
}

export interface ServerUnderTest {
  readonly name: string;
  readonly have: boolean;
  readonly refusals: Refusals;
  /** Absent with plain http. */
  readonly tls?: boolean;
  start(dir: string, tls?: Certificate): Promise<S3Server>;
}

/** As AWS does it: each wrong entry has a code of its own. */
const BY_THE_BOOK: Refusals = {
  key: 'target_wrong_key',
  secret: 'target_wrong_secret',
  bucket: 'target_no_bucket',
  region: 'target_wrong_region',
};

const haveVersitygw = haveCompiled('versitygw');
const haveMinio = haveOnRequest('minio');

/** The real servers that a target is tried on; Garage and MinIO with `script/test --all-servers`. */
export const SERVERS: readonly ServerUnderTest[] = [
  {
    name: 'versitygw',
    have: haveVersitygw,
    refusals: BY_THE_BOOK,
    start: (dir) => startVersitygw({ dir }),
  },
  {
    name: 'versitygw over https',
    have: haveVersitygw,
    refusals: BY_THE_BOOK,
    tls: true,
    start: (dir, tls) => startVersitygw({ dir, ...(tls ? { tls } : {}) }),
  },
  {
    name: 'rclone serve s3',
    have: haveCompiled('rclone'),
    // any region will do
    refusals: { key: 'target_wrong_key', secret: 'target_wrong_secret', bucket: 'target_no_bucket' },
    start: (dir) => startRclone({ dir }),
  },
  {
    name: 'Garage',
    have: haveOnRequest('garage'),
    // AccessDenied whatever is wrong with them; which one it is stands in the text alone
    refusals: { ...BY_THE_BOOK, key: 'target_forbidden', secret: 'target_forbidden' },
    start: (dir) => startGarage({ dir }),
  },
  {
    name: 'MinIO',
    have: haveMinio,
    refusals: BY_THE_BOOK,
    start: (dir) => startMinio({ dir }),
  },
  {
    name: 'MinIO over https',
    have: haveMinio,
    refusals: BY_THE_BOOK,
    tls: true,
    start: (dir, tls) => startMinio({ dir, ...(tls ? { tls } : {}) }),
  },
];

/** A server that runs, with the bucket `backups` in it. */
export interface Running {
  readonly server: S3Server;
  /** The authority to be entered in the settings; empty with plain http. */
  readonly authority: string;
}

/** Starts a server in this folder. */
export async function startServer(one: ServerUnderTest, dir: string): Promise<Running> {
  const certificate = one.tls ? makeCertificate(join(dir, 'certificate')) : undefined;
  const server = await one.start(join(dir, 'server'), certificate);
  server.createBucket('backups');
  return { server, authority: certificate?.authority ?? '' };
}
