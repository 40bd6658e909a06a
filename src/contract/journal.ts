import * as v from 'valibot';
import { Id, Timestamp } from './common.ts';
import { SEVERITIES, type Severity } from './overview.ts';

/** What a happening is about; rules choose by it. */
export const HAPPENING_TOPICS = ['backups', 'locations', 'devices', 'access', 'box'] as const;
export type HappeningTopic = (typeof HAPPENING_TOPICS)[number];

interface HappeningDescription {
  readonly about: HappeningTopic;
  readonly severity: Severity;
}

const describe = (about: HappeningTopic, severity: Severity = 'info'): HappeningDescription => ({
  about,
  severity,
});

/**
 * Everything that is written into the journal. The sentences stand in `translations/` under `happenings.<code>`
 * (`title`, `text`). A problem and its end are worded as their notice is.
 */
export const HAPPENINGS = {
  /** {version} */
  core_started: describe('box'),
  /** {before} {version} */
  core_updated: describe('box'),
  /** {name} {target} {size} in words */
  backup_stored: describe('backups'),
  /** It is there and looked odd when it arrived. {name} {target} */
  backup_stored_odd: describe('backups', 'warning'),
  /** {name} {target} {problem} */
  backup_failed: describe('backups', 'error'),
  /** Somebody cancelled it. {name} {target} */
  backup_cancelled: describe('backups'),
  /** {name} {target} */
  backup_read: describe('backups'),
  /** {name} {target} {problem} */
  backup_not_read: describe('backups', 'warning'),
  /** {name} {target} */
  backup_deleted: describe('backups'),
  /** {target} */
  target_added: describe('locations'),
  /** {target} */
  target_changed: describe('locations'),
  /** {target} */
  target_removed: describe('locations'),
  /** The first configuration of a device is kept. {device} {size} in words */
  device_backed_up: describe('devices'),
  /** A device has another configuration than before. {device} {added} {removed} lines */
  device_changed: describe('devices'),
  /** It runs with another firmware. {device} {before} {version} */
  device_updated: describe('devices'),
  /** {device} {problem} */
  device_not_backed_up: describe('devices', 'warning'),
  /** {device} */
  device_restored: describe('devices'),
  /** {device} {problem} */
  device_not_restored: describe('devices', 'error'),
  /** {device} */
  device_added: describe('devices'),
  /** {device} */
  device_removed: describe('devices'),
  /** Devices came back out of Home Assistant. {count} */
  devices_adopted: describe('devices'),
  /** {name} */
  token_given: describe('access'),
  /** {name} */
  token_taken: describe('access'),
  /** A button in Home Assistant was pressed, and nothing came of it. {command} {problem} */
  command_failed: describe('box', 'warning'),
  /** A person wanted to see whether messages arrive. */
  test: describe('box'),
  /** A notice has appeared; its severity is that of the notice. */
  problem: describe('box', 'warning'),
  /** It is gone. */
  problem_over: describe('box'),
} as const satisfies Record<string, HappeningDescription>;

/** The stable name of a happening. */
export type HappeningCode = keyof typeof HAPPENINGS;

/** Something that happened, worded in the language that was asked for. */
export const Happening = v.object({
  /** Grows with time. */
  id: v.pipe(v.number(), v.safeInteger()),
  at: Timestamp,
  code: v.string(),
  about: v.picklist(HAPPENING_TOPICS),
  severity: v.picklist(SEVERITIES),
  title: v.string(),
  text: v.string(),
  target_id: v.nullable(Id),
  backup_id: v.nullable(v.string()),
  /** The same for the beginning, the repetitions and the end of one matter. */
  problem_id: v.nullable(v.string()),
});
export type Happening = v.InferOutput<typeof Happening>;

/** A page of the journal, newest first; `next` is where the next one begins. */
export const JournalPage = v.object({
  entries: v.array(Happening),
  next: v.nullable(v.pipe(v.number(), v.safeInteger())),
});
export type JournalPage = v.InferOutput<typeof JournalPage>;

/** Entries that one answer holds at most. */
export const MAX_JOURNAL_ENTRIES = 200;
