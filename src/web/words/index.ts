import type english from '../../../translations/en.json';
import { type Field, LANGUAGES, type Language } from '../../contract/index.ts';

type Texts = Pick<typeof english, 'web' | 'fields'>;

type Leaves<Branch, Prefix extends string = ''> = {
  [Name in keyof Branch & string]: Branch[Name] extends string
    ? `${Prefix}${Name}`
    : Branch[Name] extends { readonly one: string; readonly other: string }
      ? `${Prefix}${Name}`
      : Leaves<Branch[Name], `${Prefix}${Name}.`>;
}[keyof Branch & string];

/** The place of a sentence below `web` in `translations/`. */
export type Words = Leaves<Texts['web']>;

/** What a form says of a setting. */
export interface FieldWords {
  readonly label: string;
  readonly help: string;
  readonly choices?: Readonly<Record<string, string>>;
}

export type Params = Readonly<Record<string, string | number>>;

/** Each language is a file of its own, so that a browser loads one of them. */
const FILES: Readonly<Record<Language, () => Promise<{ readonly default: unknown }>>> = {
  en: () => import('../../../translations/en.json'),
  de: () => import('../../../translations/de.json'),
};

let texts: Texts | undefined;
let spoken: Language = LANGUAGES[0];

/** The first of the wanted languages that we speak. */
export function chooseLanguage(wanted: readonly string[]): Language {
  for (const item of wanted) {
    const found = LANGUAGES.find((known) => known === item.slice(0, 2).toLowerCase());
    if (found) return found;
  }
  return LANGUAGES[0];
}

/** Loads the texts of a language; the page is only drawn afterwards. */
export async function speak(language: Language): Promise<void> {
  texts = (await FILES[language]()).default as Texts;
  spoken = language;
  document.documentElement.lang = language;
}

/** The language of the page as it is spoken where the person lives: days and numbers are written as there. */
export const locale = (): string =>
  navigator.languages.find((item) => item.slice(0, 2).toLowerCase() === spoken) ?? spoken;

/** The language of the page. */
export const language = (): Language => spoken;

function find(place: string): unknown {
  let found: unknown = texts?.web;
  for (const name of place.split('.')) found = (found as Record<string, unknown> | undefined)?.[name];
  return found;
}

function fill(sentence: string, params: Params): string {
  return sentence.replace(/\{(\w+)\}/g, (_match, name: string) => String(params[name] ?? '?'));
}

/** A sentence in the language of the page. With `count` among its values it comes as one or as many. */
export function t(place: Words, params: Params = {}): string {
  return fill(sentenceAt(place, params), params);
}

function sentenceAt(place: string, params: Params): string {
  const found = find(place);
  if (typeof found === 'string') return found;
  const { one, other } = (found ?? {}) as { one?: string; other?: string };
  const single = new Intl.PluralRules(spoken).select(Number(params.count)) === 'one';
  return (single ? one : other) ?? place;
}

/** A sentence whose place is only known at run time; undefined where there is none. */
export function maybe(place: string, params: Params = {}): string | undefined {
  const found = find(place);
  return typeof found === 'string' ? fill(found, params) : undefined;
}

/** What forms say of a setting, here and in Home Assistant. */
export function fieldWords(kind: string, { name }: Pick<Field, 'name'>): FieldWords {
  const fields = texts?.fields as Readonly<Record<string, Readonly<Record<string, FieldWords>>>> | undefined;
  return fields?.[kind]?.[name] ?? { label: name, help: '' };
}
