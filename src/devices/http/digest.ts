import { createHash, randomBytes } from 'node:crypto';

/** A challenge of digest authentication (RFC 7616). */
interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: 'MD5' | 'SHA-256';
  /** Whether `qop=auth` is offered; without it, the form of RFC 2069 is spoken. */
  readonly auth: boolean;
}

/** Who signs in. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

const ALGORITHMS = { MD5: 'md5', 'SHA-256': 'sha256' } as const;

function parameter(header: string, name: string): string | undefined {
  const found = new RegExp(`(?:^|[\\s,])${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,]*))`, 'i').exec(header);
  return found ? (found[1]?.replace(/\\(.)/g, '$1') ?? found[2]) : undefined;
}

/** The strongest digest challenge among the `WWW-Authenticate` headers of an answer. */
export function digestChallenge(headers: readonly string[]): Challenge | undefined {
  const challenges = headers
    .flatMap((header) => header.split(/(?=\bDigest\s)/i))
    .filter((header) => /^Digest\s/i.test(header))
    .flatMap((header): Challenge[] => {
      const algorithm = (parameter(header, 'algorithm') ?? 'MD5').toUpperCase();
      const realm = parameter(header, 'realm');
      const nonce = parameter(header, 'nonce');
      if (realm === undefined || nonce === undefined) return [];
      if (algorithm !== 'MD5' && algorithm !== 'SHA-256') return [];
      const qop = (parameter(header, 'qop') ?? '').split(',').map((one) => one.trim());
      return [{ realm, nonce, opaque: parameter(header, 'opaque'), algorithm, auth: qop.includes('auth') }];
    });
  return challenges.find(({ algorithm }) => algorithm === 'SHA-256') ?? challenges[0];
}

/** The `Authorization` header that answers a challenge (RFC 7616, section 3.4). */
export function digestAnswer(
  challenge: Challenge,
  { username, password }: Credentials,
  { method, path }: { readonly method: string; readonly path: string },
  cnonce = randomBytes(8).toString('hex'),
): string {
  const { realm, nonce, opaque, algorithm, auth } = challenge;
  const hash = (value: string) => createHash(ALGORITHMS[algorithm]).update(value).digest('hex');
  const count = '00000001';
  const secret = hash(`${username}:${realm}:${password}`);
  const asked = hash(`${method}:${path}`);
  const response = auth
    ? hash(`${secret}:${nonce}:${count}:${cnonce}:auth:${asked}`)
    : hash(`${secret}:${nonce}:${asked}`);
  const quoted = (value: string) => `"${value.replace(/(["\\])/g, '\\$1')}"`;
  return `Digest ${[
    `username=${quoted(username)}`,
    `realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `uri=${quoted(path)}`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
    ...(auth ? ['qop=auth', `nc=${count}`, `cnonce="${cnonce}"`] : []),
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
  ].join(', ')}`;
}
