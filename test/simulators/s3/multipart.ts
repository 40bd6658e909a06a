import { randomBytes } from 'node:crypto';
import { type Answer, bucketOf, type Call, isoDate, quoted, xml } from './call.ts';
import { checkPart } from './encryption.ts';
import { S3Error } from './errors.ts';
import { checkQuota, intentOf } from './intent.ts';
import { checkSummed } from './locks.ts';
import { etagOf } from './objects.ts';
import type { Upload } from './store.ts';
import { type Element, xmlDocument } from './xml.ts';

/** "Amazon S3 multipart upload limits". */
const MOST_PARTS = 10_000;

export async function createMultipartUpload(call: Call): Promise<Answer> {
  await call.receive();
  const bucket = bucketOf(call);
  const intent = intentOf(call, bucket);
  const { profile } = call.world;
  const algorithm = call.headers['x-amz-checksum-algorithm']?.toLowerCase();
  const known = profile.checksums.headers;
  if (
    algorithm !== undefined &&
    !(Array.isArray(known) && (known as readonly string[]).includes(algorithm))
  ) {
    throw new S3Error('NotImplemented', {
      message: `Header 'x-amz-checksum-algorithm' with value '${algorithm.toUpperCase()}' not implemented`,
    });
  }
  const type = call.headers['x-amz-checksum-type'] ?? 'COMPOSITE';
  const types: readonly string[] = profile.checksums.types;
  // Only sums that can be joined are of a whole object.
  if (!types.includes(type) || (type === 'FULL_OBJECT' && algorithm !== 'crc32')) {
    throw new S3Error('InvalidRequest', {
      message: `The ${type} checksum type cannot be used with the ${algorithm?.toUpperCase()} checksum algorithm.`,
    });
  }
  const upload: Upload = {
    key: call.key,
    uploadId: randomBytes(24).toString('base64url'),
    initiated: call.world.now(),
    intent,
    algorithm,
    checksumType: type as Upload['checksumType'],
    parts: new Map(),
  };
  bucket.uploads.set(upload.uploadId, upload);
  bucket.came(upload.key, upload.uploadId);
  return xml(
    xmlDocument('InitiateMultipartUploadResult', [
      ['Bucket', bucket.name],
      ['Key', call.key],
      ['UploadId', upload.uploadId],
    ]),
    {
      ...intent.encryption.headers,
      ...(algorithm === undefined
        ? {}
        : { 'x-amz-checksum-algorithm': algorithm.toUpperCase(), 'x-amz-checksum-type': type }),
    },
  );
}

/** The upload that a request is about, or NoSuchUpload. */
export function uploadOf(call: Call): Upload {
  return bucketOf(call).upload(call.query.get('uploadId') ?? '', call.key);
}

/** MEGA S4: parts come in any order, and only the one with the highest number may be smaller. */
function checkRegular({ parts }: Upload, number: number, size: number): void {
  const others = [...parts.values()].filter((part) => part.number !== number);
  const all = [...others.map((part) => ({ number: part.number, size: part.content.size })), { number, size }];
  all.sort((a, b) => a.number - b.number);
  const last = all.pop()?.size ?? 0;
  const first = all[0]?.size ?? last;
  if (last <= first && all.every((part) => part.size === first)) return;
  throw new S3Error('InvalidPart', {
    message:
      'Inconsistent part size. S4 requires parts to have the same size (except a smaller size can be allowed for the last part) and consecutive sequential part numbers starting by 1',
  });
}

/** The sum that the upload was begun with, and no other (aws-sdk-js-v3#6922, versitygw#1342). */
function checkAlgorithm(call: Call, upload: Upload, checksums: Readonly<Record<string, string>>): void {
  if (!call.world.profile.checksums.asBegun) return;
  const sent = Object.keys(checksums)[0]?.slice('x-amz-checksum-'.length);
  const optional = upload.checksumType === 'FULL_OBJECT' && sent === undefined;
  if (sent === upload.algorithm || optional) return;
  throw new S3Error('InvalidRequest', {
    message: `Checksum Type mismatch occurred, expected checksum Type: ${upload.algorithm ?? null}, actual checksum Type: ${sent ?? null}`,
  });
}

export async function uploadPart(call: Call): Promise<Answer> {
  const bucket = bucketOf(call);
  const upload = uploadOf(call);
  const number = Number(call.query.get('partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > MOST_PARTS) {
    throw new S3Error('InvalidArgument', {
      message: `Part number must be an integer between 1 and ${MOST_PARTS}, inclusive`,
      fields: { ArgumentName: 'partNumber', ArgumentValue: call.query.get('partNumber') ?? '' },
    });
  }
  checkPart(call, upload.intent.encryption);
  const { content, checksums, summed } = await call.receive();
  // The upload may have been aborted while the part came.
  uploadOf(call);
  checkSummed(call, upload.intent, summed, 'Put Part');
  checkAlgorithm(call, upload, checksums);
  if (call.world.profile.parts.equal === 'at UploadPart') checkRegular(upload, number, content.size);
  checkQuota(call, bucket, content.size);
  const etag = etagOf(upload.intent, content.md5);
  upload.parts.set(number, { number, content, etag, checksums, lastModified: call.world.now() });
  return {
    status: 200,
    headers: { etag: quoted(etag), ...upload.intent.encryption.headers, ...checksums },
  };
}

export function abortMultipartUpload(call: Call): Answer {
  const { uploadId } = uploadOf(call);
  bucketOf(call).uploads.delete(uploadId);
  return { status: 204 };
}

export function listParts(call: Call): Answer {
  const upload = uploadOf(call);
  const most = Math.min(Number(call.query.get('max-parts') ?? 1000), call.world.pageSize);
  const after = Number(call.query.get('part-number-marker') ?? 0);
  const rest = [...upload.parts.values()].sort((a, b) => a.number - b.number).filter((p) => p.number > after);
  const page = rest.slice(0, most);
  return xml(
    xmlDocument('ListPartsResult', [
      ['Bucket', call.bucketName],
      ['Key', call.key],
      ['UploadId', upload.uploadId],
      ['PartNumberMarker', after],
      ['NextPartNumberMarker', page.at(-1)?.number ?? 0],
      ['MaxParts', most],
      ['IsTruncated', rest.length > page.length],
      ['StorageClass', upload.intent.storageClass],
      ...page.map(
        (part): Element => [
          'Part',
          [
            ['PartNumber', part.number],
            ['LastModified', isoDate(part.lastModified)],
            ['ETag', quoted(part.etag)],
            ['Size', part.content.size],
          ],
        ],
      ),
    ]),
  );
}
