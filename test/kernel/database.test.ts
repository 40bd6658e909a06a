import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claim, type Migration, openDatabase } from '../../src/kernel/database.ts';
import { isProblem } from '../../src/kernel/errors.ts';
import { wordProblem } from '../../src/kernel/texts.ts';

const MIGRATIONS: Migration[] = Array.from({ length: 5 }, (_, index) => ({
  number: index + 1,
  sql: `CREATE TABLE step_${index + 1} (value TEXT) STRICT`,
}));

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'homestash-database-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Opens and closes it, as a program whose newest migration has this number does. */
async function visit(version: number): Promise<void> {
  await openDatabase(dir, MIGRATIONS.slice(0, version)).close();
}

function write(sql: string, name = 'homestash.db'): void {
  const raw = new SQLite(join(dir, name));
  raw.exec(sql);
  raw.close();
}

function tablesOf(name: string): string[] {
  const raw = new SQLite(join(dir, name), { readonly: true });
  try {
    const query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    return raw
      .prepare<[], { name: string }>(query)
      .all()
      .map((row) => row.name);
  } finally {
    raw.close();
  }
}

const copies = () => readdirSync(dir).filter((name) => name.includes('before'));

describe('a schema that changes', () => {
  test('in a new folder: all steps, and no copy of nothing', async () => {
    await visit(2);
    expect(readdirSync(dir), 'no copy, and the journal is closed').toEqual(['homestash.db']);
    expect(tablesOf('homestash.db')).toEqual(['step_1', 'step_2']);
  });

  test('is preceded by a copy that has everything', async () => {
    await visit(1);
    write("INSERT INTO step_1 VALUES ('precious')");
    await visit(3);
    expect(tablesOf('homestash.db')).toEqual(['step_1', 'step_2', 'step_3']);
    expect(copies()).toEqual(['homestash.before-3.db']);
    expect(tablesOf('homestash.before-3.db')).toEqual(['step_1']);
    const copy = new SQLite(join(dir, 'homestash.before-3.db'), { readonly: true });
    expect(copy.prepare('SELECT value FROM step_1').all()).toEqual([{ value: 'precious' }]);
    copy.close();
  });

  test('keeps the two newest copies', async () => {
    for (const version of [1, 2, 3, 4]) await visit(version);
    expect(copies()).toEqual(['homestash.before-3.db', 'homestash.before-4.db']);
  });

  test('stays as it was when a step fails', async () => {
    await visit(1);
    const broken = [...MIGRATIONS.slice(0, 2), { number: 3, sql: 'CREATE TABLE step_1 (again TEXT)' }];
    expect(() => openDatabase(dir, broken)).toThrow('already exists');
    expect(tablesOf('homestash.db')).toEqual(['step_1']);
    await visit(2);
  });
});

describe('a schema of a newer program', () => {
  function refusal(version: number): unknown {
    try {
      openDatabase(dir, MIGRATIONS.slice(0, version));
    } catch (error) {
      return error;
    }
    throw new Error('it was opened');
  }

  test('is refused, and the copy to go back to is named', async () => {
    await visit(2);
    await visit(4);
    const error = refusal(2);
    expect(isProblem(error, 'database_newer')).toBe(true);
    const copy = join(dir, 'homestash.before-4.db');
    const { title, hint } = wordProblem(error);
    expect(`${title} ${hint}`).toContain(copy);
    expect(tablesOf('homestash.db')).toHaveLength(4);
    copyFileSync(copy, join(dir, 'homestash.db'));
    await visit(2);
  });

  test('is refused without a copy, too, and nothing is changed', async () => {
    await visit(3);
    expect(isProblem(refusal(1), 'database_newer')).toBe(true);
    await visit(3);
  });
});

test('what is no database is refused and left as it is', () => {
  copyFileSync(import.meta.filename, join(dir, 'homestash.db'));
  expect(() => openDatabase(dir, MIGRATIONS)).toThrow(`the database ${join(dir, 'homestash.db')} is damaged`);
  expect(copies()).toEqual([]);
});

test('a folder is claimed by one at a time', () => {
  const first = claim(dir);
  expect(first).toBeDefined();
  expect(claim(dir)).toBeUndefined();
  first?.release();
  const second = claim(dir);
  expect(second).toBeDefined();
  second?.release();
});

test('a claim that was damaged is made anew', () => {
  writeFileSync(join(dir, 'serve.lock'), 'x'.repeat(5_000));
  const claimed = claim(dir);
  expect(claimed).toBeDefined();
  expect(claim(dir)).toBeUndefined();
  claimed?.release();
});
