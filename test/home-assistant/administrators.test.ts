import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  ADMIN_TOKEN,
  type HomeAssistantSimulator,
  startHomeAssistantSimulator,
  user,
} from '../simulators/home-assistant/index.ts';
import { Scene } from './scene.ts';

let home: HomeAssistantSimulator;
let scene: Scene;

beforeEach(async () => {
  home = await startHomeAssistantSimulator();
  scene = new Scene();
  await scene.start();
  await scene.call('PUT', '', { url: home.url, token: ADMIN_TOKEN });
});
afterEach(async () => {
  await scene.remove();
  await home.stop();
  expect(scene.defects).toEqual([]);
});

const is = (id: string) => scene.feature.isAdministrator(id);
const asked = () => home.commands.filter(({ type }) => type === 'config/auth/list').length;

test('the owner and members of the group are, if they are active; nobody else', async () => {
  const group_ids = ['system-admin'];
  home.home.users = [
    user('owner', { is_owner: true }),
    user('admin', { group_ids }),
    user('user'),
    user('reader', { group_ids: ['system-read-only'] }),
    user('left', { group_ids, is_active: false }),
    // entries that are none
    ...[null, 7, { id: 'half', is_owner: true }, { ...user('text', { group_ids }), is_active: 'yes' }],
  ];
  const ids = ['owner', 'admin', 'user', 'reader', 'left', 'half', 'text', 'nobody', '', '__proto__'];
  expect(await Promise.all(ids.map(is))).toEqual([true, true, ...ids.slice(2).map(() => false)]);
});

test('it is asked once in half a minute, and a change counts from then on', async () => {
  const before = asked();
  home.home.users = [user('me', { group_ids: ['system-admin'] })];
  expect(await Promise.all([is('me'), is('me'), is('other')])).toEqual([true, true, false]);
  home.home.users = [];
  scene.clock.forward(29_000);
  expect(await is('me')).toBe(true);
  expect(asked()).toBe(before + 1);
  scene.clock.forward(2_000);
  expect(await is('me')).toBe(false);
});

test('nobody is one while it cannot be asked, and a failure is not remembered', async () => {
  home.home.users = [user('me', { is_owner: true })];
  home.hooks = { command: ({ type }) => (type === 'config/auth/list' ? 'no list' : undefined) };
  await expect(is('me')).rejects.toMatchObject({ code: 'home_assistant_away' });
  home.hooks = {};
  expect(await is('me')).toBe(true);
  await home.stop();
  scene.clock.forward(31_000);
  await expect(scene.clock.during(is('me'))).rejects.toMatchObject({ code: 'home_assistant_away' });
});

test('another Home Assistant has other administrators', async () => {
  expect(await is('owner')).toBe(true);
  const other = await startHomeAssistantSimulator();
  try {
    other.home.users = [user('somebody', { is_owner: true })];
    await scene.call('PUT', '', { url: other.url, token: ADMIN_TOKEN });
    expect([await is('owner'), await is('somebody')]).toEqual([false, true]);
  } finally {
    await other.stop();
  }
});
