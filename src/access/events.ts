import type { Principal } from '../kernel/http/principal.ts';

/** What others must hear of who may come in. */
export interface AccessEvents {
  /** Somebody may no longer: the open connections end. */
  access_ended: Pick<Principal, 'kind' | 'id'>;
  /** A token was given or taken away. */
  tokens_changed: Record<never, never>;
}
