import type { ProblemCode } from '../../../contract/index.ts';
import { Problem } from '../../../kernel/errors.ts';
import {
  BY_S3_CODE,
  BY_SYSTEM_CODE,
  BY_TLS_CODE,
  KEY_SERVICE_CODE,
  type Operation,
  PASSING_S3_CODES,
  PERMISSIONS,
  REFUSALS,
} from './codes.ts';
import { type Fault, faultOf } from './fault.ts';
import type { Retryable } from './retry.ts';

export type { Operation };

interface Circumstances {
  readonly operation: Operation;
  readonly host: string;
  /** That requests are signed for. */
  readonly region?: string | undefined;
  readonly bucket: string;
  /** As the bucket knows it, where one object was meant. */
  readonly key?: string | undefined;
  /** The proxy on the way, by its host; requests to a server without TLS are answered by the proxy itself. */
  readonly proxy?: { readonly host: string; readonly answers: boolean } | undefined;
  /** The server was asked to encrypt. */
  readonly encrypting?: boolean | undefined;
  /** That was asked for. */
  readonly storageClass?: string | undefined;
  /** The answer cannot have a document: HEAD. */
  readonly bodiless?: boolean | undefined;
  /** Now, as this machine believes (milliseconds since 1970). */
  readonly now: number;
}

const MS_PER_MINUTE = 60_000;

const TOO_MANY_REQUESTS = 429;
const INSUFFICIENT_STORAGE = 507;
const BODY_TOO_LARGE = 413;
const PROXY_PASSWORD = 407;

/** What proxies answer themselves: not allowed, a name that they cannot resolve, a server that they cannot reach. */
const OF_PROXIES: ReadonlySet<number> = new Set([400, 403, 404, 405, 500, 502, 503, 504]);

/** With a proxy in between these are about the way to the proxy. */
const NOT_REACHED: ReadonlySet<ProblemCode> = new Set([
  'target_dns',
  'target_refused',
  'target_tls',
  'target_tls_expired',
  'target_tls_name',
  'target_tls_untrusted',
]);

/** A code goes into a sentence, so only what looks like one does. */
const PLAIN_CODE = /^[\w.:-]{1,64}$/;

function tlsProblem(code: string): ProblemCode | undefined {
  const known = BY_TLS_CODE[code];
  if (known) return known;
  return /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|UNABLE_TO_)/.test(code) ? 'target_tls' : undefined;
}

/** A problem for whatever the SDK or the network threw; a problem stays as it is. */
export function classify(error: unknown, around: Circumstances): Problem {
  if (error instanceof Problem) return error;
  const told = faultOf(error);
  // Some servers name their region with each answer; the one that we use cannot be what is wrong.
  const fault = told.region === around.region ? { ...told, region: undefined } : told;
  const params = (code: ProblemCode): Problem =>
    new Problem(code, { params: paramsOf(code, fault, around), cause: error });

  const atProxy = proxyCode(fault, around);
  if (atProxy) return params(atProxy);
  if (fault.status === undefined) return params(networkCode(fault));
  if (around.encrypting && refusesEncryption(fault)) return params('target_encryption');
  if (fault.s3Code !== undefined) return params(s3CodeOf(fault.s3Code, fault));
  return params(plainAnswer(fault, around.bodiless === true));
}

/** What the proxy on the way is to blame for. With one we connect to nothing else, so no name and no port of the server was tried. */
function proxyCode(fault: Fault, { proxy }: Circumstances): ProblemCode | undefined {
  if (!proxy) return undefined;
  if (fault.proxy) return fault.proxy.status === PROXY_PASSWORD ? 'target_proxy_password' : 'target_proxy';
  if (fault.status === PROXY_PASSWORD) return 'target_proxy_password';
  if (fault.status !== undefined) {
    const own = proxy.answers && fault.s3Code === undefined && !fault.fromStorage;
    return own && OF_PROXIES.has(fault.status) ? 'target_proxy' : undefined;
  }
  if (fault.systemCode === undefined) return undefined;
  const code = BY_SYSTEM_CODE[fault.systemCode] ?? (proxy.answers ? tlsProblem(fault.systemCode) : undefined);
  return code !== undefined && NOT_REACHED.has(code) ? 'target_proxy' : undefined;
}

function networkCode(fault: Fault): ProblemCode {
  const { systemCode } = fault;
  if (fault.timedOut) return 'target_timeout';
  if (systemCode === undefined) return 'target_unexpected';
  const known = BY_SYSTEM_CODE[systemCode];
  if (known) return known;
  const tls = tlsProblem(systemCode);
  if (tls) return tls;
  // The HTTP parser met something else: a TLS port, a mail server.
  return systemCode.startsWith('HPE_') ? 'target_not_s3' : 'target_unexpected';
}

/** Servers that have no encryption, or not this one, say so as they say it of any header; sums have been left out by then. */
function refusesEncryption({ status, s3Code }: Fault): boolean {
  return status === 501 || (status === 400 && s3Code !== undefined && REFUSALS.has(s3Code));
}

function s3CodeOf(code: string, fault: Fault): ProblemCode {
  const known = BY_S3_CODE[code];
  // "Malformed" is said of a wrong region and of other things; only the first names the right one.
  if (known === 'target_wrong_region' && fault.region === undefined) return 'target_unexpected';
  if (known) return known;
  if (KEY_SERVICE_CODE.test(code)) return 'target_encryption';
  const status = fault.status ?? 0;
  if (status === INSUFFICIENT_STORAGE) return 'target_full';
  if (status === 401) return 'target_wrong_key';
  if (status === 403) return 'target_forbidden';
  if (status >= 500 ? status !== 501 : status === TOO_MANY_REQUESTS) return 'target_unavailable';
  return 'target_unexpected';
}

