const HEARTBEAT_MS = 10_000;
const MILLION = 1_000_000;

/** Tells a person at a terminal what happens, in whole lines that also read well in a log. */
export function tell(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / MILLION).toFixed(1)} MB`;
}

export function speed(bytes: number, ms: number): string {
  // What took less than the clock can tell is not infinitely fast.
  return `${Math.round(bytes / MILLION / (Math.max(ms, 1) / 1000))} MB/s`;
}

/** Does something that takes a while, tells when it is done, and now and then that it is not. */
export async function during<Result>(
  what: string,
  work: () => Promise<Result>,
  done: (result: Result) => string,
): Promise<Result> {
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  const heartbeat = setInterval(() => tell(`  … ${what}, ${seconds(elapsed())} so far`), HEARTBEAT_MS);
  try {
    const result = await work();
    tell(`  ${done(result)} (${seconds(elapsed())})`);
    return result;
  } finally {
    clearInterval(heartbeat);
  }
}
