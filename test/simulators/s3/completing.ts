import { createHash } from 'node:crypto';
import { crc32 as crc32Of } from 'node:zlib';
import { type Answer, bucketOf, type Call, quoted, xml } from './call.ts';
import { bytesOf, crc32Base64, joined } from './content.ts';
import { S3Error } from './errors.ts';
import { checkWriteConditions, writtenHeaders } from './intent.ts';
import { uploadOf } from './multipart.ts';
import { addVersion, etagOf } from './objects.ts';
import type { Part, Upload } from './store.ts';
import { type Element, type Read, readXml, xmlDocument } from './xml.ts';

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
  const document = readXml(bytesOf(body), 'CompleteMultipartUpload');
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
      ...Object.entries(version.checksums).map(
        ([name, sum]): Element => [`Checksum${name.slice('x-amz-checksum-'.length).toUpperCase()}`, sum],
      ),
      ['ChecksumType', upload.algorithm && upload.checksumType],
    ]),
    headers,
  );
}
