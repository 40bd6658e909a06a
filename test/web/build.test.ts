import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { contrast, legible, mix } from '../../src/web/shell/colour.ts';
import { match } from '../../src/web/shell/match.ts';
import { builtWeb } from './built-web.ts';

/** What a browser loads before it shows the first page: our own code, the libraries and the words of one language (bytes). */
const BUDGET = 60_000;

/** And with all that comes later, page by page (bytes). */
const WHOLE_BUDGET = 90_000;

const dir = builtWeb();
const names = readdirSync(dir);
const plain = names.filter((name) => !/\.(gz|br|txt)$/.test(name));

const sizeOf = (name: string) => gzipSync(readFileSync(join(dir, name)), { level: 9 }).length;

/** A script with all that it loads with it, and without what it loads later. */
function withItsParts(name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  const source = readFileSync(join(dir, name), 'utf8');
  for (const [, part] of source.matchAll(/(?:from|import)"\.\/([^"]+\.js)"/g))
    withItsParts(part as string, seen);
  return seen;
}

test('the first page is lighter than 60 kB when packed, and so are all others together with little more', () => {
  const languages = plain.filter((name) => /^(en|de)-/.test(name));
  const language = Math.max(...languages.map(sizeOf));
  const app = plain.find((name) => /^app-.*\.js$/.test(name)) as string;
  const others = plain.filter((name) => !/\.js$/.test(name)).reduce((sum, name) => sum + sizeOf(name), 0);
  const first = [...withItsParts(app)].reduce((sum, name) => sum + sizeOf(name), 0) + language + others;
  expect(first).toBeGreaterThan(20_000);
  expect(first).toBeLessThan(BUDGET);
  const whole =
    plain.reduce((sum, name) => sum + (languages.includes(name) ? 0 : sizeOf(name)), 0) + language;
  expect(whole).toBeGreaterThan(first);
  expect(whole).toBeLessThan(WHOLE_BUDGET);
});

test('scripts and styles are named by their content, and have packed twins', () => {
  const code = plain.filter((name) => /\.(js|css)$/.test(name));
  expect(code.length).toBeGreaterThan(2);
  for (const name of code) {
    expect(name).toMatch(/^[a-z]+-[A-Z0-9]{8}\.(js|css)$/);
    const bytes = readFileSync(join(dir, name));
    if (!names.includes(`${name}.gz`)) continue;
    expect(gunzipSync(readFileSync(join(dir, `${name}.gz`)))).toEqual(bytes);
    expect(brotliDecompressSync(readFileSync(join(dir, `${name}.br`)))).toEqual(bytes);
  }
});

test('the page names its files relatively, runs nothing that stands in it, and says how it is written', () => {
  const page = readFileSync(join(dir, 'index.html'), 'utf8');
  expect(page).toContain('<meta charset="utf-8"');
  const references = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, name]) => name as string);
  for (const name of references) expect(names).toContain(name);
  expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|style=|\son\w+=/);
});

test('the words of the core are not sent along', () => {
  const words = plain.filter((name) => /^(en|de)-/.test(name));
  expect(words).toHaveLength(2);
  for (const name of words) {
    const text = readFileSync(join(dir, name), 'utf8');
    expect(text).toContain('secret_key');
    expect(text).not.toContain('setup_code_invalid');
  }
});

test('a colour is moved no further than it must be to be read', () => {
  expect(legible('#0b63ce', '#ffffff', 4.5)).toBe('#0b63ce');
  for (const [colour, ground] of [
    ['#03a9f4', '#ffffff'],
    ['#43a047', '#fafafa'],
    ['#ffa600', '#ffffff'],
    ['#03a9f4', '#1c1c1c'],
    ['#db4437', '#111111'],
  ] as const) {
    const moved = legible(colour, ground, 4.5);
    expect([colour, ground, contrast(moved, ground) >= 4.5]).toEqual([colour, ground, true]);
    expect(contrast(moved, ground)).toBeLessThan(6.5);
  }
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
  expect(mix('#ff0000', '#0000ff', 0.5)).toBe('#800080');
});

test('paths fit their patterns', () => {
  expect(match('/backups/targets/:id', '/backups/targets/abc')).toEqual({ id: 'abc' });
  expect(match('/backups', '/backups/')).toEqual({});
  expect(match('/backups', '/backups/targets')).toBeUndefined();
  expect(match('/overview', '/backups')).toBeUndefined();
});
