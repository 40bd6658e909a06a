import type { Clock } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import type { BrokerAccess, DeviceContext, Trust } from './handler.ts';
import { DeviceHttp } from './http/client.ts';
import { BY_AUTHORITY } from './http/trust.ts';
import type { Settings } from './settings.ts';

/** What every operation with a device may use of the core. */
export interface SessionOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The broker that Homestash is connected to. */
  readonly broker: () => Promise<BrokerAccess | undefined>;
}

/** What is trusted in one operation: what is met first is what must be met from then on. */
export class FirstUse implements Trust {
  readonly known: string | undefined;
  #met: string | undefined;

  constructor(known: string | undefined) {
    this.known = known;
  }

  /** What was met; what is known where nothing was. */
  get met(): string | undefined {
    return this.#met ?? this.known;
  }

  meet(fingerprint: string, host: string): void {
    const trusted = this.#met ?? this.known;
    if (trusted !== undefined && trusted !== fingerprint && fingerprint !== BY_AUTHORITY) {
      throw new Problem('device_pin', { params: { host, fingerprint } });
    }
    this.#met = fingerprint;
  }
}

interface OneSession {
  readonly settings: Settings;
  readonly trust: FirstUse;
  readonly signal: AbortSignal;
  readonly workDir: () => Promise<string>;
}

/** What a handler gets for one operation. */
export function sessionWith(
  { clock, log, broker }: SessionOptions,
  { settings, trust, signal, workDir }: OneSession,
): DeviceContext<never> {
  return {
    settings: settings as never,
    signal,
    clock,
    log,
    trust,
    workDir,
    broker,
    http: (options, until = signal) => new DeviceHttp(options, trust, until),
  };
}

/** No operation with a device takes longer: a drip that never ends is given up (milliseconds). */
const LONGEST_MS = 15 * 60_000;

/** Trying and identifying takes no longer (milliseconds). */
export const TEST_MS = 60_000;

/**
 * Runs an operation with a device and ends it when it takes too long.
 * @throws Problem `device_slow`; the signal's reason; whatever the work throws
 */
export async function limited<Result>(
  { clock, signal, host, ms = LONGEST_MS }: { clock: Clock; signal: AbortSignal; host: string; ms?: number },
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const done = new AbortController();
  const late = new AbortController();
  clock.sleep(ms, done.signal).then(
    () => late.abort(new Problem('device_slow', { params: { host } })),
    () => undefined,
  );
  const ended = AbortSignal.any([signal, late.signal]);
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = () => reject(ended.reason);
    if (ended.aborted) onAbort();
    else ended.addEventListener('abort', onAbort, { once: true });
  });
  try {
    // a handler that does not hear the signal holds nobody up all the same
    return await Promise.race([work(ended), aborted]);
  } finally {
    done.abort();
    aborted.catch(() => undefined);
  }
}
