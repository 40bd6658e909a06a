import { type Clock, timestamp } from '../kernel/clock.ts';
import type { SessionStore } from './session-store.ts';

/** A person walks from one screen to another in this time (milliseconds). */
export const SETUP_CODE_LIFETIME_MS = 15 * 60_000;

/** Makes a code for whoever forgot the password: single use, 15 minutes. */
export async function makeSetupCode(
  store: SessionStore,
  clock: Clock,
): Promise<{ code: string; expires_at: string }> {
  const now = clock.now();
  const expiresAt = now + SETUP_CODE_LIFETIME_MS;
  return { code: await store.createSetupCode(now, expiresAt), expires_at: timestamp(expiresAt) };
}

/**
 * Makes the code with which the first password is chosen. It is good until then, or until the next start makes
 * another: whoever starts a container may look into its log much later. Undefined where there is a password.
 */
export async function makeFirstSetupCode(store: SessionStore, clock: Clock): Promise<string | undefined> {
  if (await store.password()) return undefined;
  return store.createSetupCode(clock.now(), null);
}
