import { randomUUID } from 'node:crypto';
import { openSocket } from './socket.ts';

export interface Credentials {
  username: string;
  password: string;
}

/** Who owns every Home Assistant of the tests, so that one can restore what another one made. */
export const TEST_OWNER: Credentials = { username: 'homestash', password: 'homestash-test' };

const TOKEN_LIFESPAN_DAYS = 365;

async function post(url: string, body: unknown, token?: string): Promise<Record<string, unknown>> {
  const form = body instanceof URLSearchParams;
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      ...(form ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: form ? body : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${new URL(url).pathname}: ${response.status} ${text}`);
  return text === '' ? {} : JSON.parse(text);
}

async function exchange(url: string, code: unknown): Promise<string> {
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: String(code),
    client_id: `${url}/`,
  });
  return String((await post(`${url}/auth/token`, form)).access_token);
}

/** A token that stays valid, in place of one that ends after half an hour. */
async function longLived(url: string, accessToken: string): Promise<string> {
  const socket = await openSocket(url, accessToken);
  try {
    return await socket.call('auth/long_lived_access_token', {
      client_name: `Homestash test ${randomUUID()}`,
      lifespan: TOKEN_LIFESPAN_DAYS,
    });
  } finally {
    socket.close();
  }
}

async function onboardingSteps(url: string): Promise<Record<string, boolean>> {
  const response = await fetch(`${url}/api/onboarding`);
  // The view is gone once all is done.
  if (!response.ok) return {};
  const steps = (await response.json()) as { step: string; done: boolean }[];
  return Object.fromEntries(steps.map(({ step, done }) => [step, done]));
}

/** Does this Home Assistant still wait for its first user? */
export async function needsOnboarding(url: string): Promise<boolean> {
  return (await onboardingSteps(url)).user === false;
}

/** Creates the owner and goes through what else a new Home Assistant asks; returns a token. */
export async function onboard(url: string, owner: Credentials): Promise<string> {
  const clientId = `${url}/`;
  const { auth_code: code } = await post(`${url}/api/onboarding/users`, {
    client_id: clientId,
    name: 'Homestash test',
    language: 'en',
    ...owner,
  });
  const accessToken = await exchange(url, code);
  const steps = await onboardingSteps(url);
  if (steps.analytics === false) await post(`${url}/api/onboarding/analytics`, {}, accessToken);
  if (steps.integration === false) {
    await post(
      `${url}/api/onboarding/integration`,
      { client_id: clientId, redirect_uri: clientId },
      accessToken,
    );
  }
  return longLived(url, accessToken);
}

/** Signs in with name and password, as after a restore that brought other tokens; returns a token. */
export async function signIn(url: string, { username, password }: Credentials): Promise<string> {
  const clientId = `${url}/`;
  const flow = await post(`${url}/auth/login_flow`, {
    client_id: clientId,
    handler: ['homeassistant', null],
    redirect_uri: clientId,
  });
  const done = await post(`${url}/auth/login_flow/${flow.flow_id}`, {
    client_id: clientId,
    username,
    password,
  });
  if (done.type !== 'create_entry')
    throw new Error(`sign-in as ${username} was refused: ${JSON.stringify(done.errors)}`);
  return longLived(url, await exchange(url, done.result));
}
