import * as v from 'valibot';
import { Id, MAX_TEXT, Name, Timestamp } from './common.ts';

/** What the core says of itself. */
export const Info = v.object({
  instance_id: v.string(),
  name: v.string(),
  version: v.string(),
  api_version: v.pipe(v.number(), v.integer()),
  min_api_version: v.pipe(v.number(), v.integer()),
  started_at: Timestamp,
});
export type Info = v.InferOutput<typeof Info>;

/** The one-time secret of a pairing code, exchanged for a token. */
export const PairingRequest = v.object({
  secret: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  client_name: Name,
});
export type PairingRequest = v.InferOutput<typeof PairingRequest>;

/** The token is shown here once and never again. */
export const PairingResult = v.object({
  token: v.string(),
  token_id: Id,
  info: Info,
});
export type PairingResult = v.InferOutput<typeof PairingResult>;

/** `code` is base64url of `{"v":1,"u":url,"s":secret}`. */
export const PairingCode = v.object({
  code: v.string(),
  url: v.string(),
  expires_at: Timestamp,
});
export type PairingCode = v.InferOutput<typeof PairingCode>;

/** Where the client reaches the core; without it the core names the address it listens on. */
export const PairingCodeRequest = v.object({
  url: v.optional(v.pipe(v.string(), v.url(), v.maxLength(MAX_TEXT))),
});
export type PairingCodeRequest = v.InferOutput<typeof PairingCodeRequest>;

/** An access that was given; the token itself is not kept. */
export const Token = v.object({
  id: Id,
  name: v.string(),
  created_at: Timestamp,
  last_used_at: v.nullable(Timestamp),
});
export type Token = v.InferOutput<typeof Token>;

/** All accesses that were given. */
export const TokenList = v.object({ tokens: v.array(Token) });
export type TokenList = v.InferOutput<typeof TokenList>;
