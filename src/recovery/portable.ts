import * as v from 'valibot';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import { type Portable, portable } from '../kernel/portable.ts';
import type { Secrets } from '../kernel/secrets.ts';
import { Settings } from '../kernel/settings.ts';
import { RecoveryKeeper } from './key.ts';

const Moment = v.pipe(v.number(), v.safeInteger());

const Carried = v.strictObject({
  recipient: v.pipe(v.string(), v.regex(/^age1[a-z0-9]{20,2000}$/)),
  identity: v.pipe(v.string(), v.regex(/^AGE-SECRET-KEY-1[A-Z0-9]{20,200}$/)),
  created_at: Moment,
  kept_at: v.nullable(Moment),
});

/** The recovery key, which replaces the one that is there. */
export function portableRecoveryKey(options: {
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
}): Portable {
  return portable({
    name: 'recovery_key',
    schema: Carried,
    read: (tables) => new RecoveryKeeper({ ...options, settings: new Settings(tables()) }).whole(),
    write: (key, tables) => new RecoveryKeeper({ ...options, settings: new Settings(tables()) }).take(key),
  });
}
