/** The form of a pairing code; a later one may carry more. */
const VERSION = 1;

/** What a person pastes into Home Assistant: base64url of version, address and one-time secret. */
export function encodePairingCode(url: string, secret: string): string {
  return Buffer.from(JSON.stringify({ v: VERSION, u: url, s: secret })).toString('base64url');
}
