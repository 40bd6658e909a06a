import { PROBLEMS, type ProblemCode } from '../contract/index.ts';

interface ProblemOptions {
  /** Values for the placeholders of the translated sentence; never a secret. */
  readonly params?: Readonly<Record<string, string>>;
  /** Where the usual status of the code would mislead: a wrong secret in a form is the client's 422. */
  readonly status?: number;
  readonly cause?: unknown;
}

/**
 * The one error type that crosses a border: it carries a code, and the border (HTTP, Home Assistant, UI) words it.
 * Anything else that is thrown is a defect and becomes `internal`.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly params: Readonly<Record<string, string>>;
  readonly status: number;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.params = options.params ?? {};
    this.status = options.status ?? PROBLEMS[code].status;
  }

  /** The same problem with another status. */
  withStatus(status: number): Problem {
    return new Problem(this.code, { params: this.params, status, cause: this.cause });
  }
}

/** Whether something thrown is a problem, of this code where one is given. */
export function isProblem(error: unknown, code?: ProblemCode): error is Problem {
  return error instanceof Problem && (code === undefined || error.code === code);
}

/** What SQLite and the system say when the disk that holds the core's own data has no room left. */
const DISK_FULL = ['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT'];

/** What was thrown as a problem: a full disk is a situation that a person can mend, everything else a defect. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new Problem(DISK_FULL.includes(code) ? 'disk_full' : 'internal', { cause: error });
}
