import type { Content } from './content.ts';
import { S3Error } from './errors.ts';
import type { OperationName } from './operations.ts';
import { filled, type Profile, type Refusal } from './profiles.ts';
import type { Bucket, Version } from './store.ts';

/** What the operations of a server share. */
export interface World {
  readonly profile: Profile;
  readonly buckets: Map<string, Bucket>;
  /** The region that the buckets lie in. */
  readonly region: string;
  /** Milliseconds since 1970, as the server believes. */
  now(): number;
  /** Of larger contents only the sums are kept. */
  readonly keepUpTo: number;
  /** The most entries that a list gives at once. */
  readonly pageSize: number;
  /** How long the restoration of an archived object takes (milliseconds). */
  readonly restoreMs: number;
  /** The most bytes that a bucket takes. */
  quotaBytes: number;
}

/** A body that came in whole, with the sums that were sent with it and agree. */
export interface Received {
  readonly content: Content;
  /** `x-amz-checksum-…`: at most one. */
  readonly checksums: Readonly<Record<string, string>>;
  /** A sum was sent, if only Content-MD5. */
  readonly summed: boolean;
}

/** A request whose signature is right. */
export interface Call {
  readonly world: World;
  readonly operation: OperationName;
  readonly bucketName: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: boolean;
  /** Reads the body and compares every sum that came with it. */
  receive(): Promise<Received>;
}

/** Part of a content that is sent. */
export interface Stretch {
  readonly pieces: readonly Buffer[];
  readonly start: number;
  readonly end: number;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A document, or bytes. */
  readonly body?: string | Stretch;
}

export type Handler = (call: Call) => Promise<Answer> | Answer;

export function bucketOf(call: Pick<Call, 'world' | 'bucketName'>): Bucket {
  const bucket = call.world.buckets.get(call.bucketName);
  if (!bucket) throw new S3Error('NoSuchBucket', { fields: { BucketName: call.bucketName } });
  return bucket;
}

/** The version that `versionId` names, else the current one; delete markers and what is not there throw. */
export function versionOf(call: Call, key = call.key, versionId = call.query.get('versionId')): Version {
  const bucket = bucketOf(call);
  const { profile } = call.world;
  if (versionId !== undefined && (profile.versioning !== 'none' || profile.unknown === 'refused')) {
    const version = bucket.versionsOf(key).find((one) => one.versionId === versionId);
    if (!version) throw new S3Error('NoSuchVersion', { fields: { Key: key, VersionId: versionId } });
    if (version.deleteMarker) {
      throw new S3Error('MethodNotAllowed', { headers: { 'x-amz-delete-marker': 'true', allow: 'DELETE' } });
    }
    return version;
  }
  const version = bucket.visible(key);
  if (version) return version;
  const marker = bucket.versionsOf(key)[0];
  const headers = marker
    ? { 'x-amz-delete-marker': 'true', 'x-amz-version-id': marker.versionId }
    : undefined;
  throw new S3Error('NoSuchKey', { fields: { Key: key }, ...(headers ? { headers } : {}) });
}

/** The refusal of a profile as an error. */
export function refused(refusal: Refusal, places: Readonly<Record<string, string>> = {}): S3Error {
  return new S3Error(refusal.code, { status: refusal.status, message: filled(refusal, places) });
}

export function xml(body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body };
}

export function quoted(etag: string): string {
  return `"${etag}"`;
}

export function isoDate(ms: number): string {
  return new Date(ms).toISOString();
}
