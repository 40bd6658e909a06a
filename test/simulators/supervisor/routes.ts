import { PlainFault } from './answers.ts';
import type { Call } from './call.ts';

/** What a path does; what it returns is the data of the answer. */
export type Handler = (call: Call) => unknown;

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly handle: Handler;
}

/** The routes by `METHOD /path/{parameter}`; `{path*}` takes the rest with its slashes, `*` any method. */
export type RouteTable = Readonly<Record<string, Handler>>;

function compile([key, handle]: [string, Handler]): Route {
  const [method = '', path = ''] = key.split(' ');
  const pattern = path.replace(
    /\{(\w+)(\*?)\}/g,
    (_all, name, rest) => `(?<${name}>${rest ? '.*' : '[^/]+'})`,
  );
  return { method, pattern: new RegExp(`^${pattern}$`), handle };
}

/** Finds what answers a request. */
export class Routes {
  readonly #routes: readonly Route[];

  constructor(tables: readonly RouteTable[]) {
    this.#routes = tables.flatMap((table) => Object.entries(table)).map(compile);
  }

  /** @throws PlainFault 404 or 405 */
  find(method: string, path: string): { handle: Handler; params: Record<string, string> } {
    const fitting = this.#routes.filter(({ pattern }) => pattern.test(path));
    const route = fitting.find((candidate) => candidate.method === method || candidate.method === '*');
    if (!route) throw new PlainFault(fitting.length > 0 ? 405 : 404);
    return { handle: route.handle, params: { ...route.pattern.exec(path)?.groups } };
  }
}
