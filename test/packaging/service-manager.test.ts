import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Command } from '../harness/command.ts';
import { freePort } from '../harness/free-port.ts';
import { Program } from '../harness/process.ts';
import { removeTemporary, temporaryFolder } from '../harness/temporary.ts';
import { waitFor } from '../harness/wait-for.ts';

// Short, so that no test waits; systemd itself would be told twice in that time.
const WATCHDOG_MS = 600;

const haveSystemd = existsSync('/usr/bin/systemd-notify');

describe.skipIf(!haveSystemd)('a core that systemd started', () => {
  let dir: string;
  let listener: Program;
  let serve: Command | undefined;

  beforeEach(async () => {
    dir = temporaryFolder('systemd');
    const socket = join(dir, 'notify');
    listener = new Program({
      command: 'python3',
      args: [join(import.meta.dirname, 'listener.py'), socket],
      logFile: join(dir, 'words'),
    });
    listener.start();
    await waitFor('the listener', () => existsSync(socket));
  });
  afterEach(async () => {
    await serve?.end();
    await listener.stop();
    removeTemporary(dir);
  });

  const words = () => listener.log().split('\n');
  const heard = (word: string) => words().filter((line) => line === word).length;

  async function start(env: Record<string, string> = {}): Promise<Command> {
    serve = Command.program(['serve'], {
      HOMESTASH_DATA: join(dir, 'data'),
      HOMESTASH_API_PORT: String(await freePort()),
      NOTIFY_SOCKET: join(dir, 'notify'),
      ...env,
    });
    return serve;
  }

  test('says when it is ready and when it ends', async () => {
    const core = await start();
    const { url } = await core.ready();
    await waitFor('the word that it is ready', () => heard('READY=1') === 1);
    expect((await fetch(`${url}/api/ping`)).status).toBe(200);
    core.signal('SIGTERM');
    expect(await core.ended).toMatchObject({ code: 0 });
    await waitFor('the word that it ends', () => heard('STOPPING=1') === 1);
    expect(heard('WATCHDOG=1')).toBe(0);
  });

  test('says again and again that all is well, where that is asked, and says nothing once it is stuck', async () => {
    const core = await start({ WATCHDOG_USEC: String(WATCHDOG_MS * 1000) });
    await core.ready();
    await waitFor('three words', () => heard('WATCHDOG=1') >= 3);
    core.signal('SIGSTOP');
    // what was on its way when it stopped still arrives
    const before = heard('WATCHDOG=1') + 1;
    const since = performance.now();
    await waitFor('several times its interval', () => performance.now() - since > 3 * WATCHDOG_MS);
    expect(heard('WATCHDOG=1')).toBeLessThanOrEqual(before);
    core.signal('SIGCONT');
    await waitFor('its word once it runs again', () => heard('WATCHDOG=1') > before);
  });

  test('without systemd-notify it runs all the same, and complains', async () => {
    const core = await start({ PATH: dir });
    const { url } = await core.ready();
    await waitFor('a complaint', () => core.stderr.includes('systemd was not told READY=1'));
    expect((await fetch(`${url}/api/ping`)).status).toBe(200);
  });
});
