import {
  createBucket,
  deleteBucket,
  deleteLifecycle,
  getBucketLocation,
  getBucketVersioning,
  getLifecycle,
  headBucket,
  listBuckets,
  putBucketVersioning,
  putLifecycle,
} from './buckets.ts';
import { type Call, type Handler, refused } from './call.ts';
import { completeMultipartUpload } from './completing.ts';
import { deleteObject, deleteObjects } from './deleting.ts';
import { S3Error } from './errors.ts';
import { listMultipartUploads, listObjects, listObjectVersions } from './listing.ts';
import {
  getObjectLockConfiguration,
  getObjectRetention,
  putObjectLockConfiguration,
  putObjectRetention,
} from './locks.ts';
import { abortMultipartUpload, createMultipartUpload, listParts, uploadPart } from './multipart.ts';
import { copyObject, putObject } from './objects.ts';
import type { OperationName } from './operations.ts';
import { getObject, restoreObject } from './reading.ts';

/** Who does what. */
export const HANDLERS: Readonly<Record<OperationName, Handler>> = {
  ListBuckets: listBuckets,
  CreateBucket: createBucket,
  DeleteBucket: deleteBucket,
  HeadBucket: headBucket,
  GetBucketLocation: getBucketLocation,
  GetBucketVersioning: getBucketVersioning,
  PutBucketVersioning: putBucketVersioning,
  GetBucketLifecycleConfiguration: getLifecycle,
  PutBucketLifecycleConfiguration: putLifecycle,
  DeleteBucketLifecycle: deleteLifecycle,
  GetObjectLockConfiguration: getObjectLockConfiguration,
  PutObjectLockConfiguration: putObjectLockConfiguration,
  ListObjects: listObjects,
  ListObjectsV2: listObjects,
  ListObjectVersions: listObjectVersions,
  ListMultipartUploads: listMultipartUploads,
  DeleteObjects: deleteObjects,
  PutObject: putObject,
  CopyObject: copyObject,
  GetObject: getObject,
  HeadObject: getObject,
  DeleteObject: deleteObject,
  GetObjectRetention: getObjectRetention,
  PutObjectRetention: putObjectRetention,
  RestoreObject: restoreObject,
  CreateMultipartUpload: createMultipartUpload,
  UploadPart: uploadPart,
  ListParts: listParts,
  CompleteMultipartUpload: completeMultipartUpload,
  AbortMultipartUpload: abortMultipartUpload,
};

const LISTS: ReadonlySet<OperationName> = new Set(['ListObjects', 'ListObjectsV2']);

/** Throws what the provider lacks, and what this key may not do. */
export function checkAllowed({ world: { profile }, operation, key, query }: Call): void {
  const lacking = profile.lacking[operation];
  if (lacking) throw refused(lacking);
  const { confinedTo } = profile;
  // The keys that shall be deleted are looked at one by one.
  if (confinedTo === undefined || operation === 'DeleteObjects') return;
  const touched = LISTS.has(operation) ? (query.get('prefix') ?? '') : key;
  if (!touched.startsWith(confinedTo)) throw new S3Error('AccessDenied');
}
