import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  addBucket,
  bestServer,
  fetchWithCurl,
  MIB,
  makeArchiveFile,
  type Section,
  say,
  sendWithCurl,
  startCore,
  startServer,
} from './bench.ts';
import { costOf, cpuSeconds } from './measure.ts';
import { serverVersion } from './peers.ts';
import { machine, table } from './results.ts';
import { slowDown } from './slow-down.ts';

/** Of one processor: a stand-in for the slowest Raspberry Pi that people run this on. */
const SHARE = 0.25;

/** Whether a slow machine gets through, and what it needs. */
export const slowCore: Section = {
  name: 'slow-core',
  needs: [],
  async run(bench) {
    const room = join(bench.room, 'slow-core');
    mkdirSync(room);
    const name = bestServer();
    const server = await startServer(name, room);
    const core = await startCore(bench, room);
    const slow = slowDown(core.program.pid, SHARE);
    const rows: string[][] = [];
    const measured = (what: string) => async (command: string, args: readonly string[]) => {
      core.program.resetPeakRss();
      const before = cpuSeconds(core.program.pid);
      const { wallSeconds } = await costOf({ command, args });
      const cpu = cpuSeconds(core.program.pid) - before;
      const peak = core.program.peakRss() / MIB;
      rows.push([what, wallSeconds.toFixed(1), cpu.toFixed(1), peak.toFixed(0)]);
    };
    try {
      say(`slow core: ${bench.sizeMiB} MiB up and down with a share of ${SHARE} (${slow.way})`);
      const target = await addBucket(core, server);
      const file = await makeArchiveFile(join(room, 'archive.tar'), bench.sizeMiB);
      const backup = await sendWithCurl(core, target, file, measured('upload'));
      await fetchWithCurl(core, target, backup, measured('download'));
      return `## On a quarter of a processor

The core may use one processor and ${SHARE * 100} % of it (${slow.way}); server and client may not be held up by that. ${bench.sizeMiB} MiB to ${serverVersion(name)}
and back, once; both went through without an error. ${machine()}.

${table(['what', 'wall s', 'CPU s', 'peak MiB'], rows)}`;
    } finally {
      slow.end();
      await core.stop();
      await server.server.stop();
      rmSync(room, { recursive: true, force: true });
    }
  },
};
