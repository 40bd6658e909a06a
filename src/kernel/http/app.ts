import type { IncomingMessage, ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { Problem, toProblem } from '../errors.ts';
import { describeError, type Log } from '../log.ts';
import { chooseLanguage, wordProblem } from '../texts.ts';
import { type AllowsOrigin, answerOrigin } from './cors.ts';
import { answerFile, type StaticFiles } from './files.ts';
import { jsonLimit, parseInput, readJson } from './input.ts';
import { plainAddress } from './peer.ts';
import type { Credentials, Identify, Principal } from './principal.ts';
import type { Route } from './route.ts';

/** What Node hands to each request. */
export interface HttpBindings {
  Bindings: { incoming: IncomingMessage; outgoing: ServerResponse };
}

/** What an application serves, and to whom. */
export interface AppOptions {
  readonly routes: readonly Route[];
  readonly identify: Identify;
  readonly log: Log;
  /** Ends when the core stops: open streams end with it. */
  readonly stopping: AbortSignal;
  /** The web UI; where absent, there is none here. */
  readonly files?: StaticFiles;
  /** Pages from elsewhere that may use the API with a token; where absent, none may. */
  readonly allowsOrigin?: AllowsOrigin;
}

function credentialsOf(context: Context<HttpBindings>): Credentials {
  const { incoming, outgoing } = context.env;
  return {
    method: context.req.method,
    header: (name) => context.req.header(name),
    peer: plainAddress(incoming.socket.remoteAddress),
    answer: (name, value) => outgoing.setHeader(name, value),
  };
}

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
  const { path } = context.req;
  // clients of BaluPi read this member of an error
  const told = path.startsWith('/api/v1/')
    ? document
    : { ...document, detail: `${document.title} ${document.hint}` };
  if (document.code === 'unauthorized') headers['www-authenticate'] = 'Bearer';
  if (document.code === 'rate_limited') headers['retry-after'] = document.params.seconds ?? '60';
  return new Response(JSON.stringify(told), { status: document.status, headers });
}

/** Lets in whoever may call a route. @throws Problem why somebody may not */
export async function admit(
  credentials: Credentials,
  route: Route,
  identify: Identify,
): Promise<Principal | undefined> {
  if (route.access === 'open') return undefined;
  const principal = await identify(credentials);
  if (!principal) throw new Problem('unauthorized');
  if (route.access === 'person' && principal.kind === 'token') throw new Problem('persons_only');
  return principal;
}

async function serve(context: Context<HttpBindings>, route: Route, options: AppOptions): Promise<Response> {
  const { incoming, outgoing } = context.env;
  const credentials = credentialsOf(context);
  const principal = await admit(credentials, route, options.identify);
  const gone = new AbortController();
  const onClose = () => {
    // it closes as well when all was sent
    if (!outgoing.writableFinished) gone.abort(new Problem('body_cut'));
  };
  outgoing.once('close', onClose);
  try {
    const result = await route.handle(
      {
        ...credentials,
        params: route.params && parseInput(route.params, context.req.param()),
        query: route.query && parseInput(route.query, context.req.query()),
        body: route.body && parseInput(route.body, await readJson(incoming, jsonLimit(route.access))),
        signal: AbortSignal.any([gone.signal, options.stopping]),
        principal,
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

/** The HTTP application over a table of routes, and the web UI beside it. Every failure is a problem document. */
export function createApp(options: AppOptions): Hono<HttpBindings> {
  const app = new Hono<HttpBindings>();
  const { allowsOrigin, files } = options;
  app.use('/api/*', async (context, next) => {
    const { outgoing } = context.env;
    // what is said of an error may repeat what was asked: nobody shall read it as a page
    outgoing.setHeader('x-content-type-options', 'nosniff');
    const preflight = allowsOrigin && answerOrigin(allowsOrigin, credentialsOf(context), outgoing);
    if (preflight) return preflight;
    await next();
    return undefined;
  });
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
  app.notFound((context) => {
    const { req } = context;
    const file = { method: req.method, path: req.path, header: (name: string) => req.header(name) };
    return (
      (files && answerFile(files, file)) ??
      problemResponse(context as Context<HttpBindings>, new Problem('not_found'), options.log)
    );
  });
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
