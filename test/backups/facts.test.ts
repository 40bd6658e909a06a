import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signInMigration } from '../../src/access/session-store.ts';
import { accessMigration } from '../../src/access/store.ts';
import { gatherFacts } from '../../src/backups/facts.ts';
import { BackupStore, backupsMigration, capabilitiesMigration } from '../../src/backups/store.ts';
import { Targets } from '../../src/backups/targets.ts';
import { openData } from '../../src/data.ts';
import { MemoryBudget } from '../../src/kernel/admission.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openDatabase } from '../../src/kernel/database.ts';
import { createLog } from '../../src/kernel/log.ts';
import { operationsMigration } from '../../src/kernel/operations.ts';
import { Secrets } from '../../src/kernel/secrets.ts';
import { settingsMigration } from '../../src/kernel/settings.ts';
import { describeBackup } from '../harness/archives.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'homestash-facts-'));
let asked = 0;
let query: Kysely<never>;
let store: BackupStore;
let targets: Targets;

beforeAll(async () => {
  await openData(dataDir).close();
  query = new Kysely<never>({
    dialect: new SqliteDialect({ database: new SQLite(join(dataDir, 'homestash.db')) }),
    log: () => {
      asked += 1;
    },
  });
  store = new BackupStore(query as never);
  const log = createLog('error', () => undefined, Date.now);
  const context = { clock: systemClock, memory: new MemoryBudget(1), dataDir, idleTimeoutMs: 1_000 };
  const secrets = Secrets.open(dataDir);
  targets = new Targets({
    store,
    secrets,
    clock: systemClock,
    log,
    context,
    onChange: () => undefined,
    onDeed: () => undefined,
  });
});
afterAll(async () => {
  await query.destroy();
  rmSync(dataDir, { recursive: true });
});

async function addTargets(from: number, to: number): Promise<void> {
  for (let number = from; number < to; number += 1) {
    const id = `t${number}`;
    await store.insertTarget({
      id,
      unique_id: id,
      name: id,
      kind: 'folder',
      settings: JSON.stringify({ kind: 'folder', path: join(dataDir, id) }),
      secrets: '',
      created_at: number,
      refreshed_at: 1,
      problem: null,
      problem_since: null,
      checked_at: 1,
      capabilities: null,
      place_id: null,
      unprepared: null,
    });
    for (let day = 1; day <= 20; day += 1) {
      const date = `2026-10-${String(day).padStart(2, '0')}T00:00:00Z`;
      const backup = describeBackup({ backup_id: `b${day}`, date, size: 10 });
      const described = { backup, crc32: null, stored_at: null, suspect: day === 20 ? 'other_size' : null };
      await store.putCatalogueRow({
        target_id: id,
        sidecar_key: `${day}.metadata.json`,
        sidecar_version: '1',
        backup_id: backup.backup_id,
        archive_key: `${day}.tar`,
        archive_size: 10,
        archive_class: null,
        archived: 0,
        description: JSON.stringify(described),
        backup_date: Date.parse(date),
        modified: day,
      });
    }
  }
}

const gather = async () => {
  asked = 0;
  const facts = await gatherFacts({ store, targets, finding: () => false, uploads: async () => new Map() });
  return { facts, asked };
};

test('of backups that an older version knew it is known when they were made', async () => {
  const older = mkdtempSync(join(tmpdir(), 'homestash-older-'));
  const migrations = [settingsMigration, operationsMigration, accessMigration, backupsMigration];
  await openDatabase(older, [...migrations, capabilitiesMigration, signInMigration]).close();
  const database = new SQLite(join(older, 'homestash.db'));
  database.exec("INSERT INTO targets VALUES ('t', 't', 'T', 'folder', '{}', '', 1, NULL, NULL, NULL, NULL)");
  const insert = database.prepare("INSERT INTO catalogue VALUES ('t', ?, '1', ?, 'a', 1, ?, 42, NULL, 0)");
  const described = (date: string) => JSON.stringify({ backup: describeBackup({ date }) });
  insert.run('one', 'one', described('2026-11-20T10:00:00.123456+01:00'));
  insert.run('two', 'two', described('20 November'));
  insert.run('none', null, null);
  database.close();
  await openData(older).close();
  const now = new SQLite(join(older, 'homestash.db'), { readonly: true });
  const dates = now.prepare('SELECT backup_date FROM catalogue ORDER BY sidecar_key').pluck().all();
  now.close();
  rmSync(older, { recursive: true });
  expect(dates).toEqual([null, Date.parse('2026-11-20T09:00:00Z'), 42]);
});

test('fifty targets cost no more questions than one', async () => {
  await addTargets(0, 1);
  const one = await gather();
  await addTargets(1, 50);
  const fifty = await gather();
  expect(fifty.asked).toBe(one.asked);
  expect(fifty.facts.targets).toHaveLength(50);
  expect(fifty.facts.targets.every(({ backups, bytes }) => backups === 20 && bytes === 200)).toBe(true);
  expect(fifty.facts.last).toMatchObject({ at: '2026-10-20T00:00:00.000Z', places: 50 });
  expect([...fifty.facts.newest.values()].every(({ suspect }) => suspect === 'other_size')).toBe(true);
});
