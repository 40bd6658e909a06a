import { readFileSync } from 'node:fs';
import {
  type HappeningCode,
  LANGUAGES,
  type Language,
  type NoticeCode,
  type ProblemDocument,
} from '../contract/index.ts';
import { toProblem } from './errors.ts';

interface ProblemText {
  readonly title: string;
  readonly hint: string;
}

/** What happened or is the matter, and what that means. */
interface Paragraph {
  readonly title: string;
  readonly text: string;
}

/** Sections of single sentences: what is advised, and what is peculiar about a provider. */
type RemarkSection = 'advice' | 'quirks';

interface Texts extends Readonly<Record<RemarkSection, Readonly<Record<string, string>>>> {
  readonly problems: Readonly<Record<string, ProblemText>>;
  readonly notices: Readonly<Record<NoticeCode, Paragraph>>;
  readonly happenings: Readonly<Record<HappeningCode, Paragraph>>;
  /** Of each kind of device that is backed up. */
  readonly devices: Readonly<Record<string, DeviceTexts>>;
  /** Of each kind of device its model, and the names of its entities. */
  readonly entities: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What is said of a kind of device that is backed up. */
export interface DeviceTexts {
  readonly name: string;
  readonly about: string;
  /** How a saved configuration gets back onto it. */
  readonly guide: string;
  /** What to know before that is done. */
  readonly warnings?: Readonly<Record<string, string>>;
  readonly fields: Readonly<
    Record<
      string,
      {
        readonly label: string;
        readonly help: string;
        readonly choices?: Readonly<Record<string, string>>;
      }
    >
  >;
}

/** A sentence by its code, with the values for its placeholders. */
export interface RemarkToWord {
  readonly code: string;
  readonly params?: Readonly<Record<string, string>> | undefined;
}

const loaded = new Map<Language, Texts>();

/** The texts of a language, from the one source of every visible text. */
function textsIn(language: Language): Texts {
  let texts = loaded.get(language);
  if (!texts) {
    const file = new URL(`../../translations/${language}.json`, import.meta.url);
    texts = JSON.parse(readFileSync(file, 'utf8')) as Texts;
    loaded.set(language, texts);
  }
  return texts;
}

const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

/** A value as it is read in a sentence: a moment becomes its day in words. */
function spoken(value: string, language: Language): string {
  if (!MOMENT.test(value)) return value;
  return new Intl.DateTimeFormat(language, { dateStyle: 'long' }).format(new Date(value));
}

/** Puts values into the `{placeholders}` of a sentence; one that is missing becomes a question mark. */
export function fill(
  sentence: string,
  params: Readonly<Record<string, string>>,
  language: Language = 'en',
): string {
  return sentence.replace(/\{(\w+)\}/g, (_match, name: string) => {
    const value = params[name];
    return value === undefined ? '?' : spoken(value, language);
  });
}

/** Chooses from an `Accept-Language` header; English where nothing fits. */
export function chooseLanguage(header: string | undefined): Language {
  for (const item of (header ?? '').split(',')) {
    const wanted = item.trim().slice(0, 2).toLowerCase();
    const language = LANGUAGES.find((known) => known === wanted);
    if (language) return language;
  }
  return LANGUAGES[0];
}

/** The problem as people read it (RFC 9457). Whatever is no `Problem` is a defect and shown as `internal`. */
export function wordProblem(error: unknown, language: Language = 'en'): ProblemDocument {
  const problem = toProblem(error);
  const text = textsIn(language).problems[problem.code] ?? { title: problem.code, hint: '' };
  return {
    type: `https://homestash.github.io/problems/${problem.code}`,
    title: fill(text.title, problem.params, language),
    status: problem.status,
    code: problem.code,
    hint: fill(text.hint, problem.params, language),
    params: { ...problem.params },
  };
}

/** A remark as people read it; one that is not known (a newer core's) is its code. */
export function wordRemark(
  section: RemarkSection,
  { code, params = {} }: RemarkToWord,
  language: Language = 'en',
): string {
  return fill(textsIn(language)[section][code] ?? code, params, language);
}

function wordParagraph(
  { title, text }: Paragraph,
  params: Readonly<Record<string, string>>,
  language: Language,
): Paragraph {
  return { title: fill(title, params, language), text: fill(text, params, language) };
}

/** What needs a person, as people read it. */
export function wordNotice(
  code: NoticeCode,
  params: Readonly<Record<string, string>>,
  language: Language,
): Paragraph {
  return wordParagraph(textsIn(language).notices[code], params, language);
}

/** What an entity, or the model of a device, is called. */
export function wordEntity(device: string, key: string, language: Language): string {
  return textsIn(language).entities[device]?.[key] ?? key;
}

/** What is said of a kind of device that is backed up; undefined for one that is not known. */
export function wordDeviceKind(kind: string, language: Language): DeviceTexts | undefined {
  return textsIn(language).devices[kind];
}

/** What happened, as people read it. */
export function wordHappening(
  code: HappeningCode,
  params: Readonly<Record<string, string>>,
  language: Language,
): Paragraph {
  return wordParagraph(textsIn(language).happenings[code], params, language);
}
