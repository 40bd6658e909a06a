import { readFileSync } from 'node:fs';
import type { Language } from '../index.ts';
import { type FormTexts, formChoices, formSteps } from './forms.ts';
import { placeholdersOf } from './placeholders.ts';
import { type NoticeTexts, repairTexts } from './repairs.ts';

type Sentences = Readonly<Record<string, string>>;

interface Subentry {
  readonly step: Readonly<Record<string, object>>;
  readonly abort: Sentences;
  readonly [part: string]: unknown;
}

interface Messages {
  readonly [key: string]: { readonly message: string };
}

interface Issue {
  readonly fix_flow?: { readonly abort?: Sentences; readonly [part: string]: unknown };
  readonly [part: string]: unknown;
}

/** A file in `translations/`. */
export interface Texts extends FormTexts {
  readonly problems: Readonly<Record<string, { readonly title: string; readonly hint: string }>>;
  readonly notices: NoticeTexts;
  readonly app: {
    readonly configuration: Readonly<Record<string, { readonly name: string; readonly description: string }>>;
    readonly api_port: string;
  };
  readonly home_assistant: {
    readonly config_subentries: { readonly target: Subentry };
    readonly selector: Readonly<Record<string, object>>;
    readonly config: {
      readonly error: Sentences;
      readonly abort: Sentences;
      readonly [part: string]: unknown;
    };
    readonly exceptions: Messages;
    readonly issues: Readonly<Record<string, Issue>>;
    readonly [section: string]: unknown;
  };
}

/** Reads the texts of a language. */
export function readTexts(root: URL, language: Language): Texts {
  return JSON.parse(readFileSync(new URL(`translations/${language}.json`, root), 'utf8')) as Texts;
}

/** Every error that the integration raises: the problems of the core and its own. */
function exceptionTexts(texts: Texts): Messages {
  const problems = Object.entries(texts.problems).map(([code, { title, hint }]) => [
    code,
    { message: `${title} ${hint}` },
  ]);
  return { ...Object.fromEntries(problems), ...texts.home_assistant.exceptions };
}

/** The placeholders of each error that the integration raises, by its key. */
export function exceptionPlaceholders(texts: Texts): Record<string, string[]> {
  const messages = Object.entries(exceptionTexts(texts));
  return Object.fromEntries(messages.map(([key, { message }]) => [key, placeholdersOf(message)]));
}

/** The repairs that the integration finds by itself; a form of theirs may also end with what went wrong. */
function ownRepairs(issues: Texts['home_assistant']['issues'], errors: Sentences): Record<string, object> {
  return Object.fromEntries(
    Object.entries(issues).map(([key, { fix_flow, ...issue }]) => [
      key,
      fix_flow ? { ...issue, fix_flow: { ...fix_flow, abort: { ...errors, ...fix_flow.abort } } } : issue,
    ]),
  );
}

/** A translation file of the integration. */
export function integrationTexts(texts: Texts): object {
  const { config, config_subentries, selector, exceptions, issues } = texts.home_assistant;
  const { step, abort, ...subentry } = config_subentries.target;
  const errors = Object.fromEntries(Object.entries(exceptions).map(([key, { message }]) => [key, message]));
  const steps = formSteps(texts);
  const aborts = { ...errors, ...abort };
  return {
    ...texts.home_assistant,
    // what a form complains of is what a discovery without a form ends with
    config: { ...config, abort: { ...config.error, ...config.abort } },
    config_subentries: {
      target: {
        ...subentry,
        step: { ...step, ...steps },
        error: errors,
        abort: aborts,
      },
    },
    issues: {
      ...ownRepairs(issues, errors),
      ...repairTexts(texts.notices, { steps, error: errors, abort: aborts }),
    },
    selector: { ...selector, ...formChoices(texts) },
    exceptions: exceptionTexts(texts),
  };
}
