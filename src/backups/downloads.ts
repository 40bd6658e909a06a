import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { crc32 } from 'node:zlib';
import { ARCHIVE_CRC32_HEADER } from '../contract/index.ts';
import type { Block } from '../kernel/blocks.ts';
import type { Clock } from '../kernel/clock.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Operations } from '../kernel/operations.ts';
import type { Catalogue } from './catalogue.ts';
import { formatCrc } from './crc.ts';
import { type ByteRange, parseRange } from './ranges.ts';
import type { CatalogueEntry } from './store.ts';
import type { OpenedObject, StorageTarget } from './targets/target.ts';
import type { Targets } from './targets.ts';

interface DownloadsOptions {
  readonly targets: Targets;
  readonly catalogue: Catalogue;
  readonly operations: Operations;
  readonly clock: Clock;
  readonly log: Log;
  /** A reader that takes nothing for so long is gone (milliseconds). */
  readonly idleTimeoutMs: number;
}

/** What is asked for: headers that shape the answer. */
interface DownloadRequest {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  /** HEAD: the same answer without the bytes. */
  readonly headOnly: boolean;
}

/** What a reopening must bring to be worth the next one: a store that gives a handful of bytes each time would hold a restore up for ever. */
const FRUIT_BYTES = 64 * 1024;

/** Reopenings in a row that brought hardly a byte, before the download is given up: with the pauses below about half a minute. */
const MAX_FRUITLESS = 5;
const FIRST_PAUSE_MS = 1_000;

/** Faults after which the same bytes may be had a moment later. */
const PASSING = [
  'target_cut',
  'target_timeout',
  'target_unavailable',
  'target_refused',
  'target_dns',
  'target_proxy',
] as const;

interface Source {
  readonly storage: StorageTarget;
  readonly entry: CatalogueEntry;
  readonly first: OpenedObject;
  readonly range: ByteRange;
}

function etagOf(version: string): string {
  return `"${createHash('sha256').update(version).digest('hex').slice(0, 32)}"`;
}

function isPassing(error: unknown): boolean {
  return isProblem(error) && PASSING.some((code) => code === error.code);
}

/** Backups on their way out: in order, resumed after a cut, never whole in memory, and checked. */
export class Downloads {
  readonly #options: DownloadsOptions;

  constructor(options: DownloadsOptions) {
    this.#options = options;
  }

