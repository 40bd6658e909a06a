import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { s3TargetType } from '../../../src/backups/targets/s3/index.ts';
import type { StorageTarget, TargetContext } from '../../../src/backups/targets/target.ts';
import { S3Settings } from '../../../src/contract/index.ts';
import { MemoryBudget } from '../../../src/kernel/admission.ts';
import { type Clock, systemClock } from '../../../src/kernel/clock.ts';
import { isProblem, type Problem } from '../../../src/kernel/errors.ts';
import type { S3Server } from '../../harness/s3-server.ts';

export const MIB = 1024 * 1024;

/** What an upload of every kind fits into. */
export const MEMORY = 200 * MIB;

/** What lasts longer is no pause between tries but a limit that nothing should reach. */
const LONGEST_PAUSE_MS = 15_000;

/** A clock whose pauses are over at once, and which remembers them. */
export class HastyClock implements Clock {
  readonly pauses: number[] = [];
  now = systemClock.now;
  monotonic = systemClock.monotonic;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms > LONGEST_PAUSE_MS) return systemClock.sleep(ms, signal);
    this.pauses.push(ms);
    return systemClock.sleep(0, signal);
  }
}

/** A clock that stands still until it is turned. */
export class TurnedClock implements Clock {
  #time = 0;
  #sleepers: { until: number; wake: () => void }[] = [];
  now = systemClock.now;
  monotonic = () => this.#time;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#sleepers.push({ until: this.#time + ms, wake: resolve });
    });
  }

  /** Lets time pass in small steps, and everybody who wakes do their work. */
  async turn(ms: number, steps = 20): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      this.#time += ms / steps;
      const due = this.#sleepers.filter(({ until }) => until <= this.#time);
      this.#sleepers = this.#sleepers.filter(({ until }) => until > this.#time);
      for (const { wake } of due) wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Stops a server that keeps its data in a temporary folder, and removes that. */
export async function discard(server: S3Server | undefined): Promise<void> {
  await server?.stop();
  if (server) rmSync(dirname(server.dataDir), { recursive: true, force: true });
}

interface Opened {
  readonly target: StorageTarget;
  readonly memory: MemoryBudget;
}

const opened: StorageTarget[] = [];

/** To be called after each test. */
export function closeTargets(): void {
  for (const target of opened.splice(0)) target.close();
}

export function s3Settings(server: Partial<S3Server>, more: Partial<S3Settings> = {}): S3Settings {
  return v.parse(S3Settings, {
    kind: 's3',
    endpoint: server.endpoint ?? '',
    bucket: 'bucket',
    access_key: server.accessKey ?? 'key',
    secret_key: server.secretKey ?? 'secret',
    ...more,
  });
}

export function openTarget(
  settings: S3Settings,
  { clock = systemClock, idleTimeoutMs = 20_000, ...more }: Partial<TargetContext> = {},
): Opened {
  const memory = new MemoryBudget(MEMORY);
  const target = s3TargetType.open(settings, {
    clock,
    memory,
    dataDir: '/nowhere',
    idleTimeoutMs,
    ...more,
  });
  opened.push(target);
  return { target, memory };
}

/** Bytes that no other test has. */
export function noise(size: number): Buffer {
  return randomBytes(size);
}

export const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Sends an archive in chunks of a size that fits nothing, in a buffer that is overwritten each time. */
export async function upload(target: StorageTarget, key: string, data: Buffer, sizeLimit = data.length) {
  const writer = await target.create(key, { sizeLimit });
  const chunk = Buffer.alloc(777_777);
  for (let offset = 0; offset < data.length; offset += chunk.length) {
    const size = data.copy(chunk, 0, offset, offset + chunk.length);
    await writer.write(chunk.subarray(0, size));
    chunk.fill(0);
  }
  await writer.finish();
  return writer;
}

/** The file in which the server keeps an object: a witness that is none of our code. */
export function stored(server: S3Server, key: string, bucket = 'bucket'): Buffer | undefined {
  const path = join(server.dataDir, bucket, key);
  return existsSync(path) ? readFileSync(path) : undefined;
}

/** Parts of unfinished uploads in the server's own folder. */
export function leftovers(server: S3Server, bucket = 'bucket'): string[] {
  return readdirSync(join(server.dataDir, bucket), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /sgwtmp|rclone_temp/.test(join(entry.parentPath, entry.name)))
    .map((entry) => join(entry.parentPath, entry.name));
}

export async function collect(stream: AsyncIterable<unknown> | Iterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The problem that a promise ends with. */
export async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise;
  } catch (error) {
    if (isProblem(error)) return error;
    throw error;
  }
  throw new Error('no problem came');
}
