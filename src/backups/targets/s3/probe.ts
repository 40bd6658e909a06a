import { randomBytes } from 'node:crypto';
import { isProblem, Problem } from '../../../kernel/errors.ts';
import { PROBE_NAME } from '../../names.ts';
import { runRoundTrip, wentWell } from '../round-trip.ts';
import type { ProbeOutcome, StorageTarget } from '../target.ts';
import type { Connection } from './connection.ts';
import { examineLock } from './examine-bucket.ts';
import type { Keys } from './keys.ts';
import { listPage } from './listing.ts';
import { corrupt } from './open.ts';
import { purgeVersions } from './own-objects.ts';
import { PartBuffer } from './part-buffer.ts';
import type { Uploads } from './uploads.ts';
import { deleteVersion } from './versions.ts';
import { S3Writer } from './writer.ts';

/** The smallest first part that AWS allows. */
const PROBE_PART_BYTES = 5 * 1024 * 1024;

/** Enough for a second part. */
const REST_BYTES = 1024;

/** Long enough to cut a range out of it. */
const SMALL_BYTES = 256;
const RANGE_START = 100;
const RANGE_END = 200;

/** Cleaning up goes on when the person has left, but not for ever. */
const CLEANUP_TIMEOUT_MS = 30_000;

/** Why an object that was stored a moment ago cannot be deleted, and that is as it should be. */
const LOCKED: ReadonlySet<string> = new Set(['target_locked', 'target_held']);

interface ProbeTools {
  readonly connection: Connection;
  readonly uploads: Uploads;
  readonly keys: Keys;
  readonly target: StorageTarget;
}

/** A round trip with objects of our own; HeadBucket would be refused to keys that may do all that is needed. */
export async function probe(
  tools: ProbeTools,
  onStep?: (step: ProbeOutcome) => void,
  signal?: AbortSignal,
): Promise<ProbeOutcome[]> {
  const round = new RoundTrip(tools, signal);
  let ok = false;
  try {
    const outcomes = await runRoundTrip(round, onStep);
    ok = wentWell(outcomes);
    return outcomes;
  } finally {
    if (ok) await round.purge();
    else await round.cleanUp();
  }
}

class RoundTrip {
  readonly #tools: ProbeTools;
  readonly #signal: AbortSignal | undefined;
  readonly #data = randomBytes(SMALL_BYTES);
  /** What all keys begin with. */
  readonly #name: string;
  readonly #small: string;
  readonly #large: string;
  readonly #never: string;
  /** Keys that may exist by now. */
  readonly #touched = new Set<string>();

  constructor(tools: ProbeTools, signal: AbortSignal | undefined) {
    this.#tools = tools;
    this.#signal = signal;
    this.#name = `${PROBE_NAME}${randomBytes(8).toString('hex')}`;
    this.#small = `${this.#name}-1`;
    this.#large = `${this.#name}-2`;
    this.#never = `${this.#name}-3`;
  }

