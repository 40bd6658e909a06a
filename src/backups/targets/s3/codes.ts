import type { ProblemCode } from '../../../contract/index.ts';

/** What was being done, for the sentence of a refusal. */
export type Operation = 'list' | 'read' | 'write' | 'multipart' | 'delete';

/** Codes of S3's error document, from AWS's list and from what other servers were seen to say. */
export const BY_S3_CODE: Readonly<Record<string, ProblemCode>> = {
  InvalidAccessKeyId: 'target_wrong_key',
  XAdminUserNotFound: 'target_wrong_key',
  InvalidSecurity: 'target_wrong_key',
  InvalidToken: 'target_wrong_key',
  Unauthorized: 'target_wrong_key',
  SignatureDoesNotMatch: 'target_wrong_secret',
  NoSuchBucket: 'target_no_bucket',
  InvalidBucketName: 'target_no_bucket',
  PermanentRedirect: 'target_wrong_region',
  TemporaryRedirect: 'target_wrong_region',
  AuthorizationHeaderMalformed: 'target_wrong_region',
  IllegalLocationConstraintException: 'target_wrong_region',
  InvalidRegion: 'target_wrong_region',
  AccessDenied: 'target_forbidden',
  AllAccessDisabled: 'target_forbidden',
  AccountProblem: 'target_forbidden',
  NotSignedUp: 'target_forbidden',
  Forbidden: 'target_forbidden',
  RequestTimeTooSkewed: 'target_clock',
  RequestExpired: 'target_clock',
  RequestTimeout: 'target_timeout',
  PreconditionFailed: 'target_corrupt',
  EntityTooLarge: 'target_body_limit',
  BadDigest: 'target_garbled',
  InvalidDigest: 'target_garbled',
  XAmzContentSHA256Mismatch: 'target_garbled',
  XAmzContentChecksumMismatch: 'target_garbled',
  IncompleteBody: 'target_cut',
  QuotaExceeded: 'target_full',
  BucketQuotaExceeded: 'target_full',
  UserQuotaExceeded: 'target_full',
  ServiceQuotaExceeded: 'target_full',
  StorageQuotaExceeded: 'target_full',
  StorageCapExceeded: 'target_full',
  InsufficientStorage: 'target_full',
  XMinioStorageFull: 'target_full',
  XMinioAdminBucketQuotaExceeded: 'target_full',
  InvalidStorageClass: 'target_storage_class',
  InvalidObjectState: 'target_archived',
  InvalidEncryptionAlgorithmError: 'target_encryption',
  InvalidEncryptionAlgorithm: 'target_encryption',
  InvalidEncryptionMethod: 'target_encryption',
  InvalidEncryptionRequest: 'target_encryption',
  InvalidSSECustomerAlgorithm: 'target_encryption',
  InvalidSSECustomerKey: 'target_encryption',
  KMSNotConfigured: 'target_encryption',
};

/** Codes of the key service behind the storage are handed through with this in front: `KMS.` by AWS, `kms:` by MinIO. */
export const KEY_SERVICE_CODE = /^kms[.:]\w/i;

/** Codes with which servers refuse a header that they do not know, or miss one. */
export const REFUSALS: ReadonlySet<string> = new Set([
  'NotImplemented',
  'InvalidArgument',
  'InvalidRequest',
  'UnsupportedHeader',
  'MissingContentMD5',
]);

/** Codes of the operating system. */
export const BY_SYSTEM_CODE: Readonly<Record<string, ProblemCode>> = {
  ENOTFOUND: 'target_dns',
  EAI_AGAIN: 'target_dns',
  EAI_FAIL: 'target_dns',
  EAI_NODATA: 'target_dns',
  EAI_NONAME: 'target_dns',
  ECONNREFUSED: 'target_refused',
  EHOSTUNREACH: 'target_refused',
  ENETUNREACH: 'target_refused',
  EHOSTDOWN: 'target_refused',
  ENETDOWN: 'target_refused',
  EADDRNOTAVAIL: 'target_refused',
  ETIMEDOUT: 'target_timeout',
  ESOCKETTIMEDOUT: 'target_timeout',
  ECONNRESET: 'target_cut',
  ECONNABORTED: 'target_cut',
  EPIPE: 'target_cut',
  ERR_STREAM_PREMATURE_CLOSE: 'target_cut',
  ERR_STREAM_DESTROYED: 'target_cut',
};

/** What the person can do about a certificate that was refused; what is not here has no remedy of its own. */
export const BY_TLS_CODE: Readonly<Record<string, ProblemCode>> = {
  CERT_HAS_EXPIRED: 'target_tls_expired',
  CERT_NOT_YET_VALID: 'target_tls_expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'target_tls_untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'target_tls_untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'target_tls_untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'target_tls_untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'target_tls_untrusted',
  CERT_UNTRUSTED: 'target_tls_untrusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'target_tls_name',
  EPROTO: 'target_tls',
};

/** The names that S3 policies have for what a key must be allowed to do. */
export const PERMISSIONS: Readonly<Record<Operation, string>> = {
  list: 's3:ListBucket',
  read: 's3:GetObject',
  write: 's3:PutObject',
  multipart: 's3:PutObject',
  delete: 's3:DeleteObject',
};

/** Codes with which a server asks for another try although the status is the client's fault. */
export const PASSING_S3_CODES: ReadonlySet<string> = new Set([
  'SlowDown',
  'RequestTimeout',
  'TooManyRequests',
  'Throttling',
  'InternalError',
  'OperationAborted',
  // The bytes were damaged on the way, not here: they are summed before they are sent.
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
  'IncompleteBody',
]);
