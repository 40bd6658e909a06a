import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { shelly } from '../../../src/devices/handlers/shelly.ts';
import { haveReferees, REFEREE_TEST_MS, referee } from '../../harness/referee.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { ShellyDevice } from '../../simulators/devices/shelly.ts';
import { ShellyFirst } from '../../simulators/devices/shelly-gen1.ts';
import { HandlerRun } from '../run-handler.ts';

const PASSWORD = 'drei Woerter & mehr';

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

/** A device with plain scripts: aioshelly does not read a character that is cut between two pieces. */
async function furnished(recent = true): Promise<ShellyDevice> {
  const device = new ShellyDevice({ recent }).furnish();
  device.auth.password = PASSWORD;
  const [script] = device.methods.scripts;
  if (script) script.code = Buffer.from(`// warm\n${'print("warm");\n'.repeat(250)}`);
  running.push(device);
  await device.start();
  return device;
}

const run = (of: { address: string }) => new HandlerRun(shelly, { address: of.address, password: PASSWORD });

/** The client of Home Assistant: by WebSocket, with sign-ins within its frames. */
const AIOSHELLY = `
import asyncio, json, sys
from aiohttp import ClientSession
from aioshelly.common import ConnectionOptions, get_info
from aioshelly.rpc_device import RpcDevice, WsServer

port, password = int(sys.argv[1]), sys.argv[2]

async def code(device, id):
    read = ''
    while True:
        piece = await device.script_getcode(id, offset=len(read.encode()))
        read += piece['data']
        if piece['left'] == 0:
            return read

async def main():
    async with ClientSession() as session:
        info = await get_info(session, '127.0.0.1', port=port)
        options = ConnectionOptions('127.0.0.1', 'admin', password, port=port)
        device = await RpcDevice.create(session, WsServer(), options)
        await device.initialize()
        scripts = await device.script_list()
        print(json.dumps({
            'auth': info['auth_en'],
            'model': device.model,
            'name': device.name,
            'version': device.version,
            'config': {key: value for key, value in device.config.items() if key != 'sys'},
            'location': device.config['sys']['location'],
            'scripts': [{**script, 'code': await code(device, script['id'])} for script in scripts],
            'target': (await device.kvs_get('target'))['value'],
        }))
        await device.shutdown()

asyncio.run(main())
`;

/** Another program for such backups, by HTTP with digest: what it saves, and what it says of that. */
const SHELLY_BACKUP = `
import json, sys
from pathlib import Path
from shelly_backup.backup import backup_device, verify
from shelly_backup.rpc import RpcAuthError, RpcClient

host, password, folder = sys.argv[1:]
try:
    RpcClient(host, 'wrong').call('Shelly.GetConfig')
    refused = False
except RpcAuthError:
    refused = True
manifest = backup_device(RpcClient(host, password), 'plug', Path(folder))
print(json.dumps({'refused': refused, 'manifest': manifest, 'problems': verify(Path(folder) / 'plug')}))
`;

/** The same program writes scripts and values back. */
const SHELLY_RESTORE = `
import sys
from pathlib import Path
from shelly_backup.restore import restore_device
from shelly_backup.rpc import RpcClient

host, password, folder = sys.argv[1:]
actions = restore_device(RpcClient(host, password), Path(folder) / 'plug', apply=True, skip_config=True)
print([str(action) for action in actions if action.error])
`;

/** The client of Home Assistant with the first generation, which it only knows at port 80. */
const FIRST = `
import asyncio, json, sys
from aiohttp import ClientSession
from aioshelly.block_device import BlockDevice
from aioshelly.common import ConnectionOptions, get_info

port, user, password = int(sys.argv[1]), *sys.argv[2:]

class Session(ClientSession):
    async def _request(self, method, url, **options):
        return await super()._request(method, url.with_port(port), **options)

class NoCoap:
    async def request(self, ip, path): pass
    def subscribe_updates(self, id, callback): return lambda: None

async def main():
    async with Session() as session:
        device = await BlockDevice.create(session, NoCoap(), ConnectionOptions('127.0.0.1', user, password))
        device._shelly = await get_info(session, '127.0.0.1')
        await device.update_settings()
        device.initialized = True
        print(json.dumps({'auth': device.requires_auth, 'model': device.model, 'settings': device.settings}))

asyncio.run(main())
`;

