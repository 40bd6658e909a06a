import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Decrypter, Encrypter } from 'age-encryption';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RecoveryKey, RecoveryKeyState } from '../../src/contract/index.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { Person } from '../harness/person.ts';

const PASSWORD = 'a long enough one';

let core: LocalCore;
let person: Person;

beforeEach(async () => {
  core = await startLocalCore();
  person = await core.person(PASSWORD);
  // made behind the start
  await state();
});
afterEach(() => core.remove());

const state = () => core.client.call<RecoveryKeyState>('GET', '/api/v1/recovery-key');
const reveal = () => person.call<RecoveryKey>('POST', '/api/v1/recovery-key/reveal');
const keep = () => person.call<RecoveryKeyState>('POST', '/api/v1/recovery-key/kept');

async function restart(): Promise<void> {
  await core.stop();
  await core.start();
  person = new Person(core.url);
  await person.signIn(PASSWORD);
}

test('the first start makes one, and it stays; both halves belong together', async () => {
  const made = await state();
  expect(made).toMatchObject({ recipient: expect.stringMatching(/^age1[a-z0-9]{58}$/), kept_at: null });
  expect(Date.parse(made.created_at)).toBeGreaterThan(Date.now() - 60_000);
  const { identity } = await reveal();
  const encrypter = new Encrypter();
  encrypter.addRecipient(made.recipient);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  expect(await decrypter.decrypt(await encrypter.encrypt('precious'), 'text')).toBe('precious');
  await restart();
  expect(await state()).toEqual(made);
  expect(await reveal()).toEqual({ identity });
});

test('its secret half stands in no file and in no line, also after it was shown', async () => {
  const { identity } = await reveal();
  await person.call('GET', '/api/v1/log');
  await core.stop();
  expect(core.lines.join('')).toContain('the recovery key was shown');
  expect(core.lines.join('')).not.toContain(identity);
  const files = readdirSync(core.dataDir, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  for (const { parentPath, name } of files) {
    expect(readFileSync(join(parentPath, name)).includes(identity), name).toBe(false);
  }
});

test('that it is kept is said once, told to everybody, and remembered', async () => {
  const listener = new Person(core.url);
  await listener.signIn(PASSWORD);
  const { heard } = await listener.follow();
  const kept = await keep();
  expect(Date.parse(kept.kept_at ?? '')).toBeGreaterThan(Date.now() - 60_000);
  expect(await keep()).toEqual(kept);
  await listener.signOut();
  expect((await heard).split('event: recovery_key_changed')).toHaveLength(2);
  await restart();
  expect(await state()).toEqual(kept);
});

test('without the key file: one that a person keeps stays the one, and cannot be shown', async () => {
  const kept = await keep();
  await core.stop();
  rmSync(join(core.dataDir, 'secret.key'));
  await restart();
  expect(await state()).toEqual(kept);
  expect(await reveal()).toMatchObject({ code: 'recovery_key_lost', status: 409 });
});

test('without the key file: one that nobody has is replaced, since it opens nothing any more', async () => {
  const { recipient } = await state();
  await core.stop();
  rmSync(join(core.dataDir, 'secret.key'));
  await restart();
  expect((await state()).recipient).not.toBe(recipient);
  expect((await reveal()).identity).toMatch(/^AGE-SECRET-KEY-1/);
});
