import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../test/harness/cache.ts';
import type { CoreProcess } from '../test/harness/core.ts';
import { type HomeAssistant, startHomeAssistant } from '../test/harness/home-assistant.ts';
import { pairWithHomeAssistant, SHIM } from '../test/harness/pairing.ts';
import { removeTemporary, temporaryFolder } from '../test/harness/temporary.ts';
import { waitFor } from '../test/harness/wait-for.ts';
import { type Section, say, startCore } from './bench.ts';
import { addControllers, Controllers, FILES_EACH } from './controllers.ts';
import { Rounds } from './measure.ts';
import { machine, table } from './results.ts';

const DEVICES = 200;

/** Home Assistant's own place for backups. */
const LOCAL = 'backup.local';

/** How quick the controllers are does not matter here (milliseconds). */
const ANSWER_MS = 5;

/** The integration asks a core at most once a minute (milliseconds). */
const PATIENCE_MS = 300_000;

interface Delay {
  /** Until the archive is stored. */
  readonly storedSeconds: number;
  /** Until Home Assistant says that it is done: it has looked at the lists of all locations then. */
  readonly doneSeconds: number;
}

/** A backup at Home Assistant's own place, where Homestash has no part in it but the check before and the list after. */
async function backUp(home: HomeAssistant): Promise<Delay & { forget(): Promise<unknown> }> {
  const start = performance.now();
  const since = () => (performance.now() - start) / 1000;
  let storedSeconds = Number.NaN;
  const { backup, outcome } = await home.backups.create({
    agentIds: [LOCAL],
    onEvent: ({ stage }) => {
      if (stage === 'cleaning_up') storedSeconds = since();
    },
  });
  const doneSeconds = since();
  if (!backup || outcome.state !== 'completed')
    throw new Error(`a backup failed: ${JSON.stringify(outcome)}`);
  const forget = async () => {
    await home.backups.waitIdle();
    await home.backups.delete(backup.backup_id);
  };
  return { storedSeconds, doneSeconds, forget };
}

/** What Home Assistant has of devices in its configuration. */
function filesHeld(home: HomeAssistant): number {
  const index = join(home.configDir, '.storage/homestash/index.json');
  if (!existsSync(index)) return 0;
  return (JSON.parse(readFileSync(index, 'utf8')) as { files: unknown[] }).files.length;
}

const PEER = 'a Home Assistant without Homestash';
const WELL = 'the core answers';
const HANGING = 'the core hangs (SIGSTOP)';
const DEAD = 'the core is dead (SIGKILL)';

/** How much longer a backup of Home Assistant takes because of the devices that are in it. */
export const backupDelay: Section = {
  name: 'backup-delay',
  needs: ['ha'],
  async run(bench) {
    const room = temporaryFolder('bench-backup-delay');
    const controllers = new Controllers(DEVICES, () => ANSWER_MS);
    const stops: (() => Promise<unknown>)[] = [
      () => controllers.stop(),
      () => Promise.resolve(removeTemporary(room)),
    ];
    const delays = new Rounds<Delay>();
    try {
      await controllers.start();
      const core = await startCore(bench, room);
      stops.unshift(() => core.stop());
      const alone = await startHomeAssistant({ dir: join(room, 'alone') });
      stops.unshift(() => alone.stop());
      const home = await startHomeAssistant({ dir: join(room, 'home'), shim: SHIM });
      stops.unshift(() => home.stop());
      await prepare(core, home, controllers);
      const measure = async (name: string, of: HomeAssistant, after = () => {}) => {
        const { forget, ...delay } = await backUp(of);
        delays.add(name, delay);
        after();
        await forget();
      };
      // the first of each loads what the others find loaded
      for (const { forget } of [await backUp(alone), await backUp(home)]) await forget();
      for (let round = 1; round <= bench.rounds; round += 1) {
        say(`backup-delay: round ${round} of ${bench.rounds}`);
        await measure(PEER, alone);
        await measure(WELL, home);
        core.program.pause();
        await measure(HANGING, home, () => core.program.resume());
        // a core that was silent is not asked for some seconds
        const lists = async () => Object.keys((await home.backups.info()).agent_errors).length === 0;
        await waitFor('all lists', lists, { timeoutMs: PATIENCE_MS });
      }
      await core.kill9();
      for (let round = 1; round <= bench.rounds; round += 1) {
        await measure(PEER, alone);
        await measure(DEAD, home);
      }
    } finally {
      for (const stop of stops) await stop();
    }
    return words(delays, bench.rounds);
  },
};

/** Has the devices saved, and their files in the configuration of Home Assistant. */
async function prepare(core: CoreProcess, home: HomeAssistant, controllers: Controllers): Promise<void> {
  say(`backup-delay: ${DEVICES} devices are added`);
  const patience = { timeoutMs: PATIENCE_MS };
  await addControllers(core, controllers);
  await waitFor('the last files', () => controllers.given >= DEVICES, patience);
  const over = async () => (await core.client.operations()).every(({ state }) => state !== 'running');
  await waitFor('the backups to end', over, patience);
  await pairWithHomeAssistant(home, core);
  await waitFor('all files in .storage', () => filesHeld(home) === DEVICES * FILES_EACH, patience);
}

function words(delays: Rounds<Delay>, rounds: number): string {
  const peer = delays.of(PEER);
  const seconds = (value: number) => value.toFixed(2);
  const more = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
  const rows = [PEER, WELL, HANGING, DEAD].map((name) => {
    const [usual, worst] = [delays.of(name), delays.worstOf(name)];
    const isPeer = name === PEER;
    return [
      isPeer ? name : `${DEVICES} devices, ${name}`,
      seconds(usual.storedSeconds),
      isPeer ? '' : more(usual.storedSeconds - peer.storedSeconds),
      isPeer ? '' : more(worst.storedSeconds - peer.storedSeconds),
      seconds(usual.doneSeconds),
      isPeer ? '' : more(usual.doneSeconds - peer.doneSeconds),
      isPeer ? '' : more(worst.doneSeconds - peer.doneSeconds),
    ];
  });
  return `## A backup with ${DEVICES} devices in it

Home Assistant ${version('HOME_ASSISTANT_VERSION')} makes a backup at its own place, beside another one that knows nothing of Homestash; medians of ${rounds}
alternating rounds, and the worst of them; ${machine()}. The ${DEVICES * FILES_EACH} files of ${DEVICES} simulated controllers lie in its configuration. "Stored" is
when the archive is written, "done" when Home Assistant says so: it asks all locations for their lists in between.

${table(
  [
    'Home Assistant and',
    'stored after s',
    'more than without',
    'at worst',
    'done after s',
    'more than without',
    'at worst',
  ],
  rows,
)}`;
}
