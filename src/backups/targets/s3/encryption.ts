import type { S3Settings } from '../../../contract/index.ts';
import { isProblem, Problem } from '../../../kernel/errors.ts';
import { faultOf } from './fault.ts';

/** Members of commands by which the server is asked to encrypt. */
interface ServerKey {
  readonly ServerSideEncryption?: 'AES256' | 'aws:kms';
  readonly SSEKMSKeyId?: string;
}

/** Members of commands that carry the person's own key; the SDK adds its MD5. */
export interface CustomerKey {
  readonly SSECustomerAlgorithm?: string;
  readonly SSECustomerKey?: string;
}

/** What a write asks for. */
export type Asked = ServerKey & CustomerKey;

/** How the objects of a target are encrypted by the server. */
export interface Encryption {
  /** For everything that is written. */
  readonly server: ServerKey;
  /** For archives alone, written and read: descriptions are read with each list, and never need the key. */
  readonly customer: CustomerKey;
  /** The key of a time before another kind was chosen: archives of that time cannot be read without it. */
  readonly former: CustomerKey;
  /** All that is asked for with an archive. */
  readonly asked: Asked;
  readonly on: boolean;
}

/**
 * The encryption of these settings.
 * @param open whether others can read what goes to the server: a key that need not be sent is not sent then
 */
export function encryptionOf({ encryption, kms_key, customer_key }: S3Settings, open: boolean): Encryption {
  const server: ServerKey =
    encryption === 's3'
      ? { ServerSideEncryption: 'AES256' }
      : encryption === 'kms'
        ? { ServerSideEncryption: 'aws:kms', ...(kms_key === '' ? {} : { SSEKMSKeyId: kms_key }) }
        : {};
  const kept: CustomerKey =
    customer_key === '' ? {} : { SSECustomerAlgorithm: 'AES256', SSECustomerKey: customer_key };
  const [customer, former] = encryption === 'customer' ? [kept, {}] : [{}, open ? {} : kept];
  return { server, customer, former, asked: { ...server, ...customer }, on: encryption !== 'off' };
}

interface Confirmation {
  readonly ServerSideEncryption?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
}

/**
 * Whether an answer says that the server encrypts as it was asked to. One that does not know these headers passes them
 * over and stores in the clear; but not every answer of one that does says so (MinIO's to the beginning of an upload).
 */
export function confirms(answer: Confirmation, asked: Confirmation): boolean {
  return (
    (asked.ServerSideEncryption === undefined || answer.ServerSideEncryption !== undefined) &&
    (asked.SSECustomerAlgorithm === undefined || answer.SSECustomerAlgorithm !== undefined)
  );
}

/** The encryption cannot be had. */
export function refused(reason: string): Problem {
  return new Problem('target_encryption', { params: { reason } });
}

const BAD_REQUEST = 400;

/** What servers answer to a key that an object was not encrypted with, or where they know nothing of such keys. */
const NOT_WITH_THIS_KEY: ReadonlySet<number | undefined> = new Set([BAD_REQUEST, 403, 501]);

const statusOf = (error: unknown): number | undefined =>
  isProblem(error) ? faultOf(error.cause).status : undefined;

/** The keys that an archive may have been stored with. */
export type ReadingKeys = Pick<Encryption, 'customer' | 'former'>;

/** For what is stored without a key. */
export const NO_KEYS: ReadingKeys = { customer: {}, former: {} };

/**
 * Reads with the person's key, and without it what was stored before there was one; or without it, and with the former
 * one what was stored while there was one: two requests at most.
 * @param key as the bucket knows it
 * @throws Problem `target_customer_key` when it was stored with another key
 */
export async function readWithKey<T>(
  { customer, former }: ReadingKeys,
  key: string,
  read: (customer: CustomerKey) => Promise<T>,
): Promise<T> {
  if (customer.SSECustomerKey === undefined) return readWithFormer(former, key, read);
  try {
    return await read(customer);
  } catch (error) {
    if (!NOT_WITH_THIS_KEY.has(statusOf(error))) throw error;
    try {
      return await read({});
    } catch (without) {
      if (statusOf(without) === BAD_REQUEST) throw otherKey(key, without);
      // what is forbidden with the key is forbidden without it
      throw without;
    }
  }
}

async function readWithFormer<T>(
  former: CustomerKey,
  key: string,
  read: (customer: CustomerKey) => Promise<T>,
): Promise<T> {
  try {
    return await read({});
  } catch (error) {
    if (!wantsKey(error)) throw error;
    if (former.SSECustomerKey === undefined) throw otherKey(key, error);
    return read(former).catch((refusal: unknown) => {
      throw NOT_WITH_THIS_KEY.has(statusOf(refusal)) ? otherKey(key, refusal) : refusal;
    });
  }
}

/** S3's answer to who reads an encrypted object without its key; nothing else about our requests is invalid. HEAD has no code. */
function wantsKey(error: unknown): boolean {
  if (!isProblem(error, 'target_unexpected')) return false;
  const { status, s3Code = 'InvalidRequest' } = faultOf(error.cause);
  return status === BAD_REQUEST && s3Code === 'InvalidRequest';
}

function otherKey(key: string, cause: unknown): Problem {
  return new Problem('target_customer_key', { params: { key }, cause });
}
