import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { About, Device, MqttStatus, Overview } from '../../src/contract/index.ts';
import { readEnvironment } from '../../src/environment.ts';
import { snapshot } from '../api/snapshot.ts';
import { SmallDevice } from '../devices/wled-like.ts';
import { makeBackup } from '../harness/archives.ts';
import { LocalCore } from '../harness/local-core.ts';
import { Person } from '../harness/person.ts';
import { removeTemporary, temporaryFolder } from '../harness/temporary.ts';
import { waitFor } from '../harness/wait-for.ts';
import { PASSPHRASE, unsealed } from '../transfer/sealed.ts';

const PASSWORD = 'a long enough one';

// several cores, and passphrases with their real work: on a busy machine that takes its time
vi.setConfig({ testTimeout: 120_000 });

const WHOLE = `
name: Cellar
cors_origins: [https://dash.example.org]
overdue_days: 4
mqtt:
  url: mqtt://127.0.0.1:1
  username: stash
  password_file: SECRETS/mqtt
home_assistant:
  url: http://127.0.0.1:1
  token: a-long-lived-token
targets:
  - name: Bucket
    kind: s3
    endpoint: http://127.0.0.1:1
    region: eu
    bucket: backups
    access_key: the-key
    secret_key_file: SECRETS/s3
    path_style: 'on'
  - name: Disk
    kind: folder
    path: SECRETS/disk
`;

let dir: string;
let core: LocalCore;

beforeEach(() => {
  dir = temporaryFolder('provisioning');
  writeFileSync(join(dir, 'mqtt'), 'mqtt-secret\n');
  writeFileSync(join(dir, 's3'), 's3-secret');
});
afterEach(async () => {
  await core?.remove();
  removeTemporary(dir);
});

const file = () => join(dir, 'homestash.yaml');
const write = (yaml: string) => writeFileSync(file(), yaml.replaceAll('SECRETS', dir));

/** A core that is provided with a file, where there is one, and with these variables. */
async function start(variables: Record<string, string> = {}, required = true): Promise<LocalCore> {
  await core?.remove();
  core = new LocalCore({ provisioning: { file: file(), required, variables } });
  await core.start();
  return core;
}

async function restart(yaml: string): Promise<void> {
  await core.stop();
  write(yaml);
  await core.start();
}

const about = () => core.client.call<About>('GET', '/api/v1/about');
const settings = () => core.client.call('GET', '/api/v1/settings');
const mqtt = () => core.client.call<MqttStatus>('GET', '/api/v1/mqtt');
const problem = async () => (await about()).provided.problem;

/** All that is set, with its secrets, as an export has it. */
async function kept(): Promise<Record<string, unknown>> {
  const person = await core.person(PASSWORD);
  const response = await fetch(`${core.url}/api/v1/export`, {
    method: 'POST',
    headers: { cookie: person.cookie ?? '', origin: core.url },
    body: JSON.stringify({ passphrase: PASSPHRASE }),
  });
  return (await unsealed(new Uint8Array(await response.arrayBuffer()))).parts;
}

