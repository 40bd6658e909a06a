// Inside the network of a line: how fast the core and others fill it. Prints Mbit/s of each, for line-section.ts.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from '../src/contract/index.ts';
import { compiledProgram } from '../test/harness/cache.ts';
import type { CoreProcess } from '../test/harness/core.ts';
import { bucketInput } from '../test/harness/s3-target.ts';
import {
  type ArchiveFile,
  type Bench,
  type BenchServer,
  bestServer,
  MIB,
  makeArchiveFile,
  say,
  sendWithCurl,
  startCore,
  startServer,
} from './bench.ts';
import { Line } from './line.ts';
import { costOf, median } from './measure.ts';
import { mc, PARALLEL, rcloneAt } from './peers.ts';
import { Sink } from './sink.ts';

export interface LineArgument {
  readonly bench: Bench;
  readonly roundTripMs: number;
  readonly mbit: number;
}

/** Connections of a plain PUT, up to what browsers and tools take. */
const CONNECTIONS = [1, 2, 4, 8];

/** Of the file, so that connections can share it. */
const SHARES = 8;
const BITS = 8;

/** What a person may choose; 0 is the core's own choice. */
const PARALLEL_PARTS = [0, 4, 8];

const { bench, roundTripMs, mbit } = JSON.parse(process.argv[2] ?? '') as LineArgument;
const room = join(bench.room, 'line');
mkdirSync(room);

const rates = new Map<string, number[]>();

function note(name: string, bytes: number, seconds: number): void {
  rates.set(name, [...(rates.get(name) ?? []), (bytes * BITS) / 1e6 / seconds]);
}

/** The file in shares, on so many connections at once. */
async function plainPuts(sink: Sink, share: ArchiveFile, connections: number): Promise<void> {
  const put = ['-sf', '-H', 'Expect:', '-T', share.path, sink.url];
  const [, ...puts] = Array.from({ length: SHARES }, () => ['--next', ...put]).flat();
  const parallel = ['--no-progress-meter', '--parallel', '--parallel-max', `${connections}`];
  const args = [...parallel, '--parallel-immediate', ...puts];
  const { wallSeconds } = await costOf({ command: 'curl', args });
  const words = connections === 1 ? 'one connection' : `${connections} connections`;
  note(`plain PUTs on ${words}`, SHARES * share.size, wallSeconds);
}

async function throughCore(core: CoreProcess, target: Target, file: ArchiveFile, name: string) {
  const backup = await sendWithCurl(core, target, file, async (command, args) => {
    note(name, file.size, (await costOf({ command, args })).wallSeconds);
  });
  await core.client.delete(target.id, backup.backup_id);
}

async function byPeers(server: BenchServer, file: ArchiveFile): Promise<void> {
  const upload = mc(server, room).upload(file.path, 'mc.tar');
  note(`mc, ${PARALLEL} parts at a time`, file.size, (await costOf(upload)).wallSeconds);
  const { flags, remote } = rcloneAt(server);
  const args = ['copyto', ...flags, file.path, remote('rclone.tar')];
  const { wallSeconds } = await costOf({ command: compiledProgram('rclone'), args });
  note(`rclone, ${PARALLEL} parts at a time`, file.size, wallSeconds);
}

const line = await Line.start(room, roundTripMs, mbit);
const server = await startServer(bestServer(), room, line.whereabouts);
const sink = await Sink.start(room, line.whereabouts);
const core = await startCore(bench, room);
try {
  const file = await makeArchiveFile(join(room, 'archive.tar'), bench.sizeMiB);
  const share = await makeArchiveFile(join(room, 'share.tar'), Math.ceil(bench.sizeMiB / SHARES));
  const targets = new Map<string, Target>();
  for (const parallel_parts of PARALLEL_PARTS) {
    const change = { bucket: 'bench', folder: `parts-${parallel_parts}`, parallel_parts };
    const name = parallel_parts === 0 ? 'core, as it is' : `core, ${parallel_parts} parts at a time`;
    targets.set(name, await core.client.addTarget(bucketInput(server.server, name, change)));
  }
  for (let round = 1; round <= bench.rounds; round += 1) {
    say(`over a line, round ${round} of ${bench.rounds}`);
    for (const connections of CONNECTIONS) await plainPuts(sink, share, connections);
    for (const [name, target] of targets) await throughCore(core, target, file, name);
    await byPeers(server, file);
  }
  const peak = Math.round(core.program.peakRss() / MIB);
  const medians = [...rates].map(([name, list]) => [name, median(list)] as const);
  process.stdout.write(JSON.stringify({ medians, peak }));
} finally {
  await core.stop();
  await sink.stop();
  await server.server.stop();
  await line.stop();
  rmSync(room, { recursive: true, force: true });
}
