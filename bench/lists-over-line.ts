// Inside the network of a line: how long lists take there. Prints ListTimes, for listing.ts.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Line } from './line.ts';
import type { LineArgument } from './line-uploads.ts';
import { listTimes } from './lists.ts';

const { bench, roundTripMs, mbit } = JSON.parse(process.argv[2] ?? '') as LineArgument;
const dir = join(bench.room, 'listing-line');
mkdirSync(dir);
const line = await Line.start(dir, roundTripMs, mbit);
try {
  process.stdout.write(
    JSON.stringify(await listTimes(bench, `listing over ${roundTripMs} ms`, line.whereabouts)),
  );
} finally {
  await line.stop();
}
