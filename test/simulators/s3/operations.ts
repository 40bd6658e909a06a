import { S3Error } from './errors.ts';

/** The operations of the Amazon S3 API that are known here. */
export type OperationName =
  | 'ListBuckets'
  | 'CreateBucket'
  | 'DeleteBucket'
  | 'HeadBucket'
  | 'GetBucketLocation'
  | 'GetBucketVersioning'
  | 'PutBucketVersioning'
  | 'GetBucketLifecycleConfiguration'
  | 'PutBucketLifecycleConfiguration'
  | 'DeleteBucketLifecycle'
  | 'GetObjectLockConfiguration'
  | 'PutObjectLockConfiguration'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'ListObjectVersions'
  | 'ListMultipartUploads'
  | 'DeleteObjects'
  | 'PutObject'
  | 'CopyObject'
  | 'GetObject'
  | 'HeadObject'
  | 'DeleteObject'
  | 'GetObjectRetention'
  | 'PutObjectRetention'
  | 'RestoreObject'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'ListParts'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload';

/** Whose thing an operation is about, its verb and the subresource that selects it. */
type Table = Readonly<Record<string, OperationName>>;

const OF_BUCKETS: Table = {
  'PUT ': 'CreateBucket',
  'DELETE ': 'DeleteBucket',
  'HEAD ': 'HeadBucket',
  'GET ': 'ListObjects',
  'GET list-type': 'ListObjectsV2',
  'GET versions': 'ListObjectVersions',
  'GET uploads': 'ListMultipartUploads',
  'GET location': 'GetBucketLocation',
  'GET versioning': 'GetBucketVersioning',
  'PUT versioning': 'PutBucketVersioning',
  'GET lifecycle': 'GetBucketLifecycleConfiguration',
  'PUT lifecycle': 'PutBucketLifecycleConfiguration',
  'DELETE lifecycle': 'DeleteBucketLifecycle',
  'GET object-lock': 'GetObjectLockConfiguration',
  'PUT object-lock': 'PutObjectLockConfiguration',
  'POST delete': 'DeleteObjects',
};

const OF_OBJECTS: Table = {
  'PUT ': 'PutObject',
  'GET ': 'GetObject',
  'HEAD ': 'HeadObject',
  'DELETE ': 'DeleteObject',
  'GET retention': 'GetObjectRetention',
  'PUT retention': 'PutObjectRetention',
  'POST restore': 'RestoreObject',
  'POST uploads': 'CreateMultipartUpload',
  'PUT uploadId': 'UploadPart',
  'GET uploadId': 'ListParts',
  'POST uploadId': 'CompleteMultipartUpload',
  'DELETE uploadId': 'AbortMultipartUpload',
};

/** What says more about an operation without selecting one. */
const PARAMETERS: ReadonlySet<string> = new Set([
  'continuation-token',
  'delimiter',
  'encoding-type',
  'fetch-owner',
  'key-marker',
  'marker',
  'max-keys',
  'max-parts',
  'max-uploads',
  'part-number-marker',
  'partNumber',
  'prefix',
  'start-after',
  'upload-id-marker',
  'version-id-marker',
  'versionId',
  // The SDK names its operation in each address.
  'x-id',
]);

function subresourceOf(query: ReadonlyMap<string, string>): string {
  const [selecting = '', ...more] = [...query.keys()].filter((name) => !PARAMETERS.has(name));
  if (more.length > 0) throw new S3Error('NotImplemented');
  if (selecting.startsWith('X-Amz-')) throw new S3Error('NotImplemented', { message: 'Presigned requests' });
  return selecting;
}

/** The operation that a request means; 501 for what is not known, 405 for a verb that does not go with the rest. */
export function operationOf(
  method: string,
  { bucket, key }: { bucket: string | undefined; key: string | undefined },
  query: ReadonlyMap<string, string>,
  copies: boolean,
): OperationName {
  const subresource = subresourceOf(query);
  if (bucket === undefined) {
    if (method !== 'GET') throw new S3Error('MethodNotAllowed');
    if (subresource !== '') throw new S3Error('NotImplemented');
    return 'ListBuckets';
  }
  const table = key === undefined ? OF_BUCKETS : OF_OBJECTS;
  const operation = table[`${method} ${subresource}`];
  if (operation === undefined) {
    const known = Object.keys(table).some((entry) => entry.endsWith(` ${subresource}`));
    throw new S3Error(known ? 'MethodNotAllowed' : 'NotImplemented');
  }
  if (operation === 'PutObject' && query.has('partNumber')) throw new S3Error('InvalidArgument');
  if (copies && operation === 'UploadPart')
    throw new S3Error('NotImplemented', { message: 'UploadPartCopy' });
  return copies && operation === 'PutObject' ? 'CopyObject' : operation;
}
