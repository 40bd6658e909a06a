import type { StreamingPayload } from './chunked.ts';
import type { OperationName } from './operations.ts';

const MIB = 1024 * 1024;

type Checksum = 'crc32' | 'sha1' | 'sha256';

/** What is said to something that a server does not know or want. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  /** `{header}` and `{value}` are put in. */
  readonly message: string;
}

/** The rules of one provider, as data. */
export interface Profile {
  /** Regions that a signature may name; the first is told to whoever names another. */
  readonly regions: readonly string[];
  readonly parts: {
    /** The least that a part but the last must have; looked at when the upload is completed. */
    readonly minimumBytes: number;
    /** When parts of unequal size are refused. */
    readonly equal: 'never' | 'at Complete' | 'at UploadPart';
    /** Part numbers must begin with 1 and leave nothing out. */
    readonly consecutive: boolean;
  };
  /** What an unknown key, and a signature made with another secret, are refused with. */
  readonly keys: { readonly unknown: string; readonly wrongSecret: string };
  /** What is done about headers, and versions, that the provider does not know. */
  readonly unknown: 'refused' | 'ignored';
  readonly checksums: {
    /** The code for a checksum that does not fit. */
    readonly mismatch: 'BadDigest' | 'InvalidDigest' | 'XAmzContentChecksumMismatch';
    /** `x-amz-checksum-…` and their kin; a list means that these are compared. */
    readonly headers: readonly Checksum[] | Refusal;
    /** What is said to two at once. */
    readonly twice: string;
    /** Content-MD5 beside another counts as two. */
    readonly md5Counts: boolean;
    /** Parts must have just the algorithm that the upload was begun with. */
    readonly asBegun: boolean;
    /** Types that can be asked for an object of parts. */
    readonly types: readonly ('COMPOSITE' | 'FULL_OBJECT')[];
  };
  /** Bodies in `aws-chunked`: which are taken, and what is said to the others. */
  readonly streaming: { readonly taken: readonly StreamingPayload[]; readonly refusal: Refusal };
  /** `If-None-Match` and `If-Match` of PUT and Complete. */
  readonly conditions: 'honoured' | 'ignored';
  readonly versioning: 'on request' | 'always' | 'none';
  /** What keeps a version under retention from being deleted; undefined where there is no object lock. */
  readonly lock: Refusal | undefined;
  /** DeleteObjects and configurations must come with Content-MD5 or a checksum. */
  readonly documentsNeedSum: boolean;
  /** A PUT into a bucket with a default retention must bring a sum. */
  readonly lockNeedsSum: boolean;
  readonly storageClasses: readonly string[];
  /** Classes whose objects must be restored before they are read. */
  readonly archived: readonly string[];
  readonly encryption: readonly ('s3' | 'kms' | 'customer')[];
  /** Operations that are answered with 501, 405 or the like. */
  readonly lacking: Readonly<Partial<Record<OperationName, Refusal>>>;
  /** Only uploads whose key is the prefix as a whole are listed. */
  readonly uploadsByKeyOnly: boolean;
  /** The key may do nothing but work on objects under this prefix. */
  readonly confinedTo: string | undefined;
}

const notImplemented: Refusal = {
  status: 501,
  code: 'NotImplemented',
  message: 'A header or operation you provided implies functionality that is not implemented',
};

function lacking(
  refusal: Refusal,
  ...operations: readonly OperationName[]
): Partial<Record<OperationName, Refusal>> {
  return Object.fromEntries(operations.map((operation) => [operation, refusal]));
}

const VERSIONING = ['GetBucketVersioning', 'PutBucketVersioning', 'ListObjectVersions'] as const;
const LOCK = [
  'GetObjectLockConfiguration',
  'PutObjectLockConfiguration',
  'GetObjectRetention',
  'PutObjectRetention',
] as const;
const LIFECYCLE = [
  'GetBucketLifecycleConfiguration',
  'PutBucketLifecycleConfiguration',
  'DeleteBucketLifecycle',
] as const;

