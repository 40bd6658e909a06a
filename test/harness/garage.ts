import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compiledProgram } from './cache.ts';
import { freePort } from './free-port.ts';
import { Program } from './process.ts';
import { S3Program, type S3Server } from './s3-server.ts';
import { temporaryFolder } from './temporary.ts';

interface GarageOptions {
  /** Where data, configuration and log go; a temporary folder if not given. */
  dir?: string;
  port?: number;
  region?: string;
}

/** Garage's own command line speaks to the running server; a bucket is none of its files. */
class Garage extends S3Program {
  readonly #configuration: string;

  constructor(settings: ConstructorParameters<typeof S3Program>[0], configuration: string) {
    super(settings);
    this.#configuration = configuration;
  }

  override createBucket(name: string): void {
    this.command('bucket', 'create', name);
    const rights = ['--read', '--write', '--owner'];
    this.command('bucket', 'allow', ...rights, name, '--key', this.accessKey);
  }

  command(...args: string[]): string {
    return execFileSync(compiledProgram('garage'), ['-c', this.#configuration, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** One node that holds everything, and the key that the tests use. */
  async begin(): Promise<void> {
    await this.start();
    const node = this.command('node', 'id', '-q').trim().split('@')[0] as string;
    this.command('layout', 'assign', '-z', 'here', '-c', '5G', node);
    this.command('layout', 'apply', '--version', '1');
    this.command('key', 'import', '--yes', '-n', 'tests', this.accessKey, this.secretKey);
  }
}

/** Starts Garage with one node. It is under the AGPL and only run, as a program of its own. */
export async function startGarage(options: GarageOptions = {}): Promise<S3Server> {
  const { region = 'garage' } = options;
  const dir = resolve(options.dir ?? temporaryFolder('garage'));
  const port = options.port ?? (await freePort());
  const [dataDir, metadataDir] = [join(dir, 'data'), join(dir, 'metadata')];
  for (const folder of [dataDir, metadataDir]) mkdirSync(folder, { recursive: true });
  const [rpcPort, rpcSecret] = [await freePort(), randomBytes(32).toString('hex')];
  const configuration = join(dir, 'garage.toml');
  const lines = [
    `metadata_dir = "${metadataDir}"`,
    `data_dir = "${dataDir}"`,
    'db_engine = "sqlite"',
    'replication_factor = 1',
    `rpc_bind_addr = "127.0.0.1:${rpcPort}"`,
    `rpc_public_addr = "127.0.0.1:${rpcPort}"`,
    `rpc_secret = "${rpcSecret}"`,
    '[s3_api]',
    `s3_region = "${region}"`,
    `api_bind_addr = "127.0.0.1:${port}"`,
  ];
  writeFileSync(configuration, `${lines.join('\n')}\n`, { mode: 0o600 });
  const server = new Garage(
    {
      name: 'Garage',
      port,
      region,
      // As Garage makes them: it imports no others.
      accessKey: `GK${randomBytes(12).toString('hex')}`,
      secretKey: randomBytes(32).toString('hex'),
      dataDir,
      program: new Program({
        command: compiledProgram('garage'),
        args: ['-c', configuration, 'server'],
        logFile: join(dir, 'garage.log'),
      }),
    },
    configuration,
  );
  await server.begin();
  return server;
}
