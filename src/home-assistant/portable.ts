import { HomeAssistantAccess } from '../contract/index.ts';
import type { Log } from '../kernel/log.ts';
import { type Portable, portable } from '../kernel/portable.ts';
import type { Secrets } from '../kernel/secrets.ts';
import { Settings } from '../kernel/settings.ts';
import { Access } from './access.ts';
import { originOf } from './address.ts';

/** The way into Home Assistant that a person entered. Under a Supervisor it waits until there is none. */
export function portableHomeAssistant(options: { readonly secrets: Secrets; readonly log: Log }): Portable {
  const accessIn = (settings: Settings) => new Access({ ...options, settings, supervisor: undefined });
  return portable({
    name: 'home_assistant',
    schema: HomeAssistantAccess,
    read: (tables) => accessIn(new Settings(tables())).entered(),
    write: async ({ url, token }, tables) => {
      const access = accessIn(new Settings(tables()));
      const origin = originOf(url);
      // what can no longer be read is replaced
      const before = await access.entered().catch(() => undefined);
      if (before?.url === origin && before.token === token) return false;
      await access.keep(origin, token);
      return true;
    },
  });
}
