import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ImportReport, RecoveryKey } from '../../src/contract/index.ts';
import { snapshot } from '../api/snapshot.ts';
import { makeBackup } from '../harness/archives.ts';
import { keepCheapPassword } from '../harness/cheap-password.ts';
import { CoreClient } from '../harness/core-client.ts';
import type { LocalCore } from '../harness/local-core.ts';
import { Person } from '../harness/person.ts';
import { bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import { documentOf, PASSPHRASE, sealed, unsealed } from './sealed.ts';

const PASSWORD = 'a long enough one';

// several cores, and passphrases with their real work: on a busy machine that takes its time
vi.setConfig({ testTimeout: 120_000 });

let stage: Stage;

beforeEach(() => {
  stage = new Stage('transfer');
});
afterEach(() => stage.close());

/** What a browser would save. */
function download(person: Person): Promise<{ file: Buffer; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const headers = { origin: person.url, cookie: person.cookie ?? '' };
    const outgoing = request(`${person.url}/api/v1/export`, { method: 'POST', headers }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ file: Buffer.concat(chunks), headers: response.headers });
    });
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify({ passphrase: PASSPHRASE }));
  });
}

function send(person: Person, file: Buffer, passphrase = PASSPHRASE) {
  return person.call<ImportReport>('POST', '/api/v1/import', { passphrase, file: file.toString('base64') });
}

/** Takes a file over, and starts anew as `serve` does it. */
async function takeOver(core: LocalCore, file: Buffer): Promise<{ report: ImportReport; person: Person }> {
  const report = await send(await core.person(PASSWORD), file);
  if (report.code) throw new Error(JSON.stringify(report));
  await core.outdated;
  await core.stop();
  await core.start();
  const person = new Person(core.url);
  await person.signIn(PASSWORD);
  return { report, person };
}

const PARTS = {
  instance: { id: 'abcdefgh23456722', name: 'Homestash' },
  general: { name: 'Cellar', cors_origins: ['https://dash.example.org'], overdue_days: 4 },
  tokens: [
    {
      id: 'abc',
      name: 'Home Assistant',
      hash: 'a'.repeat(64),
      created_at: 1_790_000_000_000,
      last_used_at: null,
    },
  ],
  recovery_key: {
    recipient: 'age1jjqh82vx9velyel0eukh9z59r6tx4h0wkpenpp25qm0cyn3q5vnqwnucr8',
    identity: 'AGE-SECRET-KEY-1YFH42EVQWHSWNQJC2VHL64K2NDT3E428H0HK55MWT23V4W7NH59QZ6GZCD',
    created_at: 1_790_000_000_000,
    kept_at: 1_790_000_100_000,
  },
  home_assistant: { url: 'http://127.0.0.1:1', token: 'a-long-lived-token' },
  mqtt: {
    url: 'mqtt://127.0.0.1:1',
    username: 'stash',
    password: 'mqtt secret',
    ca_certificate: '',
    client_certificate: '',
    client_key: '',
    discovery_prefix: 'homeassistant',
  },
  targets: [
    {
      name: 'Bucket',
      settings: {
        kind: 's3',
        endpoint: 'http://127.0.0.1:1',
        region: 'eu',
        bucket: 'backups',
        folder: 'homeassistant/backups',
        access_key: 'the-key',
        secret_key: 'the-secret-key',
        path_style: 'on',
      },
      id: 'bucketbucket2222',
      unique_id: '0123456789abcdef',
      created_at: 1_790_000_000_000,
      place_id: null,
    },
  ],
};

