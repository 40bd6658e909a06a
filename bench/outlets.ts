import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { targetDevice } from '../src/backups/entities.ts';
import type { TargetState } from '../src/contract/index.ts';
import { openData } from '../src/data.ts';
import { Bus } from '../src/kernel/bus.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { createLog } from '../src/kernel/log.ts';
import { Operations } from '../src/kernel/operations.ts';
import type { CoreProcess } from '../test/harness/core.ts';
import { startCoreProcess } from '../test/harness/core.ts';
import { targetDocument } from '../test/harness/documents.ts';
import { type Mosquitto, startMosquitto } from '../test/harness/mosquitto.ts';
import { INSTANCE, Outlet } from '../test/harness/outlet.ts';
import { temporaryFolder } from '../test/harness/temporary.ts';
import { waitFor } from '../test/harness/wait-for.ts';
import { MIB, type Section, say } from './bench.ts';
import { cpuSeconds, median, writtenBytes } from './measure.ts';
import { machine, table } from './results.ts';

/** Changes whose way is measured: each the first of a quiet topic. */
const CHANGES = 500;

/** Between two of them, so that each is alone (milliseconds). */
const PAUSE_MS = 10;

/** In a storm so many topics change, all of them so often in a second. */
const STORM_TOPICS = 50;
const STORM_PER_SECOND = 100;

/** Long enough for what a start leaves behind to be over, and then for minutes to count. */
const SETTLE_SECONDS = 30;
const REST_SECONDS = 180;

const COPIES = 100;
const STEPS = 1_000;

const HOUR_SECONDS = 3_600;
const KIB = 1024;

/** The moment as mosquitto_sub tells it, too (milliseconds since 1970). */
const now = () => performance.timeOrigin + performance.now();

/** When each topic was heard first, by a program that nobody here wrote. */
class Ear {
  readonly #program;
  readonly heardAt = new Map<string, number>();
  messages = 0;

  constructor(broker: Mosquitto) {
    const args = [
      '-h',
      '127.0.0.1',
      '-p',
      String(broker.port),
      '-t',
      `homestash/${INSTANCE}/+/state`,
      '-F',
      '%U %t',
    ];
    this.#program = spawn('mosquitto_sub', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    this.#program.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [seconds = '', topic = ''] = line.split(' ');
        this.messages += 1;
        if (!this.heardAt.has(topic)) this.heardAt.set(topic, Number(seconds) * 1000);
      }
    });
  }

  stop(): void {
    this.#program.kill();
  }
}

/** The way of a change to whoever listens at the broker (milliseconds), and how many messages the storm became. */
async function latencies(
  storm: boolean,
): Promise<{ readonly all: number[]; readonly perTopicAndSecond: number }> {
  const broker = await startMosquitto();
  const outlet = new Outlet({ clock: systemClock as never, devices: [targetDevice] });
  await outlet.start();
  await outlet.use({ url: broker.url });
  const ear = new Ear(broker);
  await sleep(1_000);
  const write = (id: string, bytes: number) =>
    outlet.state.document<TargetState>(`backups/target-${id}`).set(targetDocument(id, { bytes }));
  let round = 0;
  const blow = setInterval(() => {
    round += 1;
    for (let at = 0; storm && at < STORM_TOPICS; at += 1) write(`storm${at}`, round);
  }, 1_000 / STORM_PER_SECOND);
  const begun = performance.now();
  const sentAt = new Map<string, number>();
  for (let at = 0; at < CHANGES; at += 1) {
    const id = `quiet${at}`;
    sentAt.set(`homestash/${INSTANCE}/target_${id}/state`, now());
    write(id, at);
    await sleep(PAUSE_MS);
  }
  const seconds = (performance.now() - begun) / 1000;
  clearInterval(blow);
  const quietMessages = CHANGES;
  await waitFor('the messages', () => [...sentAt.keys()].every((topic) => ear.heardAt.has(topic)));
  const stormMessages = ear.messages - quietMessages;
  ear.stop();
  await outlet.stop();
  await broker.stop();
  return {
    all: [...sentAt].map(([topic, at]) => (ear.heardAt.get(topic) ?? Number.NaN) - at),
    perTopicAndSecond: stormMessages / STORM_TOPICS / seconds,
  };
}

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;

interface Rest {
  readonly cpuPercent: number;
  readonly rssMiB: number;
  readonly writtenKiBPerHour: number;
}

async function atRest(core: CoreProcess): Promise<Rest> {
  await sleep(SETTLE_SECONDS * 1000);
  const { pid } = core.program;
  const before = { cpu: cpuSeconds(pid), written: writtenBytes(pid) };
  await sleep(REST_SECONDS * 1000);
  return {
    cpuPercent: ((cpuSeconds(pid) - before.cpu) / REST_SECONDS) * 100,
    rssMiB: core.program.rss() / MIB,
    writtenKiBPerHour: (((writtenBytes(pid) - before.written) / REST_SECONDS) * HOUR_SECONDS) / KIB,
  };
}

