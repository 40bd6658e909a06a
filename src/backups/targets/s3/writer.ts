import type { CompletedPart } from '@aws-sdk/client-s3';
import type { Lease } from '../../../kernel/admission.ts';
import { Problem } from '../../../kernel/errors.ts';
import type { Pace } from '../../../kernel/pace.ts';
import type { ArchiveWriter } from '../target.ts';
import { PartBuffer } from './part-buffer.ts';
import { type Plan, tooLarge } from './parts.ts';
import type { Upload, Uploads } from './uploads.ts';

interface S3WriterOptions {
  readonly uploads: Uploads;
  /** As the bucket knows it. */
  readonly key: string;
  readonly plan: Plan;
  readonly sizeLimit: number;
  /** The memory of the buffers; given back as soon as nothing uses them. */
  readonly lease: Lease;
  /** Memory for one more buffer than planned, if there is any to spare. */
  readonly spare?: (() => Lease | undefined) | undefined;
  /** Holds the bytes to a limit. */
  readonly pace?: Pace | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * An archive on its way into a bucket: in equal parts, or in one request at `commit` when it fits into one buffer.
 * Its buffers are allocated once, and a write waits while all of them are on their way.
 */
export class S3Writer implements ArchiveWriter {
  readonly #options: S3WriterOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #parts: CompletedPart[] = [];
  #free: PartBuffer[] = [];
  #buffers = 0;
  readonly #extra: Lease[] = [];
  #current: PartBuffer | undefined;
  #size = 0;
  #sent = 0;
  #upload: Promise<Upload> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #finished = false;
  #commit: Promise<void> | undefined;
  #committed = false;
  #abort: Promise<void> | undefined;

  constructor(options: S3WriterOptions) {
    this.#options = options;
    const { signal } = options;
    this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
  }

  async write(chunk: Uint8Array, crc32?: number): Promise<void> {
    this.#check();
    if (this.#finished) throw new Error('write after finish');
    this.#size += chunk.length;
    if (this.#size > this.#options.sizeLimit) throw this.#fail(tooLarge(this.#options.sizeLimit));
    for (let offset = 0; offset < chunk.length; ) {
      // Only when there is more: a full buffer may be the whole archive.
      if (this.#current?.full) this.#send(this.#current);
      this.#current ??= await this.#nextBuffer();
      offset += offset === 0 ? this.#current.fill(chunk, crc32) : this.#current.fill(chunk.subarray(offset));
    }
  }

  async finish(): Promise<void> {
    this.#check();
    if (this.#sent > 0 && this.#current) this.#send(this.#current);
    await Promise.all(this.#inFlight);
    this.#check();
    const upload = await this.#upload;
    // Afterwards nothing would lead to them any more.
    if (upload?.twins) await this.#options.uploads.removeTwins(upload).catch(() => undefined);
    this.#finished = true;
  }

  async commit(): Promise<void> {
    this.#check();
    if (!this.#finished) throw new Error('commit before finish');
    this.#commit ??= this.#commitOnce();
    await this.#commit;
  }

  /** Leaves no part behind. Rejects where that could not be done; another call tries again. */
  abort(): Promise<void> {
    this.#abort ??= this.#abortOnce().catch((error: unknown) => {
      this.#abort = undefined;
      throw error;
    });
    return this.#abort;
  }

  async #commitOnce(): Promise<void> {
    const { uploads, key } = this.#options;
    try {
      if (this.#upload) {
        // Not to be cancelled: afterwards nobody could tell whether the archive is there.
        await uploads.complete(await this.#upload, this.#parts, this.#size);
      } else {
        const buffer = this.#current ?? (await this.#nextBuffer());
        await uploads.whole(key, buffer.payload(this.#options.pace, this.#signal), this.#signal);
      }
      this.#committed = true;
      this.#release();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  async #abortOnce(): Promise<void> {
    if (this.#commit && this.#upload) await this.#commit.catch(() => undefined);
    if (this.#committed) return;
    const partsInFlight = this.#inFlight.size > 0;
    this.#fail(new Problem('operation_cancelled'));
    await Promise.all(this.#inFlight);
    await this.#commit?.catch(() => undefined);
    this.#release();
    // One that may have begun all the same is not forgotten: this rejects, and it is looked for later.
    const upload = await this.#upload;
    if (!upload || this.#committed) return;
    await this.#options.uploads.abort(upload);
    if (upload.twins) await this.#options.uploads.removeTwins(upload);
    // A part that was being received at that moment may be stored after all.
    if (partsInFlight) await this.#options.uploads.abort(upload);
  }

  /** Sends a buffer on its way; what becomes of it is seen by the next call that waits. */
  #send(buffer: PartBuffer): void {
    this.#current = undefined;
    this.#sent += 1;
    const number = this.#sent;
    const sending = this.#sendPart(number, buffer)
      .catch((error: unknown) => {
        this.#fail(error);
      })
      .finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
  }

  async #sendPart(number: number, buffer: PartBuffer): Promise<void> {
    const { uploads, key, pace } = this.#options;
    this.#upload ??= uploads.start(key);
    const upload = await unlessAborted(this.#upload, this.#signal);
    this.#parts[number - 1] = await uploads.part(
      upload,
      number,
      buffer.payload(pace, this.#signal),
      this.#signal,
    );
    buffer.reset();
    this.#free.push(buffer);
  }

  async #nextBuffer(): Promise<PartBuffer> {
    const { plan, uploads } = this.#options;
    for (;;) {
      this.#check();
      const free = this.#free.pop();
      if (free) return free;
      if (this.#buffers < plan.buffers || this.#mayGrow()) {
        this.#buffers += 1;
        return new PartBuffer(plan.bufferSize, uploads.signed);
      }
      await Promise.race(this.#inFlight);
    }
  }

  /** Whether one buffer more helps, and there is memory for it. */
  #mayGrow(): boolean {
    if (this.#buffers >= this.#options.plan.mostBuffers) return false;
    const lease = this.#options.spare?.();
    if (lease) this.#extra.push(lease);
    return lease !== undefined;
  }

  /** Remembers the first failure and stops what is on its way. */
  #fail(error: unknown): unknown {
    this.#failure ??= { error };
    this.#stop.abort(this.#failure.error);
    return this.#failure.error;
  }

  #check(): void {
    this.#options.signal?.throwIfAborted();
    if (this.#failure) throw this.#failure.error;
  }

  #release(): void {
    this.#free = [];
    this.#current = undefined;
    this.#options.lease.release();
    for (const lease of this.#extra.splice(0)) lease.release();
  }
}

/** Waits for something that goes on by itself, but no longer than until the signal. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
