import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { EVENTS_HEARTBEAT_SECONDS } from '../../contract/index.ts';
import { Problem, toProblem } from '../errors.ts';
import type { Log } from '../log.ts';
import { chooseLanguage, wordProblem } from '../texts.ts';
import { type AppOptions, admit } from './app.ts';
import { parseInput } from './input.ts';
import { plainAddress } from './peer.ts';
import type { Credentials } from './principal.ts';
import type { Route } from './route.ts';

/** Nothing that is said to us is read: what is longer is no client of ours (bytes). */
const MAX_HEARD_BYTES = 16 * 1024;

/** A client that lets this much pile up does not read; it comes back and says what it has heard. */
const MAX_PENDING_BYTES = 1024 * 1024;

/** Silence would look like a dead connection to proxies (milliseconds). */
const HEARTBEAT_MS = EVENTS_HEARTBEAT_SECONDS * 1000;

/** "Going away" (RFC 6455, section 7.4.1). */
const GOING_AWAY = 1001;

/** An upgrade changes nothing, but other pages could read what it opens: doors check it like a change. */
const METHOD_AT_THE_DOOR = 'CONNECT';

/** The websockets of an application: who comes in is decided as for its other routes. */
export class Sockets {
  readonly #options: Pick<AppOptions, 'routes' | 'identify' | 'log' | 'stopping'>;
  readonly #open = new Set<WebSocket>();
  #server: Promise<WebSocketServer> | undefined;

  constructor(options: Pick<AppOptions, 'routes' | 'identify' | 'log' | 'stopping'>) {
    this.#options = options;
  }

  /** Takes over a connection that is to become a websocket, or refuses it with a problem document. */
  async accept(request: IncomingMessage, connection: Duplex, head: Buffer): Promise<void> {
    connection.on('error', () => undefined);
    try {
      const url = URL.parse(request.url ?? '', 'http://core');
      const route = this.#options.routes.find(({ socket, path }) => socket && path === url?.pathname);
      if (!url || !route) throw new Problem('not_found');
      const credentials = credentialsOf(request);
      const principal = await admit(credentials, route, this.#options.identify);
      const query = route.query && parseInput(route.query, Object.fromEntries(url.searchParams));
      const server = await this.#load();
      server.handleUpgrade(request, connection, head, (socket) => {
        void this.#serve(socket, route, { ...credentials, principal, query });
      });
    } catch (error) {
      refuse(connection, request, error, this.#options.log);
    }
  }

  /** Cuts whatever is still open. */
  cut(): void {
    for (const socket of this.#open) socket.terminate();
  }

  /** Loaded with the first that is wanted. */
  #load(): Promise<WebSocketServer> {
    this.#server ??= import('ws').then(
      ({ WebSocketServer: Server }) => new Server({ noServer: true, maxPayload: MAX_HEARD_BYTES }),
    );
    return this.#server;
  }

  async #serve(
    socket: WebSocket,
    route: Route,
    known: Credentials & { readonly principal: Awaited<ReturnType<typeof admit>>; readonly query: unknown },
  ): Promise<void> {
    const { log, stopping } = this.#options;
    this.#open.add(socket);
    const gone = new AbortController();
    socket.on('error', () => socket.terminate());
    socket.once('close', () => gone.abort());
    const endHeartbeat = heartbeat(socket);
    try {
      await route.socket?.(
        { ...known, params: undefined, body: undefined, signal: AbortSignal.any([gone.signal, stopping]) },
        { send: (text) => send(socket, text) },
      );
    } catch (error) {
      log.error('a websocket met a defect', { path: route.path, error });
    }
    endHeartbeat();
    socket.close(GOING_AWAY);
    this.#open.delete(socket);
    // who does not say goodbye is not waited for
    if (stopping.aborted) setTimeout(() => socket.terminate(), MS_FOR_GOODBYE).unref();
  }
}

const MS_FOR_GOODBYE = 500;

function send(socket: WebSocket, text: string): void {
  if (socket.bufferedAmount > MAX_PENDING_BYTES) socket.terminate();
  else if (socket.readyState === socket.OPEN) socket.send(text);
}

/** Pings, and cuts who has not answered until the next ping. */
function heartbeat(socket: WebSocket): () => void {
  let alive = true;
  socket.on('pong', () => {
    alive = true;
  });
  const timer = setInterval(() => {
    if (!alive) socket.terminate();
    alive = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, HEARTBEAT_MS);
  return () => clearInterval(timer);
}

function credentialsOf(request: IncomingMessage): Credentials {
  return {
    method: METHOD_AT_THE_DOOR,
    header: (name) => {
      const value = request.headers[name.toLowerCase()];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    peer: plainAddress(request.socket.remoteAddress),
    // a cookie is renewed with the next request of the page
    answer: () => undefined,
  };
}

function refuse(connection: Duplex, request: IncomingMessage, error: unknown, log: Log): void {
  if (toProblem(error).code === 'internal') log.error('a websocket was not opened', { error });
  const document = wordProblem(error, chooseLanguage(request.headers['accept-language']));
  const body = JSON.stringify(document);
  const lines = [
    `HTTP/1.1 ${document.status} ${STATUS_CODES[document.status] ?? ''}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    ...(document.code === 'unauthorized' ? ['www-authenticate: Bearer'] : []),
    'connection: close',
  ];
  connection.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
