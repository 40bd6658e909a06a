import * as v from 'valibot';
import { Bytes, Id, MAX_TEXT, Name, Timestamp } from './common.ts';
import { Field } from './described-field.ts';
import { ProblemDocument } from './problems.ts';

/** The name of a kind of device: `wled`, `fritzbox`. Which there are says the core. */
export const DeviceKind = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{1,30}$/, 'the name of a kind'));

/** What a device says of itself; null where it does not. */
export const DeviceIdentity = v.object({
  /** Serial number or MAC address, by which it is known again. */
  id: v.nullable(v.string()),
  /** The name that it was given on the device. */
  name: v.nullable(v.string()),
  model: v.nullable(v.string()),
  firmware: v.nullable(v.string()),
  /** The processor, where a configuration fits only one kind of it. */
  chip: v.nullable(v.string()),
});
export type DeviceIdentity = v.InferOutput<typeof DeviceIdentity>;

/** The words that stand for a schedule; anything else is cron's five fields. */
export const SCHEDULE_WORDS = ['off', 'hourly', 'daily', 'weekly', 'monthly'] as const;

/** When a device is backed up: a word, `every 6 hours`, or five fields as cron writes them. */
export const Schedule = v.pipe(
  v.string(),
  v.trim(),
  v.toLowerCase(),
  v.maxLength(100),
  v.regex(
    /^(off|hourly|daily|weekly|monthly|every [1-9]\d{0,2} (hours|days)|[\d*/,a-z-]+( [\d*/,?a-z#-]+){4})$/,
    'daily, weekly, monthly, hourly, every 6 hours, or five fields as cron writes them',
  ),
);

/** `01:00-05:00` in the local time of the box; empty for any time. */
const Hours = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$/, 'two times of day such as 01:00-05:00'),
);

/** Which of its saved configurations are kept: each one that any of these rules wants. */
export const KeepRule = v.object({
  /** The newest ones, so many. */
  last: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000)), 10),
  /** All of so many days. */
  days: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(3_650)), 30),
  /** One for each of 12 months and 5 years besides. */
  generations: v.optional(v.boolean(), true),
});
export type KeepRule = v.InferOutput<typeof KeepRule>;

const SettingName = v.pipe(v.string(), v.regex(/^[a-z_]{1,40}$/, 'lower-case letters and underscores'));
const SettingValue = v.union([v.pipe(v.string(), v.maxLength(65_536)), v.number(), v.boolean()]);
const DeviceSettings = v.record(SettingName, SettingValue);

const planFields = {
  schedule: v.optional(Schedule, 'daily'),
  hours: v.optional(Hours, ''),
  /** Whether a backup that failed is tried again before its next time. */
  retry: v.optional(v.boolean(), true),
  keep: v.optional(KeepRule, {}),
};

/** What a person enters to add a device. */
export const DeviceInput = v.object({
  kind: DeviceKind,
  name: v.optional(Name),
  settings: DeviceSettings,
  ...planFields,
});
export type DeviceInput = v.InferOutput<typeof DeviceInput>;

/** A change: what is absent stays. Absent secrets stay, too. */
export const DevicePatch = v.object({
  name: v.optional(Name),
  settings: v.optional(DeviceSettings),
  schedule: v.optional(Schedule),
  hours: v.optional(Hours),
  retry: v.optional(v.boolean()),
  keep: v.optional(KeepRule),
  /** Another device of the same kind stands there now, and that is right. */
  replaced: v.optional(v.boolean()),
});
export type DevicePatch = v.InferOutput<typeof DevicePatch>;

/** Settings to be tried; with `device_id` they are a change of that device. */
export const DeviceTestRequest = v.object({
  kind: DeviceKind,
  settings: DeviceSettings,
  device_id: v.optional(Id),
});

export type DeviceTestRequest = v.InferOutput<typeof DeviceTestRequest>;

/** What came of trying. */
export const DeviceTest = v.object({
  identity: v.nullable(DeviceIdentity),
  /** The name that it would get. */
  name: v.string(),
  problem: v.nullable(ProblemDocument),
  /** The device that it is already known as. */
  known_as: v.nullable(Id),
});
export type DeviceTest = v.InferOutput<typeof DeviceTest>;

