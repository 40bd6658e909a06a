import { mkdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { homeAssistantBin, repositoryRoot, version } from './cache.ts';
import { freePort } from './free-port.ts';
import { type Credentials, needsOnboarding, onboard, signIn, TEST_OWNER } from './home-assistant/auth.ts';
import { Backups } from './home-assistant/backups.ts';
import { ConfigEntries } from './home-assistant/config-entries.ts';
import { installComponent, seedConfiguration, seedPort, tokenIsStored } from './home-assistant/seed.ts';
import {
  type Answer,
  ConnectionLost,
  HomeAssistantError,
  type HomeAssistantSocket,
  openSocket,
} from './home-assistant/socket.ts';
import { failedStart, Program } from './process.ts';
import { temporaryFolder } from './temporary.ts';
import { waitFor } from './wait-for.ts';

export type { Backup, BackupInfo, Created, Download } from './home-assistant/backups.ts';
export type { ConfigEntry, FlowStep, Issue, Subentry } from './home-assistant/config-entries.ts';
export { type Answer, ConnectionLost, HomeAssistantError };

// Three seconds on a quiet machine; a busy CI machine with two cores needs ten times as long.
const START_TIMEOUT_MS = 120_000;
const TOKEN_STORED_TIMEOUT_MS = 15_000;
// The status by which Home Assistant asks to be started again.
const RESTART_EXIT_CODE = 100;
const SHIM_DOMAIN = 'homestash';
// Without them Home Assistant cannot tell its pages which services it has, and they never begin.
const VOICE = join(repositoryRoot, 'test/harness/home-assistant/voice');

/** A Supervisor beside which Home Assistant runs; its simulator is one. */
export interface SupervisorBeside {
  /** `host:port` */
  readonly address: string;
  readonly coreToken: string;
  attachCore(container: {
    readonly version: string;
    readonly socketPath: string;
    readonly configDir: string;
    restart(): Promise<void>;
    stop(): Promise<void>;
    replace(work: () => Promise<void>, env: Record<string, string>): Promise<void>;
  }): void;
}

export interface HomeAssistantOptions {
  /** Where configuration and log go; a temporary folder if not given. An existing one is taken up again. */
  dir?: string;
  /** A custom component, copied to custom_components/homestash before each start. */
  shim?: string;
  port?: number;
  owner?: Credentials;
  /** Added to its configuration.yaml. */
  yaml?: string;
  /** A folder with packages of Python that an integration of Home Assistant asks for. */
  modules?: string;
  /** Run as Home Assistant OS runs it: under a Supervisor. */
  supervisor?: SupervisorBeside;
}

/** A real Home Assistant on 127.0.0.1, restarted when it asks for it, as its container does. */
export class HomeAssistant {
  readonly url: string;
  readonly configDir: string;
  readonly owner: Credentials;
  readonly backups = new Backups(this);
  readonly entries = new ConfigEntries(this);
  readonly #options: HomeAssistantOptions;
  readonly #port: number;
  readonly #program: Program;
  #token = '';
  #socket: HomeAssistantSocket | undefined;
  #starts = 0;
  #expectedToRun = false;

  constructor(options: HomeAssistantOptions, dir: string, port: number) {
    this.#options = options;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.configDir = join(dir, 'config');
    this.owner = options.owner ?? TEST_OWNER;
    const socketPath = join(dir, 'core.sock');
    this.#program = new Program({
      command: join(homeAssistantBin(), 'hass'),
      env: {
        PYTHONPATH: [VOICE, ...(options.modules ? [options.modules] : [])].join(delimiter),
        ...supervisedBy(options.supervisor, socketPath),
      },
      args: ['-c', this.configDir, '--skip-pip', '--log-no-color'],
      cwd: dir,
      logFile: join(dir, 'home-assistant.log'),
    });
    options.supervisor?.attachCore({
      version: version('HOME_ASSISTANT_VERSION'),
      socketPath,
      configDir: this.configDir,
      restart: () => this.#restartContainer(),
      stop: () => this.stop(),
      replace: (work, env) => this.#restartContainer(work, env),
    });
  }

  /** A long-lived token of the owner. */
  get token(): string {
    return this.#token;
  }

  get socket(): HomeAssistantSocket {
    if (this.#socket === undefined) throw new ConnectionLost();
    return this.#socket;
  }

  /** Sends a websocket command and returns its result. */
  call(type: string, payload?: Record<string, unknown>): Promise<Answer> {
    return this.socket.call(type, payload);
  }

  /** A request to the REST API; throws HomeAssistantError with the status as code. */
  async rest(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new HomeAssistantError(String(response.status), text);
    return response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text;
  }

  /** Starts it and returns when it is onboarded, connected and ready for backups. */
  async start(): Promise<void> {
    if (this.#program.running) return;
    seedConfiguration(this.configDir, this.#options.yaml);
    if (this.#options.shim !== undefined) installComponent(this.configDir, this.#options.shim, SHIM_DOMAIN);
    this.#launch();
    await this.ready();
  }

  /** Waits until it serves, signs in again if the token is unknown (as after a restore), and connects. */
  async ready(): Promise<void> {
    try {
      await this.#whileItRuns(
        waitFor('Home Assistant to serve', () => this.#serves(), { timeoutMs: START_TIMEOUT_MS }),
      );
      if (await needsOnboarding(this.url)) this.#token = await onboard(this.url, this.owner);
      this.#socket?.close();
      this.#socket = await this.#connect();
      // Both: after a restore the backup manager is idle long before Home Assistant runs, else it is the other way round.
      await waitFor(
        'Home Assistant to run',
        async () => (await this.call('get_config')).state === 'RUNNING',
        {
          timeoutMs: START_TIMEOUT_MS,
        },
      );
      await this.backups.waitIdle(START_TIMEOUT_MS);
      // A backup that lacks the token would, once restored, lock the tests out.
      await waitFor('the token on disk', () => tokenIsStored(this.configDir, this.#token), {
        timeoutMs: TOKEN_STORED_TIMEOUT_MS,
      });
    } catch (error) {
      this.#expectedToRun = false;
      await failedStart(this.#program, 'Home Assistant', error);
    }
  }

  /** Restarts it as its own page does, and waits until it is ready again. */
  async restart(): Promise<void> {
    await this.restarted(async () => {
      await this.rest('POST', '/api/services/homeassistant/restart', {});
    });
  }

  /** Does something that makes Home Assistant restart, and waits until it is ready again. */
  async restarted(what: () => Promise<void>): Promise<void> {
    const before = this.#starts;
    await what().catch((error) => {
      // Whoever restarts gives no answer: a lost connection is what was asked for.
      if (!(error instanceof ConnectionLost || isFetchFailure(error))) throw error;
    });
    await waitFor('Home Assistant to restart', () => this.#starts > before, { timeoutMs: START_TIMEOUT_MS });
    await this.ready();
  }

  async stop(): Promise<void> {
    this.#expectedToRun = false;
    this.#socket?.close();
    await this.#program.stop();
  }

  async kill9(): Promise<void> {
    this.#expectedToRun = false;
    await this.#program.kill9();
  }

  rss(): number {
    return this.#program.rss();
  }

  peakRss(): number {
    return this.#program.peakRss();
  }

  resetPeakRss(): void {
    this.#program.resetPeakRss();
  }

  /** All that it has printed, over all its starts. */
  log(): string {
    return this.#program.log();
  }

  #launch(env?: Record<string, string>): void {
    seedPort(this.configDir, this.#port);
    this.#expectedToRun = true;
    this.#starts += 1;
    this.#program.start(env);
    void this.#program.exited.then(({ code }) => {
      if (this.#expectedToRun && code === RESTART_EXIT_CODE) this.#launch();
    });
  }

  /** What the Supervisor does when Home Assistant asks it for a restart. */
  async #restartContainer(work?: () => Promise<void>, env?: Record<string, string>): Promise<void> {
    await this.#program.stop();
    await work?.();
    if (this.#expectedToRun) this.#launch(env);
  }

  async #serves(): Promise<boolean> {
    return (await fetch(`${this.url}/manifest.json`)).ok;
  }

  async #connect(): Promise<HomeAssistantSocket> {
    if (this.#token !== '') {
      try {
        return await openSocket(this.url, this.#token);
      } catch (error) {
        if (!(error instanceof HomeAssistantError && error.code === 'auth_invalid')) throw error;
      }
    }
    this.#token = await signIn(this.url, this.owner);
    return openSocket(this.url, this.#token);
  }

  /** Gives up at once when Home Assistant ends with anything but the wish to be restarted. */
  async #whileItRuns<T>(waiting: Promise<T>): Promise<T> {
    const ended = new AbortController();
    const watch = async (): Promise<never> => {
      for (;;) {
        const starts = this.#starts;
        const { code, signal } = await this.#program.exited;
        if (ended.signal.aborted) return new Promise(() => undefined);
        if (code !== RESTART_EXIT_CODE) throw new Error(`Home Assistant ended with ${signal ?? code}`);
        await waitFor('the next start', () => this.#starts > starts);
      }
    };
    try {
      return await Promise.race([waiting, watch()]);
    } finally {
      ended.abort();
    }
  }
}

function supervisedBy(supervisor: SupervisorBeside | undefined, socketPath: string): Record<string, string> {
  if (!supervisor) return {};
  return {
    SUPERVISOR: supervisor.address,
    SUPERVISOR_TOKEN: supervisor.coreToken,
    SUPERVISOR_CORE_API_SOCKET: socketPath,
  };
}

/** fetch says TypeError when the other side went away, and nothing else that would tell. */
function isFetchFailure(error: unknown): boolean {
  return error instanceof TypeError && error.message === 'fetch failed';
}

/** Starts a Home Assistant, new or from an existing folder, and returns when it is ready for backups. */
export async function startHomeAssistant(options: HomeAssistantOptions = {}): Promise<HomeAssistant> {
  const dir = resolve(options.dir ?? temporaryFolder('ha'));
  mkdirSync(dir, { recursive: true });
  const homeAssistant = new HomeAssistant(options, dir, options.port ?? (await freePort()));
  await homeAssistant.start();
  return homeAssistant;
}
