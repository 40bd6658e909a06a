import { createHmac, randomBytes } from 'node:crypto';

/** Bytes of a secret: the specification wants 24 to 64. */
const SECRET_BYTES = 24;
const PREFIX = 'whsec_';

/** A new secret, as the specification writes it. */
export const makeSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64');

/**
 * The headers by which a receiver can tell that a message is ours, is whole, and is new (Standard Webhooks 1.0.0,
 * "Signature scheme"): HMAC-SHA-256 over id, time and body.
 * @param seconds since 1970
 */
export function signatureHeaders(
  { id, body, seconds }: { readonly id: string; readonly body: string; readonly seconds: number },
  secret: string,
): Record<string, string> {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${signature}` };
}
