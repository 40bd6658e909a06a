import * as v from 'valibot';
import { Capabilities, type Language } from '../contract/index.ts';
import { wordRemark } from '../kernel/texts.ts';
import type { Examination } from './targets/target.ts';

/** As it is kept: the language in which the advice is asked for comes later. */
const Kept = v.object({
  ...Capabilities.entries,
  advice: v.array(
    v.object({ code: v.string(), params: v.optional(v.record(v.string(), v.string()), () => ({})) }),
  ),
});

/** What was kept of the newest examination; undefined where there is none that this version understands. */
export function keptExamination(kept: string | null): Examination | undefined {
  if (kept === null) return undefined;
  const parsed = v.safeParse(Kept, JSON.parse(kept));
  return parsed.success ? parsed.output : undefined;
}

/** The capability card, its advice in a language. */
export function wordExamination(examination: Examination, language: Language): Capabilities {
  const advice = examination.advice.map((remark) => ({
    code: remark.code,
    text: wordRemark('advice', remark, language),
  }));
  return { ...examination, advice };
}
