import type { IncomingMessage } from 'node:http';
import type { User } from './core-link.ts';

/** What of a request stays behind: it is about the connection, or would tell the app what only we may say. */
const DROPPED = new Set([
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'sec-websocket-extensions',
  'sec-websocket-protocol',
  'sec-websocket-version',
  'sec-websocket-key',
  'x-supervisor-token',
  'x-hassio-key',
  'x-remote-user-id',
  'x-remote-user-name',
  'x-remote-user-display-name',
]);

/** Node writes these by itself. */
const OWN = new Set(['connection', 'keep-alive', 'upgrade']);

/** What of an answer stays behind; its type is written anew, without parameters. */
const DROPPED_FROM_ANSWERS = new Set([
  'transfer-encoding',
  'content-length',
  'content-type',
  'content-encoding',
  'connection',
  'keep-alive',
]);

/** Names and values in turn, as Node gives and takes raw headers. */
type RawHeaders = string[];

function* pairs(raw: readonly string[]): Generator<[string, string]> {
  for (let at = 0; at < raw.length; at += 2) yield [raw[at] as string, raw[at + 1] as string];
}

/** The headers with which the app sees a request: who asks stands first, and nobody else can say it. */
export function requestHeaders(request: IncomingMessage, user: User | undefined): RawHeaders {
  const headers: RawHeaders = [];
  if (user) headers.push('X-Remote-User-Id', user.id);
  if (user?.username) headers.push('X-Remote-User-Name', user.username);
  if (user?.name) headers.push('X-Remote-User-Display-Name', user.name);
  for (const [name, value] of pairs(request.rawHeaders)) {
    const lower = name.toLowerCase();
    if (!DROPPED.has(lower) && !OWN.has(lower) && lower !== 'x-forwarded-for') headers.push(name, value);
  }
  // Without Home Assistant Core in front, the Supervisor really writes the word None.
  const before = request.headers['x-forwarded-for'] ?? 'None';
  headers.push('X-Forwarded-For', `${before}, ${request.socket.remoteAddress}`);
  return headers;
}

/** The headers of the app's answer, without those that the Supervisor writes anew. */
export function responseHeaders(response: IncomingMessage): RawHeaders {
  return [...pairs(response.rawHeaders)]
    .filter(([name]) => !DROPPED_FROM_ANSWERS.has(name.toLowerCase()))
    .flat();
}

/** The type alone: that the text is UTF-8 is lost on the way. */
export function typeOf(response: IncomingMessage): string {
  return (response.headers['content-type'] ?? 'application/octet-stream').split(';')[0]?.trim() ?? '';
}