  async reach(): Promise<void> {
    const { connection, keys } = this.#tools;
    await listPage(connection, { prefix: keys.prefix, flat: true, maxKeys: 1, signal: this.#signal });
  }

  async write(): Promise<void> {
    this.#touched.add(this.#small);
    await this.#tools.target.put(this.#small, this.#data, this.#signal);
  }

  async list(): Promise<void> {
    const { connection, keys } = this.#tools;
    // Only our own key: a folder with years of backups has many pages.
    const prefix = keys.full(this.#small);
    const page = await listPage(connection, { prefix, flat: false, maxKeys: 1, signal: this.#signal });
    if (page.Contents?.[0]?.Size !== SMALL_BYTES) throw unexpected('a new object is not listed');
  }

  async read(): Promise<void> {
    const wanted = this.#data.subarray(RANGE_START, RANGE_END);
    await this.#compare(this.#small, RANGE_START, wanted);
  }

  async multipart(): Promise<void> {
    const { default_days } = await examineLock(this.#tools.connection, this.#signal);
    // what is stored there stays for days, so it had better be little
    if (default_days !== null) await this.#tinyUploads();
    else await this.#uploads();
  }

  /** An upload of one part, which may be of any size, and one that is not completed. */
  async #tinyUploads(): Promise<void> {
    const { uploads, keys, target } = this.#tools;
    const data = randomBytes(REST_BYTES);
    const buffer = new PartBuffer(REST_BYTES, uploads.signed);
    buffer.fill(data);
    const payload = buffer.payload();
    for (const key of [this.#large, this.#never]) {
      this.#touched.add(key);
      const upload = await uploads.start(keys.full(key));
      const part = await uploads.part(upload, 1, payload, this.#signal);
      if (key === this.#large) await uploads.complete(upload, [part], REST_BYTES);
      else await uploads.abort(upload, this.#signal);
    }
    await this.#compare(this.#large, 0, data);
    if (await target.stat(this.#never, this.#signal)) throw unexpected('an aborted upload is there');
  }

  async #uploads(): Promise<void> {
    const { target } = this.#tools;
    const first = Buffer.alloc(PROBE_PART_BYTES);
    const rest = randomBytes(REST_BYTES);
    this.#touched.add(this.#large);
    const writer = this.#writer(this.#large);
    try {
      await writer.write(first);
      await writer.write(rest);
      await writer.finish();
      await writer.commit();
    } catch (error) {
      await writer.abort().catch(() => undefined);
      throw error;
    }
    await this.#compare(this.#large, PROBE_PART_BYTES, rest);

    this.#touched.add(this.#never);
    const aborted = this.#writer(this.#never);
    // One byte more than a part begins the upload.
    await aborted.write(first);
    await aborted.write(rest);
    try {
      await aborted.abort();
    } catch (error) {
      // Backups can be kept without this right; what is missing then is said where the capabilities are.
      if (!isProblem(error, 'target_forbidden')) throw error;
    }
    if (await target.stat(this.#never, this.#signal)) throw unexpected('an aborted upload is there');
  }

  async delete(): Promise<void> {
    const { connection, keys, target } = this.#tools;
    for (const key of this.#touched) {
      try {
        await target.delete(key, this.#signal);
      } catch (error) {
        // The store keeps what it promised to keep; that is said where its capabilities are. A list need not show it.
        if (!isProblem(error) || !LOCKED.has(error.code)) throw error;
        await deleteVersion(connection, { key: keys.full(key) }, this.#signal).catch(() => undefined);
        continue;
      }
      if (await target.stat(key, this.#signal)) throw unexpected('a deleted object is there');
    }
    this.#touched.clear();
  }

  /** In a bucket with versions: those of our own objects, whatever the settings say of those of backups. */
  async purge(signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS)): Promise<void> {
    const { connection, keys } = this.#tools;
    await purgeVersions(connection, keys.full(this.#name), signal).catch(() => undefined);
  }

  /** Whatever fails here has been reported by a step already. */
  async cleanUp(): Promise<void> {
    const { target } = this.#tools;
    const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
    for (const key of this.#touched) {
      if (key !== this.#small) await target.sweep(key, signal).catch(() => undefined);
      await target.delete(key, signal).catch(() => undefined);
    }
    if (this.#touched.size > 0) await this.purge(signal);
  }

  async #compare(key: string, start: number, wanted: Buffer): Promise<void> {
    const options = { start, end: start + wanted.length, ...(this.#signal ? { signal: this.#signal } : {}) };
    const object = await this.#tools.target.open(key, options).catch((error: unknown) => {
      // An archive class that was chosen does what it is there for: it keeps without giving back.
      if (isProblem(error, 'target_archived')) return 'archived' as const;
      throw error;
    });
    if (object === 'archived') return;
    if (!object) throw unexpected('a new object cannot be read');
    const chunks: Buffer[] = [];
    for await (const chunk of object.stream) chunks.push(chunk as Buffer);
    if (!Buffer.concat(chunks).equals(wanted)) {
      throw corrupt(this.#tools.keys.full(key), 'not what was written');
    }
  }

  /** The way of a real archive, with the smallest parts. Its few megabytes do not wait for an upload to give memory back. */
  #writer(key: string): S3Writer {
    const { uploads, keys } = this.#tools;
    return new S3Writer({
      uploads,
      key: keys.full(key),
      plan: { bufferSize: PROBE_PART_BYTES, buffers: 2, mostBuffers: 2 },
      sizeLimit: PROBE_PART_BYTES + REST_BYTES,
      lease: { bytes: 0, release: () => undefined },
      signal: this.#signal,
    });
  }
}

const unexpected = (reason: string): Problem => new Problem('target_unexpected', { params: { reason } });
