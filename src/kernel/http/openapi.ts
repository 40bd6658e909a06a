import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import { ProblemDocument, SESSION_COOKIE } from '../../contract/index.ts';
import type { Route } from './route.ts';

type Json = Record<string, unknown>;

/** Transformations (trimming, cutting slashes) cannot be said in JSON Schema; clients see the input side without them. */
function schemaOf(schema: v.GenericSchema): Json {
  const { $schema: _, ...rest } = toJsonSchema(schema, { errorMode: 'ignore', typeMode: 'input' }) as Json;
  return rest;
}

function parameters(schema: v.GenericSchema | undefined, place: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema) as { properties?: Json; required?: string[] };
  return Object.entries(properties).map(([name, value]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: value,
  }));
}

/** What may be asked for of a stream that gives parts. */
const RANGE_HEADERS = ['Range', 'If-Range'].map((name) => ({
  name,
  in: 'header',
  required: false,
  schema: { type: 'string' },
}));

function streamAnswer(route: Route): Json {
  const content = {
    [route.contentType ?? '*/*']: {
      schema: route.response ? schemaOf(route.response) : { type: 'string', format: 'binary' },
    },
  };
  const whole = { '200': { description: 'The stream', content } };
  return route.ranged ? { ...whole, '206': { description: 'The part that was asked for', content } } : whole;
}

/** OpenAPI has no words for what is said on a websocket; the schema of a message stands where its answer would. */
function socketAnswer(message: v.GenericSchema): Json {
  const content = { 'application/json': { schema: schemaOf(message) } };
  return { '101': { description: 'A websocket; each message is such a document', content } };
}

function answer(route: Route): Json {
  if (route.socket && route.response) return socketAnswer(route.response);
  if (route.streams === 'out') return streamAnswer(route);
  if (!route.response) return { [route.status]: { description: 'Done' } };
  return {
    [route.status]: {
      description: 'Done',
      content: { 'application/json': { schema: schemaOf(route.response) } },
    },
  };
}

/** Which credentials a route takes; a session of a person does wherever a token does. */
const SECURITY: Record<Route['access'], Json[]> = {
  open: [],
  known: [{ token: [] }, { session: [] }],
  person: [{ session: [] }],
};

function operation(route: Route): Json {
  const body = route.body
    ? { 'application/json': { schema: schemaOf(route.body) } }
    : route.streams === 'in'
      ? { [route.contentType ?? '*/*']: { schema: { type: 'string', format: 'binary' } } }
      : undefined;
  return {
    summary: route.summary,
    security: SECURITY[route.access],
    parameters: [
      ...parameters(route.params, 'path'),
      ...parameters(route.query, 'query'),
      ...(route.ranged ? RANGE_HEADERS : []),
    ],
    ...(body ? { requestBody: { required: true, content: body } } : {}),
    responses: {
      ...answer(route),
      default: {
        description: 'A problem: what happened and what to do',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

/** The OpenAPI 3.1 document of a table of routes. */
export function openApi(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Homestash', version },
    paths,
    components: {
      schemas: { Problem: schemaOf(ProblemDocument) },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
      },
    },
  };
}
