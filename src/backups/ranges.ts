import { Problem } from '../kernel/errors.ts';

/** The half-open range `[start, end)` of a body. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const SINGLE_RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * Reads a `Range` header (RFC 9110, section 14). Undefined means "send it whole": no header, another unit or several
 * ranges, which a server may ignore.
 * @throws Problem `range_not_satisfiable`
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const [, from, to] = SINGLE_RANGE.exec(header?.trim() ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  if (from === '') {
    const length = Math.min(Number(to), size);
    if (length === 0) throw new Problem('range_not_satisfiable');
    return { start: size - length, end: size };
  }
  const start = Number(from);
  const end = to === '' ? size : Math.min(Number(to) + 1, size);
  if (to !== '' && Number(to) < start) return undefined;
  if (start >= size) throw new Problem('range_not_satisfiable');
  return { start, end };
}