/** A core of ten locations, with everything that tells of it, and one with as little as there can be. */
async function restOf(entry: string, broker: Mosquitto | undefined): Promise<Rest> {
  // on a disk: what is written there is counted
  const dataDir = join(temporaryFolder('bench-outlets'), 'data');
  const env: Record<string, string> = broker ? { HOMESTASH_MQTT_URL: broker.url } : {};
  for (let at = 1; at <= 10; at += 1) {
    env[`HOMESTASH_TARGET_${at}_NAME`] = `Place ${at}`;
    env[`HOMESTASH_TARGET_${at}_KIND`] = 'folder';
    env[`HOMESTASH_TARGET_${at}_PATH`] = join(dataDir, `place-${at}`);
  }
  // in memory, as in a container
  const stateDir = mkdtempSync('/dev/shm/homestash-bench-state-');
  const core = await startCoreProcess({ dataDir, entry, env: { ...env, HOMESTASH_STATE: stateDir } });
  try {
    return await atRest(core);
  } finally {
    await core.stop();
    rmSync(stateDir, { recursive: true, force: true });
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** What stays in memory of copies that are over (MiB of heap). */
async function afterCopies(): Promise<{ readonly before: number; readonly after: number }> {
  const broker = await startMosquitto();
  const outlet = new Outlet({ clock: systemClock as never, devices: [targetDevice] });
  await outlet.start();
  await outlet.use({ url: broker.url });
  const data = openData(join(temporaryFolder('bench-copies'), 'data'));
  const log = createLog('error', () => undefined, Date.now);
  const bus = new Bus<{ operation: never }>(() => undefined);
  const operations = new Operations(data.tables(), bus as never, systemClock, log);
  const heap = () => {
    global.gc?.();
    return process.memoryUsage().heapUsed / MIB;
  };
  const copy = async (n: number) => {
    const operation = await operations.begin({ kind: 'copy', subject: { target_id: 'disc' }, total: STEPS });
    for (let step = 1; step <= STEPS; step += 1) {
      operation.progress(step);
      outlet.state
        .document<TargetState>('backups/target-disc')
        .set(targetDocument('disc', { bytes: n * STEPS + step }));
      if (step % 100 === 0) await sleep(0);
    }
    await operation.succeed();
  };
  for (let n = 0; n < 10; n += 1) await copy(n);
  const before = heap();
  for (let n = 0; n < COPIES; n += 1) await copy(n);
  const after = heap();
  await outlet.stop();
  await data.close();
  await broker.stop();
  return { before, after };
}

/** What it costs to tell others of everything. */
export const outlets: Section = {
  name: 'outlets',
  needs: ['mosquitto'],
  async run({ entry }) {
    say(`outlets: ${CHANGES} changes, quiet and in a storm`);
    const quiet = await latencies(false);
    const storm = await latencies(true);
    say(`outlets: twice ${SETTLE_SECONDS + REST_SECONDS} s of rest`);
    const broker = await startMosquitto();
    const [everything, nothing] = await Promise.all([restOf(entry, broker), restOf(entry, undefined)]);
    await broker.stop();
    say(`outlets: ${COPIES} copies of ${STEPS} steps`);
    const copies = await afterCopies();
    const ms = (value: number) => `${value.toFixed(1)} ms`;
    return `## Telling others

A change of a document to the message that \`mosquitto_sub\` hears; a core with ten locations at rest, with a broker and without; ${machine()}.

${table(
  ['what', 'median', 'p99'],
  [
    ['first change of a quiet topic', ms(median(quiet.all)), ms(percentile(quiet.all, 0.99))],
    [
      `the same while ${STORM_TOPICS} other topics change ${STORM_PER_SECOND} times a second each`,
      ms(median(storm.all)),
      ms(percentile(storm.all, 0.99)),
    ],
  ],
)}

${table(
  ['what', 'with a broker', 'without'],
  [
    [
      'processor at rest (of one)',
      `${everything.cpuPercent.toFixed(2)} %`,
      `${nothing.cpuPercent.toFixed(2)} %`,
    ],
    ['memory at rest', `${everything.rssMiB.toFixed(0)} MiB`, `${nothing.rssMiB.toFixed(0)} MiB`],
    [
      'written to the disk in an hour at rest',
      `${everything.writtenKiBPerHour.toFixed(0)} KiB`,
      `${nothing.writtenKiBPerHour.toFixed(0)} KiB`,
    ],
  ],
)}

- Messages for each topic and second in the storm: ${storm.perTopicAndSecond.toFixed(2)}.
- Heap before and after ${COPIES} copies of ${STEPS} steps each: ${copies.before.toFixed(1)} and ${copies.after.toFixed(1)} MiB.`;
  },
};
