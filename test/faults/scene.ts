import { createRequire } from 'node:module';
import { expect } from 'vitest';
import type { Operation, ProblemDocument, Target } from '../../src/contract/index.ts';
import { describeBackup, type MadeBackup, makeArchive } from '../harness/archives.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type S3Simulator, startS3Simulator } from '../simulators/s3/index.ts';
import type { Deed, FaultCase } from './case.ts';

const MIB = 1024 * 1024;
const BUCKET = 'backups';
const FOLDER = 'homeassistant/backups';

/** More than a part, so that every upload has several. */
const ARCHIVE_BYTES = 18 * MIB;

/** A transfer in which nothing moves for so long is given up (milliseconds). */
const IDLE_TIMEOUT_MS = 1_500;

/** No fault is waited for longer; what comes later are the looks at targets that nobody asked for (milliseconds). */
const FARTHEST_MS = 10 * 60_000;

/** The next listing after so long sweeps what was left (milliseconds). */
const SWEPT_AFTER_MS = 2 * 3_600_000;

/** What is left of a target that nobody is doing anything with: its marker, and no more. */
const MARKER = /(^|\/)\.homestash\.json$/;

// The one that `net` asks, so that a name can lead here, or nowhere.
const dns = createRequire(import.meta.url)('node:dns') as typeof import('node:dns');
const realLookup = dns.lookup;

function make(name: string): MadeBackup {
  const backup = describeBackup({ name });
  const archive = makeArchive(backup.backup_id, ARCHIVE_BYTES);
  return { backup: { ...backup, size: archive.length }, archive };
}

const earlier = make('Earlier');
const nightly = make('Nightly');

/** A core, a store in the same process, a backup in it, and a clock that leaps over idleness. */
export class Scene {
  readonly clock: IdleClock;
  readonly simulator: S3Simulator;
  readonly #core: LocalCore;
  readonly #target: Target;
  /** The backups that must be there, whole. */
  readonly #kept = new Set<MadeBackup>([earlier]);

  private constructor(clock: IdleClock, simulator: S3Simulator, core: LocalCore, target: Target) {
    this.clock = clock;
    this.simulator = simulator;
    this.#core = core;
    this.#target = target;
  }

  static async set({
    profile,
    settings,
    tls,
    host,
    lock,
    idleTimeoutMs = IDLE_TIMEOUT_MS,
  }: FaultCase): Promise<Scene> {
    const clock = new IdleClock(FARTHEST_MS);
    const simulator = await startS3Simulator({
      clock,
      buckets: [{ name: BUCKET, ...(lock ? { lock } : {}) }],
      ...(profile ? { profile } : {}),
      ...(tls ? { tls: 'trusted' } : {}),
    });
    if (host) resolveHere(host);
    const core = await startLocalCore({ clock, idleTimeoutMs });
    const target = await clock.during(
      core.client.addTarget({
        name: 'Store',
        settings: {
          kind: 's3',
          endpoint: host ? `http://${host}:${simulator.port}` : simulator.endpoint,
          region: simulator.region,
          bucket: BUCKET,
          folder: FOLDER,
          access_key: simulator.accessKey,
          secret_key: simulator.secretKey,
          ca_certificate: simulator.authority,
          ...settings,
        },
      }),
    );
    const scene = new Scene(clock, simulator, core, target);
    await clock.during(core.client.upload(target.id, earlier.backup, earlier.archive));
    return scene;
  }

