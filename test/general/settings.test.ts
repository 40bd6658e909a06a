import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { Person } from '../harness/person.ts';

const PASSWORD = 'a long enough one';

let core: LocalCore;
let person: Person;

beforeAll(async () => {
  core = await startLocalCore();
  person = await core.person(PASSWORD);
});
afterAll(() => core.remove());

const read = () => core.client.call('GET', '/api/v1/settings');
const change = (patch: object) => person.call('PATCH', '/api/v1/settings', patch);

test('have defaults', async () => {
  expect(await read()).toEqual({ name: 'Homestash', cors_origins: [], overdue_days: 0, language: 'auto' });
});

test('are changed one by one; what is absent stays, also over a restart', async () => {
  await change({ overdue_days: 3 });
  await Promise.all([change({ name: '  Cellar ' }), change({ cors_origins: ['https://dash.example.org'] })]);
  const expected = {
    name: 'Cellar',
    cors_origins: ['https://dash.example.org'],
    overdue_days: 3,
    language: 'auto',
  };
  expect(await read()).toEqual(expected);
  await core.stop();
  await core.start();
  expect(await read()).toEqual(expected);
  person = new Person(core.url);
  await person.signIn(PASSWORD);
});

test('the name is the one by which everybody knows the core', async () => {
  expect(await core.client.info()).toMatchObject({ name: 'Cellar' });
  expect(await person.session()).toMatchObject({ name: 'Cellar' });
  const { code } = await core.client.call<{ code: string }>('POST', '/api/v1/pairing/codes', {});
  const secret = (JSON.parse(Buffer.from(code, 'base64url').toString()) as { s: string }).s;
  const paired = await core.client.call('POST', '/api/v1/pairing', { secret, client_name: 'test' });
  expect(paired).toMatchObject({ info: { name: 'Cellar' } });
});

test('a change is told to everybody, and nothing where nothing changes', async () => {
  const listener = new Person(core.url);
  await listener.signIn(PASSWORD);
  const { heard } = await listener.follow();
  for (const patch of [{ overdue_days: 9 }, { overdue_days: 9 }, {}]) await change(patch);
  await listener.signOut();
  expect((await heard).split('event: settings_changed')).toHaveLength(2);
});

test.for([
  { cors_origins: ['*'] },
  { cors_origins: ['https://dash.example.org/'] },
  { cors_origins: ['dash.example.org'] },
  { cors_origins: ['ftp://dash.example.org'] },
  { name: '' },
  { name: ' ' },
  { overdue_days: -1 },
  { overdue_days: 366 },
])('%j is refused', async (patch) => {
  const before = await read();
  expect(await change(patch)).toMatchObject({ code: 'invalid_request' });
  expect(await read()).toEqual(before);
});
