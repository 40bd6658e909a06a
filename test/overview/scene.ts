import { join } from 'node:path';
import { type AgentBackup, type Overview, PATHS, type Target } from '../../src/contract/index.ts';
import { type MadeBackup, makeBackup } from '../harness/archives.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import type { Person } from '../harness/person.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type S3Simulator, startS3Simulator } from '../simulators/s3/index.ts';

export const HOUR_MS = 60 * 60_000;
export const DAY_MS = 24 * HOUR_MS;

const BUCKET = 'backups';

/** Seldom enough that the process is idle in between, and the clock leaps (milliseconds). */
const LOOK_MS = 100;

/** A core whose time can be turned, a store elsewhere, and somebody who reads the overview. */
export class Scene {
  readonly clock: IdleClock;
  readonly core: LocalCore;
  readonly store: S3Simulator;
  #person: Person | undefined;

  private constructor(clock: IdleClock, core: LocalCore, store: S3Simulator) {
    this.clock = clock;
    this.core = core;
    this.store = store;
  }

  static async start(): Promise<Scene> {
    const clock = new IdleClock();
    const store = await startS3Simulator({ buckets: [BUCKET], clock });
    const core = await startLocalCore({ clock });
    const scene = new Scene(clock, core, store);
    // made behind the start
    await core.client.call('GET', PATHS.recovery_key);
    await scene.until('the first looks', ({ verdict }) => verdict !== 'unknown');
    return scene;
  }

  /** A person who is signed in. */
  async person(): Promise<Person> {
    this.#person ??= await this.core.person();
    return this.#person;
  }

  /** Somebody has written the recovery key down, so that nothing is said of it. */
  async keepRecoveryKey(): Promise<void> {
    await (await this.person()).call('POST', PATHS.recovery_key_kept);
  }

  async read(language = 'en'): Promise<Overview> {
    const headers = { 'accept-language': language };
    return (await this.core.client.fetch('GET', PATHS.overview, { headers })).json() as Promise<Overview>;
  }

  /** Its notices in short, the worst first. */
  async codes(): Promise<string[]> {
    return (await this.read()).notices.map(({ code }) => code);
  }

  /** Waits for an overview that is so; time leaps meanwhile. */
  until(what: string, is: (overview: Overview) => unknown): Promise<Overview> {
    const check = async (): Promise<Overview | undefined> => {
      const overview = await this.read();
      return is(overview) ? overview : undefined;
    };
    return this.clock.during(waitFor(what, check, { intervalMs: LOOK_MS }));
  }

  /** A moment as Home Assistant writes it. */
  now(agoMs = 0): string {
    return new Date(this.clock.now() - agoMs).toISOString();
  }

  /** A bucket as a target: it lies elsewhere. */
  async addBucket(name = 'Cloud', folder = 'a'): Promise<Target> {
    const { endpoint, region, accessKey, secretKey } = this.store;
    const keys = { access_key: accessKey, secret_key: secretKey };
    const settings = { kind: 's3', endpoint, region, bucket: BUCKET, folder, ...keys };
    const target = await this.core.client.addTarget({ name, settings });
    await this.look(target);
    return target;
  }

  async addFolder(name: string): Promise<Target> {
    const settings = { kind: 'folder' as const, path: join(this.core.dataDir, name) };
    const target = await this.core.client.addTarget({ name, settings });
    await this.look(target);
    return target;
  }

  /** Somebody looks at a list. */
  async look({ id }: Target): Promise<void> {
    await this.clock.during(this.core.client.list(id, 0).catch(() => undefined));
  }

  /** Stores a backup that is just made. */
  async backUp(target: Target, change: Partial<AgentBackup> = {}, made?: Buffer): Promise<MadeBackup> {
    const { backup, archive } = makeBackup({ date: this.now(), ...change });
    const bytes = made ?? archive;
    await this.core.client.upload(target.id, { ...backup, size: bytes.length }, bytes);
    return { backup, archive: bytes };
  }

  async remove(): Promise<void> {
    await this.core.remove();
    await this.store.stop();
  }
}
