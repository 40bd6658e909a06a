import * as v from 'valibot';
import { CaCertificate, MAX_TEXT } from './common.ts';

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

/** What people type without a scheme gets the usual one. */
const withScheme = (scheme: string) => (text: string) =>
  text === '' || text.includes('://') ? text : `${scheme}://${text}`;

const EndpointUrl = v.pipe(
  v.string(),
  v.trim(),
  v.maxLength(MAX_TEXT),
  v.transform(withScheme('https')),
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
  v.transform(withScheme('http')),
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
const SLOWEST_LIMIT_MBIT = 0.5;

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
const ENCRYPTIONS = ['off', 's3', 'kms', 'customer'] as const;

/** The most parts of one upload in flight that can be asked for. */
const MOST_PARALLEL_PARTS = 8;

const s3Fields = {
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
  ca_certificate: v.optional(CaCertificate, ''),
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
};

/** S3, any provider. The secrets never leave the core again. What is misspelt is refused, and not passed over. */
export const S3Settings = v.pipe(
  v.strictObject(s3Fields),
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

/** What is encrypted at rest and never shown. */
export const S3_SECRETS = ['secret_key', 'customer_key', 'proxy_password'] as const;

/** The settings of a bucket as they are shown: without secrets. */
export const PublicS3Settings = v.omit(v.object(s3Fields), [...S3_SECRETS]);
