import { createHash } from 'node:crypto';
import { Problem } from '../../../kernel/errors.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** Smaller parts cost more requests than they save memory. */
const USUAL_PART = 16 * MIB;

/** Where many are in flight, or a limit makes each of them slow. S3 itself allows 5 MiB. */
const SMALL_PART = 8 * MIB;

/** Two of them are what a box with 1 GB can spare for an upload. */
const LARGEST_PART = 64 * MIB;

/** S3's own limit. */
const MOST_PARTS = 10_000;

/** The share of them that part sizes are planned for; the rest is headroom for an estimate that was a little too low. */
const PLANNED_SHARE = 0.9;

/**
 * Parts of an upload in flight at once, each in a buffer of its own. One leaves the line idle while the next part
 * is filled; more than two raise the memory, and the speed only where the store is far away.
 */
const USUAL_BUFFERS = 2;

/**
 * To a store that is far away, two parts leave the line idle while it confirms them: over 50 ms and 1 Gbit/s two of
 * 16 MiB reach 685 Mbit/s, eight of 8 MiB 904.
 */
const FAR_BUFFERS = 8;

/** A store whose answers take longer is far away (milliseconds). */
const FAR_MS = 15;

/**
 * No more is in flight than a limit lets out in this time. Whoever sends the archive hears nothing meanwhile and gives
 * up after 15 minutes; several uploads that share a limit stay below that, too (seconds).
 */
const IN_FLIGHT_SECONDS = 240;

/** The buffers of an upload; each is a part (sizes in bytes). */
export interface Plan {
  readonly bufferSize: number;
  readonly buffers: number;
  /** So many help, if there is memory to spare. */
  readonly mostBuffers: number;
}

/** What an upload is to keep to besides its size. */
export interface PlanWishes {
  /** How many parts a person wants in flight; 0 leaves it to us. */
  readonly parallel?: number;
  /** What the upload is limited to (bytes per second). */
  readonly rate?: number | undefined;
  /** How long the store takes to answer (milliseconds), as far as that is known. */
  readonly roundTripMs?: number | undefined;
  /** Where the provider takes fewer parts than S3 itself. */
  readonly mostParts?: number | undefined;
}

/**
 * How an archive of at most `sizeLimit` bytes is cut, with `memory` bytes for all buffers: equal parts (R2 and Mega accept no others), as small as the
 * number of parts allows, and as many in flight as the memory and a limit allow. What fits into one part gets one
 * buffer.
 * @throws Problem `upload_too_large`
 */
export function planParts(sizeLimit: number, memory: number, wishes: PlanWishes = {}): Plan {
  const { parallel = 0, rate, roundTripMs = 0, mostParts = MOST_PARTS } = wishes;
  const far = parallel === 0 && rate === undefined && roundTripMs > FAR_MS;
  const small = far || parallel > USUAL_BUFFERS || rate !== undefined;
  const smallest = small ? SMALL_PART : USUAL_PART;
  if (sizeLimit <= smallest) return { bufferSize: smallest, buffers: 1, mostBuffers: 1 };
  const wanted = Math.ceil(sizeLimit / (mostParts * PLANNED_SHARE) / MIB) * MIB;
  const bufferSize = Math.min(LARGEST_PART, Math.max(smallest, wanted));
  const most = Math.min(LARGEST_PART, Math.floor(memory / USUAL_BUFFERS / MIB) * MIB) * mostParts;
  if (sizeLimit > bufferSize * mostParts || bufferSize * USUAL_BUFFERS > memory) {
    throw tooLarge(most);
  }
  const buffers = Math.min(
    parallel === 0 ? USUAL_BUFFERS : parallel,
    Math.floor(memory / bufferSize),
    Math.ceil(sizeLimit / bufferSize),
    rate === undefined ? Number.POSITIVE_INFINITY : Math.floor((rate * IN_FLIGHT_SECONDS) / bufferSize),
  );
  const planned = Math.max(1, buffers);
  const mostBuffers = far ? Math.min(FAR_BUFFERS, Math.ceil(sizeLimit / bufferSize)) : planned;
  return { bufferSize, buffers: planned, mostBuffers };
}

/** An archive that is larger than `limit` bytes. */
export function tooLarge(limit: number): Problem {
  const [unit, name] = limit >= GIB ? [GIB, 'GiB'] : [MIB, 'MiB'];
  const rounded = Math.floor((limit / unit) * 10) / 10;
  return new Problem('upload_too_large', { params: { limit: `${rounded} ${name}` } });
}

const MD5 = /^"?([0-9a-f]{32})"?$/;

/**
 * The ETag that nearly every server gives to an object of these parts: the MD5 of their MD5s and their number.
 * Undefined where the parts' own ETags are no MD5s, as with some encryption at rest.
 */
export function compositeEtag(etags: readonly string[]): string | undefined {
  const hash = createHash('md5');
  for (const etag of etags) {
    const md5 = MD5.exec(etag)?.[1];
    if (md5 === undefined) return undefined;
    hash.update(md5, 'hex');
  }
  return `${hash.digest('hex')}-${etags.length}`;
}
