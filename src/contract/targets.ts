import * as v from 'valibot';
import { Capabilities } from './capabilities.ts';
import { Bytes, Id, Name, Timestamp } from './common.ts';
import { ProblemDocument } from './problems.ts';
import { PublicS3Settings, S3Settings } from './s3-settings.ts';

const folderFields = {
  kind: v.literal('folder'),
  path: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(4_000),
      v.check((path) => path === '' || path.startsWith('/'), 'an absolute path'),
      v.check((path) => !path.includes('\0'), 'no zero byte'),
    ),
    '',
  ),
};
/** A directory on this machine; empty means the `backups` folder beside the core's data. */
export const FolderSettings = v.strictObject(folderFields);
export type FolderSettings = v.InferOutput<typeof FolderSettings>;

/** The settings of a target of any kind. */
export const TargetSettings = v.variant('kind', [S3Settings, FolderSettings]);
export type TargetSettings = v.InferOutput<typeof TargetSettings>;
/** The name of a kind of target. */
export type TargetKind = TargetSettings['kind'];

/** What a person enters to add a target. */
export const TargetInput = v.object({ name: Name, settings: TargetSettings });
export type TargetInput = v.InferOutput<typeof TargetInput>;

const SettingName = v.pipe(v.string(), v.regex(/^[a-z_]{1,40}$/, 'lower-case letters and underscores'));

/** A change: what is absent stays. Absent secrets stay, too. */
export const TargetPatch = v.object({
  name: v.optional(Name),
  settings: v.optional(v.record(SettingName, v.unknown())),
});
export type TargetPatch = v.InferOutput<typeof TargetPatch>;

/** The settings of a target of any kind as they are shown: without secrets. */
export const PublicTargetSettings = v.variant('kind', [PublicS3Settings, v.object(folderFields)]);
export type PublicTargetSettings = v.InferOutput<typeof PublicTargetSettings>;

/** A place where backups go. `unique_id` comes from where it is and survives a reinstalled core. */
export const Target = v.object({
  id: Id,
  unique_id: v.string(),
  name: v.string(),
  settings: PublicTargetSettings,
  created_at: Timestamp,
  /** When the list of its backups was last read from it. */
  refreshed_at: v.nullable(Timestamp),
  /** What the newest attempt to reach it met; null when it went well. */
  problem: v.nullable(ProblemDocument),
  /** Since when there has been this problem; not to be reached is one, by whatever name. */
  problem_since: v.nullable(Timestamp),
  /** When it was last looked at, however that went. */
  checked_at: v.nullable(Timestamp),
  backups: v.pipe(v.number(), v.integer()),
  bytes: Bytes,
  /** When the newest backup there was made. */
  newest_backup: v.nullable(Timestamp),
  /** True while the target lies on the same disk as the core's own data: no protection against a dead disk. */
  same_disk: v.boolean(),
  /** What the store was last found to do; null where that was never examined, and for folders. */
  capabilities: v.nullable(Capabilities),
});
export type Target = v.InferOutput<typeof Target>;

/** All targets. */
export const TargetList = v.object({ targets: v.array(Target) });
export type TargetList = v.InferOutput<typeof TargetList>;

/** The steps of the round trip, in their order. */
export const PROBE_STEPS = ['reach', 'write', 'list', 'read', 'multipart', 'delete'] as const;

/** One step of the round trip. `skipped`: a step before it failed. */
export const ProbeStep = v.object({
  step: v.picklist(PROBE_STEPS),
  outcome: v.picklist(['ok', 'failed', 'skipped']),
  problem: v.nullable(ProblemDocument),
});
export type ProbeStep = v.InferOutput<typeof ProbeStep>;

/** Backups that someone put there before us; a target with this folder adopts them as they are. */
export const FoundBackups = v.object({
  folder: v.string(),
  backups: v.pipe(v.number(), v.integer()),
  newest: v.nullable(Timestamp),
  /** True for the folder that the probed settings name. */
  current: v.boolean(),
  /** From how many Home Assistants the newest of them come. */
  homes: v.pipe(v.number(), v.integer()),
});
export type FoundBackups = v.InferOutput<typeof FoundBackups>;

/** How a round trip went, and which backups were found. */
export const ProbeReport = v.object({
  ok: v.boolean(),
  steps: v.array(ProbeStep),
  found: v.array(FoundBackups),
  /** Null when the round trip failed, and for folders. */
  capabilities: v.nullable(Capabilities),
});
export type ProbeReport = v.InferOutput<typeof ProbeReport>;

/**
 * Tries settings step by step and, on demand, saves them at the end. With `target_id` they are a change of that target:
 * what is absent stays, secrets too. Without it they are those of a new one, which needs a name to be saved.
 */
export const TargetCheckRequest = v.pipe(
  v.object({
    target_id: v.optional(Id),
    name: v.optional(Name),
    settings: v.record(SettingName, v.unknown()),
    save: v.boolean(),
  }),
  v.check(
    ({ target_id, name, save }) => !save || target_id !== undefined || name !== undefined,
    'a new target needs a name to be saved',
  ),
);
export type TargetCheckRequest = v.InferOutput<typeof TargetCheckRequest>;

/**
 * The events of a check (server-sent events): each step as it begins and ends, and then one of the others. `report`:
 * nothing was saved, as a step failed or nothing was to be saved. `problem`: the check itself came to nothing.
 */
export const TargetCheckEvent = v.variant('event', [
  v.object({
    event: v.literal('step'),
    step: v.picklist(PROBE_STEPS),
    outcome: v.picklist(['running', 'ok', 'failed', 'skipped']),
    problem: v.nullable(ProblemDocument),
  }),
  v.object({ event: v.literal('saved'), target: Target, report: ProbeReport }),
  v.object({ event: v.literal('report'), report: ProbeReport }),
  v.object({ event: v.literal('problem'), problem: ProblemDocument }),
]);
export type TargetCheckEvent = v.InferOutput<typeof TargetCheckEvent>;
