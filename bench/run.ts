// Measures the core, its peers and Home Assistant, and writes bench/RESULTS.md.
// usage: script/bench [--only NAME,NAME…] [MIB] [ROUNDS]
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../test/harness/cache.ts';
import { buildPackage } from '../test/harness/package.ts';
import { backupDelay } from './backup-delay.ts';
import { type Bench, MIB, type Section, say } from './bench.ts';
import { devices } from './devices.ts';
import { overLine } from './line-section.ts';
import { listing } from './listing.ts';
import { memory } from './memory.ts';
import { outlets } from './outlets.ts';
import { writeSection } from './results.ts';
import { slowCore } from './slow-core.ts';
import { throughHomeAssistant } from './through-home-assistant.ts';
import { transfers } from './transfers.ts';

const SECTIONS: readonly Section[] = [
  transfers,
  throughHomeAssistant,
  overLine,
  memory,
  listing,
  outlets,
  devices,
  backupDelay,
  slowCore,
];
const ORDER = SECTIONS.map(({ name }) => name);

const DEFAULT_MIB = 1024;
const DEFAULT_ROUNDS = 3;
/** A file, the object at the server twice while its parts are put together, a copy that came back, and as much again. */
const ROOM_FOR_SIZES = 6;

const TMPFS = '/dev/shm';
const TMPFS_MAGIC = 0x01021994;

/** Memory, so that no disk is measured, where there is enough of it. */
function parentOfRoom(sizeMiB: number): string {
  if (!existsSync(TMPFS)) return tmpdir();
  const { type, bavail, bsize } = statfsSync(TMPFS);
  return type === TMPFS_MAGIC && bavail * bsize > ROOM_FOR_SIZES * sizeMiB * MIB ? TMPFS : tmpdir();
}

/** A virtual machine gets memory from its host when it is first written to, and whoever comes first would pay for it. */
function warm(folder: string, bytes: number): void {
  const path = join(folder, 'warm');
  const file = openSync(path, 'w');
  const chunk = Buffer.alloc(MIB);
  for (let left = bytes; left > 0; left -= MIB) writeSync(file, chunk);
  closeSync(file);
  rmSync(path);
}

function usage(): never {
  say(`usage: script/bench [--only NAME,NAME…] [MIB] [ROUNDS]   names: ${ORDER.join(' ')}`);
  process.exit(64);
}

const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });
const [sizeMiB = DEFAULT_MIB, rounds = DEFAULT_ROUNDS, ...more] = positionals.map(Number);
const names = values.only?.split(',') ?? ORDER;
const selected = SECTIONS.filter(({ name }) => names.includes(name));
if (more.length > 0 || !(sizeMiB > 0) || !(rounds > 0) || selected.length !== names.length) usage();

execFileSync(
  join(repositoryRoot, 'script/bootstrap'),
  [...new Set(['versitygw', ...selected.flatMap(({ needs }) => needs)])],
  { stdio: 'inherit' },
);
const room = mkdtempSync(join(parentOfRoom(sizeMiB), 'homestash-bench-'));
process.once('exit', () => rmSync(room, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
warm(room, (ROOM_FOR_SIZES - 1) * sizeMiB * MIB);
const bench: Bench = { sizeMiB, rounds, room, entry: buildPackage(join(room, 'package')) };
for (const section of selected) {
  const text = await section.run(bench);
  writeSection(section.name, text, ORDER);
  process.stdout.write(`${text}\n\n`);
}
