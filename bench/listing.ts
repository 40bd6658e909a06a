import { bestServer, type Section } from './bench.ts';
import { inOwnNetwork } from './line.ts';
import type { LineArgument } from './line-uploads.ts';
import { LISTED, type ListTimes, listTimes } from './lists.ts';
import { serverVersion } from './peers.ts';
import { machine, table } from './results.ts';

/** To a store in the same country. */
const ROUND_TRIP_MS = 10;
const MBIT = 1000;

/** How long a list of many backups takes. */
export const listing: Section = {
  name: 'listing',
  needs: ['ha'],
  async run(bench) {
    const near = await listTimes(bench, 'listing', {});
    const argument: LineArgument = { bench, roundTripMs: ROUND_TRIP_MS, mbit: MBIT };
    const far = await inOwnNetwork<ListTimes>('lists-over-line.ts', argument);
    const row = (name: string, { first, catalogue, oneByOne }: ListTimes) => [
      name,
      ...[oneByOne, first].map((ms) => ms.toFixed(0)),
      `${(oneByOne / first).toFixed(1)} ×`,
      catalogue.toFixed(0),
    ];
    const head = ['server', 'one after the other, ms', 'core, ms', 'faster', 'from the catalogue, ms'];
    return `## A list of ${LISTED.toLocaleString('en')} backups

A bucket that the core has never seen, on ${serverVersion(bestServer())}, medians of ${bench.rounds} rounds; ${machine()}.
The core's time is from the answer that the bucket was added to the whole list. One after the other: a list and a GET for each
description with the AWS SDK over one connection that stays open, as Home Assistant's own integrations do it in Python.

${table(head, [row('same machine', near), row(`${ROUND_TRIP_MS} ms away`, far)])}`;
  },
};