describe('a file', () => {
  test('provides everything, also what lies in files of its own, and no secret is told', async () => {
    write(WHOLE);
    await start();
    expect(await settings()).toEqual({
      name: 'Cellar',
      cors_origins: ['https://dash.example.org'],
      overdue_days: 4,
      language: 'auto',
    });
    expect(await mqtt()).toMatchObject({ source: 'settings', url: 'mqtt://127.0.0.1:1', username: 'stash' });
    expect(await kept()).toMatchObject({
      mqtt: { password: 'mqtt-secret' },
      home_assistant: { url: 'http://127.0.0.1:1', token: 'a-long-lived-token' },
      targets: [
        { name: 'Bucket', settings: { bucket: 'backups', secret_key: 's3-secret' } },
        { name: 'Disk', settings: { kind: 'folder', path: join(dir, 'disk') } },
      ],
    });
    expect(await about()).toMatchObject({
      provided: { settings: ['general', 'home_assistant', 'mqtt', 'targets'], problem: null },
    });
    const said = core.lines.join('');
    for (const secret of ['mqtt-secret', 's3-secret', 'a-long-lived-token'])
      expect(said).not.toContain(secret);
  });

  test('changes nothing with the next start, and what it names wins over what was set since', async () => {
    write(WHOLE);
    await start();
    await core.client.call('GET', '/api/v1/recovery-key');
    const person = await core.person(PASSWORD);
    // the address is another one each time
    const all = () => snapshot(core.dataDir).replace(/"listener\\.+/, '');
    await core.stop();
    const before = all();
    await core.start();
    expect(all()).toBe(before);
    const again = new Person(core.url);
    again.cookie = person.cookie;
    await again.call('PATCH', '/api/v1/settings', { name: 'Attic', overdue_days: 9 });
    await restart('name: Cellar');
    expect(await settings()).toMatchObject({ name: 'Cellar', overdue_days: 9 });
    // what it no longer names stays
    expect(await core.client.targets()).toHaveLength(2);
    expect(await mqtt()).toMatchObject({ username: 'stash' });
  });

  test('a target at the same place is changed and stays the same one; another place is another one', async () => {
    write(WHOLE);
    await start();
    const [bucket] = await core.client.targets();
    await restart(WHOLE.replace('name: Bucket', 'name: Cloud').replace('the-key', 'another-key'));
    const changed = await core.client.targets();
    expect(changed.find(({ id }) => id === bucket?.id)).toMatchObject({
      name: 'Cloud',
      unique_id: bucket?.unique_id,
      settings: { access_key: 'another-key' },
    });
    expect(changed).toHaveLength(2);
    await restart(WHOLE.replace('bucket: backups', 'bucket: others'));
    expect((await core.client.targets()).map(({ name }) => name).toSorted()).toEqual([
      'Bucket',
      'Cloud',
      'Disk',
    ]);
  });

  test('a folder is made ready as if a person had added it, at once or when its disk is there', async () => {
    const path = join(dir, 'mount/disk');
    write(`targets:\n  - name: Disk\n    kind: folder\n    path: ${path}\n`);
    await start();
    const read = async () => (await core.client.targets())[0];
    const { id = '' } = (await read()) ?? {};
    await waitFor('the first look', async () => (await read())?.problem);
    expect(await read()).toMatchObject({ name: 'Disk', problem: { code: 'target_folder_missing' } });
    await core.stop();
    mkdirSync(join(dir, 'mount'));
    await core.start();
    await waitFor('a better look', async () => (await read())?.problem === null);
    const { backup, archive } = makeBackup();
    await core.client.upload(id, backup, archive);
    expect((await core.client.list(id, 0)).backups).toHaveLength(1);
    // once in use, a disk that lost its mark is one that is not mounted
    rmSync(path, { recursive: true });
    await restart(readFileSync(file(), 'utf8'));
    await waitFor('the next look', async () => (await read())?.problem);
    expect(existsSync(path)).toBe(false);
  });

  test.for([
    ['mqtt:\n  url: http://broker', 'line 2, mqtt.url: an address such as'],
    ['name: A\nmqtt:\n  username: b', 'line 3, mqtt.url: '],
    ['name: A\nnmae: B', 'line 2, nmae: not known here'],
    ['overdue_days: often', 'line 1, overdue_days: number expected'],
    ['targets:\n  - name: A\n    kind: tape', 'line 3, targets.0.kind'],
    ['targets:\n  - name: A\n    kind: s3\n    bucket: b\n    acess_key: c', 'line 5, targets.0.acess_key'],
    ['targets:\n  - kind: folder', 'line 2, targets.0.name'],
    [
      'home_assistant:\n  url: http://h\n  token_file: /nowhere/t',
      'line 3, home_assistant.token_file: the file /nowhere/t cannot',
    ],
    [
      'home_assistant:\n  url: http://h\n  token: a\n  token_file: b',
      'line 4, home_assistant.token_file: either this or token',
    ],
    ['a: [', 'line 1: no YAML'],
    ['name: A\nname: B', 'line 2: no YAML (DUPLICATE_KEY)'],
    ['- list', 'line 1: names with values expected'],
  ] as const)('%j is wrong, and it is said where', async ([yaml, said]) => {
    write('name: Before');
    await start();
    await core.client.call('GET', '/api/v1/recovery-key');
    await restart(`${yaml}`);
    expect(await problem()).toMatchObject({
      code: 'provisioning_wrong',
      title: expect.stringContaining(said),
    });
    // it runs as before
    expect(await settings()).toMatchObject({ name: 'Before' });
    expect(core.lines.some((line) => line.includes('nothing of them was taken'))).toBe(true);
    expect(core.defects()).toEqual([]);
    await restart('name: After');
    expect(await problem()).toBeNull();
    expect(await settings()).toMatchObject({ name: 'After' });
  });

  test('one mistake, and nothing of it is taken', async () => {
    write(WHOLE.replace('kind: folder', 'kind: tape'));
    await start();
    expect(await settings()).toMatchObject({ name: 'Homestash' });
    expect((await core.client.targets()).map(({ name }) => name)).toEqual(['Local folder']);
    const { notices } = await core.client.call<Overview>('GET', '/api/v1/overview');
    expect(notices).toContainEqual(
      expect.objectContaining({
        code: 'provisioning_wrong',
        action: 'open_about',
        text: expect.stringContaining('targets.1.kind'),
      }),
    );
    expect(await mqtt()).toMatchObject({ source: 'none' });
  });

  test('a mistake repeats no secret', async () => {
    write('mqtt:\n  url: mqtt://b\n  password: [my-secret-word]\nsecret-name: "my-secret-word');
    await start();
    expect(JSON.stringify(await about()) + core.lines.join('')).not.toContain('my-secret-word');
  });

  test('that is named and not there is a mistake; one that is only looked for is none', async () => {
    await start();
    expect(await problem()).toMatchObject({ title: expect.stringContaining('cannot be read (ENOENT)') });
    await start({}, false);
    expect(await problem()).toBeNull();
  });

  test('is looked for among the data, or where the environment says', () => {
    expect(readEnvironment({ HOMESTASH_DATA: '/data' }).provisioning).toEqual({
      file: '/data/homestash.yaml',
      required: false,
      variables: {},
    });
    expect(readEnvironment({ HOMESTASH_CONFIG: '/etc/stash.yaml' }).provisioning).toMatchObject({
      file: '/etc/stash.yaml',
      required: true,
    });
  });
});

describe('the environment', () => {
  const variables = () => ({
    HOMESTASH_NAME: 'Attic',
    HOMESTASH_CORS_ORIGINS: 'https://a.example.org, https://b.example.org',
    HOMESTASH_OVERDUE_DAYS: '7',
    HOMESTASH_MQTT_URL: 'mqtt://127.0.0.1:1',
    HOMESTASH_MQTT_USERNAME: 'env',
    HOMESTASH_MQTT_PASSWORD_FILE: join(dir, 'mqtt'),
    HOMESTASH_HOME_ASSISTANT_URL: 'http://127.0.0.1:1',
    HOMESTASH_HOME_ASSISTANT_TOKEN: 'env-token',
    HOMESTASH_TARGET_1_NAME: 'Bucket',
    HOMESTASH_TARGET_1_KIND: 's3',
    HOMESTASH_TARGET_1_ENDPOINT: 'http://127.0.0.1:1',
    HOMESTASH_TARGET_1_BUCKET: 'backups',
    HOMESTASH_TARGET_1_ACCESS_KEY: 'the-key',
    HOMESTASH_TARGET_1_SECRET_KEY_FILE: join(dir, 's3'),
    HOMESTASH_TARGET_1_UPLOAD_LIMIT_MBIT: '20',
    HOMESTASH_TARGET_1_DELETE_VERSIONS: 'true',
    HOMESTASH_TARGET_2_NAME: 'Disk',
    HOMESTASH_TARGET_2_KIND: 'folder',
    HOMESTASH_TARGET_2_PATH: join(dir, 'disk'),
  });

  test('provides the same, in the types that the settings have', async () => {
    await start(
      readEnvironment({ ...variables(), HOMESTASH_BIND: '127.0.0.1' }).provisioning?.variables,
      false,
    );
    expect(await problem()).toBeNull();
    expect(await settings()).toEqual({
      name: 'Attic',
      cors_origins: ['https://a.example.org', 'https://b.example.org'],
      language: 'auto',
      overdue_days: 7,
    });
    expect(await kept()).toMatchObject({
      mqtt: { username: 'env', password: 'mqtt-secret' },
      home_assistant: { token: 'env-token' },
      targets: [
        {
          name: 'Bucket',
          settings: { secret_key: 's3-secret', upload_limit_mbit: 20, delete_versions: true },
        },
        { name: 'Disk', settings: { kind: 'folder' } },
      ],
    });
  });

  test('counts over the file, name by name', async () => {
    write(WHOLE);
    await start({ HOMESTASH_NAME: 'Attic', HOMESTASH_MQTT_PASSWORD: 'from-env' });
    expect(await settings()).toMatchObject({ name: 'Attic', overdue_days: 4 });
    expect(await kept()).toMatchObject({ mqtt: { username: 'stash', password: 'from-env' } });
  });

  test.for([
    [{ HOMESTASH_OVERDUE_DAYS: 'often' }, 'HOMESTASH_OVERDUE_DAYS: number expected'],
    [{ HOMESTASH_MQTT_URL: 'http://broker' }, 'HOMESTASH_MQTT_URL: an address such as'],
    [
      { HOMESTASH_MQTT_URL: 'mqtt://b', HOMESTASH_MQTT_PASSWROD: 'x' },
      'HOMESTASH_MQTT_PASSWROD: not known here',
    ],
    [{ HOMESTASH_TARGET_3_NAME: 'A', HOMESTASH_TARGET_3_KIND: 's3' }, 'HOMESTASH_TARGET_3_…'],
    [{ HOMESTASH_TARGET_1_NAME: 'A', HOMESTASH_TARGET_1_KIND: 'tape' }, 'HOMESTASH_TARGET_1_KIND'],
  ] as const)('%j is wrong, and it is said which', async ([given, said]) => {
    await start(given, false);
    expect(await problem()).toMatchObject({
      code: 'provisioning_wrong',
      title: expect.stringContaining(said),
    });
    expect(await settings()).toMatchObject({ name: 'Homestash' });
  });
});

test('the example in the documentation is right', async () => {
  const text = readFileSync(new URL('../../docs/provisioning.md', import.meta.url), 'utf8');
  const example = /```yaml\n([\s\S]+?)```/.exec(text)?.[1] ?? '';
  mkdirSync(join(dir, 'run'));
  for (const name of ['mqtt_password', 'home_assistant_token', 's3_secret_key'])
    writeFileSync(join(dir, 'run', name), 'secret');
  writeFileSync(join(dir, 'run', 'ntfy_address'), 'https://ntfy.sh/a-secret-topic');
  writeFileSync(file(), example.replaceAll('/run/secrets', join(dir, 'run')));
  await start();
  expect(await about()).toMatchObject({
    provided: { settings: ['general', 'home_assistant', 'mqtt', 'webhooks', 'targets'], problem: null },
  });
  const { webhooks } = await core.client.call<{ webhooks: object[] }>('GET', '/api/v1/webhooks');
  expect(webhooks).toMatchObject([{ name: 'Phone', kind: 'ntfy', host: 'ntfy.sh', severity: 'error' }]);
});

test('devices are provided, changed and not doubled, and what is wrong in one is told', async () => {
  const device = new SmallDevice();
  await device.server.start();
  try {
    writeFileSync(join(dir, 'pin'), 'open-sesame');
    const yaml = (name: string, more = '') =>
      `devices:\n  - kind: wled\n    name: ${name}\n    address: ${device.address}\n    pin_file: SECRETS/pin\n${more}`;
    write(yaml('Shelf'));
    const list = async () =>
      (await core.client.call<{ devices: Device[] }>('GET', '/api/v1/devices')).devices;
    await start();
    const [first] = await waitFor('its first backup', async () => {
      const devices = await list();
      return devices[0]?.backed_up_at ? devices : undefined;
    });
    expect(first).toMatchObject({ name: 'Shelf', schedule: 'daily', secrets: ['pin'] });
    write(yaml('Other', '    schedule: weekly\n'));
    await core.stop();
    await core.start();
    expect(await list()).toMatchObject([{ id: first?.id, name: 'Other', schedule: 'weekly' }]);
    for (const wrong of ['    nonsense: 1\n', '    schedule: sometimes\n']) {
      write(yaml('Third', wrong));
      await core.stop();
      await core.start();
      expect(await list()).toMatchObject([{ name: 'Other' }]);
      const overview = await core.client.call<Overview>('GET', '/api/v1/overview');
      expect(overview.notices.map(({ code }) => code)).toContain('provisioning_wrong');
    }
  } finally {
    await device.server.stop();
  }
});
