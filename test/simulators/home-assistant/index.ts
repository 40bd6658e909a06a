import { once } from 'node:events';
import { createServer as createPlain, type Server } from 'node:http';
import { createServer as createSecure, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import * as v from 'valibot';
import { type WebSocket, WebSocketServer } from 'ws';
import { COMMANDS } from './commands.ts';
import { CommandError, Home } from './home.ts';

export { user } from './home.ts';

/** What it does at a place where the real one would go on; `undefined` goes on. */
export interface Hooks {
  /** When somebody connects, before the greeting. */
  connected?: (socket: WebSocket) => unknown;
  /** When the token was shown. */
  shown?: (socket: WebSocket) => unknown;
  /** When a command came; what it returns is the answer, unless that is undefined. A promise is waited for. */
  command?: (message: Message, socket: WebSocket) => unknown;
}

interface Message {
  readonly id: number;
  readonly type: string;
  readonly [member: string]: unknown;
}

interface SimulatorOptions {
  readonly port?: number;
  /** The path of its websocket; behind the Supervisor it is another. */
  readonly path?: string;
  readonly tls?: ServerOptions;
}

/** A frame that closes, with status 1000 (RFC 6455, sections 5.5.1 and 7.4.1). */
const CLOSE_NORMAL = Buffer.from([0x88, 0x02, 0x03, 0xe8]);

const Auth = v.strictObject({ type: v.literal('auth'), access_token: v.string() });

/** The token of an administrator, and one of somebody who is none. */
export const ADMIN_TOKEN = 'token-of-an-administrator';
export const USER_TOKEN = 'token-of-a-user';

/**
 * Home Assistant's websocket, with the rules of the real one: the token first, ids that rise, known commands with known
 * members, administrators only. Hooks and `home` make it one that has a bad day.
 */
export class HomeAssistantSimulator {
  readonly home = new Home();
  readonly tokens = new Map([
    [ADMIN_TOKEN, { admin: true }],
    [USER_TOKEN, { admin: false }],
  ]);
  hooks: Hooks = {};
  /** How often somebody connected, and showed a token. */
  connections = 0;
  shown = 0;
  /** The commands that came, in order. */
  readonly commands: Message[] = [];
  readonly #options: SimulatorOptions;
  readonly #sockets = new Set<Socket>();
  readonly #subscriptions = new Map<WebSocket, Map<string, number>>();
  #server: Server | undefined;
  #port = 0;

  constructor(options: SimulatorOptions) {
    this.#options = options;
  }

  get url(): string {
    return `http${this.#options.tls ? 's' : ''}://127.0.0.1:${this.#port}`;
  }

  /** Starts it, again on the same port after a stop. */
  async start(): Promise<void> {
    const { path = '/api/websocket', tls, port = 0 } = this.#options;
    const server = tls ? createSecure(tls) : createPlain();
    server.on('request', (_request, response) => response.writeHead(404).end('404: Not Found'));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    const sockets = new WebSocketServer({ server, path });
    sockets.on('connection', (socket) => this.#greet(socket));
    sockets.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port || port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.home.tell = (event) => this.emit('backup/subscribe_events', event);
  }

  /** Ends it as a power cut does. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    this.hangUp();
    await closed;
  }

  /** Cuts every connection. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Says that it closes, as it does when it stops, and resolves when every client has hung up: it does not do that itself. */
  async farewell(): Promise<void> {
    const ends = [...this.#sockets].map((socket) => {
      // from now on nobody here answers a close with an end
      socket.removeAllListeners('data').resume();
      socket.write(CLOSE_NORMAL);
      return once(socket, 'end');
    });
    await Promise.all(ends);
  }

  /** Sends an event to whoever subscribed to it: by the command, or for `subscribe_events` by the type of the event. */
  emit(subscription: string, event: unknown): void {
    for (const [socket, ids] of this.#subscriptions) {
      const id = ids.get(subscription);
      if (id !== undefined) socket.send(JSON.stringify({ id, type: 'event', event }));
    }
  }

  /** Says something to everybody who is connected. */
  say(data: string | Buffer): void {
    for (const socket of this.#subscriptions.keys()) socket.send(data);
  }

  /** Forgets a token and closes its connections, as Home Assistant does it when one is revoked. */
  revoke(token: string): void {
    this.tokens.delete(token);
    this.hangUp();
  }

  #greet(socket: WebSocket): void {
    this.connections += 1;
    if (this.hooks.connected?.(socket) !== undefined) return;
    this.#subscriptions.set(socket, new Map());
    socket.once('close', () => this.#subscriptions.delete(socket));
    socket.on('error', () => undefined);
    const ha_version = this.home.config.version;
    socket.send(JSON.stringify({ type: 'auth_required', ha_version }));
    socket.once('message', async (data) => {
      const auth = v.parse(Auth, JSON.parse(String(data)));
      this.shown += 1;
      if ((await this.hooks.shown?.(socket)) !== undefined) return;
      const owner = this.tokens.get(auth.access_token);
      if (!owner) {
        socket.send(JSON.stringify({ type: 'auth_invalid', message: 'Invalid access token or password' }));
        socket.close();
        return;
      }
      let last = 0;
      socket.on('message', (text) => {
        const message = JSON.parse(String(text)) as Message;
        const reused = typeof message.id !== 'number' || message.id <= last;
        last = message.id;
        void this.#answer(socket, message, owner.admin, reused);
      });
      socket.send(JSON.stringify({ type: 'auth_ok', ha_version }));
    });
  }

  async #answer(socket: WebSocket, message: Message, admin: boolean, reused: boolean): Promise<void> {
    this.commands.push(message);
    const { id, type, ...members } = message;
    const reply = (more: object) => socket.send(JSON.stringify({ id, type: 'result', ...more }));
    try {
      if (reused) throw new CommandError('id_reuse', 'Identifier values have to increase.');
      const command = COMMANDS[type];
      if (!command) throw new CommandError('unknown_command', 'Unknown command.');
      if (command.admin && !admin) throw new CommandError('unauthorized', 'Unauthorized');
      const parsed = v.safeParse(command.members, members);
      if (!parsed.success) throw new CommandError('invalid_format', JSON.stringify(parsed.issues[0]));
      const hooked = await this.hooks.command?.(message, socket);
      if (type === 'ping' && hooked === undefined) {
        socket.send(JSON.stringify({ id, type: 'pong' }));
        return;
      }
      const result = hooked === undefined ? command.answer(this.home, parsed.output as never) : hooked;
      if (type.includes('subscribe_events')) this.#subscribe(socket, message);
      reply({ success: true, result });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      reply({ success: false, error: { code: error.code, message: error.message } });
    }
  }

  #subscribe(socket: WebSocket, { id, type, event_type }: Message): void {
    this.#subscriptions.get(socket)?.set(String(event_type ?? type), id);
    // the newest state comes before the answer, as it does there
    if (type === 'backup/subscribe_events') {
      socket.send(JSON.stringify({ id, type: 'event', event: { manager_state: this.home.state } }));
    }
  }
}

/** Starts a Home Assistant that has nothing but its websocket. */
export async function startHomeAssistantSimulator(
  options: SimulatorOptions = {},
): Promise<HomeAssistantSimulator> {
  const simulator = new HomeAssistantSimulator(options);
  await simulator.start();
  return simulator;
}
