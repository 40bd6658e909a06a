import { PATHS, PasswordChange, Session, SetupRequest, SignInRequest } from '../contract/index.ts';
import { Problem } from '../kernel/errors.ts';
import type { Credentials, Identify, Principal } from '../kernel/http/principal.ts';
import { jsonRoute, type Route } from '../kernel/http/route.ts';

/** A way in: who is let in there, and what a person can do there to come in. */
export interface Door {
  readonly identify: Identify;
  readonly routes: readonly Route[];
}

/** What a handler knows of who calls. */
export interface Visit extends Credentials {
  readonly principal: Principal | undefined;
  readonly signal: AbortSignal;
}

/** What the routes of a session do at a door. */
export interface SignIn {
  state(visit: Visit): Promise<Session>;
  signIn(password: string, visit: Visit): Promise<Session>;
  setUp(request: SetupRequest, visit: Visit): Promise<Session>;
  signOut(visit: Visit): Promise<void>;
  changePassword(change: PasswordChange, visit: Visit): Promise<void>;
}

/** Where nobody signs in with a password. */
export const NO_SIGN_IN: Omit<SignIn, 'state'> = {
  signIn: refuse,
  setUp: refuse,
  signOut: refuse,
  changePassword: refuse,
};

/** @throws Problem `no_sign_in` */
export async function refuse(): Promise<never> {
  throw new Problem('no_sign_in');
}

/** The routes of a person's session. Its state is open where people come as strangers and sign in. */
export function sessionRoutes(stateAccess: 'open' | 'person', signIn: SignIn): Route[] {
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.session,
      summary: 'Say whether somebody is signed in, or must sign in, or choose the first password',
      access: stateAccess,
      response: Session,
      handle: (call) => signIn.state(call),
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.session,
      summary: 'Sign in: the answer sets the cookie of a new session',
      access: 'open',
      body: SignInRequest,
      response: Session,
      handle: (call) => signIn.signIn(call.body.password, call),
    }),
    jsonRoute({
      method: 'DELETE',
      path: PATHS.session,
      summary: 'Sign out',
      access: 'open',
      handle: (call) => signIn.signOut(call),
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.session_setup,
      summary:
        'Choose the first password, or another one when it was forgotten, with the setup code from the log',
      access: 'open',
      body: SetupRequest,
      response: Session,
      handle: (call) => signIn.setUp(call.body, call),
    }),
    jsonRoute({
      method: 'PUT',
      path: PATHS.session_password,
      summary: 'Change the password: all other sessions end',
      access: 'person',
      body: PasswordChange,
      handle: (call) => signIn.changePassword(call.body, call),
    }),
  ];
}
