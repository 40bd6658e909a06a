import type { ProblemCode } from '../contract/index.ts';
import { Problem } from '../kernel/errors.ts';
import { codeOf, type NetworkFault, networkFault } from '../kernel/network-fault.ts';

/** What Home Assistant answered to a command: no. Its words are for people and never parsed. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const BY_FAULT: Readonly<Record<NetworkFault, ProblemCode>> = {
  dns: 'home_assistant_dns',
  refused: 'home_assistant_no_connection',
  timeout: 'home_assistant_timeout',
  cut: 'home_assistant_cut',
  tls_expired: 'home_assistant_tls_expired',
  tls_name: 'home_assistant_tls_name',
  tls_untrusted: 'home_assistant_tls_untrusted',
  tls: 'home_assistant_tls',
};

/** Longer words of Home Assistant are no help in a sentence of ours. */
const LONGEST_REASON = 200;

/** Whatever is wrong with the way to a server. */
export function networkProblem(error: unknown, host: string): Problem {
  if (error instanceof Problem) return error;
  const fault = networkFault(error);
  // what speaks no HTTP, or no websocket after it, is something else
  const code = fault === undefined ? 'home_assistant_not_there' : BY_FAULT[fault];
  const params = fault === 'tls' ? { host, reason: codeOf(error) ?? '?' } : { host };
  return new Problem(code, { params, cause: error });
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
