import { createHash } from 'node:crypto';
import { type Answer, bucketOf, type Call, isoDate, quoted, versionOf, xml } from './call.ts';
import { checkCopySource } from './encryption.ts';
import { S3Error } from './errors.ts';
import { checkQuota, checkWriteConditions, intentOf, keptHeaders, writtenHeaders } from './intent.ts';
import { checkSummed } from './locks.ts';
import { checkReadable } from './reading.ts';
import { uriDecode } from './signature.ts';
import type { Bucket, Intent, Version } from './store.ts';
import { xmlDocument } from './xml.ts';

type NewVersion = Pick<Version, 'content' | 'etag' | 'checksums' | 'parts'>;

/** Puts a new current version into a bucket. */
export function addVersion(
  { world }: Call,
  bucket: Bucket,
  key: string,
  intent: Intent,
  made: NewVersion,
): Version {
  const version: Version = {
    key,
    versionId: bucket.newVersionId(),
    lastModified: world.now(),
    deleteMarker: false,
    ...intent,
    ...made,
    restored: undefined,
  };
  bucket.add(version);
  return version;
}

/** The MD5 of the content, but not where the server encrypts with a key of its own or of the customer. */
export function etagOf({ encryption }: Intent, md5: string): string {
  const kind = encryption.headers['x-amz-server-side-encryption'];
  const opaque = encryption.customerKey !== undefined || kind === 'aws:kms';
  return opaque ? createHash('md5').update(`sealed ${md5}`).digest('hex') : md5;
}

export async function putObject(call: Call): Promise<Answer> {
  const bucket = bucketOf(call);
  const intent = intentOf(call, bucket);
  const { content, checksums, summed } = await call.receive();
  checkSummed(call, intent, summed, 'Put Object');
  checkQuota(call, bucketOf(call), content.size);
  checkWriteConditions(call, bucket.visible(call.key));
  const etag = etagOf(intent, content.md5);
  const version = addVersion(call, bucket, call.key, intent, { content, etag, checksums, parts: [] });
  return { status: 200, headers: writtenHeaders(bucket, version) };
}

/** `/bucket/key?versionId=…`, encoded. */
function sourceOf(call: Call): Version {
  const [path = '', id] = (call.headers['x-amz-copy-source'] ?? '').split('?versionId=');
  const [bucketName = '', ...key] = uriDecode(path).replace(/^\//, '').split('/');
  if (key.length === 0) throw new S3Error('InvalidArgument', { message: 'Invalid copy source' });
  return versionOf({ ...call, bucketName, query: new Map() }, key.join('/'), id);
}

/** "CopyObject"; what is small enough is copied within the call. */
export async function copyObject(call: Call): Promise<Answer> {
  await call.receive();
  const bucket = bucketOf(call);
  const source = sourceOf(call);
  checkCopySource(call, source);
  checkReadable(call, source);
  const { 'x-amz-copy-source-if-match': match, 'x-amz-metadata-directive': directive = 'COPY' } =
    call.headers;
  if (match !== undefined && match.replaceAll('"', '') !== source.etag)
    throw new S3Error('PreconditionFailed');
  const intent = intentOf(call, bucket);
  const same = source.key === call.key && call.headers['x-amz-copy-source']?.includes(bucket.name);
  if (same && directive === 'COPY' && intent.storageClass === source.storageClass) {
    throw new S3Error('InvalidRequest', {
      message:
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    });
  }
  checkQuota(call, bucket, source.content.size);
  checkWriteConditions(call, bucket.visible(call.key));
  const headers = directive === 'REPLACE' ? keptHeaders(call.headers) : source.headers;
  const { content, checksums, etag, parts } = source;
  const made = { content, checksums, etag, parts };
  const version = addVersion(call, bucket, call.key, { ...intent, headers }, made);
  const { etag: _inDocument, ...written } = writtenHeaders(bucket, version);
  return xml(
    xmlDocument('CopyObjectResult', [
      ['LastModified', isoDate(version.lastModified)],
      ['ETag', quoted(version.etag)],
    ]),
    written,
  );
}
