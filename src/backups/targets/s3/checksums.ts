import { isProblem } from '../../../kernel/errors.ts';
import { REFUSALS } from './codes.ts';
import { faultOf } from './fault.ts';

/** The sum that goes with a body. Never two, never in a trailer: that is what servers refuse most. */
export type Sum = 'crc32' | 'none' | 'md5';

/**
 * CRC-32 costs nearly nothing and most servers compare it; R2, B2 and others refuse it. MD5 is dear, and only for
 * buckets with a lock on servers that accept nothing else there.
 */
const ORDER: readonly Sum[] = ['crc32', 'none', 'md5'];

const NOT_IMPLEMENTED = 501;
const BAD_REQUEST = 400;

/** Which sum a server takes; remembered for the life of a target. */
export class Checksums {
  #first = 0;

  /** Sends with the sum that was taken last, and with the next one where the server refuses it. */
  async run<T>(send: (sum: Sum) => Promise<T>): Promise<T> {
    for (let at = this.#first; ; at += 1) {
      try {
        const result = await send(ORDER[at] as Sum);
        this.#first = at;
        return result;
      } catch (error) {
        if (at + 1 >= ORDER.length || !refusesSum(error, ORDER[at + 1] as Sum)) throw error;
      }
    }
  }
}

/** Whether another sum, or none, may be what the server wants. No server that lacks something gets it by an MD5. */
function refusesSum(error: unknown, next: Sum): boolean {
  if (!isProblem(error)) return false;
  const { status, s3Code } = faultOf(error.cause);
  if (status === NOT_IMPLEMENTED) return next === 'none';
  if (status !== BAD_REQUEST) return false;
  return s3Code === undefined ? next === 'none' : REFUSALS.has(s3Code);
}
