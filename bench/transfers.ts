import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentBackup, Target } from '../src/contract/index.ts';
import { compiledProgram } from '../test/harness/cache.ts';
import type { CoreProcess } from '../test/harness/core.ts';
import {
  type ArchiveFile,
  addBucket,
  type Bench,
  fetchWithCurl,
  MIB,
  MIB_PER_GIB,
  makeArchiveFile,
  type Section,
  say,
  sendWithCurl,
  serversHere,
  startCore,
  startServer,
} from './bench.ts';
import { type Cost, costOf, cpuSeconds, Rounds } from './measure.ts';
import { PARALLEL, PART_MIB, PEER_PARTS, peersAt, peerVersions, rcloneAt, serverVersion } from './peers.ts';
import { machine, table } from './results.ts';
import { Sink } from './sink.ts';

const CORE = 'core';
const BARE = 'a bare server of Node that drops it';
const NOWHERE = 'rclone, to nowhere';

/** What a transfer with curl costs the process that it goes through. */
async function inProcess(
  program: { pid: number; resetPeakRss(): void; peakRss(): number },
  transfer: () => Promise<Cost>,
): Promise<Cost> {
  program.resetPeakRss();
  const before = cpuSeconds(program.pid);
  const { wallSeconds } = await transfer();
  return { wallSeconds, cpuSeconds: cpuSeconds(program.pid) - before, peakMiB: program.peakRss() / MIB };
}

class Contest {
  readonly up = new Rounds<Cost>();
  readonly down = new Rounds<Cost>();
  readonly #room: string;
  readonly #file: ArchiveFile;

  constructor(room: string, file: ArchiveFile) {
    this.#room = room;
    this.#file = file;
  }

  async core(core: CoreProcess, target: Target): Promise<void> {
    const around = (into: Rounds<Cost>) => async (command: string, args: readonly string[]) => {
      into.add(CORE, await inProcess(core.program, () => costOf({ command, args })));
    };
    const backup: AgentBackup = await sendWithCurl(core, target, this.#file, around(this.up));
    await fetchWithCurl(core, target, backup, around(this.down));
    await core.client.delete(target.id, backup.backup_id);
  }

  /** What receiving, or sending, the bytes over HTTP costs anybody who is written in this language. */
  async bare(sink: Sink): Promise<void> {
    const { path, size } = this.#file;
    const put = { command: 'curl', args: ['-sf', '-T', path, '-H', 'Expect:', sink.url] };
    this.up.add(BARE, await inProcess(sink.program, () => costOf(put)));
    const get = { command: 'curl', args: ['-sf', '-o', '/dev/null', `${sink.url}${size}`] };
    this.down.add(BARE, await inProcess(sink.program, () => costOf(get)));
  }

  async peers(server: Awaited<ReturnType<typeof startServer>>): Promise<void> {
    const { flags, remote } = rcloneAt(server);
    const rclone = (...args: string[]) => costOf({ command: compiledProgram('rclone'), args });
    const [key, copy] = ['archive.tar', join(this.#room, 'copy.tar')];
    for (const peer of peersAt(server, this.#room)) {
      this.up.add(peer.name, await costOf(peer.upload(this.#file.path, key)));
      this.down.add(peer.name, await costOf(peer.download(key, copy)));
      rmSync(copy);
      if (peer.name === 'rclone') this.down.add(NOWHERE, await rclone('cat', ...flags, remote(key)));
      await rclone('deletefile', ...flags, remote(key));
    }
  }
}

/** Each figure for 1 GiB, and the CPU seconds beside the core's. */
function rows(costs: Rounds<Cost>, perGiB: number): string[][] {
  const core = costs.of(CORE);
  return costs.names().map((name) => {
    const { wallSeconds, cpuSeconds: cpu, peakMiB } = costs.of(name);
    const ratio = name === CORE ? '' : `${(core.cpuSeconds / cpu).toFixed(2)} ×`;
    return [name, (wallSeconds * perGiB).toFixed(2), (cpu * perGiB).toFixed(2), ratio, peakMiB.toFixed(0)];
  });
}

async function on(name: 'versitygw' | 'MinIO', bench: Bench, file: ArchiveFile): Promise<string> {
  const room = join(bench.room, `transfers-${name}`);
  const server = await startServer(name, room);
  const core = await startCore(bench, room);
  const sink = await Sink.start(room);
  try {
    const target = await addBucket(core, server);
    const contest = new Contest(room, file);
    for (let round = 1; round <= bench.rounds; round += 1) {
      say(`transfers, ${name}, round ${round} of ${bench.rounds}`);
      await contest.core(core, target);
      await contest.bare(sink);
      await contest.peers(server);
    }
    const head = (what: string) => [what, 'wall s', 'CPU s', "core's CPU to this", 'peak MiB'];
    const perGiB = MIB_PER_GIB / bench.sizeMiB;
    return [
      `### ${name}`,
      table(head('upload of 1 GiB'), rows(contest.up, perGiB)),
      table(head('download of 1 GiB'), rows(contest.down, perGiB)),
    ].join('\n\n');
  } finally {
    await core.stop();
    await sink.stop();
    await server.server.stop();
    rmSync(room, { recursive: true, force: true });
  }
}

/** What an upload and a download cost the core and its peers on the same server. */
export const transfers: Section = {
  name: 'transfers',
  needs: PEER_PARTS,
  async run(bench) {
    const file = await makeArchiveFile(join(bench.room, 'archive.tar'), bench.sizeMiB);
    const parts: string[] = [];
    for (const name of serversHere()) parts.push(await on(name, bench, file));
    rmSync(file.path);
    return `## Up and down: the core and its peers

${bench.sizeMiB} MiB on one machine over plain http, medians of ${bench.rounds} alternating rounds; ${machine()}.
Servers with their data in memory: ${serversHere().map(serverVersion).join(', ')}. Peers: ${peerVersions()}, told to use parts
of ${PART_MIB} MiB and ${PARALLEL} at a time where they can be told. The core receives and sends the bytes over HTTP besides, which counts; the peers
read a file in memory and write one.

${parts.join('\n\n')}`;
  },
};