  async close(): Promise<void> {
    dns.lookup = realLookup;
    await this.#core.remove();
    await this.simulator.stop();
    expect(this.simulator.mistakes).toEqual([]);
    expect(this.#core.defects()).toEqual([]);
  }

  /** Does one of the five things, and returns what a person would be told; undefined when all went well. */
  do(deed: Deed): Promise<ProblemDocument | undefined> {
    return this.clock.during(this.#deeds[deed]());
  }

  /** The truth once all works again: what is listed is whole, and nothing else is there. */
  async check(deed: Deed, problem: ProblemDocument | undefined): Promise<void> {
    // What a probe had to leave is removed once nobody can be using it any more.
    this.clock.forward(SWEPT_AFTER_MS);
    // a reading that began with the fault is shared by whoever asks meanwhile
    await this.clock.during(this.#list());
    const ids = (await this.#listAgain()).map(({ backup }) => backup.backup_id).sort();
    if (deed === 'upload' && !problem) this.#kept.add(nightly);
    // Once its description is gone the backup is, although the person was told of a problem.
    if (deed === 'delete' && !(problem && ids.includes(earlier.backup.backup_id))) {
      this.#kept.delete(earlier);
    }
    expect(ids).toEqual([...this.#kept].map(({ backup }) => backup.backup_id).sort());

    await this.clock.during(waitFor('nothing else to be there', () => this.#strays(2 * ids.length) === ''));
    for (const { backup, archive } of this.#kept) {
      const received = await this.clock.during(this.#core.client.download(this.#target.id, backup.backup_id));
      expect(received.equals(archive), `${backup.name} is what was stored`).toBe(true);
    }
  }

  /** What is there and should not be. */
  #strays(expected: number): string {
    const objects = this.simulator.objects(BUCKET).filter(({ key }) => !MARKER.test(key));
    const strays = this.simulator.uploads(BUCKET).map(({ key }) => key);
    if (objects.length !== expected) strays.push(...objects.map(({ key }) => key));
    return strays.join();
  }

  readonly #deeds: Readonly<Record<Deed, () => Promise<ProblemDocument | undefined>>> = {
    upload: () => problemOf(this.#core.client.upload(this.#target.id, nightly.backup, nightly.archive)),
    download: () => this.#download(),
    list: () => this.#list(),
    delete: () => problemOf(this.#core.client.delete(this.#target.id, earlier.backup.backup_id)),
    probe: async () => {
      const path = `/api/v1/targets/${this.#target.id}/probe`;
      const report = await this.#core.client.call<{ steps: { problem: ProblemDocument | null }[] }>(
        'POST',
        path,
      );
      return report.steps.find(({ problem }) => problem)?.problem ?? undefined;
    },
  };

  /** An answer that broke off in the middle is explained by its operation. */
  async #download(): Promise<ProblemDocument | undefined> {
    const broken = await problemOf(
      this.#core.client.download(this.#target.id, earlier.backup.backup_id).then((received) => {
        expect(received.equals(earlier.archive), 'what is given is what was stored').toBe(true);
      }),
    );
    if (broken?.code !== CUT) return broken;
    const operations = async (): Promise<Operation | undefined> =>
      (await this.#core.client.operations()).find(
        ({ kind, state }) => kind === 'download' && state !== 'running',
      );
    return (await waitFor('the outcome of the download', operations)).problem ?? broken;
  }

  /** A page does not wait for a slow list; the target tells later how the reading went. */
  async #list(): Promise<ProblemDocument | undefined> {
    this.clock.forward(1);
    const since = this.clock.now();
    const given = await problemOf(this.#core.client.list(this.#target.id, 0));
    if (given && given.code !== 'target_list_stale') return given;
    const target = await waitFor('the end of the reading', async () => {
      const { problem, refreshed_at } = await this.#core.client.call<Target>(
        'GET',
        `/api/v1/targets/${this.#target.id}`,
      );
      return problem || Date.parse(refreshed_at ?? '') >= since ? { problem } : undefined;
    });
    return target.problem ?? undefined;
  }

  async #listAgain() {
    const seen = await this.clock.during(this.#list());
    expect(seen, 'the list once all works again').toBeUndefined();
    return (await this.#core.client.list(this.#target.id)).backups;
  }
}

const CUT = 'cut';

async function problemOf(work: Promise<unknown>): Promise<ProblemDocument | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    const { problem } = error as { problem?: ProblemDocument };
    if (problem) return problem;
    // The connection to the core ended early: `fetch` says no more than that.
    if (error instanceof TypeError) return { ...NO_WORDS };
    throw error;
  }
}

const NO_WORDS: ProblemDocument = { type: '', title: '', status: 0, code: CUT, hint: '', params: {} };

function resolveHere(host: string): void {
  dns.lookup = ((name: string, ...rest: unknown[]) =>
    Reflect.apply(realLookup, dns, [name === host ? '127.0.0.1' : name, ...rest])) as typeof dns.lookup;
}

/** The name of the store is known to nobody any more. */
export function forgetName(host: string): () => void {
  const before = dns.lookup;
  dns.lookup = ((name: string, ...rest: unknown[]) => {
    if (name !== host) return Reflect.apply(realLookup, dns, [name, ...rest]);
    const answer = rest.at(-1) as (error: Error) => void;
    const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), {
      code: 'ENOTFOUND',
      hostname: host,
    });
    setImmediate(() => answer(error));
    return {};
  }) as typeof dns.lookup;
  return () => {
    dns.lookup = before;
  };
}
