import { loadavg, uptime } from 'node:os';
import * as v from 'valibot';
import type { Clock } from '../kernel/clock.ts';
import { readGauges } from './box.ts';
import { CpuGauge } from './gauges.ts';

const Megabytes = v.pipe(v.number(), v.minValue(0));

/** BaluPi's `GET /api/system/status`. */
export const SystemStatus = v.object({
  cpu_percent: v.number(),
  cpu_temp_celsius: v.nullable(v.number()),
  memory_total_mb: Megabytes,
  memory_used_mb: Megabytes,
  memory_percent: v.number(),
  disk_total_gb: v.number(),
  disk_used_gb: v.number(),
  disk_percent: v.number(),
  uptime_seconds: v.number(),
  /** Of the last one, five and fifteen minutes. */
  load_avg: v.array(v.number()),
});
type SystemStatus = v.InferOutput<typeof SystemStatus>;

const MEGABYTE = 1024 * 1024;
const GIGABYTE = 1024 * MEGABYTE;

const rounded = (value: number) => Math.round(value * 10) / 10;

/** Reads how the box is; the processors from one question to the next. */
export function createStatus({ dataDir, clock }: { readonly dataDir: string; readonly clock: Clock }) {
  const cpu = new CpuGauge();
  let lastCpu = 0;
  return async (): Promise<SystemStatus> => {
    const gauges = await readGauges(cpu, dataDir, clock);
    lastCpu = gauges.cpu_percent ?? lastCpu;
    const total = gauges.disk_total_bytes ?? 0;
    return {
      cpu_percent: lastCpu,
      cpu_temp_celsius: gauges.cpu_temperature_celsius,
      memory_total_mb: rounded(gauges.memory_total_bytes / MEGABYTE),
      memory_used_mb: rounded(gauges.memory_used_bytes / MEGABYTE),
      memory_percent: gauges.memory_percent,
      disk_total_gb: rounded(total / GIGABYTE),
      disk_used_gb: rounded((total - (gauges.disk_free_bytes ?? total)) / GIGABYTE),
      disk_percent: gauges.disk_percent ?? 0,
      uptime_seconds: Math.floor(uptime()),
      load_avg: loadavg().map((load) => Math.round(load * 100) / 100),
    };
  };
}