interface Seen {
  readonly name: string;
  readonly config: Readonly<Record<string, object>>;
  readonly scripts: readonly { readonly id: number; readonly name: string; readonly code: string }[];
}

describe.runIf(haveReferees())('independent clients', { timeout: REFEREE_TEST_MS }, () => {
  test('aioshelly sees what is saved, and the same after a restore', async () => {
    const device = await furnished();
    const { port } = device.server;
    const seen = async () => JSON.parse(await referee(AIOSHELLY, [String(port), PASSWORD])) as Seen;
    const saved = await run(device).fetch();
    const before = await seen();
    expect(before).toMatchObject({ auth: true, model: 'S3PL-00112EU', name: 'Bathroom', version: '1.5.1' });
    const config = JSON.parse(await saved.get('config.json').text()) as Record<string, object>;
    const components = JSON.parse(await saved.get('components.json').text()) as Record<
      string,
      { config: object }
    >;
    for (const [key, value] of Object.entries(before.config)) {
      expect(value, key).toMatchObject(config[key] ?? components[key]?.config ?? {});
    }
    expect(Object.keys(before.config).toSorted()).toEqual(
      [...Object.keys(config).filter((key) => key !== 'sys'), ...Object.keys(components)].toSorted(),
    );
    await expect(saved.get('script-1-heating-control.js').text()).resolves.toBe(before.scripts[0]?.code);

    const { methods } = device;
    methods.config['switch:0'] = { ...methods.config['switch:0'], name: 'Lamp' };
    methods.scripts = [];
    methods.kvs = new Map();
    methods.components = { 'bthomedevice:200': methods.components['bthomedevice:200'] as never };
    await run(device).restore(saved);
    await run(device).verify(saved);
    await expect(seen()).resolves.toEqual(before);
    expect(device.auth.failures).toBe(0);
  });

  test('shelly-backup saves the same scripts and settings, and the same after a restore', async () => {
    const device = await furnished(false);
    const backup = async () => {
      const folder = temporaryFolder('shelly-backup');
      const said = JSON.parse(await referee(SHELLY_BACKUP, [device.address, PASSWORD, folder])) as {
        refused: boolean;
        problems: string[];
        manifest: { config_sha256: string; scripts: { name: string; sha256: string }[] };
      };
      expect(said).toMatchObject({ refused: true, problems: [] });
      const file = (name: string) => readFileSync(join(folder, 'plug', name), 'utf8');
      return { folder, file, scripts: said.manifest.scripts };
    };
    const saved = await run(device).fetch();
    const before = await backup();
    const ours = JSON.parse(await saved.get('config.json').text()) as object;
    expect(JSON.parse(before.file('config.json'))).toEqual(ours);
    expect(before.file('scripts/01_Heating_Control.js')).toBe(
      await saved.get('script-1-heating-control.js').text(),
    );
    const theirs = JSON.parse(before.file('kvs.json')) as Record<string, { value: unknown }>;
    expect(Object.fromEntries(Object.entries(theirs).map(([key, { value }]) => [key, value]))).toEqual(
      JSON.parse(await saved.get('kvs.json').text()),
    );

    const { methods } = device;
    methods.scripts = [{ id: 1, name: 'other', enable: false, running: true, code: Buffer.from('other();') }];
    methods.kvs = new Map([['mode', 'manual']]);
    await run(device).restore(saved);
    const after = await backup();
    expect(after.scripts).toEqual(before.scripts);
    expect(JSON.parse(after.file('kvs.json'))).toEqual(theirs);

    // and what it writes itself is what we saved
    methods.scripts = [];
    methods.kvs = new Map();
    await expect(referee(SHELLY_RESTORE, [device.address, PASSWORD, before.folder])).resolves.toBe('[]\n');
    const code = methods.scripts.map(({ code: bytes }) => bytes.toString());
    expect(code[0]).toBe(await saved.get('script-1-heating-control.js').text());
    expect(methods.kvs.get('mode')).toBe('auto');
  });

  test('aioshelly reads the same settings from the first generation', async () => {
    const device = new ShellyFirst();
    device.password = PASSWORD;
    running.push(device);
    await device.start();
    const saved = await run(device).fetch();
    const seen = JSON.parse(await referee(FIRST, [String(device.server.port), 'admin', PASSWORD])) as object;
    expect(seen).toEqual({
      auth: true,
      model: 'SHPLG-S',
      settings: JSON.parse(await saved.get('settings.json').text()),
    });
    expect(device.failures).toBe(0);
  });
});
