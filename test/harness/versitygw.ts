import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compiledProgram } from './cache.ts';
import type { CertificateFiles } from './certificate.ts';
import { freePort } from './free-port.ts';
import { Program } from './process.ts';
import { commandWithin, S3Program, type S3Server, type Whereabouts } from './s3-server.ts';
import { temporaryFolder } from './temporary.ts';

export interface VersitygwOptions extends Whereabouts {
  /** Where data, metadata and log go; a temporary folder if not given. */
  dir?: string;
  region?: string;
  port?: number;
  /** Another one than before is a key that was made anew. */
  secretKey?: string;
  /** Keep old versions of objects, as a bucket with versioning does. */
  versioning?: boolean;
  /** Serve https. */
  tls?: CertificateFiles;
}

/** Starts versitygw: a strict S3 server, the reference in our tests. */
export async function startVersitygw(options: VersitygwOptions = {}): Promise<S3Server> {
  const { region = 'us-east-1', versioning = false, tls, host = '127.0.0.1', within } = options;
  const dir = resolve(options.dir ?? temporaryFolder('versitygw'));
  const port = options.port ?? (await freePort());
  const [dataDir, metadataDir, versionsDir] = ['data', 'metadata', 'versions'].map((name) =>
    join(dir, name),
  ) as [string, string, string];
  for (const folder of [dataDir, metadataDir, versionsDir]) mkdirSync(folder, { recursive: true });
  const { secretKey = 'homestash-test-secret' } = options;
  const accessKey = 'homestash-test-key';
  const server = new S3Program({
    name: 'versitygw',
    host,
    port,
    scheme: tls ? 'https' : 'http',
    region,
    accessKey,
    secretKey,
    dataDir,
    program: new Program({
      ...commandWithin(within, compiledProgram('versitygw'), [
        ...['--port', `${host}:${port}`, '--region', region],
        ...(tls ? ['--cert', tls.certFile, '--key', tls.keyFile] : []),
        // A folder for metadata, since not every file system that tests run on keeps extended attributes.
        ...['posix', '--sidecar', metadataDir],
        ...(versioning ? ['--versioning-dir', versionsDir] : []),
        dataDir,
      ]),
      env: { ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey },
      logFile: join(dir, 'versitygw.log'),
    }),
  });
  await server.start();
  return server;
}
