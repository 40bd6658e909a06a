// Looks for a device that announces itself, in a network of its own: what the core hears, and what Home Assistant tells it.
// Writes what was found as JSON.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundDevices } from '../../src/contract/index.ts';
import { homeAssistantBin, repositoryRoot } from '../harness/cache.ts';
import { startHomeAssistant } from '../harness/home-assistant.ts';
import { startLocalCore } from '../harness/local-core.ts';
import { OWN_ADDRESSES } from '../harness/own-network.ts';
import { Program } from '../harness/process.ts';
import { refereePackage } from '../harness/referee.ts';
import { temporaryFolder } from '../harness/temporary.ts';
import { waitFor } from '../harness/wait-for.ts';
import { WledController } from '../simulators/devices/wled.ts';
import { SmallDevice } from './wled-like.ts';

/** Home Assistant listens from its start on. */
const PATIENCE = { timeoutMs: 60_000, intervalMs: 1_000 };

const [first, second] = OWN_ADDRESSES;
const lamp = new SmallDevice('aabbccddeeff');
await lamp.server.start(0, first);
const announcer = new Program({
  command: join(homeAssistantBin(), 'python'),
  args: [
    join(repositoryRoot, 'test/simulators/devices/announce.py'),
    ...[first, String(lamp.server.port), 'Shelf'],
  ],
  logFile: join(temporaryFolder('announce'), 'output.log'),
});
announcer.start();
await waitFor('the announcement', () => announcer.log().includes('announced'));
const core = await startLocalCore({});
const look = () => core.client.call<FoundDevices>('POST', '/api/v1/devices/discover', { addresses: '' });
const heard = await look();

let told: FoundDevices | undefined;
let setUp: FoundDevices | undefined;
if (process.argv[2] === 'home-assistant') {
  // the package that Home Assistant's own integration of WLED asks for, and nothing of what lies beside it
  const modules = temporaryFolder('modules');
  symlinkSync(refereePackage('wled'), join(modules, 'wled'));
  const home = await startHomeAssistant({ yaml: 'zeroconf:\n', modules });
  const state = async () =>
    (await core.client.call<{ state: string }>('GET', '/api/v1/home-assistant')).state;
  const person = await core.person();
  await person.call('PUT', '/api/v1/home-assistant', { url: home.url, token: home.token });
  await waitFor('the connection', async () => (await state()) === 'connected', PATIENCE);
  const known: string[] = [];
  await home.socket.subscribe('zeroconf/subscribe_discovery', {}, ({ add = [] }) => {
    known.push(...add.map(({ name }: { name: string }) => name));
  });
  await waitFor('Home Assistant to hear it', () => known.some((name) => name.startsWith('Shelf')), PATIENCE);
  // it goes without a word: from now on nobody but Home Assistant knows that it was there
  await announcer.kill9();
  told = await look();
  // of one that is set up in Home Assistant it knows the page
  const attic = new WledController();
  // Home Assistant's integration knows no other port
  await attic.server.start(80, second);
  const form = await home.entries.startFlow('wled');
  const done = await home.entries.submitFlow(form.flow_id, { host: second });
  if (done.type !== 'create_entry') throw new Error(JSON.stringify(done));
  setUp = await look();
  await attic.server.stop();
  await home.stop();
}
await announcer.kill9();
process.stdout.write(JSON.stringify({ heard, told, setUp, defects: core.defects() }));
await core.remove();
await lamp.server.stop();
process.exit(0);
