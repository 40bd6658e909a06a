import { expect, test } from 'vitest';
import { readTexts } from '../../src/contract/generate/texts.ts';
import { documented, documentText } from './table.ts';

const { problems } = readTexts(new URL('../../', import.meta.url), 'en');

/** A value that differs from case to case. */
const readable = (sentence: string): string => sentence.replace(/\{\w+\}/g, '…');

test('every problem in the tables is explained below them, in the words in which it is told', () => {
  const codes = [
    ...new Set([...documentText().matchAll(/\(#(\w+)\)/g)].map(([, code]) => code ?? '')),
  ].sort();
  expect(codes.length).toBeGreaterThan(0);
  const words = codes.map((code) => {
    const { title = '', hint = '' } = problems[code] ?? {};
    return `### ${code}\n${readable(title)}\n${readable(hint)}`;
  });
  const text = words.join('\n\n');
  expect(documented('words', text)).toBe(text);
});
