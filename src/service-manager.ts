import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Clock } from './kernel/clock.ts';

/** Speaks for us: Node knows no datagrams on Unix sockets, and a compiled module for three words would be too much. */
const SPEAKER = 'systemd-notify';

/** A service manager that does not take the word by then is busy itself (milliseconds). */
const SPEAK_TIMEOUT_MS = 10_000;

/** systemd wants to hear twice within the time after which it restarts. */
const WORDS_PER_WATCHDOG = 2;

const MICROSECONDS_PER_MS = 1000;

interface ServiceManagerOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** Rejects when the program cannot do its work. */
  readonly isWell: () => Promise<void>;
  /** Takes a line of what went wrong. */
  readonly complain: (line: string) => void;
}

/** What systemd is told of a running program (sd_notify). Where no service manager listens, nothing happens. */
export interface ServiceManager {
  /** Everything runs. From now on it also hears that all is well, as often as it asked for. */
  ready(): Promise<void>;
  /** The end has begun, and is no failure. */
  stopping(): Promise<void>;
}

const run = promisify(execFile);

/** Speaks to the service manager that the environment names. */
export function serviceManager(options: ServiceManagerOptions): ServiceManager {
  const { env, clock, isWell, complain } = options;
  const ended = new AbortController();

  const say = async (word: string) => {
    try {
      await run(SPEAKER, [word], { env, timeout: SPEAK_TIMEOUT_MS });
    } catch (error) {
      complain(`systemd was not told ${word}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };

  const keepTelling = async (intervalMs: number) => {
    while (!ended.signal.aborted) {
      await clock.sleep(intervalMs, ended.signal);
      try {
        await isWell();
        await say('WATCHDOG=1');
      } catch (error) {
        complain(`systemd is not told that all is well, for it is not: ${String(error)}`);
      }
    }
  };

  if (!env.NOTIFY_SOCKET) return { ready: async () => undefined, stopping: async () => undefined };
  return {
    ready: async () => {
      await say('READY=1');
      const watchdogMs = Number(env.WATCHDOG_USEC ?? 0) / MICROSECONDS_PER_MS;
      if (watchdogMs > 0) keepTelling(watchdogMs / WORDS_PER_WATCHDOG).catch(() => undefined);
    },
    stopping: async () => {
      ended.abort();
      await say('STOPPING=1');
    },
  };
}
