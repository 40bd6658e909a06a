import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HomeAssistant, PATHS } from '../../src/contract/index.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  ADMIN_TOKEN,
  type HomeAssistantSimulator,
  startHomeAssistantSimulator,
} from '../simulators/home-assistant/index.ts';

let supervisor: HomeAssistantSimulator;
let core: LocalCore;

beforeAll(async () => {
  supervisor = await startHomeAssistantSimulator({ path: '/core/websocket' });
  core = await startLocalCore({ supervisor: { url: supervisor.url, token: ADMIN_TOKEN } });
});
afterAll(async () => {
  await core.remove();
  await supervisor.stop();
  expect(core.defects()).toEqual([]);
  expect(core.lines.join('')).not.toContain(ADMIN_TOKEN);
});

const read = () => core.client.call<HomeAssistant>('GET', PATHS.home_assistant);

test('the core has it: a document, commands for programs, and an event for whoever listens', async () => {
  await waitFor('the connection', async () => (await read()).backups);
  const gone = new AbortController();
  const events = await core.client.fetch('GET', PATHS.events, { signal: gone.signal });
  let heard = '';
  const listening = (async () => {
    for await (const chunk of events.body ?? []) heard += Buffer.from(chunk).toString();
  })().catch(() => undefined);
  await waitFor('the first event', () => heard.includes('hello'));
  const body = { agent_ids: ['backup.local'] };
  const begun = await core.client.call<HomeAssistant>('POST', PATHS.home_assistant_backups, body);
  expect(begun.backups?.state).toBe('create_backup');
  await waitFor('the event', () => heard.includes('"event":"home_assistant_changed"'));
  gone.abort();
  await listening;
});

test('connecting it by hand is for persons only', async () => {
  const access = { url: supervisor.url, token: ADMIN_TOKEN };
  const refused = { problem: { status: 403, code: 'persons_only' } };
  await expect(core.client.call('PUT', PATHS.home_assistant, access)).rejects.toMatchObject(refused);
  await expect(core.client.call('DELETE', PATHS.home_assistant)).rejects.toMatchObject(refused);
});
