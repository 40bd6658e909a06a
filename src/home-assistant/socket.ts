import * as v from 'valibot';
import type { WebSocket } from 'ws';
import type { Clock } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import { answerProblem, networkProblem } from './faults.ts';

/** Where a websocket is and what opens it. */
export interface Door {
  /** ws:// or wss://. */
  readonly url: string;
  /** For sentences; with the port, where one was given. */
  readonly host: string;
  readonly token: string;
}

interface OpenOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** From the first packet to the last word of the greeting (milliseconds). */
  readonly patienceMs: number;
}

/** No answer to a question of ours is nearly as long: a home with 10,000 entities lists its users in a few kilobytes. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** The greeting, before there are numbered messages. */
const Greeting = v.variant('type', [
  v.object({ type: v.literal('auth_required') }),
  v.object({ type: v.literal('auth_invalid') }),
  v.object({ type: v.literal('auth_ok'), ha_version: v.string() }),
]);

/** An open websocket that has accepted our token. */
export interface OpenSocket {
  readonly socket: WebSocket;
  /** Of Home Assistant. */
  readonly version: string;
}

function readGreeting(data: unknown): v.InferOutput<typeof Greeting> | undefined {
  try {
    const parsed = v.safeParse(Greeting, JSON.parse(String(data)));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Opens a websocket and shows the token, but only to what greets as Home Assistant does. Not Node's own WebSocket: that
 * one waits for the server to hang up after a close, and Home Assistant waits ten seconds for such a client when it stops.
 * @throws Problem that says what is wrong; the signal's reason.
 */
export async function openSocket(
  door: Door,
  { clock, signal, patienceMs }: OpenOptions,
): Promise<OpenSocket> {
  const { WebSocket } = await import('ws');
  signal.throwIfAborted();
  const { host } = door;
  const socket = new WebSocket(door.url, {
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    followRedirects: false,
  });
  const done = new AbortController();
  try {
    return await new Promise<OpenSocket>((resolve, reject) => {
      const notThere = () => reject(new Problem('home_assistant_not_there', { params: { host } }));
      // it stays, for what comes after the greeting as well: an error that nobody hears ends the process
      socket.on('error', (error) => reject(networkProblem(error, host)));
      socket.once('unexpected-response', (request, response) => {
        const status = response.statusCode ?? 0;
        reject(answerProblem({ status, location: response.headers.location }, door.url, host));
        request.destroy();
      });
      socket.once('close', () => reject(new Problem('home_assistant_cut', { params: { host } })));
      let shown = false;
      socket.on('message', function greet(data, binary) {
        const greeting = binary ? undefined : readGreeting(data);
        if (greeting?.type === 'auth_required' && !shown) {
          shown = true;
          socket.send(JSON.stringify({ type: 'auth', access_token: door.token }));
        } else if (greeting?.type === 'auth_ok' && shown) {
          socket.off('message', greet);
          resolve({ socket, version: greeting.ha_version });
        } else if (greeting?.type === 'auth_invalid' && shown) {
          reject(new Problem('home_assistant_refused'));
        } else notThere();
      });
      signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: done.signal });
      clock.sleep(patienceMs, done.signal).then(
        () => reject(new Problem('home_assistant_timeout', { params: { host } })),
        () => undefined,
      );
    });
  } catch (error) {
    socket.terminate();
    throw error;
  } finally {
    done.abort();
  }
}
