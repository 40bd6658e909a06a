import * as v from 'valibot';
import { type Language, PROBLEMS, type ProblemCode, type ProblemDocument } from '../contract/index.ts';
import { Problem, toProblem } from './errors.ts';
import { wordProblem } from './texts.ts';

/** What of a problem is kept: never its sentences, which are worded for whoever reads them. */
const Kept = v.object({ code: v.string(), params: v.record(v.string(), v.string()) });

/** The problem that was kept or worded somewhere. */
export function revive({ code, params }: v.InferOutput<typeof Kept>): Problem {
  // what an older version knew and this one does not
  return new Problem(code in PROBLEMS ? (code as ProblemCode) : 'internal', { params });
}

/** What was thrown, as text for the database. */
export function keepProblem(error: unknown): string {
  const { code, params } = toProblem(error);
  return JSON.stringify({ code, params });
}

/** The problem that was kept; undefined where there is none. */
export function keptProblem(kept: string | null): Problem | undefined {
  if (kept === null) return undefined;
  const parsed = v.safeParse(Kept, JSON.parse(kept));
  return parsed.success ? revive(parsed.output) : undefined;
}

/** A problem that was worded for somebody else, in another language. */
export function reword(document: ProblemDocument, language: Language): ProblemDocument {
  return wordProblem(revive(document).withStatus(document.status), language);
}
