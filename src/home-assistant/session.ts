import type { Connection, HaWebSocket } from 'home-assistant-js-websocket';
import type { WebSocket } from 'ws';
import type { Clock } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import { parseJson } from '../kernel/json.ts';
import { Refusal } from './faults.ts';
import { type Door, openSocket } from './socket.ts';

/** Home Assistant answers in milliseconds; a Pi that is just starting, in seconds (milliseconds). */
const ANSWER_MS = 30_000;

/** From the first packet to the end of the greeting: a Pi that is just starting takes its time (milliseconds). */
export const GREETING_MS = 20_000;

interface SessionOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly patienceMs?: number;
}

type Listener = (event: never) => void;

const isMessage = (value: unknown): value is { id?: unknown; type?: unknown } =>
  typeof value === 'object' && value !== null;

/**
 * What the client library sees of a socket. It parses what comes without a guard, and an error that is thrown in a
 * listener would end the process: so nothing but well-formed messages gets through, and whoever sends others is hung up on.
 */
class GuardedSocket {
  readonly OPEN = 1;
  readonly haVersion: string;
  readonly #socket: WebSocket;
  readonly #listeners = { message: new Set<Listener>(), close: new Set<Listener>() };
  /** Whether somebody waits for messages of this number; the library tells others to the console. */
  expects: (id: unknown) => boolean = () => false;

  constructor(socket: WebSocket, version: string) {
    this.haVersion = version;
    this.#socket = socket;
    socket.on('message', (data, binary) => {
      if (!binary && this.#receive(String(data))) return;
      socket.terminate();
    });
    socket.once('close', () => this.#tell('close', {}));
  }

  get readyState(): number {
    return this.#socket.readyState;
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.terminate();
  }

  addEventListener(type: 'message' | 'close', listener: Listener): void {
    this.#listeners[type].add(listener);
  }

  removeEventListener(type: 'message' | 'close', listener: Listener): void {
    this.#listeners[type].delete(listener);
  }

  /** Hands on what is a message, or a list of them; false is something else. */
  #receive(text: string): boolean {
    try {
      const received = parseJson(text);
      const messages = Array.isArray(received) ? received : [received];
      if (!messages.every(isMessage)) return false;
      const expected = messages.filter(({ id }) => this.expects(id));
      if (expected.length > 0) this.#tell('message', { data: JSON.stringify(expected) });
      return true;
    } catch {
      return false;
    }
  }

  #tell(type: 'message' | 'close', event: object): void {
    for (const listener of this.#listeners[type]) (listener as (event: object) => void)(event);
  }
}

/** One authenticated connection to Home Assistant, from its greeting to its end; it never comes back. */
export class Session {
  /** Of Home Assistant. */
  readonly version: string;
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #connection: Connection;
  readonly #clock: Clock;
  #open = true;

  constructor(connection: Connection, socket: WebSocket, clock: Clock) {
    this.version = connection.haVersion;
    this.#connection = connection;
    this.#clock = clock;
    this.closed = new Promise((resolve) => {
      const ended = () => {
        this.#open = false;
        resolve();
      };
      if (socket.readyState === socket.OPEN) socket.once('close', ended);
      else ended();
    });
  }

  /** Asks a question. @throws Refusal; Problem `home_assistant_away` when no answer came. */
  call(type: string, payload: object = {}): Promise<unknown> {
    return this.#answered(() => this.#connection.sendMessagePromise({ type, ...payload }));
  }

  /** Hears of what happens, as long as the connection lasts. @throws as `call`. */
  async subscribe(type: string, payload: object, listener: (event: unknown) => void): Promise<void> {
    await this.#answered(() =>
      this.#connection.subscribeMessage(listener, { type, ...payload }, { resubscribe: false }),
    );
  }

  /** Hangs up at once. */
  close(): void {
    this.#open = false;
    this.#connection.close();
  }

  async #answered<Result>(ask: () => Promise<Result>): Promise<Result> {
    const away = (reason: string) => new Problem('home_assistant_away', { cause: new Error(reason) });
    if (!this.#open) throw away('the connection has ended');
    const done = new AbortController();
    const late = this.#clock.sleep(ANSWER_MS, done.signal).then(() => {
      throw away('no answer came');
    });
    const gone = this.closed.then(() => {
      throw away('the connection ended before the answer came');
    });
    // whichever of them loses the race is nobody's error any more
    late.catch(() => undefined);
    gone.catch(() => undefined);
    try {
      return await Promise.race([ask(), late, gone]);
    } catch (error) {
      if (error instanceof Problem) throw error;
      const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
      if (typeof code === 'string') throw new Refusal(code, String(message ?? ''));
      throw away(`the client gave up (${String(error)})`);
    } finally {
      done.abort();
    }
  }
}

/** Connects and shows the token. @throws Problem that says what is wrong; the signal's reason. */
export async function openSession(door: Door, options: SessionOptions): Promise<Session> {
  const { clock, signal, patienceMs = GREETING_MS } = options;
  const { Connection: Client } = await import('home-assistant-js-websocket');
  const { socket, version } = await openSocket(door, { clock, signal, patienceMs });
  const guarded = new GuardedSocket(socket, version);
  const connection: Connection = new Client(guarded as unknown as HaWebSocket, {
    setupRetry: 0,
    createSocket: () => Promise.reject(new Error('a session never comes back')),
  });
  guarded.expects = (id) => typeof id === 'number' && connection.commands.has(id);
  // first of all listeners: told that its end was wished for, the library does not try again on its own
  socket.prependOnceListener('close', () => connection.close());
  return new Session(connection, socket, clock);
}
