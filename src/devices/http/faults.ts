import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { Problem } from '../../kernel/errors.ts';
import { codeOf, networkFault } from '../../kernel/network-fault.ts';
import { BY_AUTHORITY, type Trust } from './trust.ts';

/** As Node calls a certificate whose time is over. */
const EXPIRED = 'CERT_HAS_EXPIRED';

/** An address that a device leads on to is shown no longer than that (characters). */
const SHOWN_ADDRESS = 200;

/** An answer that says no, as a problem. */
export function refusal(
  { statusCode: status = 0, headers }: Pick<IncomingMessage, 'statusCode' | 'headers'>,
  { host, origin }: { readonly host: string; readonly origin: string },
): Problem {
  if (status === 401) return new Problem('device_password', { params: { host } });
  if (status === 403) return new Problem('device_forbidden', { params: { host } });
  if (status === 404) return new Problem('device_not_there', { params: { host } });
  if (status === 429) return new Problem('device_locked', { params: { host } });
  if (status >= 300 && status < 400) {
    const to = URL.parse(headers.location ?? '', `${origin}/`);
    const shown = to && /^https?:$/.test(to.protocol) ? `${to.origin}${to.pathname}` : '?';
    return new Problem('device_redirect', { params: { host, to: shown.slice(0, SHOWN_ADDRESS) } });
  }
  if (status >= 500) return new Problem('device_unavailable', { params: { host, status: String(status) } });
  return new Problem('device_unexpected', { params: { host, reason: `status ${status}` } });
}

/** What stood between us and the device, as a problem; a problem stays as it is. */
export function networkProblem(error: unknown, host: string): Problem {
  if (error instanceof Problem) return error;
  const code = codeOf(error);
  // what answers is no HTTP
  if (code?.startsWith('HPE_'))
    return new Problem('device_unexpected', { params: { host, reason: 'no HTTP' } });
  switch (networkFault(error)) {
    case 'dns':
      return new Problem('device_dns', { params: { host }, cause: error });
    case 'refused':
      return new Problem('device_refused', { params: { host }, cause: error });
    case 'timeout':
      return new Problem('device_timeout', { params: { host }, cause: error });
    case 'cut':
      return new Problem('device_cut', { params: { host }, cause: error });
    case undefined:
      return new Problem('device_unexpected', { params: { host, reason: code ?? '?' }, cause: error });
    default:
      return tlsProblem(host, code ?? '?', error);
  }
}

function tlsProblem(host: string, reason: string, cause?: unknown): Problem {
  return new Problem('device_tls', { params: { host, reason }, cause });
}

/** Looks at the certificate of a connection before anything is said. @throws Problem `device_tls`, `device_pin` */
export function meetCertificate(socket: TLSSocket, trust: Trust, host: string): void {
  const { fingerprint256: fingerprint } = socket.getPeerCertificate();
  if (!fingerprint) throw tlsProblem(host, 'no certificate');
  if (socket.authorized) {
    trust.meet(BY_AUTHORITY, host);
    return;
  }
  // a renewal that was missed is no other device, and is mended there
  const reason = String(socket.authorizationError);
  if (trust.known === BY_AUTHORITY && reason === EXPIRED) throw tlsProblem(host, reason);
  trust.meet(fingerprint, host);
}
