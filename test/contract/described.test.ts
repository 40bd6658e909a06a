import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { placeholdersOf } from '../../src/contract/generate/placeholders.ts';
import { readTexts } from '../../src/contract/generate/texts.ts';
import { LANGUAGES, NOTICES, TARGET_FIELDS, TargetSettings } from '../../src/contract/index.ts';

const root = new URL('../../', import.meta.url);

type Kind = keyof typeof TARGET_FIELDS;
const kinds = Object.keys(TARGET_FIELDS) as Kind[];

/** The settings that are needed, so that the schema fills in the rest. */
const needed: Record<Kind, object> = {
  s3: { kind: 's3', bucket: 'home', access_key: 'key', secret_key: 'secret' },
  folder: { kind: 'folder' },
};

describe.each(kinds)('the form for %s', (kind) => {
  const { kind: _, ...settings } = v.parse(TargetSettings, needed[kind]) as Record<string, unknown>;
  const fields = TARGET_FIELDS[kind];

  test('asks for every setting once, and begins with what the schema would fill in', () => {
    expect(fields.map(({ name }) => name).toSorted()).toEqual(Object.keys(settings).toSorted());
    for (const field of fields) {
      if (field.required) expect(needed[kind]).toHaveProperty(field.name);
      else expect([field.name, field.default ?? '']).toEqual([field.name, settings[field.name]]);
    }
  });

  test('offers only choices that are taken, and hides nothing behind what does not exist', () => {
    for (const field of fields) {
      expect(field.choices === undefined, field.name).toBe(field.type !== 'choice');
      for (const choice of field.choices ?? []) {
        // a choice may need another setting besides; it must not be refused for its own sake
        const { issues = [] } = v.safeParse(TargetSettings, { ...needed[kind], [field.name]: choice });
        expect(issues.map((issue) => v.getDotPath(issue))).not.toContain(field.name);
      }
      const other = fields.find(({ name }) => name === field.when?.field);
      for (const value of field.when?.is ?? []) expect(other?.choices, field.name).toContain(value);
    }
  });

  test.each(LANGUAGES)('has words for each field and no others (%s)', (language) => {
    const words = readTexts(root, language).fields[kind] ?? {};
    expect(Object.keys(words)).toEqual(fields.map(({ name }) => name));
    for (const { name, choices } of fields) {
      expect(Object.keys(words[name]?.choices ?? {}), name).toEqual(choices ?? []);
    }
  });
});

describe.each(LANGUAGES)('notices (%s)', (language) => {
  const texts = readTexts(root, language).notices;

  test('have a title and a text each', () => {
    expect(Object.keys(texts)).toEqual(Object.keys(NOTICES));
    for (const text of Object.values(texts)) expect(Object.keys(text)).toEqual(['title', 'text']);
  });

  test('name only what is known of them', () => {
    const known = ['backup', 'count', 'days', 'free', 'name', 'names', 'problem'];
    for (const { title, text } of Object.values(texts)) {
      expect(known).toEqual(expect.arrayContaining(placeholdersOf(`${title} ${text}`)));
    }
  });
});