/** A file of a saved configuration. */
export const ArtefactFile = v.object({
  /** Its place in the artefact, from 1, by which it is asked for. */
  number: v.pipe(v.number(), v.integer()),
  /** As the device names it. */
  name: v.string(),
  /** Under which name it is saved and downloaded. */
  stored_as: v.string(),
  size: Bytes,
  sha256: v.string(),
});
export type ArtefactFile = v.InferOutput<typeof ArtefactFile>;

/** One saved configuration of a device: one or several files that belong together. */
export const Artefact = v.object({
  id: Id,
  made_at: Timestamp,
  /** When the device was last found to have exactly this configuration. */
  seen_at: Timestamp,
  /** False: it did not pass the check, is kept apart, and stands for nothing. */
  good: v.boolean(),
  problem: v.nullable(ProblemDocument),
  pinned: v.boolean(),
  bytes: Bytes,
  identity: DeviceIdentity,
  files: v.array(ArtefactFile),
  /** Lines that are different from the one before; null for the first, and where nothing can be compared. */
  added: v.nullable(v.pipe(v.number(), v.integer())),
  removed: v.nullable(v.pipe(v.number(), v.integer())),
});
export type Artefact = v.InferOutput<typeof Artefact>;

/** The history of a device, newest first. */
export const ArtefactList = v.object({ artefacts: v.array(Artefact) });
export type ArtefactList = v.InferOutput<typeof ArtefactList>;

/** What may be changed of a saved configuration. */
export const ArtefactPatch = v.object({ pinned: v.boolean() });

/** A device whose configuration is kept. */
export const Device = v.object({
  id: Id,
  kind: DeviceKind,
  /** What the kind is called. */
  kind_name: v.string(),
  name: v.string(),
  /** Without secrets. */
  settings: v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
  /** The secrets that are known. */
  secrets: v.array(v.string()),
  schedule: v.string(),
  hours: v.string(),
  retry: v.boolean(),
  keep: KeepRule,
  identity: DeviceIdentity,
  created_at: Timestamp,
  /** When it was last tried to back it up, however that went. */
  tried_at: v.nullable(Timestamp),
  /** When it was last backed up well. */
  backed_up_at: v.nullable(Timestamp),
  /** When its configuration last became another. */
  changed_at: v.nullable(Timestamp),
  next_at: v.nullable(Timestamp),
  /** What the newest attempt met; null when it went well. */
  problem: v.nullable(ProblemDocument),
  /** Attempts in a row that went wrong. */
  failures: v.pipe(v.number(), v.integer()),
  /** It is not tried again before somebody did something: a password that is wrong is not tried until an account is locked. */
  given_up: v.boolean(),
  /** Nobody tries it any more, or it has failed for longer than its schedule explains. */
  needs_person: v.boolean(),
  artefacts: v.pipe(v.number(), v.integer()),
  /** Of the newest good one. */
  bytes: Bytes,
  /** Of all that is kept. */
  kept_bytes: Bytes,
  /** In how many targets on other disks its newest configuration lies, sealed with the recovery key. */
  copies: v.pipe(v.number(), v.integer()),
  restorable: v.boolean(),
});
export type Device = v.InferOutput<typeof Device>;

/** All devices. */
export const DeviceList = v.object({ devices: v.array(Device) });
export type DeviceList = v.InferOutput<typeof DeviceList>;

/** A kind of device, worded in the language that was asked for. */
export const DeviceKindInfo = v.object({
  kind: DeviceKind,
  name: v.string(),
  about: v.string(),
  /** How what it fetched gets back onto the device, where Homestash cannot do it or a person has a part in it. */
  guide: v.string(),
  fields: v.array(Field),
  restorable: v.boolean(),
  /** It can be found on the network, or by its address. */
  discoverable: v.boolean(),
});
export type DeviceKindInfo = v.InferOutput<typeof DeviceKindInfo>;

/** All kinds there are. */
export const DeviceKindList = v.object({ kinds: v.array(DeviceKindInfo) });
export type DeviceKindList = v.InferOutput<typeof DeviceKindList>;

const DIFFERENCE_STATES = ['same', 'changed', 'added', 'removed', 'binary'] as const;

