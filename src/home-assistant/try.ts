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

/** Home Assistant was there, so no other address is meant. */
const OF_HOME_ASSISTANT = ['home_assistant_refused', 'home_assistant_not_admin'] as const;

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
  const problems: Problem[] = [];
  for (const origin of candidates(url)) {
    try {
      await tryDoor(doorAt(origin, token), options);
      return origin;
    } catch (error) {
      if (!isProblem(error)) throw error;
      problems.push(error);
      if (OF_HOME_ASSISTANT.some((code) => code === error.code)) break;
    }
  }
  // of several addresses the one that Home Assistant answered at, else the one that was typed
  const said = problems.find(({ code }) => OF_HOME_ASSISTANT.some((known) => known === code));
  throw (said ?? problems[0] ?? new Problem('internal')).withStatus(INPUT_STATUS);
}
