import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { entrance } from './ingress.ts';
import { requestHeaders } from './ingress-headers.ts';
import type { Sessions } from './sessions.ts';
import { accept, dial, join } from './sockets.ts';
import type { World } from './world.ts';

const PATH = /^\/ingress\/([-_A-Za-z0-9]+)\/(.*)$/;

/** A websocket to the app's page. False: it is none. @throws PlainFault where somebody may not. */
export async function ingressSocket(
  world: World,
  sessions: Sessions,
  { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
): Promise<boolean> {
  const [path = '', query] = (request.url ?? '').split('?', 2);
  const [, token, rest] = PATH.exec(path) ?? [];
  if (token === undefined) return false;
  const { app, user } = entrance(world, sessions, request, token);
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const browser = await accept(request, socket, head);
  try {
    const { host, port } = app.ingress;
    const upstream = await dial(`ws://${host}:${port}/${rest}${query === undefined ? '' : `?${query}`}`, {
      localAddress: world.gateway,
      headers: asRecord(requestHeaders(request, user)),
      protocols: protocols.filter((name) => name !== ''),
    });
    join(browser, upstream);
  } catch {
    browser.close();
  }
  return true;
}

function asRecord(raw: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let at = 0; at < raw.length; at += 2) record[raw[at] as string] = raw[at + 1] as string;
  return record;
}
