import * as v from 'valibot';
import { Bytes, Id, Timestamp } from './common.ts';
import { ProblemDocument } from './problems.ts';

/** `interrupted`: the core ended while it ran. */
const OPERATION_STATES = ['running', 'succeeded', 'failed', 'cancelled', 'interrupted'] as const;

/** Long work, visible everywhere. `total` is null when it cannot be known. */
export const Operation = v.object({
  id: Id,
  kind: v.string(),
  /** What it works on: the ids of a target, a backup … */
  subject: v.record(v.string(), v.string()),
  state: v.picklist(OPERATION_STATES),
  done: Bytes,
  total: v.nullable(Bytes),
  started_at: Timestamp,
  ended_at: v.nullable(Timestamp),
  problem: v.nullable(ProblemDocument),
});
export type Operation = v.InferOutput<typeof Operation>;

/** Running and past operations, newest first. */
export const OperationList = v.object({ operations: v.array(Operation) });
export type OperationList = v.InferOutput<typeof OperationList>;

/**
 * The events of `GET /api/v1/events` (server-sent events) and of the websocket beside it. Each says what changed: clients
 * fetch what they show. `hello` comes first on every connection; unless it is `resumed`, whatever happened before it
 * must be fetched. Each event carries its `id` besides: whoever comes back with the newest one as `Last-Event-ID` is
 * told what was missed, of each thing the newest. Documents of the state come to those who ask for them.
 */
export const CoreEvent = v.variant('event', [
  v.object({ event: v.literal('hello'), instance_id: v.string(), resumed: v.boolean() }),
  v.object({ event: v.literal('targets_changed') }),
  v.object({ event: v.literal('backups_changed'), target_id: Id }),
  v.object({ event: v.literal('devices_changed') }),
  v.object({ event: v.literal('operation_changed'), operation: Operation }),
  v.object({ event: v.literal('tokens_changed') }),
  v.object({ event: v.literal('settings_changed') }),
  v.object({ event: v.literal('home_assistant_changed') }),
  v.object({ event: v.literal('mqtt_changed') }),
  v.object({ event: v.literal('overview_changed') }),
  v.object({ event: v.literal('recovery_key_changed') }),
  v.object({ event: v.literal('journal_changed') }),
  v.object({ event: v.literal('webhooks_changed') }),
  /** Null: there is no such document any more. */
  v.object({
    event: v.literal('state_changed'),
    name: v.string(),
    document: v.nullable(v.record(v.string(), v.unknown())),
  }),
  v.object({ event: v.literal('goodbye') }),
]);
export type CoreEvent = v.InferOutput<typeof CoreEvent>;
