import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CoreClient } from '../harness/core-client.ts';
import { freePort } from '../harness/free-port.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { LocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';
import { CoreSocket } from '../simulators/core-socket.ts';
import { OddBroker, silent } from '../simulators/mqtt/index.ts';
import {
  type SupervisorOptions,
  type SupervisorSimulator,
  startSupervisor,
} from '../simulators/supervisor/index.ts';

const MINUTE_MS = 60_000;
const HOSTNAME = 'c0ffee42-homestash';

describe('the core, announced to Home Assistant', () => {
  let clock: IdleClock;
  let home: CoreSocket;
  let supervisor: SupervisorSimulator;
  let core: LocalCore;

  async function begin(options: SupervisorOptions = {}): Promise<void> {
    supervisor = await startSupervisor(options);
    home = new CoreSocket();
    await home.start();
    supervisor.attachCore(home);
    const access = { url: supervisor.url, token: supervisor.app.token };
    // in an app it is always the same
    const port = await freePort();
    core = new LocalCore({ clock, port, supervisor: access });
  }
  beforeEach(() => {
    clock = new IdleClock();
  });
  afterEach(async () => {
    await core.remove();
    await supervisor.stop();
    await home.stop();
    expect(supervisor.mistakes).toEqual([]);
    expect(core.defects()).toEqual([]);
  });

  /** What was announced so far, each message that was news. */
  const pushed = () => supervisor.discovery.pushed.map(({ config }) => config);
  const posts = (count: number) => waitFor(`post ${count}`, () => supervisor.discovery.posts >= count);
  const latest = () => pushed().at(-1) as { token: string; posted: string };
  /** Home Assistant comes in with what was announced. */
  const comeIn = () => new CoreClient(core.url, latest().token).info();
  const tokens = async () =>
    (await core.client.tokens()).filter(({ name }) => name.startsWith('Home Assistant'));

  test('is told with all that it takes to come in', async () => {
    await begin();
    await core.start();
    await posts(1);
    const info = await core.client.info();
    expect(pushed()).toEqual([
      {
        host: HOSTNAME,
        port: Number(new URL(core.url).port),
        token: expect.stringMatching(/^hs_[a-z0-9]+_/),
        token_id: expect.stringMatching(/^[a-z0-9]+$/),
        instance_id: info.instance_id,
        name: info.name,
        api_version: info.api_version,
        posted: expect.any(String),
      },
    ]);
    expect(await comeIn()).toEqual(info);
    expect(await tokens()).toMatchObject([{ name: 'Home Assistant (through the Supervisor)' }]);
  });

  test('is told anew each minute until somebody came, with the same token', async () => {
    await begin();
    await core.start();
    await posts(1);
    await clock.during(clock.sleep(3 * MINUTE_MS + MINUTE_MS / 2));
    expect(pushed()).toHaveLength(4);
    expect(new Set(pushed().map(({ posted }) => posted)).size).toBe(pushed().length);
    expect(new Set(pushed().map(({ token }) => token)).size).toBe(1);

    await comeIn();
    const before = pushed().length;
    await clock.during(clock.sleep(5 * MINUTE_MS));
    expect(pushed()).toHaveLength(before);
    expect(await tokens()).toHaveLength(1);
  });

  test('is told nothing until it has our integration, and then within a minute', async () => {
    await begin();
    home.integrations = ['sun'];
    await core.start();
    await clock.during(clock.sleep(10 * MINUTE_MS));
    expect(supervisor.discovery.posts).toBe(0);
    expect(await tokens()).toEqual([]);
    home.integrations.push('homestash');
    await clock.during(clock.sleep(MINUTE_MS));
    await posts(1);
    await clock.during(clock.sleep(5 * MINUTE_MS));
    expect(supervisor.discovery.posts).toBeGreaterThanOrEqual(5);
    await waitFor('the pushes', () => home.pushed.length === supervisor.discovery.posts);
  });

  test('is told as soon as it runs', async () => {
    await begin();
    home.state = 'STARTING';
    await core.start();
    await clock.during(clock.sleep(5 * MINUTE_MS));
    expect(supervisor.discovery.posts).toBe(0);
    home.state = 'RUNNING';
    await clock.during(clock.sleep(MINUTE_MS));
    await posts(1);
  });

  test('is told at all events where its integrations cannot be seen', async () => {
    await begin({ config: { homeassistant_api: false } });
    await core.start();
    await posts(1);
  });

  test('is told less often after an hour in which nobody came', async () => {
    await begin();
    await core.start();
    await posts(1);
    await clock.during(clock.sleep(61 * MINUTE_MS));
    const eager = supervisor.discovery.posts;
    expect(eager).toBeGreaterThan(55);
    await clock.during(clock.sleep(60 * MINUTE_MS));
    expect(supervisor.discovery.posts - eager).toBeGreaterThanOrEqual(5);
    expect(supervisor.discovery.posts - eager).toBeLessThanOrEqual(7);
  }, 120_000);

  test('is once paired told the same at each start, which is no news', async () => {
    await begin();
    await core.start();
    await posts(1);
    await comeIn();
    await clock.during(clock.sleep(2 * MINUTE_MS));
    const told = pushed();
    for (let start = 1; start <= 2; start += 1) {
      const before = supervisor.discovery.posts;
      await core.stop();
      await core.start();
      await posts(before + 1);
      expect(pushed()).toEqual(told);
    }
  });

  test('is told from the beginning when it has given its token back', async () => {
    await begin();
    await core.start();
    await posts(1);
    await comeIn();
    const first = latest();
    await clock.during(clock.sleep(2 * MINUTE_MS));
    const client = new CoreClient(core.url, first.token);
    const [token] = await tokens();
    await client.call('DELETE', `/api/v1/tokens/${token?.id}`);
    await waitFor('another token', () => latest().token !== first.token);
    await expect(client.info()).rejects.toMatchObject({ problem: { code: 'unauthorized' } });
    expect(await comeIn()).toMatchObject({ instance_id: (await core.client.info()).instance_id });
    expect(await tokens()).toHaveLength(1);
  });

  test('is told nothing more when a person has taken its token away, until a pairing code is made', async () => {
    await begin();
    await core.start();
    await posts(1);
    await comeIn();
    await clock.during(clock.sleep(2 * MINUTE_MS));
    const told = supervisor.discovery.posts;
    const [token] = await tokens();
    const person = await core.person();
    await person.call('DELETE', `/api/v1/tokens/${token?.id}`);
    await clock.during(clock.sleep(15 * MINUTE_MS));
    await core.stop();
    await core.start();
    await clock.during(clock.sleep(15 * MINUTE_MS));
    expect(supervisor.discovery.posts).toBe(told);
    expect(await tokens()).toEqual([]);

    await (await core.person()).call('POST', '/api/v1/pairing/codes', {});
    await waitFor('an announcement', () => supervisor.discovery.posts > told);
    expect(await comeIn()).toMatchObject({ instance_id: (await core.client.info()).instance_id });
  });

  test('keeps the token sealed, and out of the log', async () => {
    await begin();
    await core.start();
    await posts(1);
    const { token } = latest();
    await core.stop();
    const written = ['homestash.db', 'homestash.db-wal'].map((name) => {
      try {
        return readFileSync(join(core.dataDir, name), 'latin1');
      } catch {
        return '';
      }
    });
    const secret = token.split('_')[2] as string;
    expect(written.join('')).not.toContain(secret);
    expect(core.lines.join('')).not.toContain(secret);
    expect(core.lines.join('')).not.toContain(supervisor.app.token);
  });

  test('starts at once while the Supervisor is away, and tells it later', async () => {
    await begin();
    await supervisor.stop();
    await core.start();
    expect(await core.client.info()).toBeDefined();
    await waitFor('the failure', () => core.lines.some((line) => line.includes('could not be told')));
    await supervisor.start();
    await clock.during(posts(1));
    expect(
      core.lines.filter((line) => line.includes('could not be told') && line.includes('warning')),
    ).toHaveLength(1);
  });

  test('stops at once while the Supervisor keeps silent', async () => {
    await begin();
    const quiet = await new OddBroker(silent).start();
    await core.remove();
    core = new LocalCore({ supervisor: { url: `http://${quiet.address}`, token: supervisor.app.token } });
    await core.start();
    await waitFor('both questions', () => quiet.connections >= 2);
    const stopped = performance.now();
    await core.stop();
    // the Supervisor is given ten seconds, and nobody else
    expect(performance.now() - stopped).toBeLessThan(5_000);
    await quiet.stop();
  });

  test('bears it when the Supervisor refuses', async () => {
    await begin({ config: { discovery: [] } });
    await core.start();
    await waitFor('the refusal', () => core.lines.some((line) => line.includes('supervisor_refused')));
    expect(await core.client.info()).toBeDefined();
  });
});
