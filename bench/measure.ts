import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Ticks of the kernel's clock in /proc/PID/stat (sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on). */
const TICKS_PER_SECOND = 100;

/** Often enough to see a peak that lasts a part's upload. */
const SAMPLE_MS = 20;

export interface Cost {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** CPU seconds, user and system, that a process has used so far (proc(5): fields 14 and 15 of stat). */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function peakMiB(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** What a command costs; it must end well. */
export async function costOf(command: string, args: readonly string[]): Promise<Cost> {
  const start = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const pid = child.pid ?? 0;
  let cpu = 0;
  let peak = 0;
  const sample = () => {
    try {
      cpu = cpuSeconds(pid);
      peak = Math.max(peak, peakMiB(pid));
    } catch {
      // it has just ended
    }
  };
  const timer = setInterval(sample, SAMPLE_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return { wallSeconds: (performance.now() - start) / 1000, cpuSeconds: cpu, peakMiB: peak };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The median of each figure over rounds. */
export function medianCost(costs: readonly Cost[]): Cost {
  return {
    wallSeconds: median(costs.map((cost) => cost.wallSeconds)),
    cpuSeconds: median(costs.map((cost) => cost.cpuSeconds)),
    peakMiB: median(costs.map((cost) => cost.peakMiB)),
  };
}
