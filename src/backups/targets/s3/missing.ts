import { Problem } from '../../../kernel/errors.ts';
import { faultOf } from './fault.ts';

const NOT_FOUND = 404;

/** AWS's code for an object that is not there, and what some servers say instead. */
const MISSING = new Set(['NoSuchKey', 'NotFound']);

/**
 * Whether the server said by a code of its own that there is no such object. A 404 without one is a proxy's or a
 * website's, and must not be taken for a backup that is gone.
 */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof Problem)) return false;
  return MISSING.has(faultOf(error.cause).s3Code ?? '');
}

/** Whether a HEAD was answered with 404, which has no room for a code. */
export function isBareMissing(error: unknown): boolean {
  if (!(error instanceof Problem)) return false;
  const { status, s3Code } = faultOf(error.cause);
  return status === NOT_FOUND && s3Code === undefined;
}
