import { S3_SECRETS, type S3Settings } from '../../../contract/index.ts';
import type { TargetType } from '../target.ts';
import { placeOf, storedEndpoint } from './address.ts';
import { S3Target } from './target.ts';

/** A bucket at AWS, or on any server that speaks S3. */
export const s3TargetType: TargetType<S3Settings> = {
  kind: 's3',
  secrets: S3_SECRETS,
  complete: (settings) => ({ ...settings, endpoint: storedEndpoint(settings) }),
  place: placeOf,
  // A server on this machine would be, but it cannot be told from one that a tunnel ends in.
  sameDisk: () => Promise.resolve(false),
  open: (settings, context) => new S3Target(settings, context),
};
