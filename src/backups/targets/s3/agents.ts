import type { X509Certificate } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent, type RequestOptions, request } from 'node:https';
import type { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import { Problem } from '../../../kernel/errors.ts';
import { withIntake } from './intake.ts';
import { type HttpProxy, ProxyError } from './proxy.ts';

/** Two parts in flight, a list, a download; more open connections would only be held for nothing. */
const IDLE_SOCKETS = 4;

/** Before the next address of a name is tried. Node's own 250 ms gives up on mobile and satellite links. */
const NEXT_ADDRESS_AFTER_MS = 2_000;

/** How a server is reached and whom we take for it. */
export interface Way {
  /** With its port where that is not the usual one; what a person reads in a problem. */
  readonly host: string;
  /** The address that is asked for its certificate when that was refused. */
  readonly endpoint: URL;
  readonly proxy: HttpProxy | undefined;
  /** Whom we trust beside the usual authorities. */
  readonly secureContext?: SecureContext | undefined;
  /** SHA-256 of the only certificate that is accepted, in lower-case hexadecimal digits; empty for the usual rules. */
  readonly pin: string;
  /** A tunnel or a secure connection that takes longer is given up (milliseconds). */
  readonly connectTimeoutMs: number;
}

type Check = (certificate: X509Certificate | undefined) => Problem | undefined;
type Handed = (error: Error | null, socket: Duplex) => void;

/** A fingerprint as browsers and openssl show it. */
const shown = (certificate: X509Certificate | undefined): string => certificate?.fingerprint256 ?? '?';

function pinned({ pin, host }: Way): Check {
  return (certificate) => {
    const fingerprint = shown(certificate);
    if (fingerprint.replaceAll(':', '').toLowerCase() === pin) return undefined;
    return new Problem('target_tls_pin', { params: { host, fingerprint } });
  };
}

/**
 * Hands a connection out when it is secure and not before, so that not one byte goes to whom we do not take for the
 * server. What went wrong with the proxy on the way there is told apart from what the server did.
 */
class SecureAgent extends HttpsAgent {
  readonly #proxied: boolean;
  readonly #connectTimeoutMs: number;
  readonly #check: Check | undefined;

  constructor(options: AgentOptions, way: Way, check?: Check) {
    super({
      ...options,
      ...(way.secureContext ? { secureContext: way.secureContext } : {}),
      // A resumed session shows no certificate; and whose certificate is checked by us may have any name and issuer.
      ...(check ? { rejectUnauthorized: false, maxCachedSessions: 0 } : {}),
    });
    this.#proxied = way.proxy !== undefined;
    this.#connectTimeoutMs = way.connectTimeoutMs;
    this.#check = check;
  }

  override createConnection(options: RequestOptions, handed?: Handed): Duplex | null | undefined {
    if (handed === undefined) throw new TypeError('an agent asks with a callback');
    if (!this.#proxied) {
      const socket = super.createConnection(options) as TLSSocket;
      if (!this.#check) return socket;
      this.#whenSecure(socket, handed);
      return undefined;
    }
    const tunnel = super.createConnection(
      { ...options, timeout: this.#connectTimeoutMs },
      (error: Error | null, socket: Duplex | undefined) => {
        clearTimeout(late);
        if (!error) {
          this.#hand(socket as TLSSocket, handed);
          return;
        }
        tunnel.destroy();
        const atServer = socket instanceof TLSSocket && socket !== tunnel;
        handed(atServer ? error : new ProxyError(error), socket as Duplex);
      },
    ) as Duplex;
    // The tunnel's own limit ends with the proxy's answer; the server behind it may hang, too.
    const late = setTimeout(() => tunnel.destroy(failed('ETIMEDOUT')), 2 * this.#connectTimeoutMs);
    return undefined;
  }

  #whenSecure(socket: TLSSocket, handed: Handed): void {
    const settled = () => {
      clearTimeout(late);
      socket.off('secureConnect', onSecure).off('error', onError).off('close', onClose);
    };
    const onSecure = () => {
      settled();
      this.#hand(socket, handed);
    };
    const onError = (error: Error) => {
      settled();
      refuse(socket, error, handed);
    };
    const onClose = () => onError(failed('ECONNRESET'));
    const late = setTimeout(() => onError(failed('ETIMEDOUT')), this.#connectTimeoutMs);
    socket.once('secureConnect', onSecure).once('error', onError).once('close', onClose);
  }

  /** A socket tells its certificate once; further questions have no answer. */
  #hand(socket: TLSSocket, handed: Handed): void {
    const refusal = this.#check?.(socket.getPeerX509Certificate());
    if (refusal) refuse(socket, refusal, handed);
    else handed(null, socket);
  }
}

function refuse(socket: TLSSocket, error: Error, handed: Handed): void {
  socket.on('error', () => undefined).destroy();
  handed(error, socket);
}

const failed = (code: string): Error => Object.assign(new Error('no secure connection'), { code });

/** The sockets of a target. */
export class Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
  readonly #way: Way;
  readonly #options: AgentOptions;

  constructor(way: Way) {
    this.#way = way;
    // The number of sockets in use is bounded by what we do at once, not here: a request that waits for a free one
    // would look like a server that does not answer.
    this.#options = {
      keepAlive: true,
      maxFreeSockets: IDLE_SOCKETS,
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
      ...(way.proxy ? { proxyEnv: way.proxy.env } : {}),
    };
    this.http = new HttpAgent(this.#options);
    this.https = new SecureAgent(this.#options, way, way.pin === '' ? undefined : pinned(way));
    // What a tunnel is made of is read in ways of its own.
    if (!way.proxy) for (const agent of [this.http, this.https]) withIntake(agent);
  }

  /** The fingerprint of the certificate that the server shows, whoever signed it; nothing is sent. Undefined when it shows none. */
  fingerprint(): Promise<string | undefined> {
    return new Promise((resolve) => {
      let fingerprint: string | undefined;
      const { endpoint, host } = this.#way;
      const onlyLook: Check = (certificate) => {
        fingerprint = certificate?.fingerprint256;
        return new Problem('target_tls_pin', { params: { host, fingerprint: shown(certificate) } });
      };
      const agent = new SecureAgent({ ...this.#options, keepAlive: false }, this.#way, onlyLook);
      request(endpoint, { agent, method: 'HEAD' })
        .once('close', () => resolve(fingerprint))
        .on('error', () => undefined)
        .end();
    });
  }

  destroy(): void {
    this.http.destroy();
    this.https.destroy();
  }
}
