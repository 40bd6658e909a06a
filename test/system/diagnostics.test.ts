import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { Person } from '../harness/person.ts';
import { documentOf, PASSPHRASE, sealed } from '../transfer/sealed.ts';

const PASSWORD = 'a long enough one';

/** Of all kinds, in all places where somebody may have put one. None is a word that stands there for another reason. */
const SECRETS = {
  mqtt: 'mosquito-net-77',
  accessKey: 'AKIAIOSFODNN7EXAMPLE',
  secretKey: 'wJalrXUtnFEMI/K7MDENG',
  proxyUser: 'proxy-user-31',
  proxyPassword: 'proxy-pass-32',
  customerKey: Buffer.alloc(32, 7).toString('base64'),
  homeAssistant: 'eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhYmMifQ.c2lnbmF0dXJlLW9mLWl0',
  inTargetName: 'pass-in-a-name',
  inQuery: 'sig-in-a-query',
  inCoreName: 'token-in-core-name',
  identity: 'AGE-SECRET-KEY-1YFH42EVQWHSWNQJC2VHL64K2NDT3E428H0HK55MWT23V4W7NH59QZ6GZCD',
};

let core: LocalCore;
let person: Person;

const s3 = (name: string, more: object) => ({
  name,
  settings: {
    kind: 's3',
    endpoint: 'http://127.0.0.1:1',
    region: 'eu',
    bucket: 'backups',
    access_key: SECRETS.accessKey,
    secret_key: SECRETS.secretKey,
    path_style: 'on',
    ...more,
  },
});

beforeAll(async () => {
  core = await startLocalCore();
  person = await core.person(PASSWORD);
  const parts = {
    general: { name: `Stash https://admin:${SECRETS.inCoreName}@nas.lan` },
    recovery_key: {
      recipient: 'age1jjqh82vx9velyel0eukh9z59r6tx4h0wkpenpp25qm0cyn3q5vnqwnucr8',
      identity: SECRETS.identity,
      created_at: 1_790_000_000_000,
      kept_at: null,
    },
    home_assistant: { url: 'http://127.0.0.1:1', token: SECRETS.homeAssistant },
    mqtt: { url: 'mqtt://127.0.0.1:1', username: 'mqtt-user-1', password: SECRETS.mqtt, ca_certificate: '' },
    targets: [
      s3(`https://me:${SECRETS.inTargetName}@s3.lan/x?X-Amz-Signature=${SECRETS.inQuery}`, {
        proxy: 'http://127.0.0.1:1',
        proxy_user: SECRETS.proxyUser,
        proxy_password: SECRETS.proxyPassword,
      }),
      s3('Sealed', { bucket: 'sealed', encryption: 'customer', customer_key: SECRETS.customerKey }),
    ],
  };
  const file = (await sealed(documentOf(parts))).toString('base64');
  const answer = await person.call('POST', '/api/v1/import', { passphrase: PASSPHRASE, file });
  expect(answer).toMatchObject({ targets: 2 });
  await core.stop();
  await core.start();
  person = new Person(core.url);
  await person.signIn(PASSWORD);
  await person.call('POST', '/api/v1/recovery-key/reveal');
  for (const { id } of await core.client.targets()) await core.client.list(id, 0).catch(() => undefined);
});
afterAll(() => core.remove());

const take = () => person.ask('GET', '/api/v1/diagnostics');

test('are a file with all that helps', async () => {
  const { status, headers, text } = await take();
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/json');
  expect(headers['content-disposition']).toMatch(
    /^attachment; filename="homestash-diagnostics-\d{4}-\d\d-\d\d\.json"$/,
  );
  const document = JSON.parse(text) as Record<string, unknown>;
  expect(document).toMatchObject({
    about: { version: expect.any(String), mode: 'standalone' },
    settings: { overdue_days: 0 },
    home_assistant: { url: 'http://127.0.0.1:1', problem: { code: expect.any(String) } },
    mqtt: { url: 'mqtt://127.0.0.1:1', source: 'settings' },
    overview: {
      notices: expect.arrayContaining([expect.objectContaining({ code: 'recovery_key_not_kept' })]),
    },
    operations: expect.any(Array),
    jobs: [{ name: 'database_copy', next_at: expect.any(String), problem: null }],
    recovery_key: { kept: false },
    tokens: [{ created_at: expect.any(String) }],
    log: { level: 'debug', entries: expect.any(Array) },
  });
  // hosts stay, so that what is wrong with them can be found
  expect(document.targets).toContainEqual(
    expect.objectContaining({
      name: 'Sealed',
      settings: expect.objectContaining({
        endpoint: expect.stringContaining('127.0.0.1:1'),
        bucket: 'sealed',
        access_key: '***',
      }),
      problem: expect.objectContaining({ code: expect.stringMatching(/^target_/) }),
    }),
  );
});

test.for(Object.entries({ ...SECRETS, password: PASSWORD, passphrase: PASSPHRASE, mqttUser: 'mqtt-user-1' }))(
  'hold no secret: %s',
  async ([, secret]) => {
    const { text } = await take();
    expect(text.includes(secret)).toBe(false);
    expect(text.includes(JSON.stringify(secret).slice(1, -1))).toBe(false);
  },
);

test('hold no token, no code and no session by which somebody comes in', async () => {
  const { text } = await take();
  const [, id = '', secret = ''] = /^hs_([a-z0-9]+)_(.+)$/.exec(core.client.token) ?? [];
  for (const one of [core.client.token, secret, core.setupCode(), person.cookie?.split('=')[1] ?? ''])
    expect(text.includes(one)).toBe(false);
  expect(id).not.toBe('');
});

test('are for persons only', async () => {
  await expect(core.client.call('GET', '/api/v1/diagnostics')).rejects.toMatchObject({
    problem: { code: 'persons_only' },
  });
});
