import type { Device } from '../src/contract/index.ts';
import type { CoreProcess } from '../test/harness/core.ts';
import { removeTemporary, temporaryFolder } from '../test/harness/temporary.ts';
import { waitFor } from '../test/harness/wait-for.ts';
import { MIB, type Section, say, startCore } from './bench.ts';
import { addControllers, Controllers } from './controllers.ts';
import { cpuSeconds, Rounds, writtenBytes } from './measure.ts';
import { machine, table } from './results.ts';

const DEVICES = 200;

/** So many the core speaks to at once (`AT_ONCE` of its manager). */
const AT_ONCE = 4;

/** What controllers take for their settings: from 20 to 180 ms, each always the same. */
const QUICKEST_MS = 20;
const QUICK_STEP_MS = 8;
const QUICK_STEPS = 21;

/** One of them is slow, and in the middle of the queue (milliseconds). */
const SLOWEST_MS = 10_000;
const SLOWEST_AT = DEVICES / 2;

/** The end is looked for so often, once every device has given its last file (milliseconds). */
const LOOK_MS = 50;

/** A run that takes longer is broken (milliseconds). */
const PATIENCE_MS = 300_000;

const KIB = 1024;

const delayOf = (at: number): number =>
  at === SLOWEST_AT ? SLOWEST_MS : QUICKEST_MS + (at % QUICK_STEPS) * QUICK_STEP_MS;

interface Run {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  readonly writtenKiB: number;
}

/** The time that a queue takes in which nothing happens but waiting (seconds). */
function queueSeconds(): number {
  const free = Array.from({ length: AT_ONCE }, () => 0);
  for (let at = 0; at < DEVICES; at += 1) {
    const first = free.indexOf(Math.min(...free));
    free[first] = (free[first] ?? 0) + delayOf(at);
  }
  return Math.max(...free) / 1000;
}

const devicesOf = async ({ client }: CoreProcess): Promise<Device[]> =>
  (await client.call<{ devices: Device[] }>('GET', '/api/v1/devices')).devices;

/** Waits until so many devices have given their last file, and until the core has done with them. */
async function ended(core: CoreProcess, controllers: Controllers, count: number): Promise<void> {
  const patience = { timeoutMs: PATIENCE_MS, intervalMs: LOOK_MS };
  await waitFor('the last files', () => controllers.given >= count, patience);
  const over = async () => (await core.client.operations()).every(({ state }) => state !== 'running');
  await waitFor('the backups to end', over, patience);
}

/** What a command costs that backs up so many devices. */
async function costOfRun(
  core: CoreProcess,
  controllers: Controllers,
  count: number,
  begin: () => Promise<unknown>,
): Promise<Run> {
  const { program } = core;
  const began = Date.now();
  controllers.given = 0;
  program.resetPeakRss();
  const before = { cpu: cpuSeconds(program.pid), written: writtenBytes(program.pid) };
  const start = performance.now();
  await begin();
  await ended(core, controllers, count);
  const run = {
    wallSeconds: (performance.now() - start) / 1000,
    cpuSeconds: cpuSeconds(program.pid) - before.cpu,
    peakMiB: program.peakRss() / MIB,
    writtenKiB: (writtenBytes(program.pid) - before.written) / KIB,
  };
  const fresh = (await devicesOf(core)).filter(({ backed_up_at: at }) => Date.parse(at ?? '') >= began);
  if (fresh.length !== count) throw new Error(`${fresh.length} of ${count} devices were backed up`);
  return run;
}

const ALONE = 'the slowest alone';
const SAME = 'all, nothing has changed';
const CHANGED = 'all, everything has changed';

/** How long many devices take beside the slowest of them, and what that costs the core. */
export const devices: Section = {
  name: 'devices',
  needs: [],
  async run(bench) {
    // on a disk: what is written there is counted
    const room = temporaryFolder('bench-devices');
    const controllers = new Controllers(DEVICES, delayOf);
    await controllers.start();
    const core = await startCore(bench, room);
    const costs = new Rounds<Run>();
    try {
      say(`devices: ${DEVICES} are added`);
      await addControllers(core, controllers);
      await ended(core, controllers, DEVICES);
      const slowest = (await devicesOf(core)).find(({ name }) => name.endsWith(` ${SLOWEST_AT}`));
      const all = () => core.client.call('POST', '/api/v1/commands/back_up_devices', {});
      const alone = () =>
        core.client.call('POST', '/api/v1/commands/back_up_device', { device_id: slowest?.id });
      for (let round = 1; round <= bench.rounds; round += 1) {
        say(`devices: round ${round} of ${bench.rounds}`);
        costs.add(ALONE, await costOfRun(core, controllers, 1, alone));
        costs.add(SAME, await costOfRun(core, controllers, DEVICES, all));
        controllers.version += 1;
        costs.add(CHANGED, await costOfRun(core, controllers, DEVICES, all));
      }
    } finally {
      await core.stop();
      await controllers.stop();
      removeTemporary(room);
    }
    return words(costs, bench.rounds);
  },
};

function words(costs: Rounds<Run>, rounds: number): string {
  const delays = Array.from({ length: DEVICES }, (_, at) => delayOf(at));
  const sum = delays.reduce((all, one) => all + one, 0);
  const least = Math.max(SLOWEST_MS, sum / AT_ONCE) / 1000;
  const alone = costs.of(ALONE).wallSeconds;
  const times = (ratio: number) => `${ratio.toFixed(2)} ×`;
  const rows = [ALONE, SAME, CHANGED].map((name) => {
    const { wallSeconds, cpuSeconds: cpu, peakMiB, writtenKiB } = costs.of(name);
    const many = name !== ALONE;
    return [
      name,
      times(wallSeconds / alone),
      many ? times(wallSeconds / queueSeconds()) : '',
      `${((cpu / wallSeconds) * 100).toFixed(0)} %`,
      peakMiB.toFixed(0),
      (writtenKiB / (many ? DEVICES : 1)).toFixed(0),
    ];
  });
  return `## ${DEVICES} devices

Simulated controllers with WLED, each at an address of its own, backed up by one command; medians of ${rounds} rounds; ${machine()}.
One takes ${SLOWEST_MS / 1000} s for its settings and stands in the middle of the queue; the others take ${QUICKEST_MS} to ${QUICKEST_MS + (QUICK_STEPS - 1) * QUICK_STEP_MS} ms.
The core speaks to ${AT_ONCE} at a time, so no order can be quicker than the larger of the slowest and a quarter of the sum: ${times(least / (SLOWEST_MS / 1000))}
the slowest. In the order of their names, with nothing but waiting, it is ${times(queueSeconds() / (SLOWEST_MS / 1000))}: that is the queue's.

${table(
  [
    'backed up',
    "to the slowest's time",
    "to the queue's",
    'processor (of one)',
    'peak MiB',
    'written for each, KiB',
  ],
  rows,
)}`;
}
