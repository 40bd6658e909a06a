import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentBackup, Target } from '../src/contract/index.ts';
import { describeBackup, makeArchive } from '../test/harness/archives.ts';
import type { CoreProcess } from '../test/harness/core.ts';
import { LargeArchive } from '../test/harness/large-archive.ts';
import { temporaryFolder } from '../test/harness/temporary.ts';
import { addBucket, bestServer, MIB, type Section, say, startCore, startServer } from './bench.ts';
import { cpuSeconds } from './measure.ts';
import { serverVersion } from './peers.ts';
import { machine, table } from './results.ts';

const GIB = 10;

/** Long enough for what a start leaves behind to be collected. */
const REST_SECONDS = 30;

/** A web stream of it, as fetch wants one. */
const streamOf = (archive: LargeArchive) => ReadableStream.from(archive) as ReadableStream<Uint8Array>;

async function upload(core: CoreProcess, target: Target): Promise<AgentBackup> {
  const described = describeBackup();
  const archive = new LargeArchive(makeArchive(described.backup_id, 0), GIB * 1024);
  const backup = { ...described, size: archive.size };
  const { id } = await core.client.announce(target.id, backup);
  await core.client.commit(target.id, id, await core.client.send(target.id, id, streamOf(archive)));
  return backup;
}

async function download(core: CoreProcess, target: Target, backup: AgentBackup): Promise<void> {
  const path = `/api/v1/targets/${target.id}/backups/${backup.backup_id}/archive`;
  const response = await core.client.fetch('GET', path);
  let bytes = 0;
  for await (const chunk of response.body ?? []) bytes += chunk.length;
  if (bytes !== backup.size) throw new Error(`${bytes} of ${backup.size} bytes came back`);
}

/** How much memory the core takes: at rest, and while a large backup passes through it. */
export const memory: Section = {
  name: 'memory',
  needs: [],
  async run(bench) {
    // on a disk: 10 GiB in memory are too many
    const room = temporaryFolder('bench-memory');
    const name = bestServer();
    const server = await startServer(name, room);
    const core = await startCore(bench, room);
    const peak = async <R>(transfer: () => Promise<R>): Promise<[R, string]> => {
      core.program.resetPeakRss();
      const result = await transfer();
      return [result, (core.program.peakRss() / MIB).toFixed(0)];
    };
    try {
      const target = await addBucket(core, server);
      say(`memory: ${REST_SECONDS} s of rest, then ${GIB} GiB up and down`);
      const before = cpuSeconds(core.program.pid);
      await sleep(REST_SECONDS * 1000);
      const idle = ((cpuSeconds(core.program.pid) - before) / REST_SECONDS) * 100;
      const rest = (core.program.rss() / MIB).toFixed(0);
      const [backup, up] = await peak(() => upload(core, target));
      const [, down] = await peak(() => download(core, target, backup));
      await core.client.delete(target.id, backup.backup_id);
      return `## Memory of the core

With one bucket on ${serverVersion(name)}; ${machine()}.

${table(
  ['what', 'MiB'],
  [
    [`at rest, ${REST_SECONDS} s after the start (${idle.toFixed(1)} % of one processor)`, rest],
    [`at most, while ${GIB} GiB go up`, up],
    [`at most, while ${GIB} GiB come back`, down],
  ],
)}`;
    } finally {
      await core.stop();
      await server.server.stop();
      rmSync(room, { recursive: true, force: true });
    }
  },
};
