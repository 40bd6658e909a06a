import { connect, type Socket } from 'node:net';
import type { CoreClient } from '../harness/core-client.ts';

/** A request of which every byte is sent and read by hand. */
export class SlowRequest {
  received = 0;
  head = '';
  readonly closed: Promise<void>;
  readonly #socket: Socket;

  constructor(client: CoreClient, method: string, path: string, headers: readonly string[] = []) {
    const { hostname, port } = new URL(client.url);
    this.#socket = connect(Number(port), hostname);
    const lines = [
      `${method} ${path} HTTP/1.1`,
      `Host: ${hostname}`,
      `Authorization: Bearer ${client.token}`,
    ];
    this.#socket.write(`${[...lines, 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`);
    // a reader that is cut off gets a reset; whether the answer was whole is seen from its length
    this.#socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.on('data', (chunk) => this.#take(chunk));
  }

  /** The status of the answer, once its head is there. */
  get status(): number {
    return Number(this.head.split(' ')[1] ?? 0);
  }

  /** Sends bytes; resolves when the network has taken them. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.head.includes('\r\n\r\n')) {
      this.received += chunk.length;
      return;
    }
    const text = this.head + chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    this.head = end < 0 ? text : text.slice(0, end + 4);
    if (end >= 0) this.received += text.length - end - 4;
  }
}
