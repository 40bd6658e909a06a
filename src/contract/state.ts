import * as v from 'valibot';
import { Bytes, Id, Timestamp } from './common.ts';
import { SEVERITIES } from './overview.ts';

const Percent = v.pipe(v.number(), v.minValue(0), v.maxValue(100));
const Count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** `core`: the box, and whether all is well. */
export const CoreState = v.object({
  name: v.string(),
  version: v.string(),
  started_at: Timestamp,
  /** See `Overview`. */
  verdict: v.picklist(['safe', 'attention', 'unsafe', 'unknown']),
  /** Whether something needs a person. */
  problem: v.boolean(),
  /** What that is, the worst first, in the language of the home. */
  notices: v.array(
    v.object({ id: v.string(), code: v.string(), severity: v.picklist(SEVERITIES), title: v.string() }),
  ),
  last_backup: v.nullable(Timestamp),
  next_backup: v.nullable(Timestamp),
  /** How many operations run. */
  operations: Count,
  /** Of all processors together, over the last minute. */
  cpu_percent: v.nullable(Percent),
  cpu_temperature_celsius: v.nullable(v.number()),
  memory_percent: Percent,
  memory_used_bytes: Bytes,
  memory_total_bytes: Bytes,
  /** What the core itself holds. */
  core_memory_bytes: Bytes,
  /** Of the disk with the core's own data. */
  disk_percent: v.nullable(Percent),
  disk_free_bytes: v.nullable(Bytes),
  disk_total_bytes: v.nullable(Bytes),
});
export type CoreState = v.InferOutput<typeof CoreState>;

/** `backups/target-<id>`: a place for backups. */
export const TargetState = v.object({
  id: Id,
  name: v.string(),
  kind: v.string(),
  /** It cannot be used, or the newest upload did not arrive. */
  problem: v.boolean(),
  problem_code: v.nullable(v.string()),
  /** Why, in the language of the home. */
  last_error: v.nullable(v.string()),
  /** Null: it was not looked at yet. */
  reachable: v.nullable(v.boolean()),
  checked_at: v.nullable(Timestamp),
  last_backup: v.nullable(Timestamp),
  last_backup_name: v.nullable(v.string()),
  last_backup_bytes: v.nullable(Bytes),
  backups: Count,
  bytes: Bytes,
  /** What is on its way there, where something is. */
  upload_name: v.nullable(v.string()),
  upload_percent: v.nullable(Percent),
  upload_bytes_per_second: v.nullable(Bytes),
});
export type TargetState = v.InferOutput<typeof TargetState>;

/** `devices/<id>`: a device whose configuration is kept. */
export const DeviceState = v.object({
  id: Id,
  name: v.string(),
  kind: v.string(),
  /** The newest attempt to back it up went wrong. */
  problem: v.boolean(),
  problem_code: v.nullable(v.string()),
  /** Why, in the language of the home. */
  last_error: v.nullable(v.string()),
  last_backup: v.nullable(Timestamp),
  next_backup: v.nullable(Timestamp),
  /** When its configuration last became another. */
  last_change: v.nullable(Timestamp),
  /** Whether its last backup found another configuration than the one before. */
  changed: v.boolean(),
  /** Of the newest saved configuration. */
  bytes: Bytes,
  /** How many are kept. */
  artefacts: Count,
  model: v.nullable(v.string()),
  firmware: v.nullable(v.string()),
  /** It is being backed up or written back right now. */
  busy: v.boolean(),
});
export type DeviceState = v.InferOutput<typeof DeviceState>;

/** `operations/<id>`: long work, as long as it runs. */
export const OperationState = v.object({
  id: Id,
  kind: v.string(),
  subject: v.record(v.string(), v.string()),
  started_at: Timestamp,
  done: Bytes,
  total: v.nullable(Bytes),
  percent: v.nullable(Percent),
  bytes_per_second: v.nullable(Bytes),
});
export type OperationState = v.InferOutput<typeof OperationState>;

/** All documents of the state by their names, each with its `revision` and when it `changed_at`. */
export const StateList = v.object({ documents: v.record(v.string(), v.record(v.string(), v.unknown())) });
export type StateList = v.InferOutput<typeof StateList>;
