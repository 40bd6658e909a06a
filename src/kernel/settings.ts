import type { Kysely } from 'kysely';
import * as v from 'valibot';
import type { Migration } from './database.ts';

interface SettingsTables {
  settings: { name: string; value: string };
}

/** The table of settings. */
export const settingsMigration: Migration = {
  number: 1,
  sql: 'CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT',
};

/** Small named documents, each with its schema. */
export class Settings {
  readonly #query: Kysely<SettingsTables>;

  constructor(query: Kysely<SettingsTables>) {
    this.#query = query;
  }

  /** The document, or undefined when it was never written or no longer fits its schema. */
  async read<Schema extends v.GenericSchema>(
    name: string,
    schema: Schema,
  ): Promise<v.InferOutput<Schema> | undefined> {
    const row = await this.#query
      .selectFrom('settings')
      .select('value')
      .where('name', '=', name)
      .executeTakeFirst();
    if (!row) return undefined;
    const parsed = v.safeParse(schema, JSON.parse(row.value));
    return parsed.success ? parsed.output : undefined;
  }

  async write(name: string, value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    await this.#query
      .insertInto('settings')
      .values({ name, value: text })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: text }))
      .execute();
  }
}
