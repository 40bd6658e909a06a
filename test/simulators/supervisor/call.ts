import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiFault, PlainFault } from './answers.ts';
import type { Caller } from './security.ts';

/** The largest body that the Supervisor reads as a whole (bytes). */
export const LARGEST_BODY = 16 * 1024 * 1024;

/** A request, and the ways to read it. */
export interface Call {
  readonly method: string;
  /** Without its query; still encoded. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly from: Caller;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The whole body. @throws PlainFault 413 when it is too large. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw new PlainFault(413, `Maximum request body size ${LARGEST_BODY} exceeded.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A JSON object; nothing at all is an empty one. @throws ApiFault 400 */
export async function readObject({ request }: Pick<Call, 'request'>): Promise<Record<string, unknown>> {
  const text = (await readBody(request)).toString();
  if (text === '') return {};
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new ApiFault(400, 'Invalid json');
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new ApiFault(400, 'expected a dictionary');
  }
  return document as Record<string, unknown>;
}

/** @throws PlainFault 401 unless Home Assistant Core calls. */
export function onlyCore({ from }: Pick<Call, 'from'>): void {
  if (from !== 'core') throw new PlainFault(401);
}
