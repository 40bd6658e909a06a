import { type Language, NOTICES, type Notice, type NoticeCode } from '../contract/index.ts';
import { Problem } from '../kernel/errors.ts';
import { wordNotice, wordProblem } from '../kernel/texts.ts';

/** What stands in a sentence, before it is worded in a language. */
type Value = string | Problem | { readonly days: number } | { readonly bytes: number };

/** A notice before it is worded. */
export interface Finding {
  readonly code: NoticeCode;
  readonly target?: string;
  /** As a timestamp. */
  readonly since?: string | null;
  readonly params?: Readonly<Record<string, Value>>;
}

const GIGABYTE = 1e9;
const MEGABYTE = 1e6;

function unit(value: number, name: 'day' | 'gigabyte' | 'megabyte', language: Language): string {
  const unitDisplay = name === 'day' ? 'long' : 'short';
  const format = { style: 'unit', unit: name, unitDisplay, maximumSignificantDigits: 2 } as const;
  return new Intl.NumberFormat(language, format).format(value);
}

function spoken(value: Value, language: Language): string {
  if (typeof value === 'string') return value;
  if (value instanceof Problem) return wordProblem(value, language).title;
  if ('days' in value) return unit(value.days, 'day', language);
  const { bytes } = value;
  return bytes < GIGABYTE
    ? unit(Math.floor(bytes / MEGABYTE), 'megabyte', language)
    : unit(bytes / GIGABYTE, 'gigabyte', language);
}

/** A notice as people read it. */
export function wordFinding(
  { code, target, since = null, params: values = {} }: Finding,
  language: Language,
): Notice {
  const params = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, spoken(value, language)]),
  );
  const { severity, action, ...rest } = NOTICES[code];
  return {
    id: target === undefined ? code : `${code}:${target}`,
    code,
    severity,
    action,
    repair: 'repair' in rest,
    target_id: target ?? null,
    since,
    ...wordNotice(code, params, language),
    params,
  };
}
