import { portableTokens } from './access/portable.ts';
import { portableTargets } from './backups/portable.ts';
import { portableDevices } from './devices/portable.ts';
import { portableGeneral } from './general/portable.ts';
import { portableHomeAssistant } from './home-assistant/portable.ts';
import { portableInstance } from './instance.ts';
import type { Clock } from './kernel/clock.ts';
import type { Log } from './kernel/log.ts';
import type { Portable } from './kernel/portable.ts';
import type { Secrets } from './kernel/secrets.ts';
import { portableMqtt } from './outlets/mqtt/portable.ts';
import { portableWebhooks } from './outlets/webhooks/portable.ts';
import { portableRecoveryKey } from './recovery/portable.ts';

interface PortablesOptions {
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDir: string;
}

/** All that travels to another box, and of which a file may provide a part. */
export function createPortables(options: PortablesOptions): Portable[] {
  return [
    portableInstance,
    portableGeneral,
    portableTokens(options.clock),
    portableRecoveryKey(options),
    portableHomeAssistant(options),
    portableMqtt(options),
    portableWebhooks(options),
    portableTargets(options),
    portableDevices(options),
  ];
}
