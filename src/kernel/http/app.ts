import type { IncomingMessage, ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { Problem, toProblem } from '../errors.ts';
import { describeError, type Log } from '../log.ts';
import { chooseLanguage, wordProblem } from '../texts.ts';
import { jsonLimit, parseInput, readJson } from './input.ts';
import type { Identify, Principal } from './principal.ts';
import type { Route } from './route.ts';

/** What Node hands to each request. */
export interface HttpBindings {
  Bindings: { incoming: IncomingMessage; outgoing: ServerResponse };
}

interface AppOptions {
  readonly routes: readonly Route[];
  readonly identify: Identify;
  readonly log: Log;
  /** Ends when the core stops: open streams end with it. */
  readonly stopping: AbortSignal;
}

const peerOf = (context: Context<HttpBindings>): string => context.env.incoming.socket.remoteAddress ?? '';

function toHonoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function problemResponse(context: Context<HttpBindings>, error: unknown, log: Log): Response {
  if (toProblem(error).code === 'internal') {
    log.error('a request met a defect', { path: context.req.routePath, error });
  }
  const document = wordProblem(error, chooseLanguage(context.req.header('accept-language')));
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
  };
  if (document.code === 'unauthorized') headers['www-authenticate'] = 'Bearer';
  if (document.code === 'rate_limited') headers['retry-after'] = document.params.seconds ?? '60';
  return new Response(JSON.stringify(document), { status: document.status, headers });
}

async function admit(
  context: Context<HttpBindings>,
  route: Route,
  identify: Identify,
): Promise<Principal | undefined> {
  if (route.access === 'open') return undefined;
  const principal = await identify({
    method: context.req.method,
    header: (name) => context.req.header(name),
    peer: peerOf(context),
  });
  if (!principal) throw new Problem('unauthorized');
  if (route.access === 'person' && principal.kind === 'token') throw new Problem('persons_only');
  return principal;
}

async function serve(context: Context<HttpBindings>, route: Route, options: AppOptions): Promise<Response> {
  const { incoming, outgoing } = context.env;
  const principal = await admit(context, route, options.identify);
  const gone = new AbortController();
  const onClose = () => gone.abort(new Problem('body_cut'));
  outgoing.once('close', onClose);
  try {
    const result = await route.handle(
      {
        params: route.params && parseInput(route.params, context.req.param()),
        query: route.query && parseInput(route.query, context.req.query()),
        body: route.body && parseInput(route.body, await readJson(incoming, jsonLimit(route.access))),
        signal: AbortSignal.any([gone.signal, options.stopping]),
        peer: peerOf(context),
        principal,
        header: (name) => context.req.header(name),
      },
      incoming,
      outgoing,
    );
    if (route.streams) return RESPONSE_ALREADY_SENT;
    if (!route.response) return new Response(null, { status: route.status });
    return Response.json(result, { status: route.status, headers: { 'cache-control': 'no-store' } });
  } finally {
    outgoing.off('close', onClose);
  }
}

/** The HTTP application over a table of routes. Every failure is a problem document. */
export function createApp(options: AppOptions): Hono<HttpBindings> {
  const app = new Hono<HttpBindings>();
  const methods = new Map<string, string[]>();
  for (const route of options.routes) {
    const path = toHonoPath(route.path);
    methods.set(path, [...(methods.get(path) ?? []), route.method]);
    app.on(route.method, path, (context) => serve(context, route, options));
  }
  for (const [path, allowed] of methods) {
    app.all(path, async (context) => {
      const response = problemResponse(context, new Problem('method_not_allowed'), options.log);
      response.headers.set('allow', allowed.join(', '));
      return response;
    });
  }
  app.notFound((context) =>
    problemResponse(context as Context<HttpBindings>, new Problem('not_found'), options.log),
  );
  app.onError((error, context) => {
    if (context.env.outgoing.headersSent) {
      options.log.warning('a stream broke off', {
        path: context.req.routePath,
        reason: describeError(error),
      });
      context.env.outgoing.destroy();
      return RESPONSE_ALREADY_SENT;
    }
    return problemResponse(context, error, options.log);
  });
  return app;
}
