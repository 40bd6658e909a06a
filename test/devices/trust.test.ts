import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Device } from '../../src/contract/index.ts';
import { type CertificateFiles, makeCertificate } from '../harness/certificate.ts';
import { ForwardClock } from '../harness/forward-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { temporaryFolder } from '../harness/temporary.ts';
import { waitFor } from '../harness/wait-for.ts';
import { SmallDevice } from './wled-like.ts';

const usual = getCACertificates('default');
const dir = temporaryFolder('certificates');
const [first, renewed, unknown] = ['first', 'renewed', 'unknown'].map((name) =>
  makeCertificate(join(dir, name)),
);

let core: LocalCore;
let device: SmallDevice;

beforeEach(async () => {
  // as if these two came from a public authority
  setDefaultCACertificates([...usual, ...[first, renewed].map((one) => one?.authority ?? '')]);
  core = await startLocalCore({ clock: new ForwardClock() });
});
afterEach(async () => {
  setDefaultCACertificates(usual);
  await core.remove();
  await device.server.stop();
});

const ended = async () =>
  (await core.client.operations()).filter(
    ({ kind, state }) => kind === 'device_backup' && state !== 'running',
  );

/** Puts the device behind another certificate, and backs it up. */
async function behind(
  certificate: CertificateFiles | undefined,
  id: string,
  host = '127.0.0.1',
): Promise<Device> {
  const { port } = device.server;
  await device.server.stop();
  device = new SmallDevice('aabbccddeeff', certificate);
  await device.server.start(port, host);
  const before = (await ended()).length;
  await core.client.call('POST', '/api/v1/commands/back_up_device', { device_id: id });
  await waitFor('the backup to end', async () => (await ended()).length > before);
  return core.client.call<Device>('GET', `/api/v1/devices/${id}`);
}

/** Adds the device behind a certificate. */
async function added(certificate: CertificateFiles | undefined, host = '127.0.0.1'): Promise<string> {
  device = new SmallDevice('aabbccddeeff', certificate);
  await device.server.start(0, host);
  const settings = { address: device.address };
  const { id } = await core.client.call<Device>('POST', '/api/v1/devices', { kind: 'wled', settings });
  await waitFor('its first backup', async () => (await ended()).length === 1);
  return id;
}

test('a certificate that a public authority vouches for may be renewed, and is not replaced by any other', async () => {
  const id = await added(first);
  expect(await behind(renewed, id)).toMatchObject({ problem: null, given_up: false });
  expect(await behind(unknown, id)).toMatchObject({ problem: { code: 'device_pin' }, given_up: true });
});

test('a device that signed its own may get one from a public authority, and stays with those', async () => {
  const id = await added(unknown);
  expect(await behind(first, id)).toMatchObject({ problem: null, given_up: false });
  expect(await behind(renewed, id)).toMatchObject({ problem: null, given_up: false });
  expect(await behind(unknown, id)).toMatchObject({ problem: { code: 'device_pin' } });
});

test('a certificate for another name is one like any that is met first', async () => {
  const id = await added(first, '127.0.0.2');
  expect(await behind(first, id, '127.0.0.2')).toMatchObject({ problem: null });
  expect(await behind(renewed, id, '127.0.0.2')).toMatchObject({ problem: { code: 'device_pin' } });
});
