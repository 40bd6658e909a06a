import * as v from 'valibot';
import { Bytes, Crc32, Id, Timestamp } from './common.ts';

/** `backup_id` as Home Assistant makes it (eight hexadecimal digits) or as another tool may. */
export const BackupId = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]{1,64}$/, '1 to 64 letters, digits, dashes and underscores'),
);

const ShortText = v.pipe(v.string(), v.maxLength(500));

const MAX_ADDONS = 2_000;
const MAX_EXTRA = 200;

const AddonInfo = v.object({
  name: v.nullable(ShortText),
  slug: ShortText,
  version: v.nullable(ShortText),
});

const agentBackupEntries = {
  addons: v.pipe(v.array(AddonInfo), v.maxLength(MAX_ADDONS)),
  backup_id: BackupId,
  date: v.pipe(
    v.string(),
    v.maxLength(64),
    // Date.parse alone takes "May 1" and the year 99999 for dates, at which Home Assistant stumbles
    v.check(
      (text) => /^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(Date.parse(text)),
      'a date in ISO 8601',
    ),
  ),
  database_included: v.boolean(),
  extra_metadata: v.pipe(
    v.record(ShortText, v.union([v.boolean(), ShortText])),
    v.check((extra) => Object.keys(extra).length <= MAX_EXTRA, `at most ${MAX_EXTRA} entries`),
  ),
  folders: v.pipe(v.array(ShortText), v.maxLength(100)),
  homeassistant_included: v.boolean(),
  homeassistant_version: v.nullable(ShortText),
  name: ShortText,
  protected: v.boolean(),
  size: Bytes,
};

/**
 * Home Assistant's `AgentBackup.as_dict()` (components/backup/models.py). `size` is an upper bound before the
 * upload and the true size afterwards. Members that a newer Home Assistant adds are kept as they are.
 */
export const AgentBackup = v.looseObject(agentBackupEntries);
export type AgentBackup = v.InferOutput<typeof AgentBackup>;

/** What is kept of a backup beside its archive: Home Assistant's description and what the core knows beyond it. */
export const BackupDescription = v.object({
  backup: AgentBackup,
  /** CRC-32 of the whole archive; null for backups that another tool stored. */
  crc32: v.nullable(Crc32),
  stored_at: v.nullable(Timestamp),
  /** Why the archive looked odd when it was stored; null when nothing was odd. */
  suspect: v.nullable(v.string()),
});
export type BackupDescription = v.InferOutput<typeof BackupDescription>;

/** A stored backup. */
export const Backup = v.object({
  ...BackupDescription.entries,
  /** As the store names it; null where it names none. */
  storage_class: v.nullable(v.string()),
  /** True in a class out of which it must be restored, for hours, before it can be read. */
  archived: v.boolean(),
});
export type Backup = v.InferOutput<typeof Backup>;

/** The backups of a target. */
export const BackupList = v.object({
  backups: v.array(Backup),
  /** When this list was read from the target; null when that never happened. */
  refreshed_at: v.nullable(Timestamp),
});
export type BackupList = v.InferOutput<typeof BackupList>;

/** One backup, and every place where it lies. */
export const StoredBackup = v.object({
  backup: AgentBackup,
  places: v.array(v.object({ target_id: Id, ...v.omit(Backup, ['backup']).entries })),
});
export type StoredBackup = v.InferOutput<typeof StoredBackup>;

/** The backups of all targets, newest first, as far as the catalogue knows them. */
export const AllBackups = v.object({
  backups: v.array(StoredBackup),
  /** Targets whose list was never read: what lies there is missing here. */
  targets_unread: v.array(Id),
});
export type AllBackups = v.InferOutput<typeof AllBackups>;

/** Announces an upload; what cannot fit is refused here, before the first byte. */
export const UploadRequest = v.object({ backup: AgentBackup });
export type UploadRequest = v.InferOutput<typeof UploadRequest>;

/** An upload that was announced, and the operation that shows its progress. */
export const Upload = v.object({
  id: Id,
  operation_id: Id,
});
export type Upload = v.InferOutput<typeof Upload>;

/** What arrived; the sender compares it with its own sum and then commits, or deletes the upload. */
export const UploadSum = v.object({ size: Bytes, crc32: Crc32 });
export type UploadSum = v.InferOutput<typeof UploadSum>;
