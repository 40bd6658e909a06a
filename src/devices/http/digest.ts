import { createHash, randomBytes } from 'node:crypto';

/** The hashes that are spoken (RFC 7616, section 3.3), the strongest first. */
const HASHES = { 'SHA-512-256': 'sha512-256', 'SHA-256': 'sha256', MD5: 'md5' } as const;
const STRENGTH = Object.keys(HASHES) as (keyof typeof HASHES)[];

/** A challenge of digest authentication (RFC 7616). Its texts have one sign for each byte, as Node gives headers. */
interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  /** As the device names it; undefined where it names none, which means MD5. */
  readonly algorithm: string | undefined;
  readonly hash: keyof typeof HASHES;
  /** Whether the nonces are bound to the password (`-sess`). */
  readonly session: boolean;
  /** Whether `qop=auth` is offered; without it, the form of RFC 2069 is spoken. */
  readonly auth: boolean;
}

/** Who signs in. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A scheme at the beginning of a challenge, or a parameter within one (RFC 9110, section 11.6.1). */
const PIECE = /\s*(?:,\s*)*(?:([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))|([\w-]+)(?=\s|$))/y;

/** The parameters of all digest challenges in a header, which may hold challenges of other schemes as well. */
function parametersIn(header: string): Map<string, string>[] {
  const challenges: { readonly digest: boolean; readonly parameters: Map<string, string> }[] = [];
  PIECE.lastIndex = 0;
  for (let found = PIECE.exec(header); found; found = PIECE.exec(header)) {
    const [, name, quoted, plain, scheme] = found;
    if (scheme !== undefined) {
      challenges.push({ digest: scheme.toLowerCase() === 'digest', parameters: new Map() });
    } else if (name !== undefined) {
      const value = quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '';
      challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
    }
  }
  return challenges.filter(({ digest }) => digest).map(({ parameters }) => parameters);
}

/** The strongest digest challenge that can be answered among the `WWW-Authenticate` headers of an answer. */
export function digestChallenge(headers: readonly string[]): Challenge | undefined {
  const challenges = headers.flatMap(parametersIn).flatMap((said): Challenge[] => {
    const algorithm = said.get('algorithm');
    const [realm, nonce] = [said.get('realm'), said.get('nonce')];
    const [, named = 'MD5', session] = /^(.*?)(-sess)?$/i.exec(algorithm ?? 'MD5') ?? [];
    const hash = STRENGTH.find((one) => one === named.toUpperCase());
    const qop = said
      .get('qop')
      ?.split(',')
      .map((one) => one.trim().toLowerCase());
    const auth = qop?.includes('auth') ?? false;
    // a device that wants the body to be hashed as well would take any answer for a wrong password
    if (realm === undefined || nonce === undefined || !hash || (qop && !auth)) return [];
    return [
      { realm, nonce, opaque: said.get('opaque'), algorithm, hash, session: session !== undefined, auth },
    ];
  });
  return challenges.toSorted((a, b) => STRENGTH.indexOf(a.hash) - STRENGTH.indexOf(b.hash))[0];
}

/** A text in UTF-8, one sign for each byte: so it is hashed, and so it stands in a header. */
const bytewise = (text: string): string => Buffer.from(text).toString('latin1');

/** The `Authorization` header that answers a challenge (RFC 7616, section 3.4). */
export function digestAnswer(
  challenge: Challenge,
  credentials: Credentials,
  { method, path }: { readonly method: string; readonly path: string },
  cnonce = randomBytes(8).toString('hex'),
): string {
  const { realm, nonce, opaque, algorithm, auth, session } = challenge;
  const [username, password] = [bytewise(credentials.username), bytewise(credentials.password)];
  const hash = (value: string) => createHash(HASHES[challenge.hash]).update(value, 'latin1').digest('hex');
  const count = '00000001';
  const user = hash(`${username}:${realm}:${password}`);
  const secret = session ? hash(`${user}:${nonce}:${cnonce}`) : user;
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
    ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
    ...(auth ? ['qop=auth', `nc=${count}`] : []),
    ...(auth || session ? [`cnonce="${cnonce}"`] : []),
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
  ].join(', ')}`;
}
