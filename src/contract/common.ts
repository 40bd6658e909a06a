import * as v from 'valibot';

/** Nothing that a person types into a form is longer. */
export const MAX_TEXT = 1_000;

/** Ids that the core makes itself: 26 lower-case letters and digits at most. */
export const Id = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]{1,26}$/, 'an id has 1 to 26 lower-case letters and digits'),
);

/** A moment as ISO 8601 with its offset. */
export const Timestamp = v.pipe(v.string(), v.maxLength(64));

/** CRC-32 (IEEE 802.3, as zlib computes it) in eight lower-case hexadecimal digits. */
export const Crc32 = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/, 'eight lower-case hexadecimal digits'));

/** A number of bytes. */
export const Bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** A name that a person gives. */
export const Name = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(1, 'a name is needed'),
  v.maxLength(100),
  v.check((name) => !/\p{Cc}/u.test(name), 'one line of text'),
);

/** Certificates of authorities that are trusted besides the usual ones, as PEM; empty where there are none. */
export const CaCertificate = v.pipe(
  v.string(),
  v.maxLength(65_536),
  v.check((pem) => pem.trim() === '' || /-----BEGIN CERTIFICATE-----/.test(pem), 'a certificate in PEM form'),
);
