import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { makeBackup, sumOf } from '../harness/archives.ts';
import { repositoryRoot } from '../harness/cache.ts';
import { CoreClient } from '../harness/core-client.ts';
import { freePort } from '../harness/free-port.ts';
import { type ContainerOptions, Image } from '../harness/image.ts';
import { canOverlay } from '../harness/overlay.ts';
import { Program } from '../harness/process.ts';
import { removeTemporary, temporaryFolder } from '../harness/temporary.ts';
import { waitFor } from '../harness/wait-for.ts';

const MIB = 1024 * 1024;

/** After this Docker kills (milliseconds). */
const DOCKER_STOP_MS = 10_000;

/** To whom a fresh volume belongs. */
const USER = 1000;

/** What the image adds to Debian and Node; a module that grows it is looked at before it is taken. */
const MOST_BYTES = 25 * MIB;

/** At rest, from the design's budgets. */
const MOST_MEMORY = 130 * MIB;

/** Half a minute where nothing else runs, but it installs all packages twice (milliseconds). */
const BUILD_TIMEOUT_MS = 900_000;

const tell = (text: string) => process.stdout.write(`image: ${text}\n`);

describe.skipIf(!canOverlay())('the image, from the steps of its Dockerfile', () => {
  let dir: string;
  let image: Image;
  let container: Program | undefined;
  let folders = 0;

  beforeAll(() => {
    dir = temporaryFolder('image');
    image = new Image(join(dir, 'stages'));
    const begun = performance.now();
    image.build();
    tell(`built in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  }, BUILD_TIMEOUT_MS);
  afterEach(async () => {
    await container?.kill9();
  });
  afterAll(() => removeTemporary(dir));

  /** What is mounted at /data: a volume is begun with what the image has there, a folder of the host is root's. */
  function dataFolder(kind: 'volume' | 'folder of the host'): string {
    folders += 1;
    const folder = join(dir, `data-${folders}`);
    if (kind === 'volume') cpSync(join(image.content, 'data'), folder, { recursive: true });
    else mkdirSync(folder);
    // cpSync keeps no owner
    if (kind === 'volume') image.run(['chown', String(USER), '/data'], { data: folder });
    return folder;
  }

  class Container {
    readonly options: ContainerOptions;
    readonly url: string;
    readonly program: Program;
    #client: CoreClient | undefined;

    constructor(options: ContainerOptions, port: number) {
      this.options = { ...options, env: { ...options.env, HOMESTASH_API_PORT: String(port) } };
      this.url = `http://127.0.0.1:${port}`;
      const [command, ...args] = image.commandLine(image.stage.command, this.options);
      this.program = new Program({ command, args, logFile: join(dir, `container-${port}.log`) });
    }

    get client(): CoreClient {
      if (!this.#client) throw new Error('it was not started');
      return this.#client;
    }

    /** Starts it; returns the milliseconds until it was ready. */
    async start(): Promise<number> {
      const begun = performance.now();
      const ready = () => this.program.log().split('{"ready":true').length;
      const before = ready();
      this.program.start();
      container = this.program;
      await waitFor(`the container to be ready`, () => ready() > before, { intervalMs: 5 });
      const took = performance.now() - begun;
      this.#client ??= await CoreClient.pair(
        this.url,
        this.run('homestash', 'pair', '--url', this.url).trim(),
      );
      return took;
    }

    /** As `docker exec`. */
    run(...command: string[]): string {
      return image.run(command, this.options);
    }

    uid(): number {
      return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${this.program.pid}/status`, 'utf8'))?.[1]);
    }
  }

  async function started(options: ContainerOptions): Promise<Container> {
    const one = new Container(options, await freePort());
    await one.start();
    return one;
  }

  test('holds the program, its modules and Node, and nothing that only builds', () => {
    const [node, app] = [image.bytes('/usr/local/bin'), image.bytes('/app')];
    const share = (path: string) => `${(image.bytes(path) / MIB).toFixed(1)} MiB`;
    tell(`/app ${share('/app')} (modules ${share('/app/node_modules')}, dist ${share('/app/dist')})`);
    tell(`Node ${(node / MIB).toFixed(0)} MiB, on top of Debian`);
    expect(app).toBeLessThan(MOST_BYTES);
    const surplus = /\/(typescript|@types|npm|yarn|corepack|esbuild|vitest)(\/|$)|\.(map|ts|md)$/;
    expect(image.files().filter((file) => surplus.test(file) && !/licen[cs]e/i.test(file))).toEqual([]);
  });

  test('has all modules that the program may ask for', () => {
    const { dependencies } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
    const imports = Object.keys(dependencies).map((name) => `await import('${name}')`);
    image.run(['node', '--input-type=module', '-e', imports.join(';')]);
  });

  test('by plain docker run: becomes the owner of its volume, is well, and ends with 0', async () => {
    const one = new Container({ data: dataFolder('volume') }, await freePort());
    tell(`ready after ${(await one.start()).toFixed(0)} ms with an empty volume`);
    expect(one.uid()).toBe(USER);
    one.run(...image.stage.health.command);
    const begun = performance.now();
    expect(await one.program.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - begun).toBeLessThan(DOCKER_STOP_MS);
    expect(() => one.run(...image.stage.health.command)).toThrow();
    tell(`ready after ${(await one.start()).toFixed(0)} ms with what is there`);
  });

  test('as in the compose file: needs no root, no capability, and no file of the image to write', async () => {
    const one = await started({ data: dataFolder('volume'), user: USER, readOnly: true });
    expect(one.uid()).toBe(USER);
    one.run(...image.stage.health.command);
    const [folder] = await one.client.targets();
    const { backup, archive } = makeBackup();
    await one.client.upload(folder?.id ?? '', backup, archive);
    expect(await one.client.list(folder?.id ?? '', 0)).toMatchObject({
      backups: [{ backup: { name: backup.name } }],
    });
    await waitFor('a rest', () => one.program.rss() < MOST_MEMORY);
    tell(`${(one.program.rss() / MIB).toFixed(0)} MiB of memory at rest`);
    expect(await one.program.stop()).toEqual({ code: 0, signal: null });
  });

  test('as an app: stays root, to whom /data belongs, and is ready for a backup', async () => {
    const data = dataFolder('folder of the host');
    writeFileSync(join(data, 'options.json'), '{"log_level":"debug"}');
    const one = await started({ data });
    expect(one.uid()).toBe(0);
    one.run(...image.stage.health.command);
    const { backup_pre } = parse(readFileSync(join(repositoryRoot, 'addon/config.yaml'), 'utf8'));
    // the Supervisor splits it into words and runs it without a shell
    one.run(...(backup_pre as string).split(' '));
    await one.program.stop();
    one.run(...(backup_pre as string).split(' '));
  });

  test('a kill -9 in the middle of an upload loses nothing, and nothing half is shown', async () => {
    const one = await started({ data: dataFolder('volume'), user: USER });
    const target = await one.client.addTarget({
      name: 'Disk',
      settings: { kind: 'folder', path: '/data/disk' },
    });
    const kept = makeBackup();
    await one.client.upload(target.id, kept.backup, kept.archive);
    const cut = makeBackup({}, 8 * MIB);
    const { id } = await one.client.announce(target.id, cut.backup);
    const half = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(cut.archive.subarray(0, 4 * MIB))),
    });
    const broken = expect(one.client.send(target.id, id, half)).rejects.toThrow();
    await waitFor('bytes of it in the core', async () =>
      (await one.client.operations()).some(({ state, done }) => state === 'running' && done > 0),
    );
    await one.program.kill9();
    await broken;
    await one.start();
    expect((await one.client.targets()).map(({ name }) => name)).toContain('Disk');
    const { backups } = await one.client.list(target.id, 0);
    expect(backups).toMatchObject([{ backup: kept.backup, crc32: sumOf(kept.archive).crc32 }]);
    expect((await one.client.download(target.id, kept.backup.backup_id)).equals(kept.archive)).toBe(true);
    await expect(one.client.download(target.id, cut.backup.backup_id)).rejects.toThrow();
  });
});
