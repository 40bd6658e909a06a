import { bestServer, type Section } from './bench.ts';
import { inOwnNetwork } from './line.ts';
import type { LineArgument } from './line-uploads.ts';
import { PEER_PARTS, serverVersion } from './peers.ts';
import { machine, table } from './results.ts';

const ROUND_TRIP_MS = 50;
const MBIT = 1000;

/** Whether an upload fills a fast line to a server that is far away. */
export const overLine: Section = {
  name: 'line',
  needs: PEER_PARTS,
  async run(bench) {
    const argument: LineArgument = { bench, roundTripMs: ROUND_TRIP_MS, mbit: MBIT };
    const { medians, peak } = await inOwnNetwork<{
      medians: [string, number][];
      peak: number;
    }>('line-uploads.ts', argument);
    const rows = medians.map(([name, mbit]) => [name, mbit.toFixed(0)]);
    return `## A line of ${MBIT} Mbit/s with a round trip of ${ROUND_TRIP_MS} ms

Uploads of ${bench.sizeMiB} MiB to ${serverVersion(bestServer())} at the other end, medians of ${bench.rounds} alternating rounds; ${machine()}.
Plain PUTs go to a server that drops them: what the line gives. The core needed ${peak} MiB at most.

${table(['upload', 'Mbit/s'], rows)}`;
  },
};
