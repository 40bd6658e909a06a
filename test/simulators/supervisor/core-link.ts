import { existsSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { type ClientOptions, WebSocket } from 'ws';
import { waitFor } from '../../harness/wait-for.ts';

/** A user of Home Assistant, as far as the Supervisor cares. */
export interface User {
  readonly id: string;
  readonly username?: string | null;
  readonly name?: string | null;
}

/** How the Supervisor handles the container of Home Assistant Core. */
export interface CoreContainer {
  readonly version: string;
  /** The socket on which Core takes everybody for the Supervisor; others cannot reach it. */
  readonly socketPath: string;
  readonly configDir: string;
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it, has something done to its folder, and starts it with this in its environment. */
  replace(work: () => Promise<void>, env: Record<string, string>): Promise<void>;
}

interface CoreRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: Readable | string;
}

/** On a machine that is busy with other tests (milliseconds). */
const START_TIMEOUT_MS = 120_000;

/** Core waits for its clients to hang up before it ends, and ws waits for Core to do so: we are the one to hang up (milliseconds). */
const HANG_UP_MS = 50;

/** Home Assistant Core cannot be reached. */
export class CoreAway extends Error {}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** The Supervisor's way into Home Assistant Core: over Core's socket, without any token. */
export class CoreLink {
  readonly #container: CoreContainer;
  #events: WebSocket | undefined;
  #lastId = 0;

  constructor(container: CoreContainer) {
    this.#container = container;
  }

  get version(): string {
    return this.#container.version;
  }

  get container(): CoreContainer {
    return this.#container;
  }

  /** @throws CoreAway */
  request({ method, path, headers = {}, body }: CoreRequest): Promise<IncomingMessage> {
    const { socketPath } = this.#container;
    return new Promise((resolve, reject) => {
      const request = httpRequest({ socketPath, method, path, headers: { host: 'localhost', ...headers } });
      request.once('response', resolve);
      request.once('error', (cause) => reject(new CoreAway('Core does not answer', { cause })));
      if (body === undefined) request.end();
      else if (typeof body === 'string') request.end(body);
      else body.pipe(request);
    });
  }

  /** Posts JSON to one of Core's own endpoints and returns the status. */
  async push(method: 'POST' | 'DELETE', path: string, document: object = {}): Promise<number> {
    const body = JSON.stringify(document);
    // Node writes no length of its own for a DELETE.
    const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    const response = await this.request({ method, path, headers, body });
    await textOf(response);
    return response.statusCode ?? 0;
  }

  /** Whether Core runs, in the sense in which the Supervisor asks before it does anything else. */
  async runs(): Promise<boolean> {
    if (!existsSync(this.#container.socketPath)) return false;
    try {
      const response = await this.request({ method: 'GET', path: '/api/core/state' });
      const text = await textOf(response);
      return response.statusCode === 200 && (JSON.parse(text) as { state: string }).state === 'RUNNING';
    } catch {
      return false;
    }
  }

  async untilItRuns(): Promise<void> {
    await waitFor('Home Assistant to run', () => this.runs(), { timeoutMs: START_TIMEOUT_MS });
  }

  /** A websocket that Core has accepted. @throws CoreAway */
  openWebSocket(): Promise<WebSocket> {
    const socket = new WebSocket(`ws+unix://${this.#container.socketPath}:/api/websocket`, {
      perMessageDeflate: false,
      closeTimeout: HANG_UP_MS,
    } as ClientOptions);
    return new Promise((resolve, reject) => {
      socket.once('error', (cause) => reject(new CoreAway('Core takes no websocket', { cause })));
      socket.once('message', (data) => {
        const { type } = JSON.parse(String(data)) as { type: string };
        if (type === 'auth_ok') resolve(socket);
        else reject(new CoreAway(`Core said ${type} instead of auth_ok`));
      });
    });
  }

  /** A command on the Supervisor's own websocket. @throws CoreAway */
  async command(type: string, payload: Record<string, unknown> = {}): Promise<unknown> {
    if (this.#events?.readyState !== WebSocket.OPEN) {
      this.#events = await this.openWebSocket();
      this.#events.setMaxListeners(0);
      this.#events.on('error', () => undefined);
      this.#lastId = 0;
    }
    const socket = this.#events;
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const onMessage = (data: unknown) => {
        const message = JSON.parse(String(data)) as {
          id: number;
          success: boolean;
          result: unknown;
          error: unknown;
        };
        if (message.id !== id) return;
        end();
        if (message.success) resolve(message.result);
        else reject(new CoreAway(`${type}: ${JSON.stringify(message.error)}`));
      };
      const onClose = () => {
        end();
        reject(new CoreAway(`Core went away during ${type}`));
      };
      const end = () => {
        socket.off('message', onMessage);
        socket.off('close', onClose);
      };
      socket.on('message', onMessage);
      socket.once('close', onClose);
      socket.send(JSON.stringify({ ...payload, id, type }));
    });
  }

  /** Tells Core what happens; that it is away is none of the Supervisor's business. */
  async event(event: string, data: Record<string, unknown>): Promise<void> {
    await this.command('supervisor/event', { data: { event, ...data } }).catch(() => undefined);
  }

  async users(): Promise<User[]> {
    return (await this.command('config/auth/list')) as User[];
  }

  close(): void {
    this.#events?.terminate();
    this.#events = undefined;
  }
}
