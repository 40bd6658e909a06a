import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compiledProgram } from './cache.ts';
import { freePort } from './free-port.ts';
import { Program } from './process.ts';
import { S3Program, type S3Server } from './s3-server.ts';
import { temporaryFolder } from './temporary.ts';

interface RcloneOptions {
  /** Where data and log go; a temporary folder if not given. */
  dir?: string;
  port?: number;
}

/** Starts `rclone serve s3`: a lenient server in most things, but one that refuses checksum trailers. */
export async function startRclone(options: RcloneOptions = {}): Promise<S3Server> {
  const dir = resolve(options.dir ?? temporaryFolder('rclone'));
  const port = options.port ?? (await freePort());
  const dataDir = join(dir, 'data');
  mkdirSync(dataDir, { recursive: true });
  const [accessKey, secretKey] = ['homestash-test-key', 'homestash-test-secret'];
  const server = new S3Program({
    name: 'rclone',
    port,
    region: 'us-east-1',
    accessKey,
    secretKey,
    dataDir,
    program: new Program({
      command: compiledProgram('rclone'),
      // No configuration of the person who runs the tests may have a say.
      args: [
        '--config',
        '/dev/null',
        'serve',
        's3',
        '--addr',
        `127.0.0.1:${port}`,
        '--auth-key',
        `${accessKey},${secretKey}`,
        dataDir,
      ],
      logFile: join(dir, 'rclone.log'),
    }),
  });
  await server.start();
  return server;
}
