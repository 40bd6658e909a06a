import { createHash, randomBytes } from 'node:crypto';
import { crc32 as crc32Of } from 'node:zlib';
import { type Answer, bucketOf, type Call, isoDate, quoted, xml } from './call.ts';
import { crc32Base64, joined } from './content.ts';
import { checkPart } from './encryption.ts';
import { S3Error } from './errors.ts';
import { checkQuota, checkWriteConditions, intentOf, writtenHeaders } from './intent.ts';
import { checkSummed } from './locks.ts';
import { addVersion, etagOf } from './objects.ts';
import type { Part, Upload } from './store.ts';
import { type Element, type Read, readXml, xmlDocument } from './xml.ts';

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

function uploadOf(call: Call): Upload {
  return bucketOf(call).upload(call.query.get('uploadId') ?? '', call.key);
}

/** MEGA S4: what does not go on from part 1 in equal steps. */
function checkRegular({ parts }: Upload, number: number, size: number): void {
  const steps = [...parts.values()].filter((part) => part.number !== number);
  const [first] = steps.sort((a, b) => a.number - b.number);
  const last = Math.max(number, ...steps.map((part) => part.number));
  const unequal =
    first !== undefined &&
    (number === last
      ? size > first.content.size || steps.some((part) => part.content.size !== first.content.size)
      : size !== first.content.size);
  if (!unequal) return;
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

/** The parts as the document names them; throws for what does not fit. */
function chosen(call: Call, upload: Upload, document: Read): Part[] {
  const { profile } = call.world;
  const named = document.all('Part').map((part) => ({
    number: Number(part.text('PartNumber')),
    etag: (part.text('ETag') ?? '').replaceAll('"', ''),
    part,
  }));
  if (named.length === 0) throw new S3Error('MalformedXML');
  const parts = named.map(({ number, etag, part: said }, index) => {
    if (index > 0 && number <= (named[index - 1]?.number ?? 0)) throw new S3Error('InvalidPartOrder');
    const part = upload.parts.get(number);
    if (!part || part.etag !== etag) {
      throw new S3Error('InvalidPart', {
        fields: { UploadId: upload.uploadId, PartNumber: String(number), ETag: etag },
      });
    }
    for (const [name, value] of Object.entries(part.checksums)) {
      const claimed = said.text(`Checksum${name.slice('x-amz-checksum-'.length).toUpperCase()}`);
      if (claimed !== undefined && claimed !== value) throw new S3Error('InvalidPart');
      if (claimed === undefined && upload.checksumType === 'COMPOSITE' && profile.checksums.asBegun) {
        throw new S3Error('InvalidRequest', {
          message: `The upload was created using a ${upload.algorithm} checksum. The complete request must include the checksum for each part. It was missing for part ${number} in the request.`,
        });
      }
    }
    return part;
  });
  checkSizes(call, parts);
  return parts;
}

function checkSizes({ world: { profile } }: Call, parts: readonly Part[]): void {
  const sizes = parts.map(({ content }) => content.size);
  const last = sizes.pop() ?? 0;
  const { equal, consecutive, minimumBytes } = profile.parts;
  const small = sizes.findIndex((size) => size < minimumBytes);
  if (small >= 0) {
    throw new S3Error('EntityTooSmall', {
      fields: {
        ProposedSize: String(sizes[small]),
        MinSizeAllowed: String(minimumBytes),
        PartNumber: String(parts[small]?.number),
      },
    });
  }
  if (equal !== 'never' && (sizes.some((size) => size !== sizes[0]) || last > (sizes[0] ?? last))) {
    throw new S3Error('InvalidPart', { message: 'All non-trailing parts must have the same length.' });
  }
  if (consecutive && parts.some(({ number }, index) => number !== index + 1))
    throw new S3Error('InvalidPart');
}

/** The checksum of the whole: of the parts' own ones, or of the content. */
function wholeChecksum(
  call: Call,
  upload: Upload,
  parts: readonly Part[],
  crc32: number,
): Record<string, string> {
  if (upload.algorithm === undefined) return {};
  const name = `x-amz-checksum-${upload.algorithm}`;
  const claimed = call.headers[name];
  if (upload.checksumType === 'FULL_OBJECT') {
    const ours = crc32Base64(crc32);
    if (claimed !== undefined && claimed !== ours) throw new S3Error('BadDigest');
    return { [name]: ours };
  }
  const sums = parts.map((part) => Buffer.from(part.checksums[name] ?? '', 'base64'));
  const all = Buffer.concat(sums);
  const { algorithm } = upload;
  const digest =
    algorithm === 'crc32' ? crc32Base64(crc32Of(all)) : createHash(algorithm).update(all).digest('base64');
  return { [name]: `${digest}-${parts.length}` };
}

export async function completeMultipartUpload(call: Call): Promise<Answer> {
  const bucket = bucketOf(call);
  const { content: body } = await call.receive();
  const upload = uploadOf(call);
  const document = readXml(Buffer.concat((body.pieces ?? []) as Buffer[]), 'CompleteMultipartUpload');
  const parts = chosen(call, upload, document);
  checkWriteConditions(call, bucket.visible(call.key));
  const content = joined(
    parts.map((part) => part.content),
    call.world.keepUpTo,
  );
  const md5s = Buffer.concat(parts.map((part) => Buffer.from(part.content.md5, 'hex')));
  const version = addVersion(call, bucket, call.key, upload.intent, {
    content,
    etag: `${etagOf(upload.intent, createHash('md5').update(md5s).digest('hex'))}-${parts.length}`,
    checksums: wholeChecksum(call, upload, parts, content.crc32),
    parts: parts.map((part) => part.content.size),
  });
  bucket.uploads.delete(upload.uploadId);
  const { etag: _inDocument, ...headers } = writtenHeaders(bucket, version);
  return xml(
    xmlDocument('CompleteMultipartUploadResult', [
      ['Location', `/${bucket.name}/${call.key}`],
      ['Bucket', bucket.name],
      ['Key', call.key],
      ['ETag', quoted(version.etag)],
    ]),
    headers,
  );
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
