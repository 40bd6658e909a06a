import { randomBytes, scryptSync } from 'node:crypto';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';

// A thousandth of the usual: what it takes to guess it is no matter here.
const CHEAP = { cost: 32, block_size: 8, parallelism: 1 };

const HASH_BYTES = 32;

/** Keeps a password as if somebody had chosen it, one that takes no time to check. */
export function keepCheapPassword(dataDir: string, password: string): void {
  const salt = randomBytes(HASH_BYTES);
  const hash = scryptSync(password.normalize('NFKC'), salt, HASH_BYTES, {
    cost: CHEAP.cost,
    blockSize: CHEAP.block_size,
    parallelization: CHEAP.parallelism,
  });
  const database = new SQLite(join(dataDir, 'homestash.db'));
  try {
    database
      .prepare(
        `INSERT OR REPLACE INTO password (one, salt, hash, cost, block_size, parallelism)
         VALUES (1, @salt, @hash, @cost, @block_size, @parallelism)`,
      )
      .run({ ...CHEAP, salt: salt.toString('base64'), hash: hash.toString('base64') });
  } finally {
    database.close();
  }
}
