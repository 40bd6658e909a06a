import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from '../../../src/kernel/clock.ts';
import { temporaryFolder } from '../../harness/temporary.ts';
import { ApiFault, answer, PlainFault, refuse } from './answers.ts';
import { App } from './app.ts';
import { type AppConfigInput, readAppConfig } from './app-config.ts';
import { Backups } from './backups.ts';
import { type CoreContainer, CoreLink, type User } from './core-link.ts';
import { Discovery } from './discovery.ts';
import { info } from './info.ts';
import { ingress } from './ingress.ts';
import { ingressSocket } from './ingress-socket.ts';
import { Jobs } from './jobs.ts';
import { proxy } from './proxy.ts';
import { proxySocket } from './proxy-socket.ts';
import { Routes } from './routes.ts';
import { admit, blockHarmful } from './security.ts';
import { services } from './services.ts';
import { INGRESS_COOKIE, Sessions } from './sessions.ts';
import type { Broker, World } from './world.ts';

export interface SupervisorOptions {
  /** What shall be otherwise than in the app's config.yaml. */
  readonly config?: AppConfigInput;
  /** Where the app's ingress port really is; it can be set later. */
  readonly ingress?: { readonly host: string; readonly port: number };
  /** The name by which Home Assistant reaches the app. */
  readonly hostname?: string;
  /** The address from which ingress comes: any of 127.0.0.0/8. */
  readonly gateway?: string;
  readonly broker?: Broker;
  /** Who may open the page where no Home Assistant is started. */
  readonly users?: readonly User[];
  readonly port?: number;
  readonly clock?: Clock;
  /** Where backups go; a temporary folder if not given. */
  readonly dir?: string;
}

const CORE_TOKEN_BYTES = 56;

/** A Supervisor with one app, ours, and with Home Assistant Core where that is started beside it. */
export class SupervisorSimulator {
  readonly app: App;
  readonly discovery: Discovery;
  readonly backups: Backups;
  /** What Core calls the Supervisor with. */
  readonly coreToken = randomBytes(CORE_TOKEN_BYTES).toString('hex');
  /** Requests that the real one might have answered and this one cannot: `GET /path`. */
  readonly unserved: string[] = [];
  /** Mistakes of the simulator itself; a test may want to see none. */
  readonly mistakes: unknown[] = [];
  readonly #sessions: Sessions;
  readonly #world: World;
  readonly #routes: Routes;
  readonly #dir: string | undefined;
  #temporary: string | undefined;
  #server: Server | undefined;
  #port: number;

  constructor(options: SupervisorOptions) {
    const { config, ingress: address, hostname } = options;
    this.app = new App({
      config: readAppConfig(config),
      ...(address ? { ingress: address } : {}),
      ...(hostname ? { hostname } : {}),
    });
    this.#port = options.port ?? 0;
    this.#dir = options.dir;
    this.#world = {
      clock: options.clock ?? systemClock,
      app: this.app,
      core: undefined,
      broker: options.broker,
      users: options.users ?? [],
      gateway: options.gateway ?? '127.0.0.2',
      report: (mistake) => this.mistakes.push(mistake),
    };
    this.discovery = new Discovery(this.#world);
    this.#sessions = new Sessions(this.#world);
    const jobs = new Jobs(this.#world);
    this.backups = new Backups(this.#world, jobs, () => this.#folder());
    this.#routes = new Routes([
      info(this.#world),
      services(this.#world),
      this.discovery.routes(),
      this.#sessions.routes(),
      jobs.routes(),
      this.backups.routes(),
      ingress(this.#world, this.#sessions),
      proxy(this.#world),
    ]);
  }

  /** Listens, again on the same port after a stop. */
  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    server.requestTimeout = 0;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** As it is while the Supervisor restarts: nobody listens. All that it knows stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#world.core?.close();
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** `host:port`, as Core finds it in its environment. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** What the app calls `http://supervisor`. */
  get url(): string {
    return `http://${this.address}`;
  }

  /** The address from which the app's page is asked for. */
  get gateway(): string {
    return this.#world.gateway;
  }

  set broker(broker: Broker | undefined) {
    this.#world.broker = broker;
  }

  /** Home Assistant Core is started beside it. */
  attachCore(container: CoreContainer): void {
    this.#world.core?.close();
    this.#world.core = new CoreLink(container);
  }

  /** A person wants the app in the sidebar, or no longer. */
  async showInSidebar(wanted: boolean): Promise<void> {
    this.app.inSidebar = wanted;
    const { core } = this.#world;
    if (await core?.runs()) {
      await core?.push(wanted ? 'POST' : 'DELETE', `/api/hassio_push/panel/${this.app.slug}`);
    }
  }

  /**
   * A request to the app's page as it comes through Home Assistant's ingress: with a session of this user, and with the
   * headers that Core adds.
   */
  async browse(path: string, { userId, ...init }: RequestInit & { userId?: string } = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('cookie', `${INGRESS_COOKIE}=${await this.#sessions.open(userId)}`);
    headers.set('x-hass-source', 'core.ingress');
    headers.set('x-ingress-path', `/api/hassio_ingress/${this.app.ingressToken}`);
    headers.set('x-forwarded-for', '192.168.1.20');
    headers.set('x-forwarded-host', 'homeassistant.local:8123');
    headers.set('x-forwarded-proto', 'http');
    const address = `${this.url}/ingress/${this.app.ingressToken}/${path.replace(/^\//, '')}`;
    return fetch(address, { redirect: 'manual', ...init, headers });
  }

  #folder(): string {
    this.#temporary ??= this.#dir ?? temporaryFolder('supervisor');
    return this.#temporary;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const [path = '', query = ''] = (request.url ?? '').split('?', 2);
      blockHarmful(path, query);
      const from = admit(request, path, { core: this.coreToken, app: this.app.token });
      const method = request.method ?? 'GET';
      const { handle, params } = this.#routes.find(method, path);
      answer(
        response,
        await handle({ method, path, params, query: new URLSearchParams(query), from, request, response }),
      );
    } catch (error) {
      if (error instanceof PlainFault && [404, 405].includes(error.status)) {
        this.unserved.push(`${request.method} ${request.url}`);
      }
      if (!(error instanceof PlainFault || error instanceof ApiFault)) this.mistakes.push(error);
      refuse(response, error);
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    try {
      const [path = '', query = ''] = (request.url ?? '').split('?', 2);
      blockHarmful(path, query);
      const upgrade = { request, socket, head };
      if (await ingressSocket(this.#world, this.#sessions, upgrade)) return;
      if (await proxySocket(this.#world, upgrade)) return;
      throw new PlainFault(404);
    } catch (error) {
      if (!(error instanceof PlainFault)) this.mistakes.push(error);
      const status = error instanceof PlainFault ? error.message : '500: Internal Server Error';
      socket.end(`HTTP/1.1 ${status.replace(':', '')}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    }
  }
}
