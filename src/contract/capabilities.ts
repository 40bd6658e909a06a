import * as v from 'valibot';
import { Bytes, Timestamp } from './common.ts';

/** What a store does with something that it need not know: it acts on it, takes it without a look, or refuses it. */
const Behaviour = v.picklist(['enforced', 'ignored', 'refused', 'unknown']);

/** A service of a store. `forbidden`: the key may not ask; `unsupported`: the store has no such thing. */
const ServiceState = v.picklist(['on', 'off', 'suspended', 'unsupported', 'forbidden', 'unknown']);

/** What a store advises its owner: the sentence is worded in the language that was asked for. */
const Advice = v.object({ code: v.string(), text: v.string() });

/**
 * The capability card of a store: what it was seen to do, or is documented to do. Nothing on it is a fault; what is
 * missing is done without.
 */
export const Capabilities = v.object({
  examined_at: Timestamp,
  /** The preset whose address this is, or whose server it calls itself. */
  provider: v.nullable(v.string()),
  /** How the server calls itself. */
  server: v.nullable(v.string()),
  region: v.string(),
  /** Whether a write can be made to depend on what is there (`If-None-Match`). */
  conditional_writes: Behaviour,
  /** Whether the CRC-32 that goes with a body is compared. */
  checksums: Behaviour,
  versioning: ServiceState,
  object_lock: v.object({
    state: ServiceState,
    /** What new objects get by themselves. */
    default_days: v.nullable(v.pipe(v.number(), v.integer())),
    mode: v.nullable(v.string()),
  }),
  parts: v.object({
    /** All parts but the last must be of one size. */
    equal: v.picklist(['required', 'not_required', 'unknown']),
    /** The smallest part but the last; 0 is any. */
    smallest: v.nullable(Bytes),
    most: v.nullable(v.pipe(v.number(), v.integer())),
  }),
  lifecycle: v.object({
    state: ServiceState,
    /** After how many days the store removes uploads that never ended. */
    aborts_after_days: v.nullable(v.pipe(v.number(), v.integer())),
  }),
  /** By the names that policies have; only what matters here. */
  permissions: v.array(v.object({ name: v.string(), allowed: v.boolean() })),
  advice: v.array(Advice),
});
export type Capabilities = v.InferOutput<typeof Capabilities>;
