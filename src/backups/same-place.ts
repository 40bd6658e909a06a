import { randomBytes } from 'node:crypto';
import { isProblem } from '../kernel/errors.ts';
import { PROBE_NAME } from './names.ts';
import type { StorageTarget } from './targets/target.ts';

/**
 * Whether two ways lead to one place: what is laid down by one is there by the other. Copies of a bucket look the same
 * and are not, so nothing else proves it; where it cannot be tried they count as two.
 */
export async function samePlace(one: StorageTarget, other: StorageTarget): Promise<boolean> {
  const key = `${PROBE_NAME}${randomBytes(8).toString('hex')}-place`;
  try {
    await other.put(key, Buffer.from('homestash\n'));
    return (await one.stat(key)) !== undefined;
  } catch (error) {
    if (!isProblem(error)) throw error;
    return false;
  } finally {
    await other.delete(key).catch(() => undefined);
  }
}
