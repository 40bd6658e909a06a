import { createHash, type Hash } from 'node:crypto';
import { refused } from './call.ts';
import { type Content, crc32Base64 } from './content.ts';
import { S3Error } from './errors.ts';
import type { Profile } from './profiles.ts';

/** Bytes of each sum ("Checking object integrity" of the Amazon S3 User Guide). */
const LENGTHS: Readonly<Record<string, number>> = { crc32: 4, crc32c: 4, crc64nvme: 8, sha1: 20, sha256: 32 };
const MD5_BYTES = 16;

const SUM_HEADER = /^x-amz-checksum-(crc32|crc32c|crc64nvme|sha1|sha256)$/;

/** Whatever belongs to the newer checksums, as a server sees it that does not know them. */
const ANY_CHECKSUM_HEADER = /^x-amz-(checksum-|sdk-checksum-algorithm|trailer$)/;

/** What the head of a request promises about its body. */
export interface Promised {
  readonly md5: string | undefined;
  /** `crc32`, `sha256` …; its value may come behind the body. */
  readonly algorithm: string | undefined;
  readonly value: string | undefined;
}

/** Looks at the checksum headers of any request; throws what the provider says to those it does not take. */
export function promised(headers: Readonly<Record<string, string>>, { checksums }: Profile): Promised {
  const names = Object.keys(headers).filter((name) => SUM_HEADER.test(name));
  const trailer = headers['x-amz-trailer']?.toLowerCase();
  if (!Array.isArray(checksums.headers)) {
    const unwanted = Object.keys(headers).find((name) => ANY_CHECKSUM_HEADER.test(name));
    if (unwanted !== undefined) {
      throw refused(checksums.headers as Exclude<typeof checksums.headers, readonly string[]>, {
        header: unwanted,
      });
    }
  }
  const all = [...names, ...(trailer === undefined ? [] : [trailer])];
  const md5 = headers['content-md5'];
  if (all.length + (md5 !== undefined && checksums.md5Counts ? 1 : 0) > 1) {
    throw new S3Error('InvalidRequest', { message: checksums.twice });
  }
  if (md5 !== undefined && Buffer.from(md5, 'base64').length !== MD5_BYTES)
    throw new S3Error('InvalidDigest');
  const [name] = all;
  const algorithm = name === undefined ? undefined : SUM_HEADER.exec(name)?.[1];
  checkAlgorithm(headers, name, algorithm, checksums.headers);
  const value = name === undefined ? undefined : headers[name];
  if (value !== undefined && algorithm !== undefined) checkForm(algorithm, value);
  return { md5, algorithm, value };
}

function checkAlgorithm(
  headers: Readonly<Record<string, string>>,
  name: string | undefined,
  algorithm: string | undefined,
  known: Profile['checksums']['headers'],
): void {
  const said = headers['x-amz-sdk-checksum-algorithm']?.toLowerCase();
  if (name === undefined) {
    if (said === undefined) return;
    throw new S3Error('InvalidRequest', {
      message:
        'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    });
  }
  if (algorithm === undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'The value specified in the x-amz-trailer header is not supported',
    });
  }
  if (said !== undefined && said !== algorithm) {
    throw new S3Error('InvalidRequest', {
      message: 'Value for x-amz-sdk-checksum-algorithm header is invalid.',
    });
  }
  if (Array.isArray(known) && !(known as readonly string[]).includes(algorithm)) {
    throw new S3Error('NotImplemented', { message: `${name} is not compared by this server` });
  }
}

function checkForm(algorithm: string, value: string): void {
  if (Buffer.from(value, 'base64').length === LENGTHS[algorithm]) return;
  throw new S3Error('InvalidRequest', {
    message: `Value for x-amz-checksum-${algorithm} header is invalid.`,
  });
}

/** The sums that only this request needs, made as the body comes. */
export class Sums {
  readonly #promised: Promised;
  readonly #hash: Hash | undefined;
  readonly #mismatch: string;

  constructor(promise: Promised, { checksums }: Profile) {
    this.#mismatch = checksums.mismatch;
    this.#promised = promise;
    const { algorithm } = promise;
    this.#hash = algorithm === 'sha1' || algorithm === 'sha256' ? createHash(algorithm) : undefined;
  }

  write(piece: Buffer): void {
    this.#hash?.update(piece);
  }

  /** The checksum that agrees with the body; BadDigest for one that does not. */
  compare(content: Content, trailers: ReadonlyMap<string, string>): Record<string, string> {
    const { md5, algorithm } = this.#promised;
    if (md5 !== undefined && Buffer.from(md5, 'base64').toString('hex') !== content.md5) {
      throw new S3Error('BadDigest', {
        message: 'The Content-MD5 you specified did not match what we received.',
        fields: { ExpectedDigest: md5 },
      });
    }
    if (algorithm === undefined) return {};
    const name = `x-amz-checksum-${algorithm}`;
    const value = this.#promised.value ?? trailers.get(name);
    if (value === undefined) throw new S3Error('MalformedTrailerError', { message: `${name} is missing` });
    checkForm(algorithm, value);
    const ours = this.#hash ? this.#hash.digest('base64') : crc32Base64(content.crc32);
    if (ours !== value) {
      throw new S3Error(this.#mismatch, {
        message: `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
      });
    }
    return { [name]: value };
  }
}
