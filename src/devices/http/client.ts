import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { Problem } from '../../kernel/errors.ts';
import { codeOf } from '../../kernel/network-fault.ts';
import { type Address, originOf, parseAddress, serverName, shownHost } from './address.ts';
import { type Credentials, digestAnswer, digestChallenge } from './digest.ts';
import { meetCertificate, networkProblem, refusal } from './faults.ts';
import type { Trust } from './trust.ts';

/** Whom to speak to, and how. */
export interface HttpOptions {
  /** As a person typed it. */
  readonly address: string;
  /** Where the address names no port. */
  readonly port?: number;
  /** Speak TLS where the address does not say http or https. */
  readonly secure?: boolean;
  /** Who signs in: by digest where the device asks for it, otherwise by `basic`, if that is said. */
  readonly credentials?: Credentials | undefined;
  /** Send the credentials with the first request already. */
  readonly basic?: boolean;
  /** With every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The device is given up when it is silent for so long (milliseconds). */
  readonly idleMs?: number;
}

/** One request. */
export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Behind the prefix of the address, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Of the body. */
  readonly type?: string;
  /** Statuses that are an answer and no fault; any below 300 unless given. */
  readonly accept?: readonly number[];
}

/** A device is silent for no longer (milliseconds). */
const IDLE_MS = 20_000;

/** What is read as a whole is no longer (bytes). */
const TEXT_LIMIT = 4 * 1024 * 1024;

/** The head of an answer, and its body to be read. */
export interface HttpAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  /** Piece by piece. @throws Problem `device_cut`, `device_timeout` */
  readonly body: AsyncIterable<Uint8Array>;
  bytes(limit?: number): Promise<Buffer>;
  text(limit?: number): Promise<string>;
  /** @throws Problem `device_unexpected` where it is no JSON */
  json(limit?: number): Promise<unknown>;
  /** Reads it to the end and forgets it. */
  drain(): Promise<void>;
}

/** HTTP to one device. Every fault of the network, of TLS and of signing in is a problem that names the device. */
export class DeviceHttp {
  readonly #address: Address;
  readonly #options: HttpOptions;
  readonly #trust: Trust;
  readonly #signal: AbortSignal;

  /** @throws Problem `invalid_request` where the address is none */
  constructor(options: HttpOptions, trust: Trust, signal: AbortSignal) {
    const address = parseAddress(options.address);
    if (!address) throw new Problem('invalid_request', { params: { detail: 'address: no address' } });
    this.#options = options;
    this.#address =
      address.explicit || options.secure === undefined ? address : { ...address, secure: options.secure };
    this.#trust = trust;
    this.#signal = signal;
  }

