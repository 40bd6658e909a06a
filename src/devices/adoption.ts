import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import * as v from 'valibot';
import { type Adoption, DeviceIdentity, DeviceKind, Id, Name } from '../contract/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import { pump } from '../kernel/http/pump.ts';
import { keepProblem } from '../kernel/kept-problem.ts';
import type { Log } from '../kernel/log.ts';
import { checkFiles } from './artefacts/check.ts';
import { ArtefactFolder, type Incoming, type ReceivedFile } from './artefacts/folder.ts';
import { artefactRow, keepFiles } from './back-up.ts';
import { blankDevice } from './devices.ts';
import { secretsOf } from './fields.ts';
import { MIRRORED_FILE_BYTES } from './mirror.ts';
import { DEVICE_HANDLERS } from './registry.ts';
import { Plan, type SealedDevices, validSettings } from './settings.ts';
import type { DeviceStore } from './store.ts';

interface AdoptionsOptions {
  readonly store: DeviceStore;
  readonly sealed: SealedDevices;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly onAdopted: (count: number) => void;
}

const Held = v.object({
  id: Id,
  kind: DeviceKind,
  name: Name,
  settings: v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
  plan: Plan,
  identity: DeviceIdentity,
  place: v.pipe(v.string(), v.maxLength(1_000)),
  made_at: v.pipe(v.number(), v.safeInteger()),
  files: v.pipe(
    v.array(
      v.object({
        name: v.pipe(v.string(), v.maxLength(1_000)),
        sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
        size: v.pipe(v.number(), v.safeInteger(), v.maxValue(MIRRORED_FILE_BYTES)),
      }),
    ),
    v.minLength(1),
    v.maxLength(2_000),
  ),
});
type Held = v.InferOutput<typeof Held>;

/** A device that comes back, and the files of it that have arrived. */
interface Coming {
  readonly held: Held;
  readonly folder: ArtefactFolder;
  readonly incoming: Incoming;
  readonly missing: Set<string>;
}

/** Bytes that stop in the middle are given up after so long (milliseconds). */
const IDLE_MS = 30_000;

/** Takes over what Home Assistant kept in its backups of a core that is gone. */
export class Adoptions {
  readonly #options: AdoptionsOptions;
  readonly #coming = new Map<string, Coming>();

  constructor(options: AdoptionsOptions) {
    this.#options = options;
  }

  /** Which files are wanted: those of devices of a kind that is known here, of which nothing else is. */
  async offer(devices: readonly unknown[]): Promise<Adoption> {
    await this.forget();
    const { store, dataDir } = this.#options;
    const rows = await store.devices();
    for (const device of devices) {
      const parsed = v.safeParse(Held, device);
      if (!parsed.success) continue;
      const held = parsed.output;
      const known = rows.some(
        (row) => row.id === held.id || (row.kind === held.kind && row.place === held.place),
      );
      if (known || !DEVICE_HANDLERS.some(({ kind }) => kind === held.kind)) continue;
      const folder = new ArtefactFolder(dataDir, held.id);
      const incoming = await folder.receive();
      const missing = new Set(held.files.map(({ sha256 }) => sha256));
      this.#coming.set(held.id, { held, folder, incoming, missing });
    }
    return this.#wanted();
  }

  /** Takes a file and says what is still wanted; with its last one a device is back. @throws Problem `not_found`, `archive_mismatch`, `body_cut` */
  async take(sha256: string, request: IncomingMessage, signal: AbortSignal): Promise<Adoption> {
    const waiting = [...this.#coming.values()].filter(({ missing }) => missing.has(sha256));
    if (waiting.length === 0) throw new Problem('not_found');
    const body = await bodyOf(request, signal);
    // before it is written, so that the right one can still be brought
    const actual = createHash('sha256').update(body).digest('hex');
    if (actual !== sha256) throw new Problem('archive_mismatch', { params: { expected: sha256, actual } });
    let adopted = 0;
    let failure: unknown;
    for (const coming of waiting) {
      const { name } = coming.held.files.find((file) => file.sha256 === sha256) as Held['files'][number];
      await coming.incoming.take(name, body, { limit: MIRRORED_FILE_BYTES, onBytes: () => undefined });
      coming.missing.delete(sha256);
      if (coming.missing.size > 0) continue;
      this.#coming.delete(coming.held.id);
      try {
        adopted += Number(await this.#adopt(coming));
      } catch (error) {
        // others may wait for the same file
        failure ??= error;
      }
    }
    if (adopted > 0) this.#options.onAdopted(adopted);
    if (failure) throw failure;
    return this.#wanted();
  }

  #wanted(): Adoption {
    const wanted = new Set([...this.#coming.values()].flatMap(({ missing }) => [...missing]));
    return { devices: this.#coming.size, wanted: [...wanted] };
  }

  /** What did not come to its end is no more. */
  async forget(): Promise<void> {
    const coming = [...this.#coming.values()];
    this.#coming.clear();
    for (const { incoming } of coming) await incoming.discard();
  }

  async #adopt({ held, folder, incoming }: Coming): Promise<boolean> {
    const { store, sealed, clock, log } = this.#options;
    const handler = DEVICE_HANDLERS.find(({ kind }) => kind === held.kind);
    if (!handler) return false;
    try {
      // in the order of the artefact, and each name once though two of them had the same content
      const files = held.files.map((file) => {
        const received = incoming.files.find(({ sha256 }) => sha256 === file.sha256) as ReceivedFile;
        return { ...received, name: file.name };
      });
      const settings = validSettings(handler, held.settings);
      await checkFiles(handler, files, { settings, host: held.name });
      const needsSecret = secretsOf(handler.fields).some((name) => handler.fields[name]?.required);
      const now = clock.now();
      await store.insert({
        ...blankDevice(held.id, held.kind, held.name, now),
        ...sealed.separate(held.id, handler, settings),
        place: handler.place(settings as never),
        plan: JSON.stringify(held.plan),
        identity: JSON.stringify(held.identity),
        backed_up_at: held.made_at,
        ...(needsSecret
          ? {
              problem: keepProblem(new Problem('device_secret_lost')),
              problem_since: now,
              given_up: 1 as const,
            }
          : { due_at: held.plan.schedule === 'off' ? null : now }),
      });
      const { identity, made_at: madeAt } = held;
      const artefact = artefactRow(held.id, { madeAt, identity, good: 1, problem: null });
      try {
        await keepFiles(store, folder, { handler, artefact, files }, {});
      } catch (error) {
        // a device without its configuration would look as if that were kept
        await store.delete(held.id);
        await folder.removeAll();
        throw error;
      }
      log.info('a device came back out of Home Assistant', { device: held.id, kind: held.kind });
      return true;
    } finally {
      await incoming.discard();
    }
  }
}

async function bodyOf(request: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  await pump(request, {
    idleMs: IDLE_MS,
    signal,
    onChunk: async (chunk) => {
      size += chunk.length;
      if (size > MIRRORED_FILE_BYTES) throw new Problem('body_too_large', { params: { limit: '5 MB' } });
      chunks.push(chunk);
    },
  });
  return Buffer.concat(chunks);
}