/** An answer without an error document: of HEAD, of a proxy in front of the server, or of something that is no S3. */
function plainAnswer(fault: Fault, bodiless: boolean): ProblemCode {
  const status = fault.status ?? 0;
  if (status === INSUFFICIENT_STORAGE) return 'target_full';
  if (status === TOO_MANY_REQUESTS || status >= 500) return 'target_unavailable';
  if (fault.region !== undefined && (status === 301 || status === 307 || status === 400)) {
    return 'target_wrong_region';
  }
  if (bodiless) {
    if (status === 401 || status === 403) return 'target_forbidden';
    if (status === 412) return 'target_corrupt';
    return 'target_unexpected';
  }
  return status === BODY_TOO_LARGE ? 'target_body_limit' : 'target_not_s3';
}

function paramsOf(code: ProblemCode, fault: Fault, around: Circumstances): Record<string, string> {
  switch (code) {
    case 'target_proxy':
      return { host: around.proxy?.host ?? '', reason: reasonOf(fault) };
    case 'target_proxy_password':
      return { host: around.proxy?.host ?? '' };
    case 'target_dns':
    case 'target_refused':
    case 'target_timeout':
    case 'target_cut':
    case 'target_not_s3':
    case 'target_body_limit':
    case 'target_garbled':
    case 'target_tls_expired':
    case 'target_tls_name':
    case 'target_tls_untrusted':
      return { host: around.host };
    case 'target_tls':
      return { host: around.host, reason: reasonOf(fault) };
    case 'target_no_bucket':
      return { bucket: around.bucket };
    case 'target_wrong_region':
      return { region: fault.region ?? '' };
    case 'target_forbidden':
      return { operation: PERMISSIONS[around.operation] };
    case 'target_clock':
      return { minutes: minutesOff(fault, around.now) };
    case 'target_unavailable':
      return { status: String(fault.status ?? '') };
    case 'target_corrupt':
      return { key: around.key ?? '', reason: reasonOf(fault) };
    case 'target_storage_class':
      return { class: around.storageClass ?? '' };
    case 'target_archived':
      return { class: fault.storageClass ?? '?', key: around.key ?? '' };
    case 'target_encryption':
    case 'target_unexpected':
      return { reason: reasonOf(fault) };
    default:
      return {};
  }
}

function minutesOff(fault: Fault, now: number): string {
  if (fault.serverTime === undefined) return '?';
  return String(Math.round(Math.abs(fault.serverTime - now) / MS_PER_MINUTE));
}

function reasonOf(fault: Fault): string {
  if (fault.proxy) return fault.proxy.reason ?? `HTTP ${fault.proxy.status}`;
  const code = fault.s3Code ?? fault.systemCode;
  if (code !== undefined && PLAIN_CODE.test(code)) return code;
  return fault.status === undefined ? 'unknown' : `HTTP ${fault.status}`;
}

/** Whether the same request may do better in a moment. */
export function retryable(error: unknown): Retryable {
  if (error instanceof Problem) return error.code === 'target_timeout' ? 'timeout' : 'no';
  const fault = faultOf(error);
  // Also when a clock that was wrong has been set right: the SDK notes the new time, but does not say so.
  if (fault.s3Code === 'RequestTimeTooSkewed') return 'at_once';
  if (fault.clockCorrected && refusesTime(fault)) return 'at_once';
  if (fault.s3Code !== undefined && PASSING_S3_CODES.has(fault.s3Code)) return 'yes';
  if (fault.status !== undefined) {
    const passing = fault.status >= 500 && fault.status !== 501 && fault.status !== INSUFFICIENT_STORAGE;
    return passing || fault.status === TOO_MANY_REQUESTS ? 'yes' : 'no';
  }
  if (fault.timedOut) return 'timeout';
  if (fault.proxy) return proxyRetryable(fault.proxy.status, fault.proxy.reason);
  const code = fault.systemCode === undefined ? undefined : BY_SYSTEM_CODE[fault.systemCode];
  if (code === 'target_timeout') return 'timeout';
  return code === 'target_cut' || fault.systemCode === 'EAI_AGAIN' ? 'yes' : 'no';
}

/** Whether the time of the request may be why it was refused. HEAD has no room for a code, and some servers have none of their own. */
function refusesTime({ status, s3Code }: Fault): boolean {
  return s3Code === 'RequestTimeTooSkewed' || status === 401 || status === 403;
}

/** A proxy that is in trouble may be out of it in a moment; one that says no does not change its mind. */
function proxyRetryable(status: number | undefined, reason: string | undefined): Retryable {
  if (status !== undefined) return status >= 500 || status === TOO_MANY_REQUESTS ? 'yes' : 'no';
  if (reason === 'ETIMEDOUT') return 'timeout';
  return reason === 'ECONNRESET' || reason === 'EAI_AGAIN' ? 'yes' : 'no';
}

/** For how long the server wants to be left alone before the next try (milliseconds). */
export function askedPause(error: unknown): number {
  return error instanceof Problem ? 0 : (faultOf(error).retryAfterMs ?? 0);
}

/** The same for the requests of an upload, for which a server that cannot be reached at all may come back. */
export function retryablePatiently(error: unknown): Retryable {
  const usual = retryable(error);
  if (usual !== 'no' || error instanceof Problem) return usual;
  const { proxy, systemCode: own } = faultOf(error);
  const systemCode = proxy?.reason ?? own;
  const code = systemCode === undefined ? undefined : BY_SYSTEM_CODE[systemCode];
  return code === 'target_refused' || code === 'target_dns' ? 'yes' : 'no';
}
