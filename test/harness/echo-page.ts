import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the page behind ingress saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly peer: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

type Answer = (response: ServerResponse, seen: Seen) => void;

const LOCALHOST = '127.0.0.1';

/** A page in the place of the app's: it keeps what it saw, and answers what the test says. */
export class EchoPage {
  readonly seen: Seen[] = [];
  answer: Answer = (response) => response.end('hello');
  readonly server = createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<void> {
    this.server.listen(0, LOCALHOST);
    await once(this.server, 'listening');
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get address(): { host: string; port: number } {
    return { host: LOCALHOST, port: (this.server.address() as AddressInfo).port };
  }

  get last(): Seen {
    const last = this.seen.at(-1);
    if (!last) throw new Error('nobody has asked for the page');
    return last;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const peer = request.socket.remoteAddress;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      return;
    }
    const { method = '', url = '', headers } = request;
    const seen = { method, url, peer, headers, body: Buffer.concat(chunks) };
    this.seen.push(seen);
    this.answer(response, seen);
  }
}
