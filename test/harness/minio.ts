import { cpSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compiledProgram } from './cache.ts';
import type { CertificateFiles } from './certificate.ts';
import { freePort } from './free-port.ts';
import { Program } from './process.ts';
import { commandWithin, S3Program, type S3Server, type Whereabouts } from './s3-server.ts';
import { temporaryFolder } from './temporary.ts';

interface MinioOptions extends Whereabouts {
  /** Where data and log go; a temporary folder if not given. */
  dir?: string;
  port?: number;
  region?: string;
  /** Serve https. */
  tls?: CertificateFiles;
}

/**
 * Starts MinIO on one drive. A folder in its data folder is a bucket; objects are its own format and not to be read
 * there. It is under the AGPL and only run, as a program of its own.
 */
export async function startMinio(options: MinioOptions = {}): Promise<S3Server> {
  const { region = 'eu-test-1', tls, host = '127.0.0.1', within } = options;
  const dir = resolve(options.dir ?? temporaryFolder('minio'));
  const port = options.port ?? (await freePort());
  const [dataDir, certificates] = [join(dir, 'data'), join(dir, 'certificates')];
  for (const folder of [dataDir, certificates]) mkdirSync(folder, { recursive: true });
  if (tls) {
    cpSync(tls.certFile, join(certificates, 'public.crt'));
    cpSync(tls.keyFile, join(certificates, 'private.key'));
  }
  const [accessKey, secretKey] = ['homestash-test-key', 'homestash-test-secret'];
  const server = new S3Program({
    name: 'MinIO',
    host,
    port,
    scheme: tls ? 'https' : 'http',
    region,
    accessKey,
    secretKey,
    dataDir,
    program: new Program({
      ...commandWithin(within, compiledProgram('minio'), [
        ...['server', '--quiet', '--certs-dir', certificates, '--address', `${host}:${port}`],
        dataDir,
      ]),
      env: {
        MINIO_ROOT_USER: accessKey,
        MINIO_ROOT_PASSWORD: secretKey,
        MINIO_REGION: region,
        // Neither a second port nor a question to its makers.
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
        // Accepts a data folder on the disk of the system.
        CI: 'true',
      },
      logFile: join(dir, 'minio.log'),
    }),
  });
  await server.start();
  return server;
}
