import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Ticks of the kernel's clock in /proc/PID/stat (sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on). */
const TICKS_PER_SECOND = 100;

/** Often enough to see the last of a peak before a program ends. */
const SAMPLE_MS = 20;

export interface Cost {
  readonly wallSeconds: number;
  /** User and system. */
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** A program to be run, with what is added to its environment. */
export interface Invocation {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The fields of /proc/PID/stat behind the name, which may hold anything; proc(5) calls the first one the third. */
function statOf(pid: number | 'self'): number[] {
  return readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number);
}

/** CPU seconds, user and system, that a process has used so far (utime and stime). */
export function cpuSeconds(pid: number): number {
  const fields = statOf(pid);
  return ((fields[11] ?? 0) + (fields[12] ?? 0)) / TICKS_PER_SECOND;
}

/** CPU seconds of the children of this process that have ended (cutime and cstime), theirs included. */
function endedChildrenSeconds(): number {
  const fields = statOf('self');
  return ((fields[13] ?? 0) + (fields[14] ?? 0)) / TICKS_PER_SECOND;
}

function peakMiB(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** Bytes that a process has caused to be written to disks so far (proc(5), /proc/PID/io). */
export function writtenBytes(pid: number): number {
  return Number(/write_bytes: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0);
}

/** What a program costs; it must end well. No other child may end meanwhile. */
export async function costOf({ command, args, env = {} }: Invocation): Promise<Cost> {
  const before = endedChildrenSeconds();
  const start = performance.now();
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
  const pid = child.pid ?? 0;
  let peak = 0;
  const sample = () => {
    try {
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
  return {
    wallSeconds: (performance.now() - start) / 1000,
    cpuSeconds: endedChildrenSeconds() - before,
    peakMiB: peak,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** One figure for each over rounds. */
function overRounds<Figures extends { readonly [name in keyof Figures]: number }>(
  rounds: readonly Figures[],
  take: (values: readonly number[]) => number,
): Figures {
  const names = Object.keys(rounds[0] ?? {}) as (keyof Figures)[];
  return Object.fromEntries(
    names.map((name) => [name, take(rounds.map((round) => round[name]))]),
  ) as unknown as Figures;
}

/** The median of each figure over rounds. */
export const medianOf = <Figures extends { readonly [name in keyof Figures]: number }>(
  rounds: readonly Figures[],
): Figures => overRounds(rounds, median);

/** What each name costs, round after round. */
export class Rounds<Figures extends { readonly [name in keyof Figures]: number }> {
  readonly #rounds = new Map<string, Figures[]>();

  add(name: string, figures: Figures): void {
    this.#rounds.set(name, [...(this.#rounds.get(name) ?? []), figures]);
  }

  names(): string[] {
    return [...this.#rounds.keys()];
  }

  /** The median of each figure. */
  of(name: string): Figures {
    return medianOf(this.#of(name));
  }

  /** The largest of each figure. */
  worstOf(name: string): Figures {
    return overRounds(this.#of(name), (values) => Math.max(...values));
  }

  #of(name: string): Figures[] {
    const rounds = this.#rounds.get(name);
    if (rounds === undefined) throw new Error(`nobody has measured ${name}`);
    return rounds;
  }
}