  /** Sends the archive, or a range of it. Before the head is written, what goes wrong is thrown. */
  async send(
    targetId: string,
    backupId: string,
    asked: DownloadRequest,
    response: ServerResponse,
    gone: AbortSignal,
  ): Promise<void> {
    const entry = await this.#options.catalogue.find(targetId, backupId);
    const storage = await this.#options.targets.storage(targetId);
    const source = await this.#open(storage, entry, asked, response, gone);
    const whole = source.range.end - source.range.start === source.first.size;
    this.#writeHead(response, source, whole);
    if (asked.headOnly) {
      source.first.stream.destroy();
      response.end();
      return;
    }
    // a reader that leaves before anybody reads must not end the core by an error that nobody heard
    source.first.stream.on('error', () => undefined);
    const beginning = this.#options.operations.begin({
      kind: 'download',
      subject: { target_id: targetId, backup_id: backupId, name: entry.backup.name },
      total: source.range.end - source.range.start,
    });
    beginning.catch(() => source.first.stream.destroy());
    const operation = await beginning;
    const signal = AbortSignal.any([gone, operation.signal]);
    try {
      await this.#copy(source, response, signal, whole ? entry.crc32 : null, operation.progress);
      response.end();
      await operation.succeed();
    } catch (error) {
      response.destroy();
      await operation.fail(
        gone.aborted && !operation.signal.aborted ? new Problem('operation_cancelled') : error,
      );
    }
  }

  async #open(
    storage: StorageTarget,
    entry: CatalogueEntry,
    asked: DownloadRequest,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<Source> {
    const known = await storage.stat(entry.archiveKey, signal);
    if (!known) {
      // "not there" has no words in an answer to `stat`: it may be the whole bucket, or another server
      const opened = await storage.open(entry.archiveKey, { start: 0, end: 1, signal });
      opened?.stream.destroy();
      throw new Problem('backup_not_found');
    }
    // an empty answer is whole as soon as its head is sent: nothing could be held back
    if (known.size === 0 && entry.backup.size > 0) {
      throw new Problem('target_corrupt', { params: { key: entry.archiveKey } });
    }
    const etag = etagOf(known.version);
    const wanted = asked.ifRange === undefined || asked.ifRange === etag ? asked.range : undefined;
    let range: ByteRange | undefined;
    try {
      range = parseRange(wanted, known.size);
    } catch (error) {
      response.setHeader('Content-Range', `bytes */${known.size}`);
      throw error;
    }
    response.setHeader('ETag', etag);
    const { start, end } = range ?? { start: 0, end: known.size };
    const first = await storage.open(entry.archiveKey, { start, end, version: known.version, signal });
    if (!first) throw new Problem('backup_not_found');
    if (range) response.statusCode = 206;
    return { storage, entry, first, range: { start, end } };
  }

  #writeHead(response: ServerResponse, { range, first, entry }: Source, whole: boolean): void {
    response.setHeader('Content-Type', 'application/x-tar');
    response.setHeader('Content-Length', range.end - range.start);
    response.setHeader('Accept-Ranges', 'bytes');
    response.setHeader('Cache-Control', 'no-store');
    if (response.statusCode === 206)
      response.setHeader('Content-Range', `bytes ${range.start}-${range.end - 1}/${first.size}`);
    if (whole && entry.crc32 !== null) response.setHeader(ARCHIVE_CRC32_HEADER, entry.crc32);
    response.flushHeaders();
  }

  /** The last block is held back until the sum of all is right: a damaged archive never arrives as a whole one. */
  async #copy(
    source: Source,
    response: ServerResponse,
    signal: AbortSignal,
    expected: string | null,
    progress: (done: number) => void,
  ): Promise<void> {
    let held: Block | undefined;
    let sum = 0;
    let done = 0;
    for await (const block of this.#read(source, signal)) {
      if (expected !== null) sum = crc32(block.bytes, sum);
      done += block.bytes.length;
      if (held) await this.#write(response, held, signal);
      held = block;
      progress(done);
    }
    if (expected !== null && formatCrc(sum) !== expected) {
      throw new Problem('target_corrupt', { params: { key: source.entry.archiveKey } });
    }
    if (held) await this.#write(response, held, signal);
  }

  /** The bytes of the range; after a cut the rest is opened anew, as long as the object is still the same. */
  async *#read({ storage, entry, first, range }: Source, signal: AbortSignal): AsyncGenerator<Block> {
    let position = range.start;
    let opened: OpenedObject | undefined = first;
    for (let fruitless = 0; position < range.end; ) {
      const before = position;
      try {
        opened ??= await storage.open(entry.archiveKey, {
          start: position,
          end: range.end,
          version: first.version,
          signal,
        });
        if (!opened) throw new Problem('backup_not_found');
        for await (const block of abortable(opened, signal)) {
          position += block.bytes.length;
          yield block;
        }
        if (position < range.end) throw new Problem('target_cut');
      } catch (error) {
        signal.throwIfAborted();
        fruitless = position - before >= FRUIT_BYTES ? 0 : fruitless + 1;
        if (!isPassing(error) || fruitless > MAX_FRUITLESS) throw error;
        this.#options.log.info('a download is resumed', { position, reason: describeError(error) });
        await this.#options.clock.sleep(FIRST_PAUSE_MS * 2 ** Math.max(0, fruitless - 1), signal);
      } finally {
        opened?.stream.destroy();
        opened = undefined;
      }
    }
  }

  /** Sends a block; it is given back when the network has taken all of it. */
  #write(response: ServerResponse, block: Block, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown) => {
        clearTimeout(idle);
        signal.removeEventListener('abort', onAbort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const idle = setTimeout(() => settle(new Problem('idle_timeout')), this.#options.idleTimeoutMs);
      const onAbort = () => settle(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      response.write(block.bytes, (error) => {
        block.release();
        // a reader that left is told by the signal
        if (!error) settle();
      });
    });
  }
}

const nothing = (): void => undefined;

async function* abortable(opened: OpenedObject, signal: AbortSignal): AsyncGenerator<Block> {
  const { stream } = opened;
  const onAbort = () => stream.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    if (opened.blocks) yield* opened.blocks();
    else for await (const bytes of stream as AsyncIterable<Buffer>) yield { bytes, release: nothing };
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
