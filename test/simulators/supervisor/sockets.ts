import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { PlainFault } from './answers.ts';

/** The largest message of a websocket through ingress (bytes). */
const LARGEST_MESSAGE = 16 * 1024 * 1024;

const server = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  autoPong: false,
  maxPayload: LARGEST_MESSAGE,
});

/** A websocket of a browser or an app, taken over from the HTTP server; it is silent until it is joined or resumed. */
export function accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket> {
  return new Promise((resolve) =>
    server.handleUpgrade(request, socket, head, (accepted) => {
      accepted.pause();
      resolve(accepted);
    }),
  );
}

interface DialOptions {
  readonly localAddress: string;
  readonly headers: Record<string, string>;
  readonly protocols: readonly string[];
}

/** A websocket to an app, which is silent until it is joined. @throws PlainFault 502 */
export function dial(url: string, { protocols, ...options }: DialOptions): Promise<WebSocket> {
  const socket = new WebSocket(url, [...protocols], {
    ...options,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: LARGEST_MESSAGE,
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.pause();
      resolve(socket);
    });
    socket.once('error', () => reject(new PlainFault(502)));
  });
}

/** Whether a message is kept from the other side. */
type Hold = (text: string) => boolean;

/** Passes everything on in one direction, until it ends. */
function forward(from: WebSocket, to: WebSocket, hold?: Hold): void {
  from.on('message', (data, binary) => {
    if (binary || !hold?.(String(data))) to.send(data, { binary });
  });
  from.on('ping', (data) => to.ping(data));
  from.on('pong', (data) => to.pong(data));
  from.on('error', () => to.close());
  from.on('close', () => to.close());
}

/** Joins two websockets; with one of them the other ends. Some texts of the first may be held back. */
export function join(first: WebSocket, second: WebSocket, hold?: Hold): void {
  forward(first, second, hold);
  forward(second, first);
  first.resume();
  second.resume();
}