  /** Host and port, as they stand in sentences. */
  get host(): string {
    return shownHost(this.#address);
  }

  /** Scheme, host and port, as browsers write where a page comes from. */
  get origin(): string {
    return originOf(this.#address, this.#port);
  }

  get #port(): number {
    return this.#address.port ?? this.#options.port ?? (this.#address.secure ? 443 : 80);
  }

  /**
   * Asks. Statuses that are not accepted are problems: 401 `device_password`, 403 `device_forbidden`, 404
   * `device_not_there`, 3xx `device_redirect`, 429 `device_locked`, 5xx `device_unavailable`, others `device_unexpected`.
   */
  async ask(request: HttpRequest): Promise<HttpAnswer> {
    const { credentials, basic } = this.#options;
    const first =
      credentials && basic
        ? `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`
        : undefined;
    let answer = await this.#send(request, first);
    if (answer.statusCode === 401 && credentials && !first) {
      const challenge = digestChallenge(wwwAuthenticate(answer));
      if (challenge) {
        answer.destroy();
        const asked = { method: request.method ?? 'GET', path: this.#path(request) };
        answer = await this.#send(request, digestAnswer(challenge, credentials, asked));
      }
    }
    const status = answer.statusCode ?? 0;
    const fine = request.accept ? request.accept.includes(status) : status >= 200 && status < 300;
    if (!fine) {
      // nobody reads it, and it may be without end
      answer.destroy();
      throw refusal(answer, this);
    }
    return this.#answer(answer);
  }

  #path({ path }: HttpRequest): string {
    return `${this.#address.prefix}${path}`;
  }

  #send(request: HttpRequest, authorization: string | undefined): Promise<IncomingMessage> {
    const { idleMs = IDLE_MS, headers } = this.#options;
    const { secure, host } = this.#address;
    const body = typeof request.body === 'string' ? Buffer.from(request.body) : request.body;
    return new Promise((resolve, reject) => {
      let asked: ClientRequest;
      try {
        asked = (secure ? secureRequest : plainRequest)({
          host,
          port: this.#port,
          path: this.#path(request),
          method: request.method ?? 'GET',
          headers: {
            'user-agent': 'Homestash',
            accept: '*/*',
            ...headers,
            ...request.headers,
            ...(request.type && { 'content-type': request.type }),
            ...(body && { 'content-length': String(body.length) }),
            ...(authorization && { authorization }),
          },
          agent: false,
          signal: this.#signal,
          timeout: idleMs,
          // who it is says the fingerprint that was met first: devices sign their certificates themselves
          ...(secure && { rejectUnauthorized: false, servername: serverName(host) }),
        });
      } catch (error) {
        // a header or a path with signs that HTTP does not have
        reject(
          new Problem('device_unexpected', { params: { host: this.host, reason: codeOf(error) ?? '?' } }),
        );
        return;
      }
      const fail = (error: unknown) => {
        asked.destroy();
        reject(this.#fault(error));
      };
      asked.on('timeout', () => fail(new Problem('device_timeout', { params: { host: this.host } })));
      asked.on('error', fail);
      asked.on('response', resolve);
      // a device that wants to speak another protocol ends it without an answer and without a fault
      asked.on('close', () => reject(new Problem('device_cut', { params: { host: this.host } })));
      if (secure) {
        asked.on('socket', (socket) => {
          socket.once('secureConnect', () => {
            try {
              meetCertificate(socket as TLSSocket, this.#trust, this.host);
              asked.end(body);
            } catch (error) {
              fail(error);
            }
          });
        });
      } else asked.end(body);
    });
  }

  #answer(answer: IncomingMessage): HttpAnswer {
    const read = () => this.#body(answer);
    const bytes = async (limit = TEXT_LIMIT): Promise<Buffer> => {
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of read()) {
        size += chunk.length;
        if (size > limit) {
          answer.destroy();
          throw new Problem('device_unexpected', {
            params: { host: this.host, reason: 'a very long answer' },
          });
        }
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    };
    const text = async (limit?: number) => (await bytes(limit)).toString('utf8');
    return {
      status: answer.statusCode ?? 0,
      header: (name) => {
        const value = answer.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(', ') : value;
      },
      get body() {
        return read();
      },
      bytes,
      text,
      json: async (limit) => {
        const content = await text(limit);
        try {
          return JSON.parse(content.replace(/^\ufeff/, '')) as unknown;
        } catch {
          const reason = looksLikePage(content) ? 'a page instead of data' : 'no JSON';
          throw new Problem('device_unexpected', { params: { host: this.host, reason } });
        }
      },
      drain: async () => {
        for await (const _ of read());
      },
    };
  }

  async *#body(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
    const { idleMs = IDLE_MS } = this.#options;
    answer.setTimeout(idleMs, () =>
      answer.destroy(new Problem('device_timeout', { params: { host: this.host } })),
    );
    try {
      for await (const chunk of answer) yield chunk as Uint8Array;
    } catch (error) {
      throw this.#fault(error);
    }
    if (!answer.complete) throw new Problem('device_cut', { params: { host: this.host } });
  }

  #fault(error: unknown): unknown {
    return this.#signal.aborted ? this.#signal.reason : networkProblem(error, this.host);
  }
}

/** Whether a text is a page in HTML. */
export function looksLikePage(text: string): boolean {
  return /^\s*(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)*(<!doctype html|<html|<head)/i.test(
    text.slice(0, 2_000),
  );
}

function wwwAuthenticate(answer: IncomingMessage): string[] {
  const { rawHeaders } = answer;
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'www-authenticate',
  );
}
