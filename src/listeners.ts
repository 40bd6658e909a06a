import type { Door } from './access/index.ts';
import type { RunOptions } from './environment.ts';
import { type AppOptions, createApp } from './kernel/http/app.ts';
import type { Listener } from './kernel/http/server.ts';
import { Sockets } from './kernel/http/sockets.ts';

/** The API for programs; people come through ingress where there is one, and otherwise to the same port. */
export function listenersOf(
  { bind, port, ingress }: Pick<RunOptions, 'bind' | 'port' | 'ingress'>,
  access: Record<'api' | 'ingress', Door>,
  { routes, log, stopping, files, allowsOrigin }: Required<Omit<AppOptions, 'identify'>>,
): Listener[] {
  const served = ({ identify, routes: own }: Door, more: Pick<AppOptions, 'files' | 'allowsOrigin'>) => {
    const all = { routes: [...routes, ...own], identify, log, stopping, ...more };
    return { app: createApp(all), sockets: new Sockets(all) };
  };
  if (!ingress) return [{ ...served(access.api, { allowsOrigin, files }), host: bind, port }];
  return [
    { ...served(access.api, { allowsOrigin }), host: bind, port },
    {
      ...served(access.ingress, { files }),
      host: ingress.bind,
      port: ingress.port,
      peer: ingress.gateway,
    },
  ];
}
