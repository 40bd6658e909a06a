import { signInMigration } from './access/session-store.ts';
import { accessMigration } from './access/store.ts';
import {
  backupsMigration,
  capabilitiesMigration,
  looksMigration,
  ownHomesMigration,
  unpreparedMigration,
} from './backups/store.ts';
import { copiesMigration, devicesMigration } from './devices/store.ts';
import { type Database, openDatabase } from './kernel/database.ts';
import { journalMigration } from './kernel/journal.ts';
import { operationsMigration } from './kernel/operations.ts';
import { outboxMigration } from './kernel/outbox.ts';
import { settingsMigration } from './kernel/settings.ts';

/** The one order of all schema changes; a new one is appended. */
const MIGRATIONS = [
  settingsMigration,
  operationsMigration,
  accessMigration,
  backupsMigration,
  capabilitiesMigration,
  signInMigration,
  looksMigration,
  unpreparedMigration,
  journalMigration,
  outboxMigration,
  ownHomesMigration,
  devicesMigration,
  copiesMigration,
];

/** Opens the data folder's database, as serving and one-shot commands both do. */
export function openData(dataDir: string): Database {
  return openDatabase(dataDir, MIGRATIONS);
}
