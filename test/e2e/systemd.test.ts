import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeBackup } from '../harness/archives.ts';
import { CoreClient } from '../harness/core-client.ts';
import { freePort } from '../harness/free-port.ts';
import { canBootMachine, Machine } from '../harness/machine.ts';
import { copySources } from '../harness/sources.ts';
import { removeTemporary, temporaryFolder } from '../harness/temporary.ts';
import { waitFor } from '../harness/wait-for.ts';

/** Where the person who installs keeps the repository. */
const CHECKOUT = '/home/me/homestash';
const SCRIPTS = `${CHECKOUT}/deploy/systemd`;

/** Where new versions come from. */
const ORIGIN = '/srv/homestash';

/** How much a service may be able to do, as `systemd-analyze security` counts it: 10 is everything. */
const MOST_EXPOSED = 2.0;

const STOP_MS = 10_000;

describe.skipIf(!canBootMachine())('a bare machine with systemd', () => {
  let dir: string;
  let machine: Machine;
  let client: CoreClient;
  let port: number;

  const good = async (...command: string[]) => {
    const { code, output } = await machine.run(...command);
    expect(code, output).toBe(0);
    return output;
  };
  const git = (...args: string[]) => good('git', '-C', ORIGIN, '-c', 'safe.directory=*', ...args);
  const commit = (message: string) =>
    git('-c', 'user.name=me', '-c', 'user.email=me@example.org', 'commit', '-qam', message);
  const version = async () => (await client.info()).version;
  const targets = async () => (await client.targets()).map(({ id }) => id);

  /** Releases a version in which something is different. */
  async function release(
    number: string,
    change: (path: (file: string) => string) => void = () => undefined,
  ): Promise<void> {
    const path = (file: string) => machine.path(join(ORIGIN, file));
    const manifest = readFileSync(path('package.json'), 'utf8');
    writeFileSync(path('package.json'), manifest.replace(/"version": ".*"/, `"version": "${number}"`));
    change(path);
    await commit(number);
    await git('tag', `v${number}`);
  }

  function replaceIn(file: string, from: string, to: string): void {
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(from);
    writeFileSync(file, text.replace(from, to));
  }

  beforeAll(async () => {
    dir = temporaryFolder('machine');
    machine = new Machine(dir);
    port = await freePort();
    await machine.start();
    await good('mkdir', '-p', '/etc/homestash', ORIGIN);
    const settings = `HOMESTASH_API_PORT=${port}\nHOMESTASH_BIND=127.0.0.1\n`;
    writeFileSync(machine.path('/etc/homestash/environment'), settings);
    copySources(machine.path(ORIGIN));
    await git('init', '-q', '-b', 'main');
    await git('add', '-A');
    await commit('all');
    await good('useradd', '--create-home', 'me');
    await good('chown', '-R', 'me:', ORIGIN);
    await good('runuser', '-u', 'me', '--', 'env', 'HOME=/home/me', 'git', 'clone', '-q', ORIGIN, CHECKOUT);
  });
  afterAll(async () => {
    await machine?.stop();
    removeTemporary(dir);
  });

  test('an update without an installation says so and does nothing', async () => {
    const { code, output } = await machine.run(`${SCRIPTS}/update.sh`);
    expect(code).toBe(1);
    expect(output).toContain('run install.sh first');
  });

  test('the installation ends with a service that is well, has a user of its own, and starts with the machine', async () => {
    const told = await good(`${SCRIPTS}/install.sh`);
    expect(told).toMatch(/Homestash \d\S+ runs/);
    expect(await machine.show('ActiveState')).toBe('active');
    expect(await good('systemctl', 'is-enabled', 'homestash')).toContain('enabled');
    expect(await good('ps', '-o', 'user=', '-p', await machine.show('MainPID'))).toBe('homestash\n');
    expect(await good('stat', '-c', '%U %a', '/var/lib/homestash', '/var/lib/homestash/homestash.db')).toBe(
      'homestash 700\nhomestash 600\n',
    );
    await good('homestash', 'health');
    const code = (await good('homestash', 'pair')).split('\n')[0] ?? '';
    client = await CoreClient.pair(`http://127.0.0.1:${port}`, code);
    const [folder] = await client.targets();
    const { backup, archive } = makeBackup();
    await client.upload(folder?.id ?? '', backup, archive);
  });

  test('the files of the checkout still belong to their owner', async () =>
    expect(await good('find', CHECKOUT, '!', '-user', 'me')).toBe(''));

  test('a second run changes nothing', async () => {
    const before = await targets();
    const told = await good(`${SCRIPTS}/install.sh`);
    expect(told).toContain('is there already');
    expect(told).toContain('is built already');
    expect(await targets()).toEqual(before);
  });

  test('the service can do little, and is stopped without a complaint', async () => {
    const told = await good('systemd-analyze', 'security', '--no-pager', 'homestash');
    const exposed = /exposure level for homestash.service: ([\d.]+)/.exec(told)?.[1];
    expect(Number(exposed)).toBeLessThan(MOST_EXPOSED);
    const elsewhere = { name: 'Elsewhere', settings: { kind: 'folder', path: '/srv/elsewhere' } };
    await expect(client.addTarget(elsewhere)).rejects.toThrow(/target_folder/);
    const begun = performance.now();
    await good('systemctl', 'stop', 'homestash');
    expect(performance.now() - begun).toBeLessThan(STOP_MS);
    expect([await machine.show('Result'), await machine.show('ExecMainStatus')]).toEqual(['success', '0']);
    await good('systemctl', 'start', 'homestash');
  });

  test('a program that hangs is started anew', async () => {
    const [dropIn, unit] = ['/run/systemd/system/homestash.service.d', 'homestash'];
    await good('mkdir', '-p', dropIn);
    // so that no test waits for two minutes
    await good('sh', '-c', `printf '[Service]\\nWatchdogSec=2\\nRestartSec=0\\n' >${dropIn}/short.conf`);
    await good('systemctl', 'daemon-reload');
    await good('systemctl', 'restart', unit);
    const before = await machine.show('MainPID');
    await good('kill', '-STOP', before);
    await waitFor('another process', async () => {
      const [now, state] = [await machine.show('MainPID'), await machine.show('ActiveState')];
      return now !== before && state === 'active';
    });
    expect(await good('journalctl', '--no-pager', '-u', unit)).toContain('Watchdog timeout');
    await good('rm', '-r', dropIn);
    await good('systemctl', 'daemon-reload');
    await good('systemctl', 'restart', unit);
  });

  test('an update brings the newest released version and keeps everything', async () => {
    const before = await targets();
    await release('7.1.0');
    expect(await good(`${SCRIPTS}/update.sh`)).toMatch(/Homestash 7\.1\.0-\w+ runs/);
    expect([await version(), await targets()]).toEqual(['7.1.0', before]);
    expect(await good(`${SCRIPTS}/update.sh`)).toContain('runs already');
  });

  test('an update to a version that does not start goes back, with the database from before', async () => {
    const before = await targets();
    await release('7.2.0', (path) => {
      replaceIn(path('src/data.ts'), '\n];', "\n  { number: 999, sql: 'CREATE TABLE broken (x)' },\n];");
      replaceIn(path('src/main.ts'), '    // kernel\n', "    await Promise.reject(new Error('broken'));\n");
    });
    const { code, output } = await machine.run(`${SCRIPTS}/update.sh`);
    expect(code).toBe(1);
    expect(output).toContain('going back to 7.1.0');
    expect([await version(), await targets()]).toEqual(['7.1.0', before]);
    const [folder = ''] = await targets();
    expect((await client.list(folder, 0)).backups).toHaveLength(1);
    expect(await good('ls', '/opt/homestash/releases')).not.toContain('7.2.0');
  });

  test('an update to a version that cannot be built changes nothing', async () => {
    await release('7.3.0', (path) => writeFileSync(path('package-lock.json'), 'torn'));
    const { code, output } = await machine.run(`${SCRIPTS}/update.sh`);
    expect(code).toBe(1);
    expect(output).toContain('nothing was changed');
    expect(await version()).toBe('7.1.0');
  });
});
