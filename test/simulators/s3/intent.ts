import { type Call, quoted } from './call.ts';
import { encryptionOf } from './encryption.ts';
import { S3Error } from './errors.ts';
import { lockOf } from './locks.ts';
import type { Bucket, Intent, Version } from './store.ts';

/** "Object keys": the most bytes of a name in UTF-8. */
const LONGEST_KEY = 1024;

/** Headers that an object gives back as they were sent. */
const KEPT = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];

const USER_METADATA = 'x-amz-meta-';
/** "PUT request headers": user-defined metadata in all. */
const MOST_METADATA = 2048;

/** All that is decided before the content of an object is known; throws for what the provider does not do. */
export function intentOf(call: Call, bucket: Bucket): Intent {
  if (Buffer.byteLength(call.key) > LONGEST_KEY) {
    throw new S3Error('KeyTooLongError', {
      fields: { Size: String(Buffer.byteLength(call.key)), MaxSizeAllowed: String(LONGEST_KEY) },
    });
  }
  const acl = call.headers['x-amz-acl'];
  if (acl !== undefined && acl !== 'private') throw new S3Error('NotImplemented');
  return {
    headers: keptHeaders(call.headers),
    storageClass: storageClassOf(call),
    encryption: encryptionOf(call),
    ...lockOf(call, bucket),
  };
}

export function keptHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = { 'content-type': 'binary/octet-stream' };
  let metadata = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(USER_METADATA)) metadata += name.length - USER_METADATA.length + value.length;
    else if (!KEPT.includes(name)) continue;
    // The chunks are gone once the body was read.
    const left = name === 'content-encoding' ? value.replace(/(^|,\s*)aws-chunked(,\s*|$)/, '') : value;
    if (left !== '') kept[name] = left;
  }
  if (metadata > MOST_METADATA) {
    throw new S3Error('MetadataTooLarge', {
      message: 'Your metadata headers exceed the maximum allowed metadata size',
    });
  }
  return kept;
}

function storageClassOf({ headers, world: { profile } }: Call): string {
  const wanted = headers['x-amz-storage-class'] ?? 'STANDARD';
  if (profile.unknown === 'ignored') return 'STANDARD';
  if (!profile.storageClasses.includes(wanted)) throw new S3Error('InvalidStorageClass');
  return wanted;
}

/** `If-None-Match: *` and `If-Match` of whatever writes an object ("Conditional writes" of the User Guide). */
export function checkWriteConditions(call: Call, current: Version | undefined): void {
  if (call.world.profile.conditions === 'ignored') return;
  const { 'if-none-match': none, 'if-match': match } = call.headers;
  if (none !== undefined) {
    if (none !== '*') throw new S3Error('NotImplemented');
    if (current) throw new S3Error('PreconditionFailed', { fields: { Condition: 'If-None-Match' } });
  }
  if (match !== undefined) {
    if (!current) throw new S3Error('NoSuchKey', { fields: { Key: call.key } });
    if (match !== '*' && match.replaceAll('"', '') !== current.etag) {
      throw new S3Error('PreconditionFailed', { fields: { Condition: 'If-Match' } });
    }
  }
}

/** What every answer about a new version says. */
export function writtenHeaders(bucket: Bucket, version: Version): Record<string, string> {
  return {
    etag: quoted(version.etag),
    ...(bucket.versioning === 'Off' ? {} : { 'x-amz-version-id': version.versionId }),
    ...version.encryption.headers,
    ...version.checksums,
  };
}

export function checkQuota({ world }: Call, bucket: Bucket, more: number): void {
  // The sum of a whole bucket is only made where there is something to compare it with.
  if (Number.isFinite(world.quotaBytes) && bucket.bytes + more > world.quotaBytes) {
    throw new S3Error('QuotaExceeded');
  }
}
