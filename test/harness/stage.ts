import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CoreProcess, type CoreProcessOptions, startCoreProcess } from './core.ts';
import { type HomeAssistant, type HomeAssistantOptions, startHomeAssistant } from './home-assistant.ts';
import { SHIM } from './pairing.ts';
import type { S3Server } from './s3-server.ts';
import { startVersitygw, type VersitygwOptions } from './versitygw.ts';

/** The parts that play together in a test, with all they write in one folder that goes when they go. */
export class Stage {
  readonly dir: string;
  readonly #ends: (() => Promise<void>)[] = [];
  #names = 0;

  constructor(name: string) {
    this.dir = mkdtempSync(join(tmpdir(), `homestash-${name}-`));
  }

  /** A name for a folder or file that nobody made yet. */
  path(name: string): string {
    this.#names += 1;
    return join(this.dir, `${this.#names}-${name}`);
  }

  /** Something else that has to end before the folder goes. */
  onClose(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  /** An S3 server with these buckets. */
  async s3(buckets: readonly string[] = ['backups'], options: VersitygwOptions = {}): Promise<S3Server> {
    const server = await startVersitygw({ dir: this.path('versitygw'), ...options });
    this.onClose(() => server.stop());
    for (const bucket of buckets) server.createBucket(bucket);
    return server;
  }

  /** A core in a process of its own. */
  async core(options: CoreProcessOptions = {}): Promise<CoreProcess> {
    const core = await startCoreProcess({ dataDir: this.path('core'), ...options });
    this.onClose(() => core.stop());
    return core;
  }

  /** A Home Assistant that has our integration. */
  async home(options: HomeAssistantOptions = {}): Promise<HomeAssistant> {
    const home = await startHomeAssistant({ dir: this.path('home'), shim: SHIM, ...options });
    this.onClose(() => home.stop());
    return home;
  }

  /** Stops everybody and removes what they wrote, unless HOMESTASH_KEEP asks to look at it. */
  async close(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#ends.splice(0).map((end) => end()));
    if (!process.env.HOMESTASH_KEEP) rmSync(this.dir, { recursive: true, force: true });
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }
}
