import {
  type Artefact,
  type Device,
  type Difference,
  type Language,
  PATHS,
} from '../../src/contract/index.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { wordProblem } from '../../src/kernel/texts.ts';
import type { FakeCore } from './fake-core.ts';
import { hoursAgo } from './shapes.ts';

const IDENTITY = { id: 'aabbccddeeff', name: 'Shelf', model: 'WLED', firmware: '0.15.1', chip: 'esp32' };

/** A device that is well. */
export function keptDevice(change: Partial<Device> = {}): Device {
  return {
    id: 'shelf',
    kind: 'wled',
    kind_name: 'WLED',
    name: 'Shelf',
    settings: { address: '192.168.1.40' },
    secrets: ['pin'],
    schedule: 'daily',
    hours: '',
    retry: true,
    keep: { last: 10, days: 30, generations: true },
    identity: IDENTITY,
    created_at: hoursAgo(900),
    tried_at: hoursAgo(7),
    backed_up_at: hoursAgo(7),
    changed_at: hoursAgo(31),
    next_at: hoursAgo(-17),
    problem: null,
    failures: 0,
    given_up: false,
    needs_person: false,
    artefacts: 3,
    bytes: 14_200,
    kept_bytes: 39_000,
    copies: 1,
    restorable: true,
    ...change,
  };
}

/** A saved configuration of it. */
export function savedOnce(change: Partial<Artefact> = {}): Artefact {
  return {
    id: 'newest',
    made_at: hoursAgo(31),
    seen_at: hoursAgo(7),
    good: true,
    problem: null,
    pinned: false,
    bytes: 14_200,
    identity: IDENTITY,
    files: [
      { number: 1, name: 'cfg.json', stored_as: 'backup_cfg.json', size: 9_000, sha256: 'a'.repeat(64) },
      {
        number: 2,
        name: 'presets.json',
        stored_as: 'backup_presets.json',
        size: 5_200,
        sha256: 'b'.repeat(64),
      },
    ],
    added: 1,
    removed: 2,
    ...change,
  };
}

const row = (number: number, old: string | null, fresh: string | null = old) => ({
  old_number: old === null ? null : number,
  old_text: old,
  new_number: fresh === null ? null : number,
  new_text: fresh,
});

/** What is different in the newest. */
export const DIFFERENCE: Difference = {
  from: 'first',
  to: 'newest',
  files: [
    {
      name: 'cfg.json',
      state: 'changed',
      added: 1,
      removed: 2,
      parts: [
        [
          row(11, '  "id": {'),
          row(12, '    "name": "Shelf",', '    "name": "Shelf above the long table in the living room",'),
          row(13, '    "password": "••••••",'),
          row(14, '    "sync": true', null),
        ],
      ],
      cut: false,
    },
    { name: 'presets.json', state: 'same', added: 0, removed: 0, parts: [], cut: false },
  ],
};

/** A home with some devices, in each state. */
export function devicesAtHome(core: FakeCore): readonly Device[] {
  const devices = (language?: Language) => [
    keptDevice(),
    keptDevice({
      id: 'router',
      kind: 'fritzbox',
      kind_name: 'FRITZ!Box',
      name: 'Router in the hall',
      identity: { ...IDENTITY, id: '00040E', model: 'FRITZ!Box 7590', firmware: '8.02', chip: null },
      problem: wordProblem(new Problem('device_password', { params: { host: 'fritz.box' } }), language),
      given_up: true,
      needs_person: true,
      next_at: null,
      restorable: false,
    }),
    keptDevice({
      id: 'plug',
      name: 'Lamp',
      problem: wordProblem(new Problem('device_timeout', { params: { host: '192.168.1.41' } }), language),
      failures: 2,
    }),
    keptDevice({
      id: 'fresh',
      name: 'Fresh',
      backed_up_at: null,
      tried_at: null,
      changed_at: null,
      artefacts: 0,
      bytes: 0,
      copies: 0,
    }),
  ];
  const wrong = wordProblem(new Problem('artefact_page', { params: { file: 'cfg.json' } }));
  core.on(`GET ${PATHS.devices}`, ({ language }) => ({ devices: devices(language) }));
  core.on(`GET ${PATHS.device_artefacts}`, () => ({
    artefacts: [
      savedOnce(),
      savedOnce({
        id: 'spoilt',
        made_at: hoursAgo(40),
        seen_at: hoursAgo(40),
        good: false,
        problem: wrong,
        added: null,
        removed: null,
      }),
      savedOnce({
        id: 'first',
        made_at: hoursAgo(800),
        seen_at: hoursAgo(55),
        pinned: true,
        added: null,
        removed: null,
      }),
    ],
  }));
  core.on(`GET ${PATHS.device_difference}`, () => DIFFERENCE);
  return devices();
}
