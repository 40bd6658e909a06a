import { type Answer, bucketOf, type Call, xml } from './call.ts';
import { contentOf } from './content.ts';
import { PLAIN } from './encryption.ts';
import { S3Error } from './errors.ts';
import { checkRemovable, smallBody } from './locks.ts';
import { type Bucket, NULL_VERSION, type Version } from './store.ts';
import { type Element, readXml, xmlDocument } from './xml.ts';

/** "DeleteObjects": the most keys of one request. */
const MOST_KEYS = 1000;

interface Deleted {
  readonly versionId?: string;
  /** A marker was made, or a marker was deleted. */
  readonly marker?: string;
}

function marker(call: Call, bucket: Bucket, key: string): Version {
  return {
    key,
    versionId: bucket.newVersionId(),
    lastModified: call.world.now(),
    deleteMarker: true,
    content: contentOf(Buffer.alloc(0)),
    etag: '',
    headers: {},
    checksums: {},
    storageClass: 'STANDARD',
    encryption: PLAIN,
    parts: [],
    retention: undefined,
    legalHold: false,
    restored: undefined,
  };
}

/** "Deleting object versions from a versioning-enabled bucket" of the Amazon S3 User Guide. */
function remove(call: Call, bucket: Bucket, key: string, versionId: string | undefined): Deleted {
  const { confinedTo } = call.world.profile;
  if (confinedTo !== undefined && !key.startsWith(confinedTo)) throw new S3Error('AccessDenied');
  if (versionId !== undefined) {
    const version = bucket.versionsOf(key).find((one) => one.versionId === versionId);
    if (version) {
      checkRemovable(call, version);
      bucket.remove(version);
    }
    return { versionId, ...(version?.deleteMarker ? { marker: versionId } : {}) };
  }
  if (bucket.versioning === 'Off') {
    const version = bucket.versionsOf(key)[0];
    if (version) {
      checkRemovable(call, version);
      bucket.remove(version);
    }
    return {};
  }
  const made = marker(call, bucket, key);
  const replaced = bucket.versionsOf(key).find((one) => one.versionId === NULL_VERSION);
  if (made.versionId === NULL_VERSION && replaced) checkRemovable(call, replaced);
  bucket.add(made);
  return { marker: made.versionId };
}

/** 204, whether there was such an object or not. */
export function deleteObject(call: Call): Answer {
  const bucket = bucketOf(call);
  const match = call.headers['if-match'];
  const current = bucket.visible(call.key);
  if (match !== undefined && call.world.profile.conditions === 'honoured') {
    if (!current || (match !== '*' && match.replaceAll('"', '') !== current.etag)) {
      throw new S3Error('PreconditionFailed', { fields: { Condition: 'If-Match' } });
    }
  }
  const { versionId, marker: made } = remove(call, bucket, call.key, call.query.get('versionId'));
  const named = versionId ?? made;
  return {
    status: 204,
    headers: {
      ...(named === undefined ? {} : { 'x-amz-version-id': named }),
      ...(made === undefined ? {} : { 'x-amz-delete-marker': 'true' }),
    },
  };
}

/** A list of keys; what may not be removed is said in the document, and the answer is 200 all the same. */
export async function deleteObjects(call: Call): Promise<Answer> {
  const bucket = bucketOf(call);
  const document = readXml(await smallBody(call), 'Delete');
  const objects = document.all('Object');
  if (objects.length === 0 || objects.length > MOST_KEYS) throw new S3Error('MalformedXML');
  const quiet = document.text('Quiet') === 'true';
  const results: Element[] = [];
  for (const object of objects) {
    const [key = '', versionId] = [object.text('Key'), object.text('VersionId')];
    try {
      const { marker: made } = remove(call, bucket, key, versionId);
      if (quiet) continue;
      results.push([
        'Deleted',
        [
          ['Key', key],
          ['VersionId', versionId],
          ['DeleteMarker', made === undefined ? undefined : true],
          ['DeleteMarkerVersionId', made],
        ],
      ]);
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      const { code, message } = error;
      results.push([
        'Error',
        [
          ['Key', key],
          ['VersionId', versionId],
          ['Code', code],
          ['Message', message],
        ],
      ]);
    }
  }
  return xml(xmlDocument('DeleteResult', results));
}
