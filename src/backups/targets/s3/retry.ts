import type { Clock } from '../../../kernel/clock.ts';

/** How often something is tried in all: a short hiccup of a server passes, a dead one is reported within a minute. */
const MAX_ATTEMPTS = 5;

/** In an upload: a line that is cut once a night, or a router that restarts, is back within the three quarters of a minute that this takes. */
export const PATIENT_ATTEMPTS = 10;

/** Silence costs the whole idle time-out each time, so it gets one more chance and not four. */
const MAX_TIMEOUTS = 2;

/** The first pause is at most this long, each further one twice as long as the last. */
const FIRST_PAUSE_MS = 500;

/** No pause is longer: a 503 of a busy server is over in seconds. */
const LONGEST_PAUSE_MS = 10_000;

/**
 * A server may ask for a pause of its own. Somebody waits for a list, and the shim for two minutes at most; an upload
 * has time.
 */
export const LONGEST_ASKED_MS = 10_000;
export const LONGEST_ASKED_PATIENT_MS = 60_000;

/** Whether another try may do better, and how it counts. */
export type Retryable = 'no' | 'yes' | 'timeout' | 'at_once';

interface RetryOptions {
  readonly clock: Clock;
  /** Ends the pauses; the operation watches it by itself. */
  readonly signal?: AbortSignal | undefined;
  /** `at_once` is tried again without a pause, once: something was put right in between (the clock). */
  readonly retryable: (error: unknown) => Retryable;
  readonly attempts?: number;
  /** How long the server asked to be left alone (milliseconds), as far as it is given that. */
  readonly asked?: (error: unknown) => number | undefined;
}

/**
 * Runs an operation again while its failure may be a passing one. The pauses are random between half and all of their
 * length, so that clients which were cut off together do not come back together.
 */
export async function retrying<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal, retryable, attempts = MAX_ATTEMPTS, asked } = options;
  let timeouts = 0;
  let corrected = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await operation();
    } catch (error) {
      const answer = signal?.aborted ? 'no' : retryable(error);
      if (answer === 'timeout') timeouts += 1;
      const again = answer === 'at_once' ? !corrected : answer !== 'no';
      // what was put right does not count as an attempt
      const enough = answer !== 'at_once' && (attempt >= attempts || timeouts >= MAX_TIMEOUTS);
      if (!again || enough) throw error;
      if (answer === 'at_once') corrected = true;
      else await clock.sleep(pauseBefore(attempt, asked?.(error)), signal);
    }
  }
}

function pauseBefore(attempt: number, asked = 0): number {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  // never sooner than was asked, and not all clients at the same moment
  return asked + longest * (0.5 + Math.random() / 2);
}
