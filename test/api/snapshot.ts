import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import SQLite from 'better-sqlite3';

// What changes although nobody changed anything: when something was last seen, how often it was started, and the
// history of attempts and happenings.
const RESTLESS_COLUMNS = ['last_used_at', 'refreshed_at', 'checked_at', 'problem', 'problem_since'];
const RESTLESS_TABLES = ['journal', 'operations'];
const RESTLESS_SETTINGS = ['starts'];

// What is written all the time, whoever asks for what.
const RESTLESS_FOLDERS = /^(log|state)\//;

// The database is compared by its rows.
const DATABASE = /^(homestash\.db|serve\.lock)(-wal|-shm|-journal)?$/;

function rows(dataDir: string): unknown {
  const database = new SQLite(join(dataDir, 'homestash.db'), { readonly: true });
  try {
    const tables = database
      .prepare<[], { name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
      .all()
      .filter(({ name }) => !RESTLESS_TABLES.includes(name));
    return tables.map(({ name }) => {
      const found = database.prepare<[], Record<string, unknown>>(`SELECT * FROM ${name}`).all();
      for (const row of found) for (const column of RESTLESS_COLUMNS) delete row[column];
      const kept = found.filter(
        (row) => !(name === 'settings' && RESTLESS_SETTINGS.includes(String(row.name))),
      );
      return [name, kept.map((row) => JSON.stringify(row)).sort()];
    });
  } finally {
    database.close();
  }
}

/** All that a core keeps, as text: the rows of its database and its files with their sums. */
export function snapshot(dataDir: string): string {
  const files = readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !DATABASE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !RESTLESS_FOLDERS.test(relative(dataDir, file)))
    .sort()
    .map((file) => [relative(dataDir, file), createHash('sha256').update(readFileSync(file)).digest('hex')]);
  return JSON.stringify({ rows: rows(dataDir), files }, null, 1);
}
