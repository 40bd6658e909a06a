import type { ServerResponse } from 'node:http';

/** How long a browser may remember what it was told (seconds): a removed origin is out soon. */
const REMEMBERED_SECONDS = 600;

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';

/** What a page from elsewhere has reason to send: its token, what it sends, and which part it wants. */
const REQUEST_HEADERS = 'authorization, content-type, last-event-id, range, if-range';

/** What it may read besides what every page may. */
const ANSWER_HEADERS = 'accept-ranges, content-disposition, content-range, etag, retry-after';

/** Whether pages from this origin may use the API, with a token. */
export type AllowsOrigin = (origin: string) => boolean;

/**
 * Lets pages from elsewhere read what the API answers (Fetch standard, "CORS protocol"). It never allows credentials:
 * no browser sends or shows what a cookie opens. Returns the answer to a question before a request (a preflight).
 */
export function answerOrigin(
  allows: AllowsOrigin,
  request: { readonly method: string; readonly header: (name: string) => string | undefined },
  outgoing: ServerResponse,
): Response | undefined {
  outgoing.setHeader('vary', 'Origin');
  const origin = request.header('origin');
  if (origin === undefined || !allows(origin)) return undefined;
  outgoing.setHeader('access-control-allow-origin', origin);
  if (request.method !== 'OPTIONS' || request.header('access-control-request-method') === undefined) {
    outgoing.setHeader('access-control-expose-headers', ANSWER_HEADERS);
    return undefined;
  }
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-methods': METHODS,
      'access-control-allow-headers': REQUEST_HEADERS,
      'access-control-max-age': String(REMEMBERED_SECONDS),
    },
  });
}
