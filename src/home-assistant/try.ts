import type { ProblemCode } from '../contract/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { candidates, doorAt } from './address.ts';
import { readBackupConfig, readHome, readUsers } from './facts.ts';
import { refusalProblem } from './faults.ts';
import { openSession } from './session.ts';
import type { Door } from './socket.ts';

interface TryOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A fault of what a person is just entering is a fault of the input. */
const INPUT_STATUS = 422;

/** A person looks on, and two addresses may be tried (milliseconds). */
const PATIENCE_MS = 10_000;

/** Nothing there, or something else: another port may be meant. */
const ELSEWHERE: ReadonlySet<ProblemCode> = new Set([
  'home_assistant_no_connection',
  'home_assistant_timeout',
  'home_assistant_not_there',
  'home_assistant_redirect',
]);

/** Does once all that is done on a connection. @throws Problem */
async function tryDoor(door: Door, { clock, signal }: TryOptions): Promise<void> {
  const session = await openSession(door, { clock, signal, patienceMs: PATIENCE_MS });
  const hangUp = () => session.close();
  signal.addEventListener('abort', hangUp, { once: true });
  try {
    readHome(await session.call('get_config'));
    readBackupConfig(await session.call('backup/config/info'));
    readUsers(await session.call('config/auth/list'));
  } catch (error) {
    throw refusalProblem(error);
  } finally {
    signal.removeEventListener('abort', hangUp);
    session.close();
  }
}

/** Finds the Home Assistant that is meant and returns its origin. @throws Problem that says exactly what is wrong. */
export async function tryAccess(url: string, token: string, options: TryOptions): Promise<string> {
  let typed: Problem | undefined;
  for (const origin of candidates(url)) {
    try {
      await tryDoor(doorAt(origin, token), options);
      return origin;
    } catch (error) {
      options.signal.throwIfAborted();
      if (!isProblem(error)) throw error;
      if (!ELSEWHERE.has(error.code)) throw error.withStatus(INPUT_STATUS);
      typed ??= error;
    }
  }
  // of several addresses people are told of the one that was typed
  throw (typed ?? new Problem('internal')).withStatus(INPUT_STATUS);
}
