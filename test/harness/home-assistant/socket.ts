import { openTextSocket, type TextSocket } from './websocket.ts';

/** An answer of Home Assistant that says no. */
export class HomeAssistantError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.name = 'HomeAssistantError';
    this.code = code;
  }
}

/** The websocket ended before the answer came, as it does when Home Assistant restarts or dies. */
export class ConnectionLost extends Error {
  constructor() {
    super('the websocket to Home Assistant was closed');
    this.name = 'ConnectionLost';
  }
}

// biome-ignore lint/suspicious/noExplicitAny: Home Assistant's answers are read by tests, which assert what they are.
export type Answer = any;

interface Message {
  id?: number;
  type: string;
  success?: boolean;
  result?: Answer;
  event?: Answer;
  message?: string;
  error?: { code: string; message: string };
}

interface Waiting {
  resolve: (result: Answer) => void;
  reject: (error: Error) => void;
}

/** Home Assistant's websocket API, just enough for tests. */
export class HomeAssistantSocket {
  readonly #socket: TextSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<number, (event: Answer) => void>();
  #lastId = 0;
  /** Settles when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;

  constructor(socket: TextSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.onClose = () => {
        for (const { reject } of this.#waiting.values()) reject(new ConnectionLost());
        this.#waiting.clear();
        resolve();
      };
    });
    socket.onText = (text) => this.#receive(JSON.parse(text));
  }

  get open(): boolean {
    return this.#socket.open;
  }

  /** Sends a command and returns its result; throws HomeAssistantError or ConnectionLost. */
  call(type: string, payload: Record<string, unknown> = {}): Promise<Answer> {
    return this.#send(++this.#lastId, type, payload);
  }

  /** Subscribes to a command's events; returns what ends the subscription. */
  async subscribe(
    type: string,
    payload: Record<string, unknown>,
    listener: (event: Answer) => void,
  ): Promise<() => Promise<void>> {
    const id = ++this.#lastId;
    this.#listeners.set(id, listener);
    await this.#send(id, type, payload);
    return async () => {
      this.#listeners.delete(id);
      if (this.open) await this.call('unsubscribe_events', { subscription: id });
    };
  }

  close(): void {
    this.#socket.close();
  }

  #send(id: number, type: string, payload: Record<string, unknown>): Promise<Answer> {
    if (!this.open) return Promise.reject(new ConnectionLost());
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ ...payload, id, type }));
    });
  }

  #receive({ id, type, success, result, event, error }: Message): void {
    if (id === undefined) return;
    if (type === 'event') {
      this.#listeners.get(id)?.(event);
      return;
    }
    const waiting = this.#waiting.get(id);
    if (type !== 'result' || waiting === undefined) return;
    this.#waiting.delete(id);
    if (success) waiting.resolve(result);
    else
      waiting.reject(new HomeAssistantError(error?.code ?? 'unknown', error?.message ?? 'no reason given'));
  }
}

/** Opens an authenticated websocket; a refused token is a HomeAssistantError with code `auth_invalid`. */
export async function openSocket(url: string, token: string): Promise<HomeAssistantSocket> {
  const socket = await openTextSocket(`${url}/api/websocket`);
  return new Promise((resolve, reject) => {
    socket.onClose = () => reject(new ConnectionLost());
    socket.onText = (text) => {
      const message = JSON.parse(text) as Message;
      if (message.type === 'auth_required') {
        socket.send(JSON.stringify({ type: 'auth', access_token: token }));
      } else if (message.type === 'auth_ok') {
        resolve(new HomeAssistantSocket(socket));
      } else {
        reject(new HomeAssistantError(message.type, message.message ?? 'refused'));
        socket.close();
      }
    };
  });
}
