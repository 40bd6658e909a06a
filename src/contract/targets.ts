import * as v from 'valibot';
import { Bytes, Id, MAX_TEXT, Name, Timestamp } from './common.ts';
import { ProblemDocument } from './problems.ts';

/** Where CloudStash keeps its backups; its users find theirs without doing anything. */
export const DEFAULT_FOLDER = 'homeassistant/backups';

/** A folder inside a bucket: no slash at its ends, no dot segments; empty is the root. */
const BucketFolder = v.pipe(
  v.string(),
  v.maxLength(500),
  v.transform((folder) => folder.replace(/^\/+|\/+$/g, '')),
  v.check(
    (folder) =>
      folder === '' || folder.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
    'no empty and no dot segments',
  ),
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  v.check((folder) => !/[\u0000-\u001f\u007f\\]/.test(folder), 'no control characters and no backslash'),
);

const EndpointUrl = v.pipe(
  v.string(),
  v.trim(),
  v.maxLength(MAX_TEXT),
  v.check((text) => {
    if (text === '') return true;
    const url = URL.parse(text);
    return (
      url !== null &&
      /^https?:$/.test(url.protocol) &&
      url.username === '' &&
      url.search === '' &&
      url.hash === ''
    );
  }, 'an http:// or https:// address without user, query or fragment; empty for AWS'),
);

const NO_CREDENTIAL_NOISE = /^[\x21-\x7e]+$/;

/** S3, any provider. The secret never leaves the core again. */
export const S3Settings = v.object({
  kind: v.literal('s3'),
  endpoint: v.optional(EndpointUrl, ''),
  region: v.optional(
    v.pipe(v.string(), v.trim(), v.maxLength(64), v.regex(/^[A-Za-z0-9-]*$/, 'letters, digits and dashes')),
    '',
  ),
  bucket: v.pipe(
    v.string(),
    v.trim(),
    v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/, '2 to 255 letters, digits, dots, dashes and underscores'),
  ),
  folder: v.optional(BucketFolder, DEFAULT_FOLDER),
  access_key: v.pipe(
    v.string(),
    v.trim(),
    v.maxLength(256),
    v.regex(NO_CREDENTIAL_NOISE, 'no spaces inside'),
  ),
  secret_key: v.pipe(
    v.string(),
    v.trim(),
    v.maxLength(256),
    v.regex(NO_CREDENTIAL_NOISE, 'no spaces inside'),
  ),
  path_style: v.optional(v.picklist(['auto', 'on', 'off']), 'auto'),
  ca_certificate: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(65_536),
      v.check(
        (pem) => pem.trim() === '' || /-----BEGIN CERTIFICATE-----/.test(pem),
        'a certificate in PEM form',
      ),
    ),
    '',
  ),
});
export type S3Settings = v.InferOutput<typeof S3Settings>;

/** A directory on this machine; empty means the `backups` folder beside the core's data. */
export const FolderSettings = v.object({
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
});
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

/** A change: what is absent stays. An absent `secret_key` in S3 settings stays, too. */
export const TargetPatch = v.object({
  name: v.optional(Name),
  settings: v.optional(v.record(SettingName, v.unknown())),
});
export type TargetPatch = v.InferOutput<typeof TargetPatch>;

/** The settings as they are shown: without secrets. */
const PublicS3Settings = v.omit(S3Settings, ['secret_key']);
/** The settings of a target of any kind as they are shown: without secrets. */
export const PublicTargetSettings = v.variant('kind', [PublicS3Settings, FolderSettings]);
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
  backups: v.pipe(v.number(), v.integer()),
  bytes: Bytes,
  /** True while the target lies on the same disk as the core's own data: no protection against a dead disk. */
  same_disk: v.boolean(),
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
});
export type FoundBackups = v.InferOutput<typeof FoundBackups>;

/** How a round trip went, and which backups were found. */
export const ProbeReport = v.object({
  ok: v.boolean(),
  steps: v.array(ProbeStep),
  found: v.array(FoundBackups),
});
export type ProbeReport = v.InferOutput<typeof ProbeReport>;
