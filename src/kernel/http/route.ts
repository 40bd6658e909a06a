import type { IncomingMessage, ServerResponse } from 'node:http';
import type * as v from 'valibot';
import { Problem } from '../errors.ts';
import type { Credentials, Principal } from './principal.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Who may call: anyone; whoever is known; or a person (with a password, or through ingress) and no program. */
type Access = 'open' | 'known' | 'person';

type Schema = v.GenericSchema;
type Output<S extends Schema | undefined> = S extends Schema ? v.InferOutput<S> : undefined;

interface Call<Params, Query, Body> extends Credentials {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Ends when the client goes away or the core stops. */
  readonly signal: AbortSignal;
  /** Who calls; on open routes undefined, where it was not asked. */
  readonly principal: Principal | undefined;
}

interface RouteCommon<P extends Schema | undefined, Q extends Schema | undefined> {
  readonly method: Method;
  /** One of `PATHS`; parameters stand in braces. */
  readonly path: string;
  /** What it does, for the OpenAPI document. */
  readonly summary: string;
  readonly access?: Access;
  readonly params?: P;
  readonly query?: Q;
}

/** A route that takes and gives JSON. Without `response` it answers 204. */
interface JsonRoute<
  P extends Schema | undefined,
  Q extends Schema | undefined,
  B extends Schema | undefined,
  R extends Schema | undefined,
> extends RouteCommon<P, Q> {
  readonly body?: B;
  readonly response?: R;
  readonly status?: number;
  readonly handle: (
    call: Call<Output<P>, Output<Q>, Output<B>>,
  ) => Promise<R extends Schema ? v.InferInput<R> : void>;
}

/** A route whose body, in or out, is a stream: it gets Node's own objects and nothing is ever buffered. */
interface StreamRoute<
  P extends Schema | undefined,
  Q extends Schema | undefined,
  B extends Schema | undefined,
> extends RouteCommon<P, Q> {
  /** Of an outward stream: what is asked for, as JSON. */
  readonly body?: B;
  readonly streams: 'in' | 'out';
  readonly contentType: string;
  /** Of what an inward stream answers with, or of each event in an outward one. */
  readonly response?: Schema;
  /** A part of an outward stream may be asked for (RFC 9110, section 14). */
  readonly ranged?: boolean;
  /** Throws before it has written the head, or answers itself. */
  readonly handle: (
    call: Call<Output<P>, Output<Q>, Output<B>>,
    request: IncomingMessage,
    response: ServerResponse,
  ) => Promise<void>;
}

/** Any route, with its types forgotten: what the server and the OpenAPI document see. */
export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly params: Schema | undefined;
  readonly query: Schema | undefined;
  readonly body: Schema | undefined;
  readonly response: Schema | undefined;
  readonly status: number;
  readonly streams: 'in' | 'out' | undefined;
  readonly contentType: string | undefined;
  readonly ranged: boolean;
  readonly handle: (
    call: Call<unknown, unknown, unknown>,
    request: IncomingMessage,
    response: ServerResponse,
  ) => Promise<unknown>;
  /** Where the path is that of a websocket: what happens on it. */
  readonly socket?: (call: Call<unknown, unknown, unknown>, socket: TextSocket) => Promise<void>;
}

/** Our side of an open websocket; what the other side says is passed over. */
export interface TextSocket {
  /** Sends a text; who does not read is cut off. */
  send(text: string): void;
}

/** A websocket on which the core tells something; it is closed when `handle` resolves. */
interface SocketRoute<Q extends Schema | undefined> extends Omit<RouteCommon<undefined, Q>, 'method'> {
  /** Each message, as JSON. */
  readonly message: Schema;
  readonly handle: (call: Call<undefined, Output<Q>, undefined>, socket: TextSocket) => Promise<void>;
}

function common(
  route: RouteCommon<Schema | undefined, Schema | undefined>,
): Pick<Route, 'method' | 'path' | 'summary' | 'access' | 'params' | 'query'> {
  return {
    method: route.method,
    path: route.path,
    summary: route.summary,
    access: route.access ?? 'known',
    params: route.params,
    query: route.query,
  };
}

/** A route of JSON in and JSON out. */
export function jsonRoute<
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
  R extends Schema | undefined = undefined,
>(route: JsonRoute<P, Q, B, R>): Route {
  return {
    ...common(route),
    body: route.body,
    response: route.response,
    status: route.status ?? (route.response ? 200 : 204),
    streams: undefined,
    contentType: undefined,
    ranged: false,
    handle: route.handle as Route['handle'],
  };
}

/** A websocket (RFC 6455). Whoever asks for the path without wanting one is told so. */
export function socketRoute<Q extends Schema | undefined = undefined>(route: SocketRoute<Q>): Route {
  return {
    ...common({ ...route, method: 'GET' }),
    body: undefined,
    response: route.message,
    status: 101,
    streams: undefined,
    contentType: undefined,
    ranged: false,
    handle: async () => {
      throw new Problem('upgrade_required');
    },
    socket: route.handle as NonNullable<Route['socket']>,
  };
}

/** A route that streams. */
export function streamRoute<
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
>(route: StreamRoute<P, Q, B>): Route {
  return {
    ...common(route),
    body: route.body,
    response: route.response,
    status: 200,
    streams: route.streams,
    contentType: route.contentType,
    ranged: route.ranged ?? false,
    handle: route.handle as Route['handle'],
  };
}
