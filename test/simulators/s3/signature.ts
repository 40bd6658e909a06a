import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { S3Error } from './errors.ts';

/** "Authenticating Requests (AWS Signature Version 4)" of the Amazon S3 API Reference, with headers only. */
const ALGORITHM = 'AWS4-HMAC-SHA256';
/** A request of another time than this is refused. */
const MAX_SKEW_MS = 15 * 60_000;

export interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** What a request was signed with: chunks of a body go on from here. */
export interface Signed {
  /** `x-amz-content-sha256` as it was sent. */
  readonly payload: string;
  readonly signature: string;
  readonly signingKey: Buffer;
  /** `x-amz-date` as it was sent. */
  readonly date: string;
  readonly scope: string;
}

interface Expected {
  /** The codes for an unknown key and for a wrong secret. */
  readonly codes: { readonly unknown: string; readonly wrongSecret: string };
  readonly keys: Keys;
  /** Regions that are accepted; the first is the one that is told. */
  readonly regions: readonly string[];
  /** Milliseconds since 1970, as the server believes. */
  readonly now: number;
}

export const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
export const hmac = (key: Buffer | string, data: string): Buffer =>
  createHmac('sha256', key).update(data).digest();

/** Every byte but unreserved characters; S3 encodes once. */
export function uriEncode(text: string, { slash = true } = {}): string {
  const encoded = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return slash ? encoded : encoded.replaceAll('%2F', '/');
}

/** A part of an address that was encoded by whoever sent it. */
export function uriDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI');
  }
}

/** Names and values of a query, decoded. */
export function queryPairs(query: string): (readonly [string, string])[] {
  if (query === '') return [];
  return query.split('&').map((pair) => {
    const at = pair.indexOf('=');
    const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    return [uriDecode(name.replaceAll('+', ' ')), uriDecode(value.replaceAll('+', ' '))];
  });
}

function canonicalQuery(query: string): string {
  return queryPairs(query)
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&');
}

/** All values of the headers by their lower-case names, as they were sent. */
function sentHeaders(request: IncomingMessage): Map<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = (request.rawHeaders[index] as string).toLowerCase();
    const value = (request.rawHeaders[index + 1] as string).trim().replace(/ +/g, ' ');
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

/** `20261121T032500Z` in milliseconds since 1970. */
function readDate(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!match) {
    throw new S3Error('AccessDenied', {
      message: 'AWS authentication requires a valid Date or x-amz-date header',
    });
  }
  const [, year, month, day, hour, minute, second] = match;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function parseAuthorization(header: string | undefined): Record<string, string> {
  if (header === undefined) throw new S3Error('AccessDenied');
  if (!header.startsWith(`${ALGORITHM} `)) {
    throw new S3Error('InvalidRequest', {
      message: `The authorization mechanism you have provided is not supported. Please use ${ALGORITHM}.`,
    });
  }
  const pairs = header
    .slice(ALGORITHM.length)
    .split(',')
    .map((pair) => pair.trim().split('='));
  return Object.fromEntries(pairs.map(([name, ...value]) => [name, value.join('=')]));
}

function malformed(message: string, region?: string): S3Error {
  return new S3Error('AuthorizationHeaderMalformed', {
    message: `The authorization header is malformed; ${message}`,
    ...(region === undefined
      ? {}
      : { fields: { Region: region }, headers: { 'x-amz-bucket-region': region } }),
  });
}

function checkSkew(date: string, now: number): void {
  if (Math.abs(readDate(date) - now) <= MAX_SKEW_MS) return;
  throw new S3Error('RequestTimeTooSkewed', {
    fields: {
      RequestTime: date,
      ServerTime: new Date(now).toISOString(),
      MaxAllowedSkewMilliseconds: String(MAX_SKEW_MS),
    },
  });
}

/** `host` and whatever begins with `x-amz-` must be signed. */
function checkSignedNames(names: readonly string[], headers: ReadonlyMap<string, string>): void {
  const unsigned = [...headers.keys()].filter(
    (name) => (name === 'host' || name.startsWith('x-amz-')) && !names.includes(name),
  );
  if (unsigned.length === 0) return;
  throw new S3Error('AccessDenied', {
    message: 'There were headers present in the request which were not signed',
    fields: { HeadersNotSigned: unsigned.join(', ') },
  });
}

/** Checks who sent a request and that its head is what was signed; throws what AWS would answer. */
export function verifySignature(request: IncomingMessage, expected: Expected): Signed {
  const headers = sentHeaders(request);
  const {
    Credential = '',
    SignedHeaders = '',
    Signature = '',
  } = parseAuthorization(headers.get('authorization'));
  // A key may have slashes of its own, a scope has four.
  const parts = Credential.split('/');
  const [day = '', region = '', service, terminator] = parts.slice(-4);
  if (parts.length < 5 || terminator !== 'aws4_request') throw malformed('the Credential is mal-formed.');
  if (service !== 's3') throw malformed(`incorrect service "${service}". This endpoint belongs to "s3".`);
  if (parts.slice(0, -4).join('/') !== expected.keys.accessKey) {
    throw new S3Error(expected.codes.unknown, { fields: { AWSAccessKeyId: parts.slice(0, -4).join('/') } });
  }
  if (!expected.regions.includes(region)) {
    const right = expected.regions[0] ?? '';
    throw malformed(`the region '${region}' is wrong; expecting '${right}'`, right);
  }
  const date = headers.get('x-amz-date') ?? '';
  checkSkew(date, expected.now);
  if (!date.startsWith(day)) throw malformed(`Invalid credential date "${day}".`);
  const names = SignedHeaders.split(';');
  checkSignedNames(names, headers);
  const payload = headers.get('x-amz-content-sha256');
  if (payload === undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'Missing required header for this request: x-amz-content-sha256',
    });
  }
  const [path = '/', query = ''] = splitTarget(request.url ?? '/');
  const canonical = [
    request.method,
    uriEncode(uriDecode(path), { slash: false }),
    canonicalQuery(query),
    ...names.map((name) => `${name}:${headers.get(name) ?? ''}`),
    '',
    SignedHeaders,
    payload,
  ].join('\n');
  const scope = [day, region, service, terminator].join('/');
  const toSign = [ALGORITHM, date, scope, sha256(canonical)].join('\n');
  const signingKey = [day, region, service, terminator].reduce<Buffer | string>(
    (key, step) => hmac(key, step as string),
    `AWS4${expected.keys.secretKey}`,
  ) as Buffer;
  const signature = hmac(signingKey, toSign).toString('hex');
  if (!same(signature, Signature)) {
    throw new S3Error(expected.codes.wrongSecret, {
      fields: { StringToSign: toSign, CanonicalRequest: canonical, SignatureProvided: Signature },
    });
  }
  return { payload, signature, signingKey, date, scope };
}

export function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Path and query of what stands in the request line. */
export function splitTarget(target: string): [path: string, query: string] {
  const at = target.indexOf('?');
  return at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)];
}
