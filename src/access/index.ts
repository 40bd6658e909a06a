import type { Info } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Feature } from '../kernel/feature.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Log } from '../kernel/log.ts';
import type { Door } from './door.ts';
import type { AccessEvents } from './events.ts';
import { type IsAdministrator, ingressDoor } from './ingress-door.ts';
import { PasswordDoor } from './password-door.ts';
import type { SessionStore } from './session-store.ts';
import { makeFirstSetupCode } from './setup-code.ts';
import type { AccessStore } from './store.ts';
import { tokenDoor } from './token-door.ts';
import { makePairingCode, tokenRoutes } from './token-routes.ts';

export type { Door } from './door.ts';
export type { AccessEvents } from './events.ts';
export type { IsAdministrator } from './ingress-door.ts';

interface AccessOptions {
  readonly tokens: AccessStore;
  readonly sessions: SessionStore;
  readonly bus: Bus<AccessEvents>;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly info: Info;
  /** How people come in: with a password of ours, or through Home Assistant, which knows them. */
  readonly people: 'password' | 'home_assistant';
  readonly isAdministrator: IsAdministrator;
  /** Where clients reach the core, as far as it can know. */
  readonly url: () => string;
}

/** Who may come in, and the doors: each listener serves one of them. */
interface Access extends Feature {
  readonly api: Door;
  readonly ingress: Door;
  /** Tells in the log how to come in, as long as nobody has. */
  welcome(): Promise<void>;
}

/** Who may talk to the core: programs with tokens, people with a password or through Home Assistant. */
export function createAccess(options: AccessOptions): Access {
  const { tokens, sessions, clock, log, info, people, url } = options;
  const name = () => info.name;
  return {
    name: 'access',
    routes: tokenRoutes(options),
    api: people === 'password' ? new PasswordDoor({ ...options, store: sessions, name }) : tokenDoor(tokens),
    ingress: ingressDoor({ ...options, name }),
    welcome: async () => {
      const setupCode = people === 'password' ? await makeFirstSetupCode(sessions, clock) : undefined;
      if (setupCode !== undefined) {
        log.info('no password was chosen yet: open this address and enter the setup code', {
          url: url(),
          setup_code: setupCode,
        });
        log.redact(setupCode);
      }
      if ((await tokens.tokens()).length > 0) return;
      const { code } = await makePairingCode(tokens, url());
      log.info('not paired yet: paste this code into Home Assistant within 15 minutes', {
        pairing_code: code,
      });
      log.redact(code);
    },
  };
}
