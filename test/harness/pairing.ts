import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './cache.ts';
import type { CoreClient } from './core-client.ts';
import type { FlowStep, HomeAssistant } from './home-assistant.ts';
import { waitFor } from './wait-for.ts';

/** What Home Assistant loads. */
export const SHIM = join(repositoryRoot, 'custom_components/homestash');

/** A core in a process of its own prints codes; any core hands them out through its API. */
interface PairableCore {
  readonly client: CoreClient;
  pairingCode?(): Promise<string>;
}

function pairingCodeOf(core: PairableCore): Promise<string> {
  return core.pairingCode?.() ?? core.client.pairingCode();
}

/** Pairs as a person does: Settings → Devices & services → Add integration → Homestash → paste the code. */
export async function pairWithHomeAssistant(home: HomeAssistant, core: PairableCore): Promise<FlowStep> {
  const form = await home.entries.startFlow('homestash');
  const done = await home.entries.submitFlow(form.flow_id, { pairing_code: await pairingCodeOf(core) });
  if (done.type !== 'create_entry') throw new Error(`pairing ended with ${JSON.stringify(done)}`);
  const targets = await core.client.targets();
  await waitFor('the locations in Home Assistant', async () => {
    const known = (await home.backups.agents()).map((agent) => agent.agent_id);
    return targets.every((target) => known.includes(`homestash.${target.unique_id}`));
  });
  // Home Assistant writes entries a second later; a backup before that would restore a home that is not paired.
  await waitFor('the entry on disk', () => {
    const stored = readFileSync(join(home.configDir, '.storage/core.config_entries'), 'utf8');
    return targets.every((target) => stored.includes(target.unique_id));
  });
  return done;
}
