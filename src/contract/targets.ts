import * as v from 'valibot';
import { Capabilities } from './capabilities.ts';
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

/** Printable, without spaces: parts of a header or of an address. */
const PlainText = (most: number) =>
  v.pipe(v.string(), v.trim(), v.maxLength(most), v.regex(/^[\x21-\x7e]*$/, 'no spaces inside'));

const ProxyUrl = v.pipe(
  v.string(),
  v.trim(),
  v.maxLength(MAX_TEXT),
  v.check((text) => {
    if (text === '') return true;
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.pathname === '/';
  }, 'an http:// or https:// address of a proxy without user and path'),
);

/** SHA-256 of a certificate, as browsers and openssl show it; kept as 64 lower-case hexadecimal digits. */
const Fingerprint = v.pipe(
  v.string(),
  v.maxLength(200),
  v.transform((text) =>
    text
      .replace(/^sha-?256[ :=]+(fingerprint=)?/i, '')
      .replace(/[:\s]/g, '')
      .toLowerCase(),
  ),
  v.regex(/^([0-9a-f]{64})?$/, 'a SHA-256 fingerprint has 64 hexadecimal digits'),
);

/** How slow a line may be made (Mbit/s): below it a part would be on its way for longer than servers wait. */
export const SLOWEST_LIMIT_MBIT = 0.5;

/** Mbit/s, as people know it from their line; 0 is no limit. */
const MegabitsPerSecond = v.pipe(
  v.number(),
  v.finite(),
  v.check(
    (rate) => rate === 0 || (rate >= SLOWEST_LIMIT_MBIT && rate <= 100_000),
    `0, or ${SLOWEST_LIMIT_MBIT} to 100000`,
  ),
);

/** `22:00-06:00` in the local time of the box. */
const TimeWindow = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$/, 'two times of day such as 22:00-06:00'),
);

/** What encrypts the objects at the server: nothing of ours, its own key, a key of its key service, or the person's key. */
export const ENCRYPTIONS = ['off', 's3', 'kms', 'customer'] as const;

/** The most parts of one upload in flight that can be asked for. */
export const MOST_PARALLEL_PARTS = 8;

const s3Fields = v.object({
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
  /** The server's own certificate, and no other, by its fingerprint; it need not be signed by anybody. */
  certificate_pin: v.optional(Fingerprint, ''),
  proxy: v.optional(ProxyUrl, ''),
  proxy_user: v.optional(PlainText(256), ''),
  proxy_password: v.optional(PlainText(256), ''),
  /** Of archives only; descriptions are read with each list and stay in the standard class. */
  storage_class: v.optional(
    v.pipe(
      v.string(),
      v.trim(),
      v.toUpperCase(),
      v.regex(/^[A-Z0-9_-]{0,64}$/, 'the name of a storage class, such as STANDARD_IA'),
    ),
    '',
  ),
  encryption: v.optional(v.picklist(ENCRYPTIONS), 'off'),
  /** Name or ARN of the key with `kms`; empty is the provider's default key. */
  kms_key: v.optional(PlainText(2_048), ''),
  /** 32 bytes in base64 with `customer`: the archives cannot be read without it, by nobody. */
  customer_key: v.optional(
    v.pipe(
      v.string(),
      v.trim(),
      v.check((key) => key === '' || /^[A-Za-z0-9+/]{43}=$/.test(key), '32 bytes in base64'),
    ),
    '',
  ),
  /** Where the bucket keeps versions: deleting a backup deletes all of them, and the space is free. */
  delete_versions: v.optional(v.boolean(), false),
  upload_limit_mbit: v.optional(MegabitsPerSecond, 0),
  download_limit_mbit: v.optional(MegabitsPerSecond, 0),
  /** In these hours uploads are not limited. */
  upload_window: v.optional(TimeWindow, ''),
  /** 0: as many as suit the archive. */
  parallel_parts: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MOST_PARALLEL_PARTS)),
    0,
  ),
});

/** S3, any provider. The secrets never leave the core again. */
export const S3Settings = v.pipe(
  s3Fields,
  v.forward(
    v.check(
      ({ encryption, customer_key }) => encryption !== 'customer' || customer_key !== '',
      'encryption with a key of your own needs the key',
    ),
    ['customer_key'],
  ),
  v.forward(
    v.check(
      ({ upload_window, upload_limit_mbit }) => upload_window === '' || upload_limit_mbit > 0,
      'a limit for the hours outside the window is needed',
    ),
    ['upload_limit_mbit'],
  ),
);
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

/** A change: what is absent stays. Absent secrets stay, too. */
export const TargetPatch = v.object({
  name: v.optional(Name),
  settings: v.optional(v.record(SettingName, v.unknown())),
});
export type TargetPatch = v.InferOutput<typeof TargetPatch>;

/** What is encrypted at rest and never shown. */
export const S3_SECRETS = ['secret_key', 'customer_key', 'proxy_password'] as const;

/** The settings as they are shown: without secrets. */
const PublicS3Settings = v.omit(s3Fields, [...S3_SECRETS]);
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