describe('a move to another box', () => {
  test('brings targets with their backups, tokens and the recovery key, and the core is the same one', async () => {
    const server = await stage.s3();
    const old = await stage.localCore();
    const oldPerson = await old.person(PASSWORD);
    await oldPerson.call('PATCH', '/api/v1/settings', { name: 'Cellar' });
    const target = await old.client.addTarget(bucketInput(server, 'Bucket'));
    const { backup, archive } = makeBackup();
    await old.client.upload(target.id, backup, archive);
    const before = {
      info: await old.client.info(),
      key: await oldPerson.call<RecoveryKey>('POST', '/api/v1/recovery-key/reveal'),
      local: await old.firstTarget(),
    };
    const { file, headers } = await download(oldPerson);
    expect(headers['content-type']).toBe('application/octet-stream');
    expect(headers['content-disposition']).toMatch(/^attachment; filename="homestash-\d{4}-\d\d-\d\d\.age"$/);
    expect(file.toString('latin1')).toMatch(/^age-encryption\.org\/v1\n-> scrypt /);
    await old.stop();

    const young = await stage.localCore();
    const { report, person } = await takeOver(young, file);
    expect(report).toEqual({
      targets: 2,
      settings: expect.arrayContaining(['instance', 'general', 'tokens', 'recovery_key']),
    });
    expect(await young.client.info()).toMatchObject({
      instance_id: before.info.instance_id,
      name: 'Cellar',
    });
    expect(await person.call('POST', '/api/v1/recovery-key/reveal')).toEqual(before.key);
    // the token of the old box, and that which the new one had already
    const paired = new CoreClient(young.url, old.client.token);
    expect((await young.client.tokens()).length).toBe(2);
    const targets = await paired.targets();
    expect(targets.map(({ id, unique_id, name }) => ({ id, unique_id, name }))).toEqual(
      [before.local, target].map(({ id, unique_id, name }) => ({ id, unique_id, name })),
    );
    // the folder beside the data is the one of the new box
    expect(targets[0]?.settings).toMatchObject({ path: join(young.dataDir, 'backups') });
    await waitFor('the list', async () => (await paired.list(target.id)).backups.length > 0);
    expect((await paired.download(target.id, backup.backup_id)).equals(archive)).toBe(true);
    expect(young.defects()).toEqual([]);
  });

  test('what was taken over goes out again as it came', async () => {
    const core = await stage.localCore();
    const { person } = await takeOver(core, await sealed(documentOf(PARTS)));
    const { format, version, parts } = await unsealed((await download(person)).file);
    expect({ format, version }).toEqual({ format: 'homestash-export', version: 1 });
    const { targets = [], tokens = [], ...rest } = parts as { targets?: object[]; tokens?: object[] };
    const {
      targets: [bucket],
      tokens: [token],
      ...expected
    } = PARTS;
    expect(rest).toEqual(expected);
    expect(targets).toContainEqual({ ...bucket, settings: expect.objectContaining(bucket?.settings ?? {}) });
    expect(tokens).toContainEqual(token);
    expect(await core.client.call('GET', '/api/v1/mqtt')).toMatchObject({
      source: 'settings',
      username: 'stash',
    });
    expect(await core.client.call('GET', '/api/v1/home-assistant')).toMatchObject({
      url: 'http://127.0.0.1:1',
    });
    for (const secret of [
      'mqtt secret',
      'the-secret-key',
      'a-long-lived-token',
      PASSPHRASE,
      'AGE-SECRET-KEY',
    ])
      expect(core.lines.join('')).not.toContain(secret);
  });

  test('a box that has something already: the same place is changed, not doubled, and the rest stays', async () => {
    const server = await stage.s3(['backups', 'others']);
    const core = await stage.localCore();
    const own = await core.client.addTarget(bucketInput(server, 'Mine'));
    const other = await core.client.addTarget(bucketInput(server, 'Other', { bucket: 'others' }));
    const local = await core.firstTarget();
    const [bucket] = PARTS.targets;
    const file = await sealed(
      documentOf({ targets: [{ ...bucket, ...bucketInput(server, 'From before') }] }),
    );
    for (let again = 0; again < 2; again += 1) {
      const { report } = await takeOver(core, file);
      expect(report).toEqual({ targets: 1, settings: [] });
      const targets = await core.client.targets();
      expect(targets.map(({ id, name }) => ({ id, name }))).toEqual(
        expect.arrayContaining([
          { id: local.id, name: 'Local folder' },
          { id: other.id, name: 'Other' },
          { id: bucket?.id, name: 'From before' },
        ]),
      );
      expect(targets).toHaveLength(3);
    }
    expect(own.unique_id).not.toBe(bucket?.unique_id);
    expect(await core.client.info()).toMatchObject({ name: 'Homestash' });
  });
});

