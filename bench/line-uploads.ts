// Inside the network of a line: how fast the core and others fill it. Prints Mbit/s of each, for line-section.ts.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { compiledProgram } from '../test/harness/cache.ts';
import { bucketInput } from '../test/harness/s3-target.ts';
import {
  type Bench,
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
import { mc, rcloneAt } from './peers.ts';
import { Sink } from './sink.ts';

export interface LineArgument {
  readonly bench: Bench;
  readonly roundTripMs: number;
  readonly mbit: number;
}

/** Connections of a plain PUT, up to what browsers and tools take. */
const CONNECTIONS = [1, 2, 4, 8];

/** What a person may choose; 0 is the core's own choice. */
const PARALLEL_PARTS = [0, 4, 8];

const { bench, roundTripMs, mbit } = JSON.parse(process.argv[2] ?? '') as LineArgument;
const room = join(bench.room, 'line');
mkdirSync(room);

const line = await Line.start(room, roundTripMs, mbit);
const server = await startServer(bestServer(), room, line.whereabouts);
const sink = await Sink.start(room, line.whereabouts);
const core = await startCore(bench, room);
const rates = new Map<string, number[]>();
const note = (name: string, bytes: number, seconds: number) =>
  rates.set(name, [...(rates.get(name) ?? []), (bytes * 8) / 1e6 / seconds]);
try {
  const file = await makeArchiveFile(join(room, 'archive.tar'), bench.sizeMiB);
  const share = await makeArchiveFile(join(room, 'share.tar'), Math.ceil(bench.sizeMiB / 8));
  const targets = [];
  for (const parallel_parts of PARALLEL_PARTS) {
    const change = { bucket: 'bench', folder: `parts-${parallel_parts}`, parallel_parts };
    targets.push(await core.client.addTarget(bucketInput(server.server, `${parallel_parts}`, change)));
  }
  for (let round = 1; round <= bench.rounds; round += 1) {
    say(`over a line, round ${round} of ${bench.rounds}`);
    for (const connections of CONNECTIONS) {
      const puts = Array.from({ length: 8 }, () => [
        '--next',
        '-sf',
        '-H',
        'Expect:',
        '-T',
        share.path,
        sink.url,
      ]);
      const parallel = [
        '--no-progress-meter',
        '--parallel',
        '--parallel-max',
        `${connections}`,
        '--parallel-immediate',
      ];
      const { wallSeconds } = await costOf({ command: 'curl', args: [...parallel, ...puts.flat().slice(1)] });
      note(
        `plain PUTs on ${connections === 1 ? 'one connection' : `${connections} connections`}`,
        8 * share.size,
        wallSeconds,
      );
    }
    for (const [index, target] of targets.entries()) {
      const parts = PARALLEL_PARTS[index];
      const name = parts === 0 ? 'core, as it is' : `core, ${parts} parts at a time`;
      const backup = await sendWithCurl(core, target, file, async (command, args) => {
        const { wallSeconds } = await costOf({ command, args });
        note(name, file.size, wallSeconds);
      });
      await core.client.delete(target.id, backup.backup_id);
    }
    const peer = mc(server, room);
    const { flags, remote } = rcloneAt(server);
    note('mc, two parts at a time', file.size, (await costOf(peer.upload(file.path, 'mc.tar'))).wallSeconds);
    const args = ['copyto', ...flags, file.path, remote('rclone.tar')];
    const rclone = await costOf({ command: compiledProgram('rclone'), args });
    note('rclone, two parts at a time', file.size, rclone.wallSeconds);
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
