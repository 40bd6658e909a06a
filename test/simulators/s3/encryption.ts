import { createHash } from 'node:crypto';
import type { Call } from './call.ts';
import { S3Error } from './errors.ts';
import type { Encryption, Version } from './store.ts';

/** "Using server-side encryption with customer-provided keys" of the Amazon S3 User Guide. */
const CUSTOMER = 'x-amz-server-side-encryption-customer-';
const KEY_BYTES = 32;

export const PLAIN: Encryption = { headers: {} };

function invalid(message: string): S3Error {
  return new S3Error('InvalidRequest', { message });
}

/** The customer's key that a request brings, by its MD5. */
function customerKeyOf({ headers, tls, world }: Call, prefix = CUSTOMER): string | undefined {
  const [algorithm, key, md5] = ['algorithm', 'key', 'key-md5'].map((name) => headers[prefix + name]);
  if (algorithm === undefined && key === undefined && md5 === undefined) return undefined;
  if (!world.profile.encryption.includes('customer')) throw new S3Error('NotImplemented');
  if (!tls) {
    throw invalid(
      'Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.',
    );
  }
  if (algorithm !== 'AES256') {
    throw new S3Error('InvalidEncryptionAlgorithmError', {
      message: 'The encryption request you specified is not valid. The valid value is AES256.',
    });
  }
  const bytes = Buffer.from(key ?? '', 'base64');
  if (bytes.length !== KEY_BYTES) {
    throw new S3Error('InvalidArgument', {
      message: 'The secret key was invalid for the specified algorithm.',
    });
  }
  if (createHash('md5').update(bytes).digest('base64') !== md5) {
    throw new S3Error('InvalidArgument', {
      message: 'The calculated MD5 hash of the key did not match the hash that was provided.',
    });
  }
  return md5;
}

/** What a PUT or the beginning of an upload asks for. */
export function encryptionOf(call: Call): Encryption {
  const customerKey = customerKeyOf(call);
  const kind = call.headers['x-amz-server-side-encryption'];
  if (customerKey !== undefined) {
    if (kind !== undefined) throw new S3Error('InvalidArgument', { message: 'Two kinds of encryption' });
    return {
      headers: { [`${CUSTOMER}algorithm`]: 'AES256', [`${CUSTOMER}key-MD5`]: customerKey },
      customerKey,
    };
  }
  if (kind === undefined) return PLAIN;
  const known = { AES256: 's3', 'aws:kms': 'kms' } as const;
  const wanted = known[kind as keyof typeof known];
  if (wanted === undefined) {
    throw new S3Error('InvalidArgument', { message: 'The encryption method specified is not supported' });
  }
  if (!call.world.profile.encryption.includes(wanted)) {
    if (call.world.profile.unknown === 'ignored') return PLAIN;
    throw new S3Error('NotImplemented');
  }
  const id = call.headers['x-amz-server-side-encryption-aws-kms-key-id'];
  return {
    headers: {
      'x-amz-server-side-encryption': kind,
      ...(id === undefined ? {} : { 'x-amz-server-side-encryption-aws-kms-key-id': id }),
    },
  };
}

/** Lets only those read an object who have its key, and only with a key where there is one. */
export function checkReader(
  call: Call,
  { encryption }: Pick<Version, 'encryption'>,
  prefix: string | undefined = undefined,
): void {
  const key = customerKeyOf(call, prefix);
  const { customerKey } = encryption;
  if (customerKey === undefined && key === undefined) return;
  if (customerKey === undefined)
    throw invalid('The encryption parameters are not applicable to this object.');
  if (key === undefined) {
    throw invalid(
      'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
    );
  }
  if (key !== customerKey) throw new S3Error('AccessDenied');
}

/** A part must bring the key that its upload was begun with. */
export function checkPart(call: Call, { customerKey }: Encryption): void {
  const key = customerKeyOf(call);
  if (key === customerKey) return;
  throw invalid(
    key === undefined
      ? 'The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.'
      : 'The provided encryption parameters did not match the ones used originally.',
  );
}

/** The key of the source of a copy. */
export function checkCopySource(call: Call, source: Version): void {
  checkReader(call, source, 'x-amz-copy-source-server-side-encryption-customer-');
}
