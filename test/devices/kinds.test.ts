import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { LANGUAGES } from '../../src/contract/index.ts';
import { settingsSchema } from '../../src/devices/fields.ts';
import { DEVICE_HANDLERS } from '../../src/devices/registry.ts';
import { repositoryRoot } from '../harness/cache.ts';

interface KindTexts {
  readonly name: string;
  readonly about: string;
  readonly guide: string;
  readonly warnings?: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, { label: string; help: string; choices?: object }>>;
}

const textsIn = (language: string) =>
  (
    JSON.parse(readFileSync(join(repositoryRoot, 'translations', `${language}.json`), 'utf8')) as {
      devices: Record<string, KindTexts>;
    }
  ).devices;

test.each(LANGUAGES)('there are words for all kinds, and for no others (%s)', (language) => {
  expect(Object.keys(textsIn(language)).toSorted()).toEqual(
    DEVICE_HANDLERS.map(({ kind }) => kind).toSorted(),
  );
});

describe.each(DEVICE_HANDLERS.map((handler) => [handler.kind, handler] as const))('%s', (kind, handler) => {
  const { fields } = handler;

  test.each(LANGUAGES)(
    'says what it is, what it asks for, and what to know before a restore (%s)',
    (language) => {
      const words = textsIn(language)[kind] as KindTexts;
      const { warnings = {}, ...rest } = words;
      expect(Object.keys(rest).toSorted()).toEqual(['about', 'fields', 'guide', 'name']);
      expect(Object.keys(words.fields)).toEqual(Object.keys(fields));
      for (const [name, { choices = [] }] of Object.entries(fields)) {
        expect(Object.keys(words.fields[name]?.choices ?? {}), name).toEqual(choices);
      }
      expect(Object.keys(warnings)).toEqual(handler.restore?.warnings ?? []);
    },
  );

  test('begins with values that it takes, and hides nothing behind what does not exist', () => {
    for (const [name, field] of Object.entries(fields)) {
      if (!field.required) expect(v.is(field.schema, field.default), name).toBe(true);
      const other = field.when && fields[field.when.field];
      if (field.when) expect(other?.choices, name).toEqual(expect.arrayContaining([...field.when.is]));
    }
  });

  test('refuses a setting that it does not know', () => {
    expect(v.is(settingsSchema(fields), { nonsense: true })).toBe(false);
  });
});
