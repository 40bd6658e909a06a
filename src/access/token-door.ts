import { bearerToken, type Credentials, type Principal } from '../kernel/http/principal.ts';
import { type Door, NO_SIGN_IN, refuse, sessionRoutes } from './door.ts';
import type { AccessStore } from './store.ts';

/** The program that a token was given to. */
export async function identifyToken(
  tokens: AccessStore,
  credentials: Credentials,
): Promise<Principal | undefined> {
  const token = bearerToken(credentials);
  const id = token === undefined ? undefined : await tokens.authenticate(token);
  return id === undefined ? undefined : { kind: 'token', id };
}

/** Where programs come with tokens, and nobody else: the API of an app of Home Assistant. */
export function tokenDoor(tokens: AccessStore): Door {
  return {
    identify: (credentials) => identifyToken(tokens, credentials),
    routes: sessionRoutes('open', { ...NO_SIGN_IN, state: refuse }),
  };
}
