import type { Principal } from '../kernel/http/principal.ts';

/** What others must hear of who may come in. */
export interface AccessEvents {
  /** Somebody may no longer: the open connections end. `turnedAway`: because a person said so. */
  access_ended: Pick<Principal, 'kind' | 'id'> & { turnedAway?: boolean };
  /** A pairing code was made: somebody is to come in. */
  pairing_wanted: Record<never, never>;
  /** A token was given, used for the first time, or taken away. */
  tokens_changed: Record<never, never>;
}
