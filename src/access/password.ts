import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** A password as it is kept: what it takes to compare, and nothing to read it from. */
export interface StoredPassword {
  readonly salt: string;
  readonly hash: string;
  readonly cost: number;
  readonly block_size: number;
  readonly parallelism: number;
}

/**
 * scrypt with 32 MiB three times over: OWASP's list has it as the equal of 128 MiB once, and a box with 1 GB can bear
 * it. That it is not done many times at once is up to the caller.
 */
const COST = 2 ** 15;
const BLOCK_SIZE = 8;
const PARALLELISM = 3;

/** 256 bits, as of the tokens. */
const KEY_BYTES = 32;

/** 128 bits: no two are ever alike. */
const SALT_BYTES = 16;

/** Node refuses what needs more memory than this (128 * cost * block size, and a little), so it must be said. */
const memoryFor = (cost: number, blockSize: number): number => 2 * 128 * cost * blockSize;

function derive(password: string, salt: Buffer, length: number, options: ScryptOptions): Promise<Buffer> {
  // the same letters may come composed from one keyboard and in parts from another
  const text = password.normalize('NFKC');
  return new Promise((resolve, reject) => {
    scrypt(text, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

/** Makes of a password what is kept. */
export async function hashPassword(password: string): Promise<StoredPassword> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(password, salt, KEY_BYTES, {
    cost: COST,
    blockSize: BLOCK_SIZE,
    parallelization: PARALLELISM,
    maxmem: memoryFor(COST, BLOCK_SIZE),
  });
  return {
    salt: salt.toString('base64'),
    hash: key.toString('base64'),
    cost: COST,
    block_size: BLOCK_SIZE,
    parallelism: PARALLELISM,
  };
}

/** Whether it is the password that is kept, compared in constant time. */
export async function isPassword(password: string, stored: StoredPassword): Promise<boolean> {
  const expected = Buffer.from(stored.hash, 'base64');
  const key = await derive(password, Buffer.from(stored.salt, 'base64'), expected.length, {
    cost: stored.cost,
    blockSize: stored.block_size,
    parallelization: stored.parallelism,
    maxmem: memoryFor(stored.cost, stored.block_size),
  });
  return timingSafeEqual(key, expected);
}
