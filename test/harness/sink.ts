import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it arrived. */
export interface Arrived {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Answer = (arrived: Arrived, response: ServerResponse) => void;

const takes: Answer = (_arrived, response) => response.end('ok');

/** An HTTP server that writes down what it is told, and answers as a test wants it to. */
export class Sink {
  readonly arrived: Arrived[] = [];
  answer: Answer = takes;
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it, again on the same port after a stop. */
  async start(): Promise<this> {
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        const { method = '', url: path = '', headers } = request;
        const arrived = { method, path, headers, body };
        this.arrived.push(arrived);
        this.answer(arrived, response);
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  /** Answers with a status from now on. */
  says(status: number, headers: Record<string, string> = {}): void {
    this.answer = (_arrived, response) => response.writeHead(status, headers).end();
  }

  takes(): void {
    this.answer = takes;
  }
}
