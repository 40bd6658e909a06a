import { join } from 'node:path';
import type { CoreOptions } from '../../src/main.ts';
import {
  type SupervisorOptions,
  type SupervisorSimulator,
  startSupervisor,
} from '../simulators/supervisor/index.ts';
import { type CoreProcess, type CoreProcessOptions, startCoreProcess } from './core.ts';
import { type HomeAssistant, type HomeAssistantOptions, startHomeAssistant } from './home-assistant.ts';
import { type LocalCore, startLocalCore } from './local-core.ts';
import { type Mosquitto, type MosquittoOptions, startMosquitto } from './mosquitto.ts';
import { SHIM } from './pairing.ts';
import type { S3Server } from './s3-server.ts';
import { removeTemporary, temporaryFolder } from './temporary.ts';
import { startVersitygw, type VersitygwOptions } from './versitygw.ts';

interface Part {
  stop(): Promise<unknown>;
}

/** The parts that play together in a test, with all they write in one folder that goes when they go. */
export class Stage {
  readonly #name: string;
  readonly #parts: Promise<Part>[] = [];
  #dir: string | undefined;
  #paths = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Made when it is first asked for: a suite that is left out leaves nothing behind. */
  get dir(): string {
    this.#dir ??= temporaryFolder(this.#name);
    return this.#dir;
  }

  /** A path in the folder that nobody else has. */
  path(name: string): string {
    this.#paths += 1;
    return join(this.dir, `${this.#paths}-${name}`);
  }

  /** An S3 server with these buckets. */
  async s3(buckets: readonly string[] = ['backups'], options: VersitygwOptions = {}): Promise<S3Server> {
    const server = await this.#keep(startVersitygw({ dir: this.path('versitygw'), ...options }));
    for (const bucket of buckets) server.createBucket(bucket);
    return server;
  }

  /** A core in a process of its own. */
  core(options: CoreProcessOptions = {}): Promise<CoreProcess> {
    return this.#keep(startCoreProcess({ dataDir: this.path('core'), ...options }));
  }

  /** A core in this process, whose time can be turned. */
  async localCore(options: Partial<CoreOptions> = {}): Promise<LocalCore> {
    const starting = startLocalCore(options);
    this.#keep(starting.then((core) => ({ stop: () => core.remove() })));
    return starting;
  }

  /** A Supervisor with our app; `home({ supervisor })` runs Home Assistant under it. */
  supervisor(options: SupervisorOptions = {}): Promise<SupervisorSimulator> {
    return this.#keep(startSupervisor({ dir: this.path('supervisor'), ...options }));
  }

  /** A broker. */
  mosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
    return this.#keep(startMosquitto({ dir: this.path('mosquitto'), ...options }));
  }

  /** A Home Assistant that has our integration. */
  home(options: HomeAssistantOptions = {}): Promise<HomeAssistant> {
    return this.#keep(startHomeAssistant({ dir: this.path('home'), shim: SHIM, ...options }));
  }

  /** Stops everybody and removes what they wrote, unless HOMESTASH_KEEP asks to look at it. */
  async close(): Promise<void> {
    // Also who is still starting, because another one could not.
    const stops = this.#parts.splice(0).map(async (starting) => {
      const part = await starting.catch(() => undefined);
      await part?.stop();
    });
    const outcomes = await Promise.allSettled(stops);
    if (this.#dir !== undefined) removeTemporary(this.#dir);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }

  #keep<P extends Part>(starting: Promise<P>): Promise<P> {
    this.#parts.push(starting);
    return starting;
  }
}
