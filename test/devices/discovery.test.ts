import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Device, FoundDevices } from '../../src/contract/index.ts';
import { freePort } from '../harness/free-port.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { haveOwnNetwork, inOwnNetwork } from '../harness/own-network.ts';
import { DeviceServer } from '../simulators/devices/server.ts';
import { WledController } from '../simulators/devices/wled.ts';
import { SmallDevice } from './wled-like.ts';

/** It announces, listens for seconds, and starts a core (milliseconds). */
const SCENE_MS = 90_000;

let core: LocalCore;
const ends: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  core = await startLocalCore({});
});
afterEach(async () => {
  await core.remove();
  for (const end of ends.splice(0)) await end();
});

async function started<One extends { readonly server: DeviceServer }>(one: One): Promise<One> {
  await one.server.start();
  ends.push(() => one.server.stop());
  return one;
}

const look = (addresses: string) =>
  core.client.call<FoundDevices>('POST', '/api/v1/devices/discover', { addresses });

describe('addresses that are pasted in', () => {
  test('say what is there, what is known already, and where nothing was recognised', async () => {
    const lamp = await started(new SmallDevice());
    const kitchen = await started(new WledController());
    const page = '<html><title>Printer</title></html>';
    const { server: printer } = await started({
      server: new DeviceServer((_, response) => response.end(page)),
    });
    const known = await core.client.call<Device>('POST', '/api/v1/devices', {
      kind: 'wled',
      name: 'Over the shelf',
      settings: { address: lamp.address },
    });
    const nobody = `127.0.0.1:${await freePort()}`;
    const bare = kitchen.server.address.replace('http://', '');
    const found = await look(`${lamp.address}, ${bare};\n${printer.address}\t${nobody}\n${bare}`);
    expect(found.devices.toSorted((one, other) => one.name.localeCompare(other.name))).toMatchObject([
      {
        ...{ kind: 'wled', kind_name: 'WLED', name: 'Kitchen', address: bare, source: 'address' },
        ...{ known_as: null, identity: { id: 'a0b1c2d3e4f5', chip: 'esp32' } },
      },
      { kind: 'wled', name: 'Shelf', address: lamp.address, known_as: known.id },
    ]);
    expect(found.unknown.toSorted()).toEqual([printer.address, nobody].toSorted());
  });

  // Homestash looks where web pages are, and that port is not for everybody
  test.skipIf(process.getuid?.() !== 0)(
    'may be a network, of which only those are told that were recognised',
    async () => {
      const kitchen = new WledController();
      await kitchen.server.start(80, '127.0.55.6');
      ends.push(() => kitchen.server.stop());
      const found = await look('127.0.55.0/29');
      expect(found).toMatchObject({ devices: [{ name: 'Kitchen', address: '127.0.55.6' }], unknown: [] });
    },
  );

  test('no password goes to any of them', async () => {
    const seen: string[] = [];
    const server = new DeviceServer((request, response) => {
      seen.push(`${request.method} ${request.headers.authorization ?? ''}`);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const { server: listener } = await started({ server });
    expect(await look(listener.address)).toEqual({ devices: [], unknown: [listener.address] });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((one) => !/^(GET|POST) $/.test(one))).toEqual([]);
  });

  test.each([
    'http:/box',
    '10.0.0.0/16',
    'http://user:pass@192.168.1.1/',
    '10.0.0.0/24 10.0.1.0/24 10.0.2.0/24',
  ])('%s is none', async (address) => {
    await expect(look(address)).rejects.toThrow('invalid_request');
  });
});

test.skipIf(!haveOwnNetwork())(
  'a device that announces itself in the network is found by that, and by nobody who was asked in particular',
  { timeout: SCENE_MS },
  async () => {
    const { heard, defects } = (await inOwnNetwork(
      join(import.meta.dirname, 'network-scene.ts'),
      [],
      SCENE_MS,
    )) as { heard: FoundDevices; defects: string[] };
    expect(heard.devices).toMatchObject([
      { kind: 'wled', name: 'Shelf', source: 'network', known_as: null, identity: { id: 'aabbccddeeff' } },
    ]);
    expect(heard.devices[0]?.address).toMatch(/^10\.55\.0\.1:\d+$/);
    expect(defects).toEqual([]);
  },
);
