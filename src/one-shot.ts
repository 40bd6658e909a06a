import { SessionStore } from './access/session-store.ts';
import { makeSetupCode } from './access/setup-code.ts';
import { AccessStore } from './access/store.ts';
import { makePairingCode } from './access/token-routes.ts';
import { openData } from './data.ts';
import type { RunOptions } from './environment.ts';
import { reachableUrl, recallUrl } from './instance.ts';
import { systemClock } from './kernel/clock.ts';
import { Problem } from './kernel/errors.ts';
import { Settings } from './kernel/settings.ts';

/** Makes a pairing code in a data folder, whether or not a core is serving it right now. */
export async function pair(
  options: RunOptions,
  url: string | undefined,
): Promise<{ code: string; url: string; expires_at: string }> {
  const data = openData(options.dataDir);
  try {
    const known = url ?? (await recallUrl(new Settings(data.tables())));
    return await makePairingCode(
      new AccessStore(data.tables(), systemClock),
      known ?? reachableUrl(options.bind, options.port),
    );
  } finally {
    await data.close();
  }
}

/** Makes a token, for a program of the person who may read this data folder. */
export async function giveToken(options: RunOptions, name: string): Promise<string> {
  const data = openData(options.dataDir);
  try {
    return (await new AccessStore(data.tables(), systemClock).createToken(name)).token;
  } finally {
    await data.close();
  }
}

/**
 * Makes a setup code, with which a password is chosen in place of one that was forgotten.
 * @throws Problem `no_sign_in` where people come in through Home Assistant
 */
export async function makeNewSetupCode(
  options: RunOptions,
): Promise<{ code: string; url: string; expires_at: string }> {
  if (options.ingress) throw new Problem('no_sign_in');
  const data = openData(options.dataDir);
  try {
    const code = await makeSetupCode(new SessionStore(data.tables()), systemClock);
    const known = await recallUrl(new Settings(data.tables()));
    return { ...code, url: known ?? reachableUrl(options.bind, options.port) };
  } finally {
    await data.close();
  }
}
