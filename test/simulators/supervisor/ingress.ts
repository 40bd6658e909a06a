import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import { ANSWERED, PlainFault } from './answers.ts';
import type { App } from './app.ts';
import { type Call, readBody } from './call.ts';
import type { User } from './core-link.ts';
import { requestHeaders, responseHeaders, typeOf } from './ingress-headers.ts';
import type { RouteTable } from './routes.ts';
import { INGRESS_COOKIE, type Sessions } from './sessions.ts';
import type { World } from './world.ts';

/** Answers that say to be smaller are read whole before they are passed on (bytes). */
const SMALL = 4_194_000;

const EMPTY = new Set([204, 304]);

/** The session of the browser, from its cookies. */
export function sessionOf(request: IncomingMessage): string {
  const cookies = (request.headers.cookie ?? '').split(';').map((cookie) => cookie.trim().split('='));
  return cookies.find(([name]) => name === INGRESS_COOKIE)?.[1] ?? '';
}

/** The app whose page it is, and who wants to see it. @throws PlainFault 401 or 503 */
export function entrance(
  { app }: World,
  sessions: Sessions,
  request: IncomingMessage,
  token: string | undefined,
): { app: App; user: User | undefined } {
  const user = sessions.use(sessionOf(request));
  if (!app.config.ingress || token !== app.ingressToken) throw new PlainFault(503);
  return { app, user };
}

async function read(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Without its compression, which the Supervisor's client undoes. */
function plain(answer: IncomingMessage): Readable {
  const encoding = answer.headers['content-encoding'];
  if (encoding === 'gzip' || encoding === 'deflate') return answer.pipe(createUnzip());
  return encoding === 'br' ? answer.pipe(createBrotliDecompress()) : answer;
}

/** The proxy to the app's page. */
export function ingress(world: World, sessions: Sessions): RouteTable {
  const ask = (call: Call, app: App, user: User | undefined, body: Buffer | Readable) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const headers = requestHeaders(call.request, user);
      if (Buffer.isBuffer(body) && body.length > 0) headers.push('Content-Length', String(body.length));
      else if (!Buffer.isBuffer(body)) headers.push('Transfer-Encoding', 'chunked');
      const request = httpRequest({
        ...app.ingress,
        localAddress: world.gateway,
        agent: false,
        method: call.method,
        path: `/${call.params.path}${call.query.size > 0 ? `?${call.query}` : ''}`,
        setHost: false,
        headers,
      });
      request.once('response', resolve);
      request.once('error', () => reject(new PlainFault(502)));
      call.response.once('close', () => request.destroy());
      if (Buffer.isBuffer(body)) request.end(body);
      else body.pipe(request);
    });

  return {
    '* /ingress/{token}/{path*}': async (call) => {
      const { app, user } = entrance(world, sessions, call.request, call.params.token);
      const streamed = call.method === 'POST' && app.config.ingress_stream;
      const answer = await ask(call, app, user, streamed ? call.request : await readBody(call.request));
      const status = answer.statusCode ?? 502;
      const headers = responseHeaders(answer);
      const { response } = call;
      if (call.method === 'HEAD' || EMPTY.has(status)) {
        answer.resume();
        if (answer.headers['content-type']) headers.push('Content-Type', typeOf(answer));
        response.writeHead(status, headers).end();
        return ANSWERED;
      }
      headers.push('Content-Type', typeOf(answer));
      const length = answer.headers['content-length'];
      if (length !== undefined && Number(length) < SMALL) {
        const body = await read(plain(answer));
        response.writeHead(status, [...headers, 'Content-Length', String(body.length)]).end(body);
        return ANSWERED;
      }
      response.writeHead(status, [...headers, 'X-Accel-Buffering', 'no']);
      response.flushHeaders();
      // Whoever ends it first: the other end sees a stream that was cut.
      await pipeline(plain(answer), response).catch(() => undefined);
      return ANSWERED;
    },
  };
}
