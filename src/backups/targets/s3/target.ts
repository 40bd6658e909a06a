import { Readable } from 'node:stream';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import type { S3Settings } from '../../../contract/index.ts';
import { isProblem } from '../../../kernel/errors.ts';
import { SIDECAR_ENDING } from '../../names.ts';
import type {
  ArchiveWriter,
  Examination,
  ExamineOptions,
  FoundPlace,
  OpenedObject,
  OpenOptions,
  ProbeOutcome,
  StorageTarget,
  StoredObject,
  TargetContext,
  WriterOptions,
} from '../target.ts';
import { classOf } from './classes.ts';
import { Connection } from './connection.ts';
import { NO_KEYS, type ReadingKeys, readWithKey } from './encryption.ts';
import { examine } from './examine.ts';
import { findBackups } from './find.ts';
import { Keys } from './keys.ts';
import { removeLeftovers } from './leftovers.ts';
import { Limits } from './limits.ts';
import { listObjects } from './listing.ts';
import { hides, refuseLocked, type Version } from './locks.ts';
import { markPlace } from './marker.ts';
import { isBareMissing } from './missing.ts';
import { corrupt, isPastEnd, openObject } from './open.ts';
import { probe } from './probe.ts';
import { sweepUploads } from './sweep.ts';
import { Uploads } from './uploads.ts';
import { versionOf } from './version.ts';
import { deleteVersion, deleteVersions, versionsOf } from './versions.ts';
import { S3Writer } from './writer.ts';

/** How often a small object is read anew when the connection is cut in the middle of it. */
const READ_ATTEMPTS = 3;

/** What an upload leaves free of the memory that it does not need: the usual need of another. */
const ROOM_FOR_ANOTHER = 32 * 1024 * 1024;

/** One folder in one bucket. */
export class S3Target implements StorageTarget {
  readonly slashes = 'keep';
  readonly #connection: Connection;
  readonly #uploads: Uploads;
  readonly #keys: Keys;
  readonly #limits: Limits;
  readonly #settings: S3Settings;
  readonly #deleteVersions: boolean;
  /** Probes that are under way. */
  #probes = 0;

  constructor(settings: S3Settings, context: TargetContext) {
    this.#connection = new Connection(settings, context);
    this.#uploads = new Uploads(this.#connection);
    this.#keys = new Keys(settings.folder);
    this.#limits = new Limits(settings, context.clock);
    this.#settings = settings;
    this.#deleteVersions = settings.delete_versions;
  }

