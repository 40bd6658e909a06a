import { connect } from 'node:net';
import { join } from 'node:path';
import type { CertificateFiles } from './certificate.ts';
import { freePort } from './free-port.ts';
import { failedStart, Program } from './process.ts';
import { temporaryFolder } from './temporary.ts';
import { waitFor } from './wait-for.ts';

interface HttpProxyOptions {
  readonly user?: string;
  readonly password?: string;
  /** A name that nobody but the proxy can resolve; it is this machine. */
  readonly name?: string;
  /** Speak https to its clients. */
  readonly tls?: CertificateFiles;
}

/** An HTTP proxy that runs beside the test. */
export interface HttpProxyServer {
  readonly url: string;
  readonly host: string;
  /** What it was asked for, one line each: `CONNECT host:port` or `GET http://…`. */
  requests(): string[];
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false)).once('connect', () => socket.destroy());
  });
}

/** Starts the proxy of the npm package `proxy`, a server that none of us wrote. */
export async function startHttpProxy(options: HttpProxyOptions = {}): Promise<HttpProxyServer> {
  const { user, password, name = '', tls } = options;
  const port = await freePort();
  const program = new Program({
    command: process.execPath,
    args: [join(import.meta.dirname, 'http-proxy-process.ts')],
    env: {
      PORT: String(port),
      NAME: name,
      CREDENTIALS: user === undefined ? '' : `${user}:${password}`,
      ...(tls ? { CERT: tls.certFile, KEY: tls.keyFile } : {}),
    },
    logFile: join(temporaryFolder('http-proxy'), 'proxy.log'),
  });
  program.start();
  await waitFor('the proxy', () => listens(port)).catch((error: unknown) =>
    failedStart(program, 'the proxy', error),
  );
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    requests: () => program.log().trim().split('\n').filter(Boolean),
    pause: () => program.pause(),
    resume: () => program.resume(),
    stop: async () => {
      await program.stop();
    },
  };
}
