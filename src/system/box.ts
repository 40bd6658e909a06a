import { statfs } from 'node:fs/promises';
import type { CoreState, Info, Overview } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import { type Clock, within } from '../kernel/clock.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { State } from '../kernel/state.ts';
import { CpuGauge, readMemory, readTemperature } from './gauges.ts';

interface BoxOptions {
  readonly info: Info;
  readonly dataDir: string;
  readonly state: State;
  readonly bus: Bus<BoxEvents>;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether all is well, in the language of the home. */
  readonly overview: () => Promise<Overview>;
  /** How many operations run. */
  readonly running: () => number;
  /** How often the box is measured (milliseconds). */
  readonly measureEveryMs: number;
}

/** What makes the document of the box another. */
export interface BoxEvents {
  overview_changed: Record<never, never>;
  settings_changed: Record<never, never>;
  language_changed: Record<never, never>;
  operation: { readonly state: string };
}

/** A disk answers at once; a share that hangs is not waited for (milliseconds). */
const DISK_ANSWER_MS = 2_000;

/** Parts of a whole that is read again and again: what differs by less is the same (bytes). */
const GRAIN_BYTES = 1_000_000;

const grained = (bytes: number) => Math.round(bytes / GRAIN_BYTES) * GRAIN_BYTES;
const percent = (part: number, whole: number) => (whole > 0 ? Math.round((part / whole) * 100) : 0);

type Gauges = Pick<
  CoreState,
  | 'cpu_percent'
  | 'cpu_temperature_celsius'
  | 'memory_percent'
  | 'memory_used_bytes'
  | 'memory_total_bytes'
  | 'core_memory_bytes'
  | 'disk_percent'
  | 'disk_free_bytes'
  | 'disk_total_bytes'
>;

/** Reads all gauges of the box; the processors since the last time. */
export async function readGauges(cpu: CpuGauge, dataDir: string, clock: Clock): Promise<Gauges> {
  const [memory, temperature, disk] = await Promise.all([
    readMemory(),
    readTemperature(),
    within(clock, DISK_ANSWER_MS, statfs(dataDir)),
  ]);
  const free = disk && disk.bavail * disk.bsize;
  const total = disk && disk.blocks * disk.bsize;
  return {
    cpu_percent: cpu.read(),
    cpu_temperature_celsius: temperature,
    memory_percent: percent(memory.used, memory.total),
    memory_used_bytes: grained(memory.used),
    memory_total_bytes: memory.total,
    core_memory_bytes: grained(process.memoryUsage.rss()),
    // what is kept for root counts as used: nobody else can write it
    disk_percent: total && free !== undefined ? percent(total - free, total) : null,
    disk_free_bytes: free === undefined ? null : grained(free),
    disk_total_bytes: total ?? null,
  };
}

/** Keeps the document of the box; the returned function ends it. */
export function keepBox(options: BoxOptions): () => void {
  const { info, state, bus, clock, log, overview, running } = options;
  const document = state.document<CoreState>('core');
  const cpu = new CpuGauge();
  const life = new AbortController();
  let gauges: Gauges | undefined;
  const write = async () => {
    const measured = gauges;
    if (!measured) return;
    try {
      const { verdict, notices, last_backup, next_backup } = await overview();
      if (life.signal.aborted) return;
      document.set({
        name: info.name,
        version: info.version,
        started_at: info.started_at,
        verdict,
        problem: notices.some(({ severity }) => severity !== 'info'),
        notices: notices.map(({ id, code, severity, title }) => ({ id, code, severity, title })),
        last_backup: last_backup?.at ?? null,
        next_backup,
        operations: running(),
        ...measured,
      });
    } catch (error) {
      log.warning('how the box stands could not be written', { reason: describeError(error) });
    }
  };
  const measure = async () => {
    while (!life.signal.aborted) {
      gauges = await readGauges(cpu, options.dataDir, clock);
      await write();
      await clock.sleep(options.measureEveryMs, life.signal).catch(() => undefined);
    }
  };
  let before = running();
  const ends = [
    bus.on('overview_changed', () => void write()),
    bus.on('settings_changed', () => void write()),
    bus.on('language_changed', () => void write()),
    bus.on('operation', () => {
      if (running() !== before) void write();
      before = running();
    }),
  ];
  void measure();
  return () => {
    life.abort();
    for (const end of ends) end();
  };
}
