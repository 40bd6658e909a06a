import { createHmac } from 'node:crypto';

/** Letters of RFC 4648, section 6: five bits each. */
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** So long one code is valid (milliseconds; RFC 6238, section 5.2). */
export const STEP_MS = 30_000;

/** Which code of a key it is at a moment (milliseconds since 1970). */
export const stepOf = (now: number): number => Math.floor(now / STEP_MS);

/** What an authenticator app shows. */
const DIGITS = 6;

/** The key in what a person pasted: base32 with or without blanks, or a whole `otpauth://` address. Undefined where it is none. */
export function totpKey(typed: string): Buffer | undefined {
  const secret = typed.trim().startsWith('otpauth:')
    ? (URL.parse(typed.trim())?.searchParams.get('secret') ?? '')
    : typed;
  const letters = secret.replace(/[\s-]/g, '').replace(/=+$/, '').toUpperCase();
  if (letters === '') return undefined;
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of letters) {
    const value = BASE32.indexOf(letter);
    if (value < 0) return undefined;
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 0xff);
      held &= (1 << bits) - 1;
    }
  }
  return Buffer.from(bytes);
}

/** The code of a moment (milliseconds since 1970): RFC 6238 with HMAC-SHA-1, as authenticator apps compute it. */
export function totp(key: Buffer, now: number, digits = DIGITS): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(stepOf(now)));
  const hash = createHmac('sha1', key).update(counter).digest();
  // dynamic truncation (RFC 4226, section 5.3)
  const offset = (hash.at(-1) ?? 0) & 0x0f;
  const number = hash.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}
