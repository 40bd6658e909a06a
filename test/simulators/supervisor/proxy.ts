import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { ANSWERED, PlainFault } from './answers.ts';
import type { Call } from './call.ts';
import { CoreAway, type CoreLink } from './core-link.ts';
import type { Handler, RouteTable } from './routes.ts';
import type { World } from './world.ts';

/** The headers of a request that reach Core. */
const TO_CORE = ['x-speech-content', 'accept', 'last-event-id', 'mcp-session-id', 'mcp-protocol-version'];

/** The headers of Core's answer that reach the app, besides its type. */
const FROM_CORE = ['cache-control', 'mcp-session-id'];

const DENIED = /^hassio[/_]/;

/** Home Assistant Core where it runs. @throws PlainFault 502 */
export async function runningCore({ core }: World): Promise<CoreLink> {
  if (!core || !(await core.runs())) throw new PlainFault(502);
  return core;
}

/** Whether an app may go through to Home Assistant with this token. */
export function mayPass({ app }: World, token: unknown): boolean {
  return token === app.token && app.config.homeassistant_api;
}

function tokenOf({ headers }: IncomingMessage): unknown {
  return headers.authorization === undefined
    ? headers['x-ha-access']
    : headers.authorization.split(' ').at(-1);
}

function chosen(message: IncomingMessage, names: readonly string[]): Record<string, string> {
  const { headers } = message;
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]])),
  );
}

/** Passes an answer of Core on: events as they come, everything else read as a whole before. */
async function pass(answer: IncomingMessage, { response }: Call): Promise<void> {
  const status = answer.statusCode ?? 502;
  const type = (answer.headers['content-type'] ?? 'application/octet-stream').split(';')[0] ?? '';
  const headers = { ...chosen(answer, FROM_CORE), 'content-type': type };
  if (type === 'text/event-stream') {
    response.writeHead(status, { ...headers, 'x-accel-buffering': 'no' });
    await pipeline(answer, response).catch(() => undefined);
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
}

/** The way through to Home Assistant's REST API. */
export function proxy(world: World): RouteTable {
  const handle: Handler = async (call) => {
    if (!mayPass(world, tokenOf(call.request))) throw new PlainFault(401);
    const path = call.params.path ?? '';
    if (DENIED.test(path)) throw new PlainFault(403);
    const core = await runningCore(world);
    const query = call.query.size > 0 ? `?${call.query}` : '';
    try {
      const answer = await core.request({
        method: call.method,
        path: `/api/${path}${query}`,
        headers: chosen(call.request, [...TO_CORE, 'content-type', 'content-length']),
        body: call.request,
      });
      await pass(answer, call);
    } catch (error) {
      throw error instanceof CoreAway ? new PlainFault(502) : error;
    }
    return ANSWERED;
  };
  return Object.fromEntries(
    ['GET', 'POST', 'DELETE'].flatMap((method) => [
      [`${method} /core/api/{path*}`, handle],
      [`${method} /homeassistant/api/{path*}`, handle],
    ]),
  );
}
