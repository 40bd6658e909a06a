import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { CertificateFiles } from '../../harness/certificate.ts';

/** A device on a free port of 127.0.0.1. */
export class DeviceServer {
  /** The requests that came, as `GET /path`. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #secure: boolean;
  #port = 0;
  #host = '127.0.0.1';

  constructor(answer: RequestListener, tls?: CertificateFiles) {
    const listener: RequestListener = (request, response) => {
      this.asked.push(`${request.method} ${request.url}`);
      answer(request, response);
    };
    this.#secure = tls !== undefined;
    this.#server = tls
      ? createSecureServer({ cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) }, listener)
      : createServer(listener);
  }

  get port(): number {
    return this.#port;
  }

  /** As a person types it. */
  get address(): string {
    return `${this.#secure ? 'https://' : ''}${this.#host}:${this.#port}`;
  }

  /** Takes connections that change to another protocol, such as WebSocket. Who took one ends it before the stop. */
  onUpgrade(take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void {
    this.#server.on('upgrade', take);
  }

  /** Listens, again on the same port after an end; `host` where it is not on 127.0.0.1 alone. */
  start(port = this.#port, host = '127.0.0.1'): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#host = host === '0.0.0.0' ? '127.0.0.1' : host;
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

/** All of a request's body. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The files of a form (RFC 7578), by field and file name. */
export function filesIn(
  body: Buffer,
  contentType: string,
): { field: string; filename: string; bytes: Buffer }[] {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (!boundary) return [];
  const text = body.toString('latin1');
  return text
    .split(`--${boundary}`)
    .slice(1, -1)
    .flatMap((part) => {
      const end = part.indexOf('\r\n\r\n');
      const head = part.slice(0, end);
      const field = /name="([^"]*)"/.exec(head)?.[1];
      const filename = /filename="([^"]*)"/.exec(head)?.[1];
      if (field === undefined || filename === undefined) return [];
      return [{ field, filename, bytes: Buffer.from(part.slice(end + 4, -2), 'latin1') }];
    });
}