  async probe(onStep?: (step: ProbeOutcome) => void, signal?: AbortSignal): Promise<ProbeOutcome[]> {
    const tools = { connection: this.#connection, uploads: this.#uploads, keys: this.#keys, target: this };
    this.#probes += 1;
    try {
      return await probe(tools, onStep, signal);
    } finally {
      this.#probes -= 1;
    }
  }

  prepare(): Promise<string | undefined> {
    return markPlace(this);
  }

  examine(options: ExamineOptions): Promise<Examination> {
    const tools = { connection: this.#connection, keys: this.#keys, settings: this.#settings };
    return examine(tools, options);
  }

  find(signal?: AbortSignal): Promise<FoundPlace[]> {
    return findBackups(this.#connection, this.#settings.folder, signal);
  }

  async list(signal?: AbortSignal): Promise<StoredObject[]> {
    const { prefix } = this.#keys;
    // The root belongs to everybody: other things in the bucket may be millions.
    const objects = await listObjects(this.#connection, { prefix, flat: prefix === '', signal });
    return objects.map((object) => ({ ...object, key: this.#keys.relative(object.key) }));
  }

  async read(key: string, maxBytes: number, signal?: AbortSignal): Promise<Buffer | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#readOnce(key, maxBytes, signal);
      } catch (error) {
        if (attempt >= READ_ATTEMPTS || !isProblem(error, 'target_cut')) throw error;
      }
    }
  }

  async #readOnce(key: string, maxBytes: number, signal?: AbortSignal): Promise<Buffer | undefined> {
    const object = await this.open(key, signal ? { signal } : {});
    if (!object) return undefined;
    if (object.size > maxBytes) {
      object.stream.destroy();
      throw corrupt(this.#keys.full(key), 'too large');
    }
    const chunks: Buffer[] = [];
    for await (const chunk of object.stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  async put(key: string, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#uploads.small(this.#keys.full(key), data, signal);
  }

  async open(key: string, options: OpenOptions = {}): Promise<OpenedObject | undefined> {
    const { start = 0, end, version, signal } = options;
    // HTTP has no way to ask for nothing.
    if (end !== undefined && end <= start) return this.#openNothing(key, version, signal);
    try {
      return await openObject(this.#connection, this.#keys.full(key), options, {
        keys: this.#keysFor(key),
        pace: this.#limits.downloads,
      });
    } catch (error) {
      if (!isPastEnd(error)) throw error;
      return this.#openNothing(key, version, signal);
    }
  }

  async #openNothing(key: string, version?: string, signal?: AbortSignal): Promise<OpenedObject | undefined> {
    const object = await this.stat(key, signal);
    if (!object) return undefined;
    if (version !== undefined && version !== object.version) throw corrupt(this.#keys.full(key), 'changed');
    return { stream: Readable.from([], { objectMode: false }), size: object.size, version: object.version };
  }

  async stat(key: string, signal?: AbortSignal): Promise<StoredObject | undefined> {
    try {
      const head = await readWithKey(this.#keysFor(key), this.#keys.full(key), (withKey) =>
        this.#connection.run(
          'read',
          ({ client, http }) => client.send(new HeadObjectCommand({ ...this.#at(key), ...withKey }), http),
          { signal, bodiless: true },
        ),
      );
      const { ContentLength: size, LastModified: modified } = head;
      // A page of something else has no date, and would be taken for an object of its own size.
      if (size === undefined || modified === undefined) throw this.#connection.notS3();
      return {
        key,
        size,
        version: versionOf(head),
        modified: modified.getTime(),
        ...classOf(head, this.#connection.address.host),
      };
    } catch (error) {
      if (isBareMissing(error)) return undefined;
      throw await this.#explained(key, error, signal);
    }
  }

  /** An answer to HEAD has no room for the reason of a refusal; the one to GET has. */
  async #explained(key: string, error: unknown, signal?: AbortSignal): Promise<unknown> {
    if (!isProblem(error, 'target_forbidden') && !isProblem(error, 'target_unexpected')) return error;
    try {
      const opened = await this.open(key, { start: 0, end: 1, ...(signal ? { signal } : {}) });
      opened?.stream.destroy();
      return error;
    } catch (reason) {
      return reason;
    }
  }

  async create(key: string, { sizeLimit, tolerance = 0, signal }: WriterOptions): Promise<ArchiveWriter> {
    const { memory } = this.#connection.context;
    const plan = this.#limits.plan(sizeLimit, memory.capacity, this.#connection.roundTripMs);
    const lease = await memory.acquire(plan.bufferSize * plan.buffers, signal);
    return new S3Writer({
      uploads: this.#uploads,
      key: this.#keys.full(key),
      plan,
      sizeLimit: sizeLimit + tolerance,
      lease,
      // another upload finds room beside it
      spare: () => memory.spare(plan.bufferSize, ROOM_FOR_ANOTHER),
      pace: this.#limits.uploads,
      signal,
    });
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    const full = this.#keys.full(key);
    if (this.#deleteVersions) {
      if (await deleteVersions(this.#connection, full, signal)) return;
      this.#connection.context.log?.warning('versions cannot be listed: what was deleted may only be hidden');
    }
    await deleteVersion(this.#connection, { key: full }, signal);
  }

  /** Where only the newest version goes, a bucket that keeps the others keeps what is locked, too. */
  checkDeletable(keys: readonly string[], signal?: AbortSignal): Promise<void> {
    const full = keys.map((key) => this.#keys.full(key));
    const versions = async (): Promise<Version[]> => {
      if (!this.#deleteVersions) {
        return (await hides(this.#connection, signal)) ? [] : full.map((key) => ({ key }));
      }
      const found: Version[] = [];
      for (const key of full) {
        const listed = await versionsOf(this.#connection, key, signal);
        found.push(...(listed?.filter(({ marker }) => !marker) ?? [{ key }]));
      }
      return found;
    };
    return refuseLocked(this.#connection, versions, signal);
  }

  sweep(key: string, signal?: AbortSignal): Promise<void> {
    return sweepUploads(this.#connection, this.#uploads, this.#keys.full(key), signal);
  }

  async tidy(signal?: AbortSignal): Promise<void> {
    // with a clock that was set ahead, what our own is storing just now would look abandoned
    if (this.#probes > 0) return;
    const bucket = { connection: this.#connection, uploads: this.#uploads, keys: this.#keys };
    await removeLeftovers(bucket, signal);
  }

  close(): void {
    this.#connection.close();
  }

  /** Descriptions are stored without it, so no request is spent on finding that out. */
  #keysFor(key: string): ReadingKeys {
    return key.endsWith(SIDECAR_ENDING) ? NO_KEYS : this.#connection.encryption;
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#connection.bucket, Key: this.#keys.full(key) };
  }
}
