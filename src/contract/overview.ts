import * as v from 'valibot';
import { Id, Timestamp } from './common.ts';
import { LastBackup } from './home-assistant.ts';

/** How bad it is: `error` nothing is backed up, or soon will not be; `warning` less safe than it looks; `info` worth doing. */
export const SEVERITIES = ['error', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** The one thing to do about a notice; the UI has a button for each. */
export const NOTICE_ACTIONS = [
  'edit_target',
  'check_target',
  'add_target',
  'back_up',
  'use_automatic',
  'connect_home_assistant',
  'pair',
  'keep_recovery_key',
  'open_backups',
  'open_about',
  'open_notifications',
  'open_devices',
] as const;

interface NoticeDescription {
  readonly severity: Severity;
  readonly action: (typeof NOTICE_ACTIONS)[number];
  /** Also a repair issue in Home Assistant. */
  readonly repair?: true;
}

/**
 * Everything that may need a person. The sentences stand in `translations/` under `notices.<code>` (`title`, `text`);
 * the placeholders of those are the params.
 */
export const NOTICES = {
  /** The storage does not accept our key, or it may not do what is needed. {name} {problem} */
  target_credentials: { severity: 'error', action: 'edit_target', repair: true },
  /** The storage answers and cannot be used: no such bucket, another certificate … {name} {problem} */
  target_broken: { severity: 'error', action: 'edit_target', repair: true },
  /** It is not reached just now; a NAS may sleep. {name} {problem} */
  target_away: { severity: 'warning', action: 'check_target' },
  /** It has not been reached for a day. {name} {problem} */
  target_unreachable: { severity: 'error', action: 'check_target', repair: true },
  /** The newest upload to a target failed. {name} {problem} */
  upload_failed: { severity: 'error', action: 'back_up' },
  /** There is no place where backups could go. */
  no_target: { severity: 'error', action: 'add_target' },
  /** No Home Assistant has been paired. */
  not_paired: { severity: 'warning', action: 'pair' },
  /** There is no backup at all, though Home Assistant is paired. */
  no_backup: { severity: 'warning', action: 'back_up' },
  /** The newest backup is too old. {days} in words: `3 days` */
  backup_overdue: { severity: 'error', action: 'back_up', repair: true },
  /** Home Assistant's automatic backups go to none of our targets, or are switched off. */
  not_automatic: { severity: 'warning', action: 'use_automatic' },
  /** All targets lie on the disk of the core. */
  only_same_disk: { severity: 'warning', action: 'add_target' },
  /** The newest backup of a target was odd when it arrived. {name} {backup} */
  backup_suspect: { severity: 'warning', action: 'open_backups' },
  /** A device was not backed up for longer than its schedule allows, or given up. {name} {problem} */
  device_failing: { severity: 'warning', action: 'open_devices' },
  /** The same of several at once. {count} {names} {problem} */
  devices_failing: { severity: 'warning', action: 'open_devices' },
  /** The way back into Home Assistant is set up and does not work. {problem} */
  home_assistant_away: { severity: 'warning', action: 'connect_home_assistant' },
  /** The disk with the core's own data is nearly full. {free} in words: `420 MB` */
  disk_low: { severity: 'warning', action: 'open_backups', repair: true },
  /** The last attempt to copy the database failed. {problem} */
  database_not_copied: { severity: 'warning', action: 'open_about' },
  /** Nothing was taken of the settings that a file or the environment provides. {problem} */
  provisioning_wrong: { severity: 'warning', action: 'open_about' },
  /** The files for programs of others are not written. {problem} */
  state_not_written: { severity: 'warning', action: 'open_about' },
  /** Somebody who is to be told is not reached. {name} {problem} */
  webhook_failing: { severity: 'warning', action: 'open_notifications' },
  /** Nobody has said yet that the recovery key is written down. */
  recovery_key_not_kept: { severity: 'info', action: 'keep_recovery_key' },
} as const satisfies Record<string, NoticeDescription>;

/** The stable name of a notice. */
export type NoticeCode = keyof typeof NOTICES;

/** Something that needs a person, worded in the language that was asked for. */
export const Notice = v.object({
  /** The same for as long as it is the same matter. */
  id: v.string(),
  code: v.string(),
  severity: v.picklist(SEVERITIES),
  action: v.picklist(NOTICE_ACTIONS),
  repair: v.boolean(),
  target_id: v.nullable(Id),
  since: v.nullable(Timestamp),
  title: v.string(),
  text: v.string(),
  /** What stands in the sentences, worded as these are. */
  params: v.record(v.string(), v.string()),
});
export type Notice = v.InferOutput<typeof Notice>;

/**
 * Is everything safe? `safe`: nothing to do. `attention`: backups arrive, something should be looked at. `unsafe`:
 * something is not backed up. `unknown`: the core has just started and still looks.
 */
export const Overview = v.object({
  verdict: v.picklist(['safe', 'attention', 'unsafe', 'unknown']),
  last_backup: v.nullable(LastBackup),
  /** When Home Assistant makes the next one for us by itself; null where it does not, or is not connected. */
  next_backup: v.nullable(Timestamp),
  /** The worst first. */
  notices: v.array(Notice),
});
export type Overview = v.InferOutput<typeof Overview>;
