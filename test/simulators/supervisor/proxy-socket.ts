import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { mayPass, runningCore } from './proxy.ts';
import { accept, join } from './sockets.ts';
import type { World } from './world.ts';

const PATH = /^\/(core|homeassistant)\/(api\/)?websocket$/;

/** Commands that only Home Assistant's own frontend may give: Core would run them with all rights of the Supervisor. */
const RESERVED = /^(supervisor|hassio)\//;

/** So long an app may take to say who it is (milliseconds). */
const AUTH_TIMEOUT_MS = 10_000;

interface Message {
  readonly id?: unknown;
  readonly type?: unknown;
  readonly access_token?: unknown;
  readonly api_password?: unknown;
}

function parse(text: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === 'object' && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
}

const say = (socket: WebSocket, message: object) => socket.send(JSON.stringify(message));

/** A paused socket would not see that the other side hangs up, too, and stay for half a minute. */
function hangUp(app: WebSocket): void {
  app.resume();
  app.close();
}

function firstMessage(socket: WebSocket): Promise<Message | undefined> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(undefined), AUTH_TIMEOUT_MS);
    const done = (message: Message | undefined) => {
      clearTimeout(late);
      resolve(message);
    };
    socket.once('message', (data, binary) => {
      socket.pause();
      done(binary ? undefined : parse(String(data)));
    });
    socket.once('close', () => done(undefined));
    socket.resume();
  });
}

/** Answers what is reserved in Core's place. True: Core must not see it. */
function refused(app: WebSocket, text: string): boolean {
  const message = parse(text);
  if (typeof message?.type !== 'string' || !RESERVED.test(message.type)) return false;
  const error = { code: 'unauthorized', message: 'Unauthorized' };
  say(app, { id: message.id ?? null, type: 'result', success: false, error });
  return true;
}

/** A websocket of the app to Home Assistant. False: it is none. @throws PlainFault 502 while Core does not run. */
export async function proxySocket(
  world: World,
  { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
): Promise<boolean> {
  if (!PATH.test(request.url?.split('?')[0] ?? '')) return false;
  const core = await runningCore(world);
  const app = await accept(request, socket, head);
  say(app, { type: 'auth_required', ha_version: core.version });
  const message = await firstMessage(app);
  if (message === undefined) {
    hangUp(app);
    return true;
  }
  if (!mayPass(world, message.api_password ?? message.access_token)) {
    say(app, { type: 'auth_invalid', message: 'Invalid access' });
    hangUp(app);
    return true;
  }
  say(app, { type: 'auth_ok', ha_version: core.version });
  try {
    join(app, await core.openWebSocket(), (text) => refused(app, text));
  } catch {
    hangUp(app);
  }
  return true;
}
