import * as v from 'valibot';
import { Bytes } from './common.ts';

/** A peculiarity of a provider, with a sentence in the language that was asked for. */
const Quirk = v.object({ code: v.string(), text: v.string() });

/** A storage class that an archive may be put into. */
const StorageClass = v.object({
  name: v.string(),
  /** What lies in it must be restored before it can be read. */
  archived: v.boolean(),
  /** What is deleted earlier is charged for so many days all the same; null where there is no such rule. */
  minimum_days: v.nullable(v.pipe(v.number(), v.integer())),
});

/** A provider of S3 storage, or a server of one's own, as its documentation describes it: what fills in a form. */
export const Provider = v.object({
  id: v.string(),
  name: v.string(),
  /** With `{region}` and `{account}` to be filled in; empty for AWS, null where everybody has an address of their own. */
  endpoint: v.nullable(v.string()),
  /** An address (for AWS a region) as people enter it. */
  example: v.string(),
  /** The known ones; there may be more. */
  regions: v.array(v.string()),
  /** Whether the region is part of the address, chosen by the person, always the same, or of no account. */
  region_rule: v.picklist(['endpoint', 'chosen', 'fixed', 'any']),
  /** Where the bucket's name stands: before the host, or in the path. */
  addressing: v.picklist(['virtual', 'path']),
  quirks: v.array(Quirk),
  /** Empty: only the standard class is known. */
  storage_classes: v.array(StorageClass),
  /** What the store can encrypt with, by the names of the setting; empty where that is not documented. */
  encryption: v.array(v.picklist(['s3', 'kms', 'customer'])),
  /** Everything is charged for at least so many days. */
  minimum_days: v.nullable(v.pipe(v.number(), v.integer())),
  /** As documented; null or unknown is found out by a probe. */
  parts: v.object({
    equal: v.picklist(['required', 'not_required', 'unknown']),
    smallest: v.nullable(Bytes),
    most: v.nullable(v.pipe(v.number(), v.integer())),
  }),
  /** The page where access keys are made. */
  keys_url: v.nullable(v.string()),
  /** The documentation of its S3 interface. */
  docs_url: v.nullable(v.string()),
});
export type Provider = v.InferOutput<typeof Provider>;

/** All presets. */
export const ProviderList = v.object({ providers: v.array(Provider) });
export type ProviderList = v.InferOutput<typeof ProviderList>;
