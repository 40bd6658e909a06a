import { isProblem } from '../../../kernel/errors.ts';
import type { Operation } from './classify.ts';
import type { Connection, Via } from './connection.ts';
import { type Fault, faultOf } from './fault.ts';

/** What a server said to a question to which "no" is an answer as good as any. */
export type Answer<Output> =
  | { readonly ok: true; readonly output: Output }
  | { readonly ok: false; readonly fault: Fault };

/** Asks once. What is refused, or gets no answer, is told and not thrown. */
export async function ask<Output>(
  connection: Connection,
  operation: Operation,
  send: (via: Via) => Promise<Output>,
  signal: AbortSignal | undefined,
): Promise<Answer<Output>> {
  try {
    return { ok: true, output: await connection.run(operation, send, { signal, attempts: 1 }) };
  } catch (error) {
    if (!isProblem(error)) throw error;
    return { ok: false, fault: faultOf(error.cause) };
  }
}

const FORBIDDEN = new Set([401, 403]);

/** What servers answer to a request that they have never heard of. */
const UNSUPPORTED = new Set([400, 404, 405, 501]);

/** Whether the key may not, the store cannot, or nobody knows. */
export function refusalOf({ status, s3Code }: Fault): 'forbidden' | 'unsupported' | 'unknown' {
  if (s3Code === 'AccessDenied') return 'forbidden';
  if (status === undefined) return 'unknown';
  if (FORBIDDEN.has(status)) return 'forbidden';
  return UNSUPPORTED.has(status) ? 'unsupported' : 'unknown';
}

/** Whether what was sent is the reason of a refusal, and not who sent it, how often, or the server's state. */
export function isRefusedRequest({ status, s3Code }: Fault): boolean {
  if (status === undefined || s3Code === 'AccessDenied') return false;
  return status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status);
}
