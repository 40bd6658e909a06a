import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it went by. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Bytes of the body that came so far. */
  bytes: number;
  /** The status that the server gave; undefined when it was not asked. */
  status: number | undefined;
}

/** What happens to a request instead of passing it on. */
type Action =
  | { readonly kind: 'answer'; readonly status: number; readonly body?: string; readonly headers?: Headers }
  /** The server does its work, but another answer is given. */
  | { readonly kind: 'replace'; readonly status: number; readonly body: string }
  /** The connection is cut as soon as the first bytes of the body (or the head) are here. */
  | { readonly kind: 'cut' }
  /** The server does its work, and the connection is cut before its answer. */
  | { readonly kind: 'cut_answer' }
  /** The connection is cut after so many bytes of the answer's body. */
  | { readonly kind: 'cut_body' | 'stall_body'; readonly after: number }
  /** Nobody answers. */
  | { readonly kind: 'hang' };
type Headers = Readonly<Record<string, string>>;

/** An error document as S3 writes it. */
export function s3Error(code: string, more = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>as asked</Message>${more}</Error>`;
}

/**
 * Stands in front of an S3 server, notes what goes by and does what a test wants. It is also as strict as R2 about
 * equal parts, which no server that can be run here is.
 */
export class S3Proxy {
  readonly requests: Recorded[] = [];
  /** Asked for each request before it is passed on. */
  intercept: (recorded: Recorded) => Action | undefined = () => undefined;
  readonly #target: URL;
  readonly #server: Server;

  constructor(endpoint: string) {
    this.#target = new URL(endpoint);
    this.#server = createServer({ requestTimeout: 0 }, (incoming, outgoing) =>
      this.#handle(incoming, outgoing),
    );
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Forgets what went by and passes everything on again. */
  reset(): void {
    this.requests.length = 0;
    this.intercept = () => undefined;
  }

  /** Cuts every connection of a client. */
  cutAll(): void {
    this.#server.closeAllConnections();
  }

  /** Connections of clients that are open now. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  /** The parts that the server took, in the order of their numbers. */
  parts(): Recorded[] {
    return this.requests
      .filter((one) => one.method === 'PUT' && one.query.has('partNumber') && one.status === 200)
      .sort((a, b) => Number(a.query.get('partNumber')) - Number(b.query.get('partNumber')));
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const url = new URL(incoming.url ?? '/', this.endpoint);
    const recorded: Recorded = {
      method: incoming.method ?? '',
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers: incoming.headers,
      bytes: 0,
      status: undefined,
    };
    this.requests.push(recorded);
    const action = this.intercept(recorded) ?? this.#unequalParts(recorded);
    incoming.on('error', () => undefined);
    outgoing.on('error', () => undefined);
    if (action?.kind === 'hang') return;
    if (action?.kind === 'cut') {
      if (recorded.headers['content-length'] === undefined) incoming.socket.destroy();
      else incoming.once('data', () => incoming.socket.destroy());
      return;
    }
    if (action?.kind === 'answer') {
      outgoing.writeHead(action.status, action.headers).end(action.body ?? '');
      return;
    }
    this.#pass(recorded, incoming, outgoing, action);
  }

  #pass(
    recorded: Recorded,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    action: Action | undefined,
  ): void {
    const { hostname, port } = this.#target;
    const { method, url: path, headers } = incoming;
    const onward = request({ hostname, port, method, path, headers, agent: false }, (answer) => {
      recorded.status = answer.statusCode;
      if (action?.kind === 'cut_answer') {
        answer.resume().once('end', () => incoming.socket.destroy());
      } else if (action?.kind === 'replace') {
        answer.resume().once('end', () => outgoing.writeHead(action.status).end(action.body));
      } else {
        // Our connection to the server is closed after each request; the client's is its own affair.
        const { connection: _ours, ...theirs } = answer.headers;
        outgoing.writeHead(answer.statusCode ?? 500, theirs);
        if (action?.kind === 'cut_body' || action?.kind === 'stall_body') {
          breakOff(answer, outgoing, incoming, action);
        } else answer.pipe(outgoing);
      }
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.once('close', () => onward.destroy());
    incoming.on('data', (chunk: Buffer) => {
      recorded.bytes += chunk.length;
    });
    incoming.pipe(onward);
  }

  /** R2's rule: all parts but the last have the same size. */
  #unequalParts({ method, query }: Recorded): Action | undefined {
    const id = query.get('uploadId');
    if (method !== 'POST' || id === null) return undefined;
    const sizes = this.parts()
      .filter((part) => part.query.get('uploadId') === id)
      .map((part) => part.bytes);
    const last = sizes.pop() ?? 0;
    if (sizes.every((size) => size === sizes[0]) && last <= (sizes[0] ?? last)) return undefined;
    return { kind: 'answer', status: 400, body: s3Error('InvalidPart') };
  }
}

function breakOff(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  incoming: IncomingMessage,
  { kind, after }: { kind: 'cut_body' | 'stall_body'; after: number },
): void {
  let left = after;
  answer.on('data', (chunk: Buffer) => {
    const piece = chunk.subarray(0, left);
    left -= piece.length;
    if (piece.length > 0) outgoing.write(piece);
    if (left > 0) return;
    answer.pause();
    // Flushed first, so that the bytes before the cut arrive.
    if (kind === 'cut_body') incoming.socket.end();
  });
}
