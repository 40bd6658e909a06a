import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** How often the kernel hands out the share (microseconds), as containers have it. */
const PERIOD_US = 100_000;
/** Of a process that is stopped and continued instead. */
const DUTY_MS = 40;

export interface SlowedDown {
  /** In words. */
  readonly way: string;
  end(): void;
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A group of the kernel's with a quota, which goes when its process has left it. */
function group(parent: string, way: string, pid: number, limits: Record<string, string>): SlowedDown {
  const path = join(parent, `homestash-bench-${pid}`);
  mkdirSync(path);
  for (const [name, value] of Object.entries(limits)) writeFileSync(join(path, name), value);
  writeFileSync(join(path, 'cgroup.procs'), String(pid));
  return {
    way,
    end: () => {
      writeFileSync(join(parent, 'cgroup.procs'), String(pid));
      rmdirSync(path);
    },
  };
}

/** Gives a process one processor, and this share of it; by a cgroup, or else by stopping and continuing it. */
export function slowDown(pid: number, share: number): SlowedDown {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', '0', String(pid)], { stdio: 'ignore' });
  const quota = Math.round(PERIOD_US * share);
  const [old, unified] = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup'];
  if (writable(join(old, 'cpu.cfs_quota_us')) || writable(join(old, 'tasks'))) {
    const limits = { 'cpu.cfs_period_us': String(PERIOD_US), 'cpu.cfs_quota_us': String(quota) };
    return group(old, 'a cgroup', pid, limits);
  }
  if (writable(join(unified, 'cgroup.subtree_control'))) {
    writeFileSync(join(unified, 'cgroup.subtree_control'), '+cpu');
    return group(unified, 'a cgroup', pid, { 'cpu.max': `${quota} ${PERIOD_US}` });
  }
  let running = true;
  const timer = setInterval(() => {
    const run = Date.now() % DUTY_MS < DUTY_MS * share;
    if (run !== running) process.kill(pid, run ? 'SIGCONT' : 'SIGSTOP');
    running = run;
  }, 1);
  return {
    way: 'stopped and continued',
    end: () => {
      clearInterval(timer);
      process.kill(pid, 'SIGCONT');
    },
  };
}
