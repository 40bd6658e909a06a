import { type Answer, bucketOf, type Call, quoted, versionOf } from './call.ts';
import { bytesOf } from './content.ts';
import { checkReader } from './encryption.ts';
import { S3Error } from './errors.ts';
import { lockHeaders } from './locks.ts';
import type { Version } from './store.ts';
import { readXml } from './xml.ts';

const MS_PER_DAY = 24 * 60 * 60_000;

interface Range {
  readonly start: number;
  /** Without it. */
  readonly end: number;
}

/** One range of bytes; more than one, or what is no range, means the whole (RFC 9110, section 14.2). */
function rangeOf(header: string | undefined, size: number): Range | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [first, last] = [match[1] as string, match[2] as string];
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  if (start < end) return { start, end };
  throw new S3Error('InvalidRange', {
    fields: { RangeRequested: header ?? '', ActualObjectSize: String(size) },
  });
}

function partRange(number: string | undefined, { parts, content }: Version): Range | undefined {
  if (number === undefined) return undefined;
  const sizes = parts.length > 0 ? parts : [content.size];
  const index = Number(number) - 1;
  if (!(index >= 0 && index < sizes.length)) {
    throw new S3Error('InvalidPartNumber', {
      status: 416,
      message: 'The requested partnumber is not satisfiable',
    });
  }
  const start = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
  return { start, end: start + (sizes[index] as number) };
}

/** Throws PreconditionFailed, or answers 304 (RFC 9110, section 13.2.2). */
function conditions({ headers }: Call, { etag, lastModified }: Version): 304 | undefined {
  const listed = (header: string) =>
    header.split(',').some((one) => ['*', etag].includes(one.trim().replaceAll('"', '')));
  const seconds = Math.floor(lastModified / 1000) * 1000;
  const { 'if-match': match, 'if-none-match': none } = headers;
  const { 'if-modified-since': modified, 'if-unmodified-since': unmodified } = headers;
  if (match !== undefined && !listed(match)) {
    throw new S3Error('PreconditionFailed', { fields: { Condition: 'If-Match' } });
  }
  if (match === undefined && unmodified !== undefined && seconds > Date.parse(unmodified)) {
    throw new S3Error('PreconditionFailed', { fields: { Condition: 'If-Unmodified-Since' } });
  }
  if (none !== undefined) return listed(none) ? 304 : undefined;
  return modified !== undefined && seconds <= Date.parse(modified) ? 304 : undefined;
}

/** Throws for an object in an archive that was not restored. */
export function checkReadable({ world }: Call, version: Version): void {
  if (!world.profile.archived.includes(version.storageClass)) return;
  const { restored } = version;
  const now = world.now();
  if (restored && restored.from <= now && now < restored.until) return;
  throw new S3Error('InvalidObjectState', { fields: { StorageClass: version.storageClass } });
}

function restoreHeader(call: Call, { restored }: Version): Record<string, string> {
  if (!restored) return {};
  const until = new Date(restored.until).toUTCString();
  const ongoing = restored.from > call.world.now();
  return {
    'x-amz-restore': ongoing ? 'ongoing-request="true"' : `ongoing-request="false", expiry-date="${until}"`,
  };
}

function describe(call: Call, version: Version): Record<string, string> {
  const { versioning } = bucketOf(call);
  return {
    ...version.headers,
    etag: quoted(version.etag),
    'last-modified': new Date(version.lastModified).toUTCString(),
    'accept-ranges': 'bytes',
    ...(versioning === 'Off' ? {} : { 'x-amz-version-id': version.versionId }),
    // "STANDARD" is not said.
    ...(version.storageClass === 'STANDARD' ? {} : { 'x-amz-storage-class': version.storageClass }),
    ...version.encryption.headers,
    ...lockHeaders(version),
    ...restoreHeader(call, version),
    ...(call.headers['x-amz-checksum-mode'] === 'ENABLED' ? version.checksums : {}),
  };
}

/** GetObject and HeadObject. */
export function getObject(call: Call): Answer {
  const version = versionOf(call);
  checkReader(call, version);
  const headers = describe(call, version);
  const notModified = conditions(call, version);
  if (notModified) return { status: notModified, headers };
  const head = call.operation === 'HeadObject';
  if (!head) checkReadable(call, version);
  const { size, pieces } = version.content;
  const part = call.query.get('partNumber');
  const range = partRange(part, version) ?? rangeOf(call.headers.range, size);
  const { start, end } = range ?? { start: 0, end: size };
  if (part !== undefined && version.parts.length > 0) {
    headers['x-amz-mp-parts-count'] = String(version.parts.length);
  }
  // Sums are of the whole.
  if (range) for (const name of Object.keys(version.checksums)) delete headers[name];
  if (!pieces && !head)
    throw new S3Error('InternalError', { message: 'of this object only the sums were kept' });
  return {
    status: range ? 206 : 200,
    headers: {
      ...headers,
      'content-length': String(end - start),
      ...(range ? { 'content-range': `bytes ${start}-${end - 1}/${size}` } : {}),
    },
    ...(head ? {} : { body: { pieces: pieces ?? [], start, end } }),
  };
}

/** "RestoreObject": 202 the first time, 200 once there is a copy, whose time it prolongs. */
export async function restoreObject(call: Call): Promise<Answer> {
  const { content } = await call.receive();
  const document = readXml(bytesOf(content), 'RestoreRequest');
  const version = versionOf(call);
  const { profile, restoreMs } = call.world;
  if (!profile.archived.includes(version.storageClass)) {
    throw new S3Error('InvalidObjectState', {
      message: "Restore is not allowed for the object's current storage class",
      fields: { StorageClass: version.storageClass },
    });
  }
  const days = Number(document.text('Days'));
  if (!(days >= 1)) throw new S3Error('MalformedXML');
  const now = call.world.now();
  const { restored } = version;
  if (restored && restored.from > now) throw new S3Error('RestoreAlreadyInProgress');
  const again = restored !== undefined && restored.until > now;
  const from = again ? restored.from : now + restoreMs;
  version.restored = { from, until: from + days * MS_PER_DAY };
  return { status: again ? 200 : 202 };
}
