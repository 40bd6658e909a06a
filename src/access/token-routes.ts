import * as v from 'valibot';
import {
  Id,
  type Info,
  PATHS,
  PairingCode,
  PairingCodeRequest,
  PairingRequest,
  PairingResult,
  TokenList,
} from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import { type Clock, timestamp } from '../kernel/clock.ts';
import { homeOf } from '../kernel/http/peer.ts';
import { jsonRoute, type Route } from '../kernel/http/route.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Log } from '../kernel/log.ts';
import { RateLimit } from '../kernel/rate-limit.ts';
import type { AccessEvents } from './events.ts';
import { encodePairingCode } from './pairing-code.ts';
import type { AccessStore } from './store.ts';

interface TokenRoutesOptions {
  readonly tokens: AccessStore;
  readonly bus: Bus<AccessEvents>;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Log;
  readonly info: Info;
  /** Where clients reach the core, as far as it can know. */
  readonly url: () => string;
}

/** Attempts to pair that one address has within a minute: enough for mistakes, useless for guessing. */
const PAIRING_ATTEMPTS = 10;
const MINUTE_MS = 60_000;

/** Makes a fresh pairing code. */
export async function makePairingCode(
  tokens: AccessStore,
  url: string,
): Promise<v.InferOutput<typeof PairingCode>> {
  const { secret, expiresAt } = await tokens.createPairingSecret();
  return { code: encodePairingCode(url, secret), url, expires_at: timestamp(expiresAt) };
}

/** Which programs may talk to the core: pairing and tokens. */
export function tokenRoutes({ tokens, bus, journal, clock, log, info, url }: TokenRoutesOptions): Route[] {
  const limit = new RateLimit(PAIRING_ATTEMPTS, MINUTE_MS, clock);
  return [
    jsonRoute({
      method: 'POST',
      path: PATHS.pairing,
      summary: 'Exchange the one-time secret of a pairing code for a token',
      access: 'open',
      body: PairingRequest,
      response: PairingResult,
      status: 201,
      handle: async ({ body, peer }) => {
        limit.attempt(homeOf(peer));
        const { token, id } = await tokens.exchange(body.secret, body.client_name);
        log.redact(token);
        log.info('a client was paired', { token_id: id });
        void journal.note({ code: 'token_given', params: { name: body.client_name } });
        bus.emit('tokens_changed', {});
        return { token, token_id: id, info };
      },
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.pairing_codes,
      summary: 'Make a pairing code: single use, 15 minutes',
      body: PairingCodeRequest,
      response: PairingCode,
      status: 201,
      handle: async ({ body }) => {
        const made = await makePairingCode(tokens, body.url ?? url());
        bus.emit('pairing_wanted', {});
        return made;
      },
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.tokens,
      summary: 'List the tokens that were given',
      response: TokenList,
      handle: async () => ({ tokens: await tokens.tokens() }),
    }),
    jsonRoute({
      method: 'DELETE',
      path: PATHS.token,
      summary: 'Revoke a token',
      params: v.object({ token_id: Id }),
      handle: async ({ params, principal }) => {
        const { name } = await tokens.revoke(params.token_id);
        void journal.note({ code: 'token_taken', params: { name } });
        const turnedAway = principal?.kind !== 'token';
        bus.emit('access_ended', { kind: 'token', id: params.token_id, turnedAway });
        bus.emit('tokens_changed', {});
      },
    }),
  ];
}
