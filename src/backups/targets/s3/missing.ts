import { Problem } from '../../../kernel/errors.ts';
import { faultOf } from './fault.ts';

const NOT_FOUND = 404;

/** Whether the server said, by this code of its own, that there is no such thing. A 404 of something else says nothing. */
export function isMissing(error: unknown, s3Code: string): boolean {
  return error instanceof Problem && faultOf(error.cause).s3Code === s3Code;
}

/** Whether a HEAD was answered with 404, which has no room for a code. */
export function isBareMissing(error: unknown): boolean {
  if (!(error instanceof Problem)) return false;
  const { status, s3Code } = faultOf(error.cause);
  return status === NOT_FOUND && s3Code === undefined;
}
