import type { S3Settings } from '../../../contract/index.ts';

/** The proxy that a target is reached through; Node's agents do the rest. */
export interface HttpProxy {
  /** Host and port, without password: what a person reads in a problem. */
  readonly host: string;
  /** For `proxyEnv` of both agents. Nothing of the machine's own environment is in it, so no address bypasses the proxy. */
  readonly env: Readonly<Record<string, string>>;
}

/** The proxy of these settings; undefined where the way is direct. */
export function proxyOf(settings: S3Settings): HttpProxy | undefined {
  if (settings.proxy === '') return undefined;
  const url = new URL(settings.proxy);
  const { host } = url;
  url.username = encodeURIComponent(settings.proxy_user);
  url.password = encodeURIComponent(settings.proxy_password);
  return { host, env: { HTTP_PROXY: url.href, HTTPS_PROXY: url.href } };
}

/** What Node's tunnels fail with, and what ours adds to it for a proxy that is itself spoken to over TLS. */
const TUNNEL_FAILED = 'ERR_PROXY_TUNNEL';

/** The proxy could not be reached, or did not let us through. */
export class ProxyError extends Error {
  readonly code = TUNNEL_FAILED;
  /** What the proxy answered; undefined when it did not. */
  readonly statusCode: number | undefined;
  /** The code of the system or of TLS; undefined when it answered. */
  readonly reason: string | undefined;

  constructor(cause: Error) {
    super('the proxy did not let us through', { cause });
    const { statusCode, code, proxyTunnelTimeout } = cause as {
      statusCode?: number;
      code?: string;
      proxyTunnelTimeout?: number;
    };
    this.statusCode = statusCode;
    if (statusCode !== undefined) this.reason = undefined;
    else if (proxyTunnelTimeout !== undefined) this.reason = 'ETIMEDOUT';
    // it hung up in the middle of its greeting
    else this.reason = code === undefined || code === TUNNEL_FAILED ? 'ECONNRESET' : code;
  }
}
