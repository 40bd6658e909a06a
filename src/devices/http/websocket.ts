import type { ClientRequest } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { ClientOptions, RawData, WebSocket } from 'ws';
import { Problem } from '../../kernel/errors.ts';
import { originOf, parseAddress, serverName, shownHost } from './address.ts';
import { meetCertificate, networkProblem, refusal } from './faults.ts';
import type { Trust } from './trust.ts';

/** Whom to speak to, and how. */
export interface JsonSocketOptions {
  /** As a person typed it. */
  readonly address: string;
  /** Behind the prefix of the address. */
  readonly path: string;
  /** Where the address names no port. */
  readonly port?: number;
  /** Speak TLS where the address does not say http or https. */
  readonly secure?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** The device is given up when it says nothing that is waited for in so long (milliseconds). */
  readonly idleMs?: number;
  /** No message is larger (bytes), and no more than twice as much waits to be read. */
  readonly limit?: number;
}

/** What a handler has of the operation. */
interface SocketContext {
  readonly trust: Trust;
  readonly signal: AbortSignal;
}

/** A device is silent for no longer (milliseconds). */
const IDLE_MS = 20_000;

/** A message is no longer (bytes). */
const MESSAGE_LIMIT = 4 * 1024 * 1024;

/** So many may wait to be read; who sends more was not asked (messages). */
const MOST_WAITING = 1_000;

/** A device that does not say goodbye is left (milliseconds). */
const GOODBYE_MS = 1_000;

/**
 * Opens a websocket over which JSON goes. Faults are the same problems as those of `DeviceHttp`, refusals of the
 * upgrade too; certificates are trusted when they are met first.
 * @throws Problem `device_…`, or the signal's reason
 */
export async function openJsonSocket(
  options: JsonSocketOptions,
  { trust, signal }: SocketContext,
): Promise<JsonSocket> {
  const { WebSocket: Client } = await import('ws');
  signal.throwIfAborted();
  const parsed = parseAddress(options.address);
  if (!parsed) throw new Problem('invalid_request', { params: { detail: 'address: no address' } });
  const secure = parsed.explicit ? parsed.secure : (options.secure ?? false);
  const { idleMs = IDLE_MS, limit = MESSAGE_LIMIT } = options;
  const host = shownHost(parsed);
  const origin = originOf({ secure, host: parsed.host }, parsed.port ?? options.port ?? (secure ? 443 : 80));
  const settings: ClientOptions = {
    handshakeTimeout: idleMs,
    perMessageDeflate: false,
    maxPayload: limit,
    followRedirects: false,
    headers: { 'user-agent': 'Homestash', ...options.headers },
    ...(secure && {
      // who it is says the fingerprint that was met first: devices sign their certificates themselves
      rejectUnauthorized: false,
      servername: serverName(parsed.host),
      finishRequest: (request) => sayWhenMet(request, trust, host),
    }),
  };
  const url = `${origin.replace(/^http/, 'ws')}${parsed.prefix}${options.path}`;
  const socket = new Client(url, settings);
  const opened = new JsonSocket(socket, { host, origin, idleMs, limit, signal });
  await opened.opened;
  return opened;
}

/** Asks for the websocket only once it is clear who is there. */
function sayWhenMet(request: ClientRequest, trust: Trust, host: string): void {
  request.on('socket', (plain) => {
    const socket = plain as TLSSocket;
    socket.once('secureConnect', () => {
      try {
        meetCertificate(socket, trust, host);
        request.end();
      } catch (error) {
        request.destroy(error as Error);
      }
    });
  });
}

interface State {
  readonly host: string;
  readonly origin: string;
  readonly idleMs: number;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** An open websocket, read message by message. */
export class JsonSocket {
  /** When it is open. */
  readonly opened: Promise<void>;
  readonly #socket: WebSocket;
  readonly #state: State;
  readonly #waiting: { readonly data: RawData; readonly binary: boolean; readonly size: number }[] = [];
  readonly #closed: Promise<void>;
  #bytes = 0;
  #fault: { readonly reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** Made by `openJsonSocket`. */
  constructor(socket: WebSocket, state: State) {
    this.#socket = socket;
    this.#state = state;
    const { host, signal } = state;
    const abort = () => this.#fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        signal.removeEventListener('abort', abort);
        this.#fail(new Problem('device_cut', { params: { host } }));
        resolve();
      });
    });
    this.opened = new Promise((resolve, reject) => {
      socket.once('open', resolve);
      void this.#closed.then(() => reject(this.#fault?.reason));
    });
    this.opened.catch(() => undefined);
    socket.on('error', (error) => this.#fail(this.#problem(error)));
    socket.once('unexpected-response', (request, answer) => {
      this.#fail(
        answer.statusCode !== undefined && answer.statusCode < 300
          ? this.#unexpected('no websocket')
          : refusal(answer, state),
      );
      request.destroy();
    });
    socket.on('message', (data, binary) => this.#take(data, binary));
  }

  /** Host and port, as they stand in sentences. */
  get host(): string {
    return this.#state.host;
  }

  /** Sends a document. What becomes of it says the next answer. */
  send(message: unknown): void {
    if (!this.#fault) this.#socket.send(JSON.stringify(message), () => undefined);
  }

  /**
   * The next message.
   * @throws Problem `device_timeout`, `device_cut`, `device_unexpected` where it is no JSON; the signal's reason
   */
  async next(): Promise<unknown> {
    const { idleMs, host } = this.#state;
    if (this.#waiting.length === 0 && !this.#fault) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(
          () => this.#fail(new Problem('device_timeout', { params: { host } })),
          idleMs,
        );
        this.#wake = () => {
          clearTimeout(timer);
          this.#wake = undefined;
          resolve();
        };
      });
    }
    const message = this.#waiting.shift();
    if (!message) throw this.#fault?.reason;
    this.#bytes -= message.size;
    try {
      if (!message.binary) return JSON.parse(String(message.data)) as unknown;
    } catch {
      // said below
    }
    throw this.#unexpected('a message that is no JSON');
  }

  /** Says goodbye, and waits for its goodbye a moment. */
  async close(): Promise<void> {
    this.#socket.close();
    const timer = setTimeout(() => this.#socket.terminate(), GOODBYE_MS);
    await this.#closed;
    clearTimeout(timer);
  }

  #take(data: RawData, binary: boolean): void {
    const size = Array.isArray(data) ? data.reduce((sum, { length }) => sum + length, 0) : data.byteLength;
    this.#bytes += size;
    if (this.#waiting.length >= MOST_WAITING || this.#bytes > 2 * this.#state.limit) {
      this.#fail(this.#unexpected('more messages than were asked for'));
      return;
    }
    this.#waiting.push({ data, binary, size });
    this.#wake?.();
  }

  /** The first fault is the one that counts. */
  #fail(reason: unknown): void {
    this.#fault ??= { reason };
    this.#wake?.();
    this.#socket.terminate();
  }

  #problem(error: unknown): unknown {
    const { signal, host } = this.#state;
    if (signal.aborted) return signal.reason;
    // without a code it is one of the client's own: a handshake that took too long, or that was none
    if (error instanceof Error && !('code' in error) && !(error instanceof Problem)) {
      return /timed out/.test(error.message)
        ? new Problem('device_timeout', { params: { host } })
        : this.#unexpected('no websocket');
    }
    return networkProblem(error, host);
  }

  #unexpected(reason: string): Problem {
    return new Problem('device_unexpected', { params: { host: this.#state.host, reason } });
  }
}
