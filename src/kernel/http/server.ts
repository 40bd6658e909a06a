import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Clock } from '../clock.ts';
import type { HttpBindings } from './app.ts';

interface ServerOptions {
  readonly app: Hono<HttpBindings>;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly clock: Clock;
}

interface HttpServer {
  readonly host: string;
  readonly port: number;
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

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** Serves the application. There is no limit on how long a request may take: backups stream for hours. */
export async function startServer(options: ServerOptions): Promise<HttpServer> {
  const server = createServer(
    {
      requestTimeout: 0,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    getRequestListener(options.app.fetch, { overrideGlobalObjects: false }),
  );
  const address = await listen(server, options.host, options.port);
  let stopped: Promise<void> | undefined;
  return {
    host: options.host,
    port: address.port,
    stop: () => {
      stopped ??= new Promise((resolve) => {
        const ended = new AbortController();
        options.clock.sleep(STOP_GRACE_MS, ended.signal).then(
          () => server.closeAllConnections(),
          () => undefined,
        );
        server.close(() => {
          ended.abort();
          resolve();
        });
        server.closeIdleConnections();
      });
      return stopped;
    },
  };
}
