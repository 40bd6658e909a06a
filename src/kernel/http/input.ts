import type { IncomingMessage } from 'node:http';
import * as v from 'valibot';
import { Problem } from '../errors.ts';
import { parseJson } from '../json.ts';
import { pump } from './pump.ts';
import type { Route } from './route.ts';

/** The largest JSON that a client has reason to send: the description of a backup with 2,000 apps is half of it. */
const MAX_JSON_BYTES = 1024 * 1024;

/** From whom we do not know yet: a pairing secret and a name. Many at once must not fill a box with 1 GB. */
const MAX_STRANGERS_JSON_BYTES = 4 * 1024;

/** A JSON body arrives within this time or not at all; streams have idle limits of their own (milliseconds). */
const JSON_DEADLINE_MS = 30_000;

/** Issues named in one answer; more help nobody. */
const MAX_ISSUES = 5;

/** Validates input from outside. @throws Problem `invalid_request` that names what was wrong, never its value. */
export function parseInput<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  const detail = result.issues
    .slice(0, MAX_ISSUES)
    .map((issue) => {
      const path = v.getDotPath(issue);
      return path ? `${path}: ${reasonOf(issue)}` : reasonOf(issue);
    })
    .join('; ');
  throw new Problem('invalid_request', { params: { detail } });
}

/** What is wrong with an input, without its value. */
export function reasonOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type === 'check' || issue.type === 'regex') return issue.message;
  if (issue.type === 'strict_object' && issue.expected === 'never') return 'not known here';
  return `${issue.expected ?? issue.message} expected`;
}

/** How long the JSON body of a route may be. */
export function jsonLimit(access: Route['access']): number {
  return access === 'open' ? MAX_STRANGERS_JSON_BYTES : MAX_JSON_BYTES;
}

/** Reads a JSON body of so many bytes at most. @throws Problem `body_too_large`, `body_cut`, `idle_timeout` or `invalid_request`. */
export async function readJson(request: IncomingMessage, limit: number): Promise<unknown> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new Problem('idle_timeout')), JSON_DEADLINE_MS);
  try {
    await pump(request, {
      idleMs: JSON_DEADLINE_MS,
      signal: deadline.signal,
      onChunk: async (chunk) => {
        size += chunk.length;
        if (size > limit) throw tooLarge(limit);
        chunks.push(chunk);
      },
    });
  } finally {
    clearTimeout(timer);
  }
  let document: unknown;
  try {
    document = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    throw new Problem('invalid_request', { params: { detail: 'the body is no JSON' } });
  }
  // to valibot a list is an object, and where nothing is required it would pass for an empty one
  if (Array.isArray(document))
    throw new Problem('invalid_request', { params: { detail: 'Object expected' } });
  return document;
}

function tooLarge(limit: number): Problem {
  return new Problem('body_too_large', { params: { limit: `${limit / 1024} KiB` } });
}
