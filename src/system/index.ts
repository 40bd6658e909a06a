import * as v from 'valibot';
import { Info, PATHS } from '../contract/index.ts';
import type { Feature } from '../kernel/feature.ts';
import { openApi } from '../kernel/http/openapi.ts';
import { jsonRoute, type Route } from '../kernel/http/route.ts';

interface SystemOptions {
  readonly info: Info;
  /** The routes of all other features, for the OpenAPI document. */
  readonly routes: readonly Route[];
}

/** What the core says of itself: alive, which version, which API. */
export function createSystem({ info, routes }: SystemOptions): Feature {
  const own: Route[] = [
    jsonRoute({
      method: 'GET',
      path: PATHS.ping,
      summary: 'Answer',
      access: 'open',
      response: v.object({ status: v.literal('ok') }),
      handle: async () => ({ status: 'ok' as const }),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.health,
      summary: 'Say whether the core is well',
      access: 'open',
      response: v.object({ status: v.literal('ok'), version: v.string(), service: v.literal('homestash') }),
      handle: async () => ({ status: 'ok' as const, version: info.version, service: 'homestash' as const }),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.info,
      summary: 'Say who the core is and which contracts it serves',
      response: Info,
      handle: async () => info,
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.openapi,
      summary: 'Describe the whole API (OpenAPI 3.1)',
      response: v.record(v.string(), v.unknown()),
      handle: async () => document(),
    }),
  ];
  const document = () => openApi([...routes, ...own], info.version);
  return { name: 'system', routes: own };
}