describe('what cannot be taken over', () => {
  let core: LocalCore;
  let person: Person;
  let before: string;

  beforeEach(async () => {
    core = await stage.localCore();
    person = await core.person(PASSWORD);
    await core.client.call('GET', '/api/v1/recovery-key');
    before = snapshot(core.dataDir);
  });
  afterEach(async () => {
    expect(snapshot(core.dataDir), 'nothing has changed').toBe(before);
    expect(core.defects()).toEqual([]);
  });

  test('another passphrase', async () => {
    const file = await sealed(documentOf(PARTS));
    expect(await send(person, file, 'correct horse batteri')).toMatchObject({
      code: 'import_wrong_passphrase',
      status: 422,
    });
  });

  test.for([
    ['no file of age', async () => Buffer.from('PK\x03\x04 something else')],
    ['one that was cut', async () => (await sealed(documentOf(PARTS))).subarray(0, -40)],
    ['one with something else in it', () => sealed('{"format":"other"}')],
    ['one with no JSON in it', () => sealed('text')],
  ] as const)('%s', async ([, make]) => {
    expect(await send(person, await make())).toMatchObject({ code: 'import_not_export', status: 422 });
  });

  test('one that a newer version made', async () => {
    const file = await sealed(documentOf(PARTS, { version: 2, made_by: '9.0.0' }));
    expect(await send(person, file)).toMatchObject({
      code: 'import_newer',
      params: { version: '9.0.0' },
    });
  });

  test.for([
    [{ ...PARTS, satellites: {} }, 'satellites'],
    [{ ...PARTS, general: { name: '' } }, 'general.name'],
    [{ ...PARTS, targets: [...PARTS.targets, { name: 'Half', settings: { kind: 's3' } }] }, 'targets.1'],
    [{ ...PARTS, tokens: [{ ...PARTS.tokens[0], hash: 'short' }] }, 'tokens.0.hash'],
    [{ ...PARTS, mqtt: { url: 'http://nowhere' } }, 'mqtt.url'],
  ] as const)('one in which something is wrong (%#)', async ([parts, place]) => {
    const answer = await send(person, await sealed(documentOf(parts)));
    expect(answer).toMatchObject({ code: 'import_invalid', status: 422 });
    expect(JSON.stringify(answer)).toContain(place);
    expect(JSON.stringify(answer)).not.toContain('the-secret-key');
  });
});

test('while a backup is on its way, nothing is taken over that would cut it', async () => {
  const core = await stage.localCore();
  const person = await core.person(PASSWORD);
  const { id } = await core.firstTarget();
  const { backup } = makeBackup();
  const upload = await core.client.announce(id, backup);
  expect(await send(person, await sealed(documentOf({})))).toMatchObject({
    code: 'transfer_busy',
    status: 409,
  });
  await core.client.call('DELETE', `/api/v1/targets/${id}/uploads/${upload.id}`);
  expect(await send(person, await sealed(documentOf({})))).toEqual({ targets: 0, settings: [] });
});

test('a kill -9 right after the answer loses nothing of it', async () => {
  const core = await stage.core();
  const person = new Person(core.url);
  keepCheapPassword(core.dataDir, PASSWORD);
  await person.signIn(PASSWORD);
  const { targets, general, instance } = PARTS;
  await send(person, await sealed(documentOf({ targets, general, instance })));
  await core.kill9();
  await core.start();
  expect(await core.client.info()).toMatchObject({ instance_id: instance.id, name: general.name });
  expect((await core.client.targets()).map(({ name }) => name)).toContain('Bucket');
});

test('the program starts anew by itself, in the same process and at the same address', async () => {
  const core = await stage.core();
  const person = new Person(core.url);
  keepCheapPassword(core.dataDir, PASSWORD);
  await person.signIn(PASSWORD);
  const { pid } = core.program;
  await send(person, await sealed(documentOf({ instance: PARTS.instance })));
  await waitFor('the core to be another one', async () => {
    const { instance_id } = await core.client.info();
    return instance_id === PARTS.instance.id;
  });
  expect(core.program.pid).toBe(pid);
  expect(await person.session()).toMatchObject({ state: 'signed_in' });
  expect(await core.program.stop()).toEqual({ code: 0, signal: null });
});