/** Amazon S3 API Reference; "Amazon S3 multipart upload limits" and "Checking object integrity" of its User Guide. */
const aws: Profile = {
  regions: ['us-east-1'],
  parts: { minimumBytes: 5 * MIB, equal: 'never', consecutive: false },
  keys: { unknown: 'InvalidAccessKeyId', wrongSecret: 'SignatureDoesNotMatch' },
  unknown: 'refused',
  checksums: {
    mismatch: 'BadDigest',
    headers: ['crc32', 'sha1', 'sha256'],
    twice: 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    md5Counts: false,
    // "Checksum Type mismatch occurred, expected checksum Type: null" (aws-sdk-js-v3#6922, arrow-rs#6793)
    asBegun: true,
    types: ['COMPOSITE', 'FULL_OBJECT'],
  },
  streaming: {
    taken: [
      'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    ],
    refusal: notImplemented,
  },
  conditions: 'honoured',
  // "DeleteObjects": "Content-MD5 … is required for all Multi-Object Delete requests", or a checksum
  documentsNeedSum: true,
  versioning: 'on request',
  // versitygw#1330 quotes AWS's own words
  lock: {
    status: 403,
    code: 'AccessDenied',
    message: 'Access Denied because object protected by object lock.',
  },
  // aws-sdk-php#2256, arrow-rs-object-store#190, for parts s3cmd#1436
  lockNeedsSum: true,
  storageClasses: [
    'STANDARD',
    'STANDARD_IA',
    'ONEZONE_IA',
    'INTELLIGENT_TIERING',
    'REDUCED_REDUNDANCY',
    'GLACIER_IR',
    'GLACIER',
    'DEEP_ARCHIVE',
  ],
  // "Working with archived objects" of the User Guide: instant retrieval is no archive in this sense
  archived: ['GLACIER', 'DEEP_ARCHIVE'],
  encryption: ['s3', 'kms', 'customer'],
  lacking: {},
  uploadsByKeyOnly: false,
  confinedTo: undefined,
};

/** Cloudflare's "S3 API compatibility" and "Multipart upload" pages. */
const r2: Profile = {
  ...aws,
  documentsNeedSum: false,
  // "the region for an R2 bucket is auto … an empty value and us-east-1 will alias to the auto region"
  regions: ['auto', 'us-east-1', ''],
  // looked at by CompleteMultipartUpload only, and a last part may not be longer either (cloudflare-docs#7485, #9549)
  parts: { minimumBytes: 5 * MIB, equal: 'at Complete', consecutive: false },
  checksums: {
    ...aws.checksums,
    // vector#23029 and aws-sdk-ruby#3174: Content-MD5 beside a CRC32 is one too many
    twice: 'You can only specify one non-default checksum at a time.',
    md5Counts: true,
    // "Checksum Types": CRC-32 only COMPOSITE
    types: ['COMPOSITE'],
  },
  // signed chunks: 501 (KeeAnywhere#424, cloudflare-docs#4683); trailers since the CRC32 support of 2025
  streaming: {
    taken: ['STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
    refusal: { status: 501, code: 'NotImplemented', message: '{value} not implemented' },
  },
  versioning: 'none',
  lock: undefined,
  lockNeedsSum: false,
  storageClasses: ['STANDARD', 'STANDARD_IA'],
  archived: [],
  encryption: ['customer'],
  lacking: lacking(notImplemented, ...VERSIONING, ...LOCK, 'RestoreObject'),
};

/** "S3-Compatible API" of Backblaze's documentation. */
const b2: Profile = {
  ...aws,
  // the region stands in the host's name
  regions: ['us-west-004'],
  checksums: {
    ...aws.checksums,
    // pingvin-share#798, nocobase#6872, home-assistant/core#143995; the newer accounts take them: `profile: 'b2_new'`
    headers: {
      status: 400,
      code: 'InvalidArgument',
      message: "Unsupported header '{header}' received for this API call.",
    },
  },
  // trailers name a checksum header, too
  streaming: {
    taken: ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
    refusal: { status: 400, code: 'InvalidArgument', message: 'Unsupported value {value} for {header}' },
  },
  // "S3 Delete Object": without a version a delete marker becomes the current version
  versioning: 'always',
  storageClasses: ['STANDARD'],
  archived: [],
  encryption: ['s3', 'customer'],
  lacking: lacking(notImplemented, 'RestoreObject'),
};

/** "S3 compatibility status" of Garage's reference manual, and what Garage 2.5.0 was seen to do. */
const garage: Profile = {
  ...aws,
  documentsNeedSum: false,
  regions: ['garage'],
  // seen: "No such key" and "Invalid signature" have the same code
  keys: { unknown: 'AccessDenied', wrongSecret: 'AccessDenied' },
  // "most x-amz- headers": seen with storage classes, object lock, server-side encryption, and versionId of GET
  unknown: 'ignored',
  // seen: small parts are taken
  parts: { minimumBytes: 0, equal: 'never', consecutive: false },
  // seen: a wrong CRC32 is an "Invalid digest"
  checksums: { ...aws.checksums, asBegun: false, mismatch: 'InvalidDigest' },
  // seen: neither PUT nor Complete look at If-None-Match and If-Match
  conditions: 'ignored',
  versioning: 'none',
  lock: undefined,
  lockNeedsSum: false,
  storageClasses: ['STANDARD'],
  archived: [],
  encryption: ['customer'],
  // GetBucketVersioning is a stub that says "not enabled"; all that is not mentioned is 501
  lacking: lacking(notImplemented, 'PutBucketVersioning', 'ListObjectVersions', ...LOCK, 'RestoreObject'),
};

/** MEGA S4: parts are looked at as they come (PhantomPhoton/S3-Compatible#3, plugin-barman-cloud#981). */
const mega: Profile = {
  ...aws,
  documentsNeedSum: false,
  regions: ['eu-central-1'],
  parts: { minimumBytes: 5 * MIB, equal: 'at UploadPart', consecutive: true },
  versioning: 'none',
  lock: undefined,
  lockNeedsSum: false,
  storageClasses: ['STANDARD'],
  archived: [],
  encryption: [],
  lacking: lacking(notImplemented, ...VERSIONING, ...LOCK, ...LIFECYCLE, 'RestoreObject'),
};

/** The Wasabi S3 API Reference: AWS's own behaviour, one storage class. */
const wasabi: Profile = {
  ...aws,
  regions: ['eu-central-1', 'us-east-1'],
  // boto3#4102: a body with a checksum trailer is read as it stands, and is too long
  streaming: {
    taken: ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
    refusal: {
      status: 400,
      code: 'IncompleteBody',
      message: 'You did not provide the number of bytes specified by the Content-Length HTTP header',
    },
  },
  storageClasses: ['STANDARD'],
  archived: [],
  encryption: ['s3', 'customer'],
  lacking: lacking(notImplemented, 'RestoreObject'),
};

/** Ceph's object gateway as Hetzner runs it: "List of supported actions" of its documentation. */
const hetzner: Profile = {
  ...aws,
  regions: ['fsn1', 'us-east-1'],
  // fleet#47850, vault-k8s-operator#825, home-assistant/core#144015
  streaming: {
    taken: ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
    refusal: {
      status: 400,
      code: 'XAmzContentSHA256Mismatch',
      message: 'UnknownError',
    },
  },
  storageClasses: ['STANDARD'],
  archived: [],
  // "Only this encryption type: SSE-C"; Restore: not supported
  encryption: ['customer'],
  lacking: lacking({ status: 405, code: 'MethodNotAllowed', message: 'MethodNotAllowed' }, 'RestoreObject'),
};

/** MinIO, "S3 API Compatibility" of its documentation. */
const minio: Profile = {
  ...aws,
  // versitygw#1330, minio#10425: said of each deletion of a locked version
  lock: {
    status: 400,
    code: 'InvalidRequest',
    message: 'Object is WORM protected and cannot be overwritten',
  },
  // minio#16480
  lockNeedsSum: false,
  // seen with the release of 2026-02-12: a code of its own for a wrong checksum
  checksums: { ...aws.checksums, asBegun: false, mismatch: 'XAmzContentChecksumMismatch' },
  // seen: 501 for SSE-S3 and SSE-KMS as long as no KMS is set up
  encryption: ['customer'],
  storageClasses: ['STANDARD', 'REDUCED_REDUNDANCY'],
  archived: [],
  lacking: lacking(notImplemented, 'RestoreObject'),
  // "ListMultipartUploads requires the exact object name as a prefix"
  uploadsByKeyOnly: true,
};

/** A server from before checksums and trailers: `rclone serve s3`, gateway-st#89, cloudserver#5553, HCP. */
const old: Profile = {
  ...aws,
  documentsNeedSum: false,
  checksums: {
    ...aws.checksums,
    headers: { status: 400, code: 'InvalidRequest', message: 'Unsupported header {header}' },
  },
  streaming: {
    taken: [],
    refusal: {
      status: 411,
      code: 'MissingContentLength',
      message: 'You must provide the Content-Length HTTP header.',
    },
  },
  conditions: 'ignored',
  versioning: 'none',
  lock: undefined,
  lockNeedsSum: false,
  storageClasses: ['STANDARD'],
  archived: [],
  encryption: [],
  lacking: lacking(notImplemented, ...VERSIONING, ...LOCK, ...LIFECYCLE, 'RestoreObject'),
};

/** All of them, by the names that tests give. */
export const PROFILES = {
  aws,
  r2,
  b2,
  b2_new: { ...b2, checksums: aws.checksums, streaming: aws.streaming },
  garage,
  mega,
  wasabi,
  hetzner,
  minio,
  old,
  /** AWS with a policy for one prefix ("Actions, resources, and condition keys for Amazon S3"). */
  confined: { ...aws, confinedTo: 'homestash/' },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;

/** A refusal with its places filled. */
export function filled(refusal: Refusal, places: Readonly<Record<string, string>>): string {
  return refusal.message.replace(/\{(\w+)\}/g, (all, name) => places[name] ?? all);
}
