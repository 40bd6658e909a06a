import * as v from 'valibot';
import type { Language } from '../contract/index.ts';
import { Problem } from './errors.ts';
import { revive } from './kept-problem.ts';
import { wordProblem } from './texts.ts';

/** What stands in a sentence, before it is worded in a language. */
export type Value = string | Problem | { readonly days: number } | { readonly bytes: number };

const GIGABYTE = 1e9;
const MEGABYTE = 1e6;

type Unit = 'day' | 'gigabyte' | 'megabyte';

/** Each takes milliseconds to be made, and a journal has hundreds of lines. */
const formats = new Map<string, Intl.NumberFormat>();

function unit(value: number, name: Unit, language: Language): string {
  const key = `${language} ${name}`;
  let format = formats.get(key);
  if (!format) {
    const unitDisplay = name === 'day' ? 'long' : 'short';
    format = new Intl.NumberFormat(language, {
      ...{ style: 'unit', unit: name, unitDisplay },
      maximumSignificantDigits: 2,
    });
    formats.set(key, format);
  }
  return format.format(value);
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

/** Values for the placeholders of a sentence, as people read them. */
export function speakAll(
  values: Readonly<Record<string, Value>>,
  language: Language,
): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, spoken(value, language)]));
}

const Kept = v.record(
  v.string(),
  v.union([
    v.string(),
    v.object({ days: v.number() }),
    v.object({ bytes: v.number() }),
    v.object({ code: v.string(), params: v.record(v.string(), v.string()) }),
  ]),
);

/** Values as text for the database; their words are found when somebody reads them. */
export function keepValues(values: Readonly<Record<string, Value>>): string {
  return JSON.stringify(values, (_name, value) =>
    value instanceof Problem ? { code: value.code, params: value.params } : value,
  );
}

/** The values that were kept. */
export function keptValues(kept: string): Record<string, Value> {
  const parsed = v.safeParse(Kept, JSON.parse(kept));
  if (!parsed.success) return {};
  return Object.fromEntries(
    Object.entries(parsed.output).map(([name, value]) => [
      name,
      typeof value === 'object' && 'code' in value ? revive(value) : value,
    ]),
  );
}