/** A line on either side; null where that side has none. */
export const DifferenceRow = v.object({
  old_number: v.nullable(v.pipe(v.number(), v.integer())),
  old_text: v.nullable(v.string()),
  new_number: v.nullable(v.pipe(v.number(), v.integer())),
  new_text: v.nullable(v.string()),
});
export type DifferenceRow = v.InferOutput<typeof DifferenceRow>;

/** What is different between two saved configurations, side by side and with secrets masked. */
export const Difference = v.object({
  from: v.nullable(Id),
  to: Id,
  files: v.array(
    v.object({
      name: v.string(),
      state: v.picklist(DIFFERENCE_STATES),
      added: v.pipe(v.number(), v.integer()),
      removed: v.pipe(v.number(), v.integer()),
      /** Runs of rows with some that are the same around them. */
      parts: v.array(v.array(DifferenceRow)),
      /** There is more than is shown. */
      cut: v.boolean(),
    }),
  ),
});
export type Difference = v.InferOutput<typeof Difference>;

/** What was begun. */
export const RestoreBegun = v.object({ operation_id: Id });

/** Whether a saved configuration can go back onto the device as it is now, and what to know before. */
export const RestorePlan = v.object({
  /** What stands in the way; null where nothing does. */
  problem: v.nullable(ProblemDocument),
  saved: DeviceIdentity,
  now: v.nullable(DeviceIdentity),
  /** What must be known before it is done, worded. */
  warnings: v.array(v.string()),
});
export type RestorePlan = v.InferOutput<typeof RestorePlan>;

/** Lines of a table of devices: the first names the columns. */
export const DeviceImportRequest = v.object({
  csv: v.pipe(v.string(), v.maxLength(500_000)),
  /** False: only say what would come of it. */
  save: v.boolean(),
});

/** What came of a line. */
export const DeviceImport = v.object({
  rows: v.array(
    v.object({
      line: v.pipe(v.number(), v.integer()),
      name: v.string(),
      kind: v.string(),
      outcome: v.picklist(['added', 'valid', 'known', 'failed']),
      problem: v.nullable(ProblemDocument),
    }),
  ),
});
export type DeviceImport = v.InferOutput<typeof DeviceImport>;

/** Addresses to look at, in lines or with commas; empty: the network and Home Assistant are asked. */
export const DiscoverRequest = v.object({
  addresses: v.optional(v.pipe(v.string(), v.maxLength(MAX_TEXT * 20)), ''),
});

/** Devices that were found and are not kept yet, or are. */
export const FoundDevices = v.object({
  devices: v.array(
    v.object({
      kind: DeviceKind,
      kind_name: v.string(),
      name: v.string(),
      address: v.string(),
      identity: DeviceIdentity,
      /** Who knew of it. */
      source: v.picklist(['home_assistant', 'network', 'address']),
      known_as: v.nullable(Id),
    }),
  ),
  /** Addresses where nothing was recognised. */
  unknown: v.array(v.string()),
});
export type FoundDevices = v.InferOutput<typeof FoundDevices>;

/** A file that the integration keeps in the configuration of Home Assistant. */
export const MirrorFile = v.object({
  device_id: Id,
  artefact_id: Id,
  number: v.pipe(v.number(), v.integer()),
  /** Its name there: no folder, no sign that a file system minds. */
  path: v.string(),
  size: Bytes,
  sha256: v.string(),
});
export type MirrorFile = v.InferOutput<typeof MirrorFile>;

/** The newest good configuration of every device, as far as it belongs into Home Assistant's backups. */
export const Mirror = v.object({
  instance_id: v.string(),
  files: v.array(MirrorFile),
  /** What a core that is empty needs to take the files over: devices without secrets, and which file is whose. */
  devices: v.array(v.looseObject({})),
  /** Devices that are too large for it. */
  left_out: v.array(Id),
});
export type Mirror = v.InferOutput<typeof Mirror>;

/** What the integration kept of a core that is gone. */
export const AdoptionRequest = v.object({ devices: v.array(v.looseObject({})) });

/** Which files are still wanted, by their sums: those of devices that are not known here. */
export const Adoption = v.object({
  devices: v.pipe(v.number(), v.integer()),
  wanted: v.array(v.string()),
});
export type Adoption = v.InferOutput<typeof Adoption>;
