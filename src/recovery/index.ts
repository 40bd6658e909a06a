import { PATHS, RecoveryKey, RecoveryKeyState } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Feature } from '../kernel/feature.ts';
import { jsonRoute } from '../kernel/http/route.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Secrets } from '../kernel/secrets.ts';
import type { Settings } from '../kernel/settings.ts';
import { RecoveryKeeper } from './key.ts';

/** What others must hear of the recovery key. */
export interface RecoveryEvents {
  recovery_key_changed: Record<never, never>;
}

interface RecoveryOptions {
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly bus: Bus<RecoveryEvents>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The recovery key, with what the rest of the core wants of it. */
interface RecoveryFeature extends Feature {
  /** Whether a person keeps it, or there is none to be kept yet. */
  isKept(): Promise<boolean>;
  /** With which everything is sealed that leaves the house by itself: `age1…`. */
  recipient(): Promise<string>;
}

/** The recovery key: made with the first start, shown until a person says that it is kept. */
export function createRecovery(options: RecoveryOptions): RecoveryFeature {
  const { bus } = options;
  const log = options.log.child('recovery');
  const onMade = () => bus.emit('recovery_key_changed', {});
  const key = new RecoveryKeeper({ ...options, log, onMade });
  let making: Promise<unknown> = Promise.resolve();
  return {
    name: 'recovery',
    isKept: () => key.isKept(),
    recipient: async () => (await key.state()).recipient,
    routes: [
      jsonRoute({
        method: 'GET',
        path: PATHS.recovery_key,
        summary: 'Say which recovery key there is, and whether it is kept; its secret half is not shown',
        response: RecoveryKeyState,
        handle: () => key.state(),
      }),
      jsonRoute({
        method: 'POST',
        path: PATHS.recovery_key_reveal,
        summary: 'Show the secret half of the recovery key, to be written down',
        access: 'person',
        response: RecoveryKey,
        handle: async () => {
          const identity = await key.identity();
          log.info('the recovery key was shown to a person');
          return { identity };
        },
      }),
      jsonRoute({
        method: 'POST',
        path: PATHS.recovery_key_kept,
        summary: 'Say that the recovery key is written down and kept',
        access: 'person',
        response: RecoveryKeyState,
        handle: async () => {
          if (await key.markKept()) bus.emit('recovery_key_changed', {});
          return key.state();
        },
      }),
    ],
    start: async () => {
      // behind the start: nobody waits for it, and a full disk holds nothing up
      making = key
        .state()
        .catch((error) => log.warning('no recovery key could be made yet', { reason: describeError(error) }));
    },
    stop: async () => {
      await making;
    },
  };
}
