import { makePairingCode } from './access/index.ts';
import { AccessStore } from './access/store.ts';
import { openData } from './data.ts';
import type { RunOptions } from './environment.ts';
import { reachableUrl, recallUrl } from './instance.ts';
import { systemClock } from './kernel/clock.ts';
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
