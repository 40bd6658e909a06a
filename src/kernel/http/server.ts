import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { HttpBindings } from './app.ts';
import { acceptOnly } from './peer.ts';
import type { Sockets } from './sockets.ts';

/** An application, and where it is served. */
export interface Listener {
  readonly app: Hono<HttpBindings>;
  /** Its websockets; where absent, there are none. */
  readonly sockets?: Sockets;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** The only address that may connect; where absent, all may. */
  readonly peer?: string;
}

interface ServerOptions {
  readonly listeners: readonly Listener[];
  readonly clock: Clock;
  readonly log: Log;
}

interface HttpServer {
  /** The port of each listener, in their order. */
  readonly ports: readonly number[];
  /** Stops taking connections, gives requests in flight a moment to end, then cuts them. */
  stop(): Promise<void>;
}

/** The head of a request arrives within this time, or it is not a client of ours (milliseconds). */
const HEADERS_TIMEOUT_MS = 20_000;

/** Longer than clients keep idle connections, so that they and not we close them: no reset hits a new request (milliseconds). */
const KEEP_ALIVE_MS = 75_000;

/** A description of a backup never travels in a header; 16 KiB is plenty. */
const MAX_HEADER_BYTES = 16 * 1024;

/** What a request in flight gets when the core stops (milliseconds); below the 10 s after which containers are killed. */
const STOP_GRACE_MS = 3_000;

/** There is no limit on how long a request may take: backups stream for hours. */
function create(app: Hono<HttpBindings>): Server {
  return createServer(
    {
      requestTimeout: 0,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // whoever offers another protocol besides (curl does, HTTP/2) is answered in this one
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    getRequestListener(app.fetch, { overrideGlobalObjects: false }),
  );
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

function close(server: Server, sockets: Sockets | undefined, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const ended = new AbortController();
    clock.sleep(STOP_GRACE_MS, ended.signal).then(
      () => {
        server.closeAllConnections();
        sockets?.cut();
      },
      () => undefined,
    );
    server.close(() => {
      ended.abort();
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** Serves the applications, each where it belongs: all of them, or none where one cannot be. */
export async function startServer({ listeners, clock, log }: ServerOptions): Promise<HttpServer> {
  const servers: (readonly [Server, Sockets | undefined])[] = [];
  const ports: number[] = [];
  const closeAll = async () => {
    await Promise.all(servers.map(([server, sockets]) => close(server, sockets, clock)));
  };
  try {
    for (const { app, sockets, host, port, peer } of listeners) {
      const server = create(app);
      if (sockets) server.on('upgrade', (...upgrade) => void sockets.accept(...upgrade));
      if (peer !== undefined) acceptOnly(server, peer, log, clock);
      const address = await listen(server, host, port);
      servers.push([server, sockets]);
      ports.push(address.port);
    }
  } catch (error) {
    await closeAll();
    throw error;
  }
  let stopped: Promise<void> | undefined;
  return {
    ports,
    stop: () => {
      stopped ??= closeAll();
      return stopped;
    },
  };
}
