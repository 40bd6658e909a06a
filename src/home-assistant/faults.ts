import type { ProblemCode } from '../contract/index.ts';
import { Problem } from '../kernel/errors.ts';

/** What Home Assistant answered to a command: no. Its words are for people and never parsed. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Codes of the operating system, of Node's TLS and of its HTTP parser. */
const BY_SYSTEM_CODE: Readonly<Record<string, ProblemCode>> = {
  ENOTFOUND: 'home_assistant_dns',
  EAI_AGAIN: 'home_assistant_dns',
  EAI_FAIL: 'home_assistant_dns',
  EAI_NODATA: 'home_assistant_dns',
  EAI_NONAME: 'home_assistant_dns',
  ECONNREFUSED: 'home_assistant_no_connection',
  EHOSTUNREACH: 'home_assistant_no_connection',
  ENETUNREACH: 'home_assistant_no_connection',
  EHOSTDOWN: 'home_assistant_no_connection',
  ENETDOWN: 'home_assistant_no_connection',
  EADDRNOTAVAIL: 'home_assistant_no_connection',
  ETIMEDOUT: 'home_assistant_timeout',
  ECONNRESET: 'home_assistant_cut',
  ECONNABORTED: 'home_assistant_cut',
  EPIPE: 'home_assistant_cut',
  CERT_HAS_EXPIRED: 'home_assistant_tls_expired',
  CERT_NOT_YET_VALID: 'home_assistant_tls_expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'home_assistant_tls_name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'home_assistant_tls_untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'home_assistant_tls_untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'home_assistant_tls_untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'home_assistant_tls_untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'home_assistant_tls_untrusted',
  CERT_UNTRUSTED: 'home_assistant_tls_untrusted',
  EPROTO: 'home_assistant_tls',
};

const TLS_CODE = /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|UNABLE_TO_)/;

/** A code goes into a sentence, so only what looks like one does. */
const PLAIN_CODE = /^[\w.:-]{1,64}$/;

/** Longer words of Home Assistant are no help in a sentence of ours. */
const LONGEST_REASON = 200;

/** Whatever is wrong with the way to a server. */
export function networkProblem(error: unknown, host: string): Problem {
  if (error instanceof Problem) return error;
  const given = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = PLAIN_CODE.test(given) ? given : '?';
  const tls: ProblemCode = 'home_assistant_tls';
  // what speaks no HTTP, or no websocket after it, is something else
  const code = BY_SYSTEM_CODE[given] ?? (TLS_CODE.test(given) ? tls : 'home_assistant_not_there');
  return new Problem(code, { params: code === tls ? { host, reason } : { host }, cause: error });
}

interface Answer {
  readonly status: number;
  /** Where a redirect leads. */
  readonly location: string | undefined;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Home Assistant's own "not that way": without the headers of a websocket, or through a proxy that it does not trust. */
const NOT_PASSED_ON: ReadonlySet<number> = new Set([400, 426]);

/** What an HTTP answer in place of a websocket means. */
export function answerProblem({ status, location }: Answer, url: string, host: string): Problem {
  if (REDIRECTS.has(status)) {
    const target = URL.parse(location ?? '', url);
    if (target) {
      const to = target.origin.replace(/^ws/, 'http');
      return new Problem('home_assistant_redirect', { params: { host, to } });
    }
  }
  if (NOT_PASSED_ON.has(status)) return new Problem('home_assistant_proxy', { params: { host } });
  if (status === 403) return new Problem('home_assistant_blocked', { params: { host } });
  if (status >= 500) {
    return new Problem('home_assistant_unavailable', { params: { host, status: String(status) } });
  }
  return new Problem('home_assistant_not_there', { params: { host } });
}

/** A command that was refused, as people are told. */
export function refusalProblem(error: unknown): unknown {
  if (!(error instanceof Refusal)) return error;
  if (error.code === 'unauthorized') return new Problem('home_assistant_not_admin', { cause: error });
  return new Problem('home_assistant_failed', {
    params: { reason: (error.message || error.code).slice(0, LONGEST_REASON) },
    cause: error,
  });
}
