import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HomeAssistant as HomeAssistantDocument, Target } from '../../src/contract/index.ts';
import { agentId } from '../harness/core.ts';
import { CoreClient } from '../harness/core-client.ts';
import { EchoPage } from '../harness/echo-page.ts';
import { signIn } from '../harness/home-assistant/auth.ts';
import { IngressPage } from '../harness/home-assistant/ingress.ts';
import {
  HomeAssistantError,
  type HomeAssistantSocket,
  openSocket,
} from '../harness/home-assistant/socket.ts';
import type { HomeAssistant } from '../harness/home-assistant.ts';
import type { LocalCore } from '../harness/local-core.ts';
import { pairWithHomeAssistant } from '../harness/pairing.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import type { SupervisorSimulator } from '../simulators/supervisor/index.ts';

const MIB = 1024 * 1024;
const PASSWORD = 'correct horse battery staple';
const GUEST = { username: 'guest', password: 'guest-test' };

describe('a real Home Assistant under the Supervisor', () => {
  const stage = new Stage('supervisor');
  const behind = new EchoPage();
  let supervisor: SupervisorSimulator;
  let home: HomeAssistant;
  let core: LocalCore;
  let target: Target;
  /** The id of a user who is no administrator. */
  let guest: string;

  /** Does something on that user's own connection. */
  async function asGuest<Result>(what: (socket: HomeAssistantSocket) => Promise<Result>): Promise<Result> {
    const socket = await openSocket(home.url, await signIn(home.url, GUEST));
    try {
      return await what(socket);
    } finally {
      socket.close();
    }
  }

  beforeAll(async () => {
    await behind.start();
    // Home Assistant is no container here, and knows no names of containers
    supervisor = await stage.supervisor({ ingress: behind.address, hostname: '127.0.0.1' });
    await supervisor.showInSidebar(true);
    home = await stage.home({ supervisor });
    // after Home Assistant, as it looks for that once a minute only
    core = await stage.localCore({
      supervisor: { url: supervisor.url, token: supervisor.app.token },
      ingress: { port: 0, gateway: supervisor.gateway, bind: '127.0.0.1' },
    });
    target = (await core.client.targets())[0] as Target;
    const { user } = await home.call('config/auth/create', { name: 'Guest', group_ids: ['system-users'] });
    await home.call('config/auth_provider/homeassistant/create', { user_id: user.id, ...GUEST });
    guest = user.id;
  });
  beforeEach(() => {
    behind.answer = (response) => response.end('hello');
  });
  afterAll(async () => {
    await stage.close();
    await behind.stop();
    expect(supervisor.mistakes).toEqual([]);
  });

  test('takes it for a Supervisor, and asks for nothing that it does not have', async () => {
    const [entry] = await home.entries.list('hassio');
    expect(entry).toMatchObject({ state: 'loaded', reason: null });
    expect(supervisor.unserved).toEqual([]);
    expect(home.log()).not.toMatch(/(ERROR|WARNING).*(hassio|[Ss]upervisor)/);
  });

  test('shows the app in the sidebar, as long as a person wants it there', async () => {
    const { slug, config } = supervisor.app;
    const panel = async () => (await home.call('get_panels'))[slug];
    expect(await panel()).toMatchObject({
      ...{ component_name: 'app', url_path: slug, config: { addon: slug }, require_admin: true },
      ...{ title: config.panel_title ?? config.name, icon: config.panel_icon },
    });
    await supervisor.showInSidebar(false);
    await waitFor('the panel to go', async () => (await panel()) === undefined);
    await supervisor.showInSidebar(true);
    await waitFor('the panel to come back', panel);
  });

  describe('ingress, through its own proxy', () => {
    let page: IngressPage;

    beforeAll(async () => {
      page = await IngressPage.open(home, supervisor.app.slug);
    });

    test('brings a request from the gateway, with who asks and where from', async () => {
      const { id, name } = await home.call('auth/current_user');
      const response = await page.fetch('some/page?a=b', {
        headers: { 'x-remote-user-id': 'mallory', 'x-own': 'kept', 'accept-encoding': 'br' },
      });
      expect(await response.text()).toBe('hello');
      const { url, peer, headers } = behind.last;
      expect([url, peer]).toEqual(['/some/page?a=b', supervisor.gateway]);
      expect(headers).toMatchObject({
        'x-remote-user-id': id,
        'x-remote-user-name': home.owner.username,
        'x-remote-user-display-name': name,
        'x-ingress-path': `/api/hassio_ingress/${supervisor.app.ingressToken}`,
        'x-hass-source': 'core.ingress',
        'x-forwarded-for': '127.0.0.1, 127.0.0.1',
        'x-forwarded-host': new URL(home.url).host,
        'x-forwarded-proto': 'http',
        'x-own': 'kept',
      });
      expect(headers['accept-encoding']).not.toContain('br');
    });

    test('lets nobody in without a session', async () => {
      const { ingressUrl } = supervisor.app;
      expect((await fetch(`${home.url}${ingressUrl}`)).status).toBe(401);
    });

    test('lets also somebody in who is no administrator: the app must look', async () => {
      const { slug } = supervisor.app;
      await asGuest((socket) =>
        expect(IngressPage.open(home, slug, socket)).rejects.toThrow(HomeAssistantError),
      );
      const slipped = await asGuest((socket) => IngressPage.slipIn(home, slug, socket));
      expect((await slipped.fetch('')).status).toBe(200);
      const headers = { 'x-remote-user-id': guest, 'x-remote-user-name': GUEST.username };
      expect(behind.last.headers).toMatchObject(headers);
    });

    test('holds small answers back until they are whole, and streams what is longer than 4 MB', async () => {
      const ends: (() => void)[] = [];
      behind.answer = (response, { url }) => {
        const size = Number(url.slice(1));
        response.writeHead(200, { 'content-type': 'image/png', 'content-length': size });
        response.write(Buffer.alloc(MIB));
        ends.push(() => response.end(Buffer.alloc(size - MIB)));
      };
      let answered = false;
      const small = page.fetch('4000000').finally(() => {
        answered = true;
      });
      await waitFor('the small one to begin', () => ends.length === 1);
      // by the time that these have begun, that one would have, too
      const large = [await page.fetch('5000000'), await page.fetch('6000000')];
      expect(answered).toBe(false);
      for (const end of ends) end();
      const sizes = [await small, ...large].map(
        async (response) => (await response.arrayBuffer()).byteLength,
      );
      expect(await Promise.all(sizes)).toEqual([4_000_000, 5_000_000, 6_000_000]);
    });

    test('streams events as they come, uncompressed', async () => {
      let more: () => void = () => undefined;
      behind.answer = (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n');
        more = () => response.end('data: two\n\n');
      };
      const response = await page.fetch('events', { headers: { 'accept-encoding': 'gzip' } });
      expect(response.headers.get('content-encoding')).toBeNull();
      expect(response.headers.get('x-accel-buffering')).toBe('no');
      const reader = response.body?.getReader();
      const read = async () => Buffer.from((await reader?.read())?.value ?? []).toString();
      expect(await read()).toBe('data: one\n\n');
      more();
      expect(await read()).toBe('data: two\n\n');
    });

    test('streams a POST of any length, and refuses what else is longer than 16 MiB', async () => {
      behind.answer = (response, { body }) => response.end(String(body.length));
      const send = (method: string, size: number) =>
        page.fetch('upload', { method, body: Buffer.alloc(size) });
      expect(await (await send('POST', 40 * MIB)).text()).toBe(String(40 * MIB));
      expect(await (await send('PUT', 16 * MIB)).text()).toBe(String(16 * MIB));
      expect((await send('PUT', 16 * MIB + 1)).status).toBe(413);
    });

    test('passes what our page needs, and blocks what looks like an attack', async () => {
      behind.answer = (response) =>
        response.writeHead(303, { location: './#/settings', 'set-cookie': 'a=b', 'x-thing': 'kept' }).end();
      const { status, headers } = await page.fetch('');
      expect(status).toBe(303);
      expect([headers.get('location'), headers.get('set-cookie')]).toEqual(['./#/settings', 'a=b']);
      expect((await page.fetch('x?path=/a/b/')).status).toBe(400);
    });
  });

  describe('the core behind it', () => {
    beforeAll(() => {
      supervisor.app.ingress = { host: '127.0.0.1', port: Number(new URL(core.ingressUrl).port) };
    });
    afterAll(() => {
      supervisor.app.ingress = behind.address;
    });

    test('finds the way back into Home Assistant', async () => {
      const connected = await waitFor('the connection', async () => {
        const document = await core.client.call<HomeAssistantDocument>('GET', '/api/v1/home-assistant');
        return document.state === 'connected' && document.home && document;
      });
      expect(connected).toMatchObject({ via: 'supervisor', home: { version: '2026.11.0' } });
    });

    test('knows the administrator who opens its page', async () => {
      const page = await IngressPage.open(home, supervisor.app.slug);
      const { name } = await home.call('auth/current_user');
      const session = await (await page.fetch('api/v1/session')).json();
      expect(session).toMatchObject({ state: 'signed_in', via: 'home_assistant', user: name });
      expect((await page.fetch('api/v1/targets')).status).toBe(200);
    });

    test('shows those who are none the door', async () => {
      const page = await asGuest((socket) => IngressPage.slipIn(home, supervisor.app.slug, socket));
      const response = await page.fetch('api/v1/targets');
      expect([response.status, await response.json()]).toMatchObject([403, { code: 'administrators_only' }]);
    });

    test('follows what happens through both proxies', async () => {
      const page = await IngressPage.open(home, supervisor.app.slug);
      const events = await page.fetch('api/v1/events');
      const reader = events.body?.getReader();
      let heard = '';
      const hears = (word: string) => async () => {
        heard += Buffer.from((await reader?.read())?.value ?? []).toString();
        return heard.includes(word);
      };
      await waitFor('the greeting', hears('hello'));
      await core.client.call('PATCH', `/api/v1/targets/${target.id}`, { name: 'Attic' });
      await waitFor('the change', hears('targets_changed'));
      await reader?.cancel();
    });
  });

  describe('what the app says and asks', () => {
    const asApp = async (method: string, path: string, body?: object) => {
      const response = await fetch(`${supervisor.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${supervisor.app.token}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      return { status: response.status, answer: await response.json() };
    };

    test('its announcement starts a flow of our integration, with which Home Assistant can come in', async () => {
      await waitFor('the flow', async () =>
        (await home.entries.flowsInProgress()).find(
          ({ handler, context }) => handler === 'homestash' && context.source === 'hassio',
        ),
      );
      const [{ service, config } = {}] = [...supervisor.discovery.messages.values()];
      expect(service).toBe('homestash');
      const announced = new CoreClient(`http://${config?.host}:${config?.port}`, String(config?.token));
      expect(await announced.info()).toEqual(await core.client.info());
    });

    test('it goes through to the REST API and to the websocket, but never to what is the Supervisor’s own', async () => {
      expect((await asApp('GET', '/core/api/config')).answer).toMatchObject({ version: '2026.11.0' });
      const socket = await openSocket(`${supervisor.url}/core`, supervisor.app.token);
      expect(await socket.call('backup/info')).toMatchObject({ state: 'idle' });
      const { id } = await home.call('auth/current_user');
      expect(await socket.call('config/auth/list')).toContainEqual(expect.objectContaining({ id }));
      const refused = socket.call('supervisor/api', { endpoint: '/supervisor/info', method: 'get' });
      await expect(refused).rejects.toMatchObject({ code: 'unauthorized' });
      socket.close();
    });

    test('its token alone opens the way', async () => {
      await expect(openSocket(`${supervisor.url}/core`, 'wrong')).rejects.toMatchObject({
        code: 'auth_invalid',
      });
    });
  });

  describe('backups, which the Supervisor writes and puts back', () => {
    beforeAll(() => pairWithHomeAssistant(home, core));

    const create = async (password?: string) => {
      const agentIds = [agentId(target)];
      const { backup, outcome } = await home.backups.create({ agentIds, ...(password ? { password } : {}) });
      expect(outcome.state, JSON.stringify(outcome)).toBe('completed');
      if (!backup) throw new Error('no backup is listed');
      // what lay with the Supervisor in between is gone
      expect(supervisor.backups.stored).not.toContain(backup.backup_id);
      const { backups } = await core.client.list(target.id);
      const ours = backups.find(({ backup: { backup_id } }) => backup_id === backup.backup_id);
      expect(ours).toMatchObject({ suspect: null });
      expect(backup.agents[agentId(target)]?.protected).toBe(password !== undefined);
      return backup.backup_id;
    };

    test('go to our targets', async () => {
      const { backup } = await home.backups.details(await create());
      expect(backup?.agents).toHaveProperty([agentId(target)]);
    });

    test('come back from there', async () => {
      const marker = join(home.configDir, 'marker.txt');
      writeFileSync(marker, 'kept');
      const id = await create(PASSWORD);
      rmSync(marker);
      const wrong = home.backups.restore(id, agentId(target), 'wrong');
      await expect(wrong).rejects.toMatchObject({ code: 'password_incorrect' });
      await home.backups.restore(id, agentId(target), PASSWORD);
      await waitFor('the outcome', async () => {
        const { last_action_event: last } = await home.backups.info();
        return last?.manager_state === 'restore_backup' && last.state === 'completed';
      });
      expect(existsSync(marker)).toBe(true);
      for (const domain of ['hassio', 'homestash']) {
        expect((await home.entries.list(domain))[0]).toMatchObject({ state: 'loaded' });
      }
    });
  });

  test('a restart goes over the Supervisor, and finds everything again', async () => {
    await home.restart();
    expect((await home.entries.list('hassio'))[0]).toMatchObject({ state: 'loaded' });
    expect(await home.call('get_panels')).toHaveProperty(supervisor.app.slug);
    expect(supervisor.unserved).toEqual([]);
  });
});
