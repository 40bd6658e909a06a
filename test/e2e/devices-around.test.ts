import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FoundDevices } from '../../src/contract/index.ts';
import { haveOwnNetwork, inOwnNetwork } from '../harness/own-network.ts';
import { haveReferees } from '../harness/referee.ts';

/** Home Assistant starts, hears, and sets a device up (milliseconds). */
const SCENE_MS = 180_000;

describe.skipIf(!haveOwnNetwork() || !haveReferees())('devices that a real Home Assistant knows', () => {
  test('are found: what announced itself to it, and what is set up there', {
    timeout: SCENE_MS,
  }, async () => {
    const scene = join(import.meta.dirname, '../devices/network-scene.ts');
    const found = (await inOwnNetwork(scene, ['home-assistant'], SCENE_MS)) as {
      told: FoundDevices;
      setUp: FoundDevices;
      defects: string[];
    };
    const shelf = { kind: 'wled', name: 'Shelf', source: 'home_assistant', identity: { id: 'aabbccddeeff' } };
    expect(found.told.devices).toMatchObject([shelf]);
    expect(found.setUp.devices.toSorted((one, other) => one.name.localeCompare(other.name))).toMatchObject([
      { kind: 'wled', name: 'Kitchen', address: '10.55.0.2', source: 'home_assistant', known_as: null },
      shelf,
    ]);
    expect(found.defects).toEqual([]);
  });
});
