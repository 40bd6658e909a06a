import { type Answer, bucketOf, type Call, isoDate, refused, versionOf, xml } from './call.ts';
import { bytesOf } from './content.ts';
import { S3Error } from './errors.ts';
import type { Bucket, Retention, Version } from './store.ts';
import { readXml, xmlDocument } from './xml.ts';

const MS_PER_DAY = 24 * 60 * 60_000;
const DAYS_PER_YEAR = 365;

const MODES: ReadonlySet<string> = new Set(['GOVERNANCE', 'COMPLIANCE']);

function retentionOf(
  mode: string | undefined,
  until: string | undefined,
  now: number,
): Retention | undefined {
  if (mode === undefined && until === undefined) return undefined;
  if (mode === undefined || until === undefined) {
    throw new S3Error('InvalidArgument', {
      message: 'x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied',
    });
  }
  const at = Date.parse(until);
  if (!MODES.has(mode) || Number.isNaN(at))
    throw new S3Error('InvalidArgument', { message: 'Unknown wormMode or date' });
  if (at <= now) {
    throw new S3Error('InvalidArgument', { message: 'The retain until date must be in the future!' });
  }
  return { mode: mode as Retention['mode'], until: at };
}

/** What a new version is locked with: its own headers, else what the bucket says. */
export function lockOf(call: Call, bucket: Bucket): { retention: Retention | undefined; legalHold: boolean } {
  const { headers, world } = call;
  if (!world.profile.lock && world.profile.unknown === 'ignored') {
    return { retention: undefined, legalHold: false };
  }
  const hold = headers['x-amz-object-lock-legal-hold'];
  const own = retentionOf(
    headers['x-amz-object-lock-mode'],
    headers['x-amz-object-lock-retain-until-date'],
    world.now(),
  );
  if (own !== undefined || hold !== undefined) {
    if (!world.profile.lock) throw new S3Error('NotImplemented');
    if (!bucket.lock) {
      throw new S3Error('InvalidRequest', { message: 'Bucket is missing Object Lock Configuration' });
    }
  }
  const byDefault = bucket.lock?.retention;
  const retention =
    own ?? (byDefault && { mode: byDefault.mode, until: world.now() + byDefault.days * MS_PER_DAY });
  return { retention, legalHold: hold === 'ON' };
}

/** A locked object must come with a sum ("How S3 Object Lock works"). */
export function checkSummed(
  call: Call,
  lock: { readonly retention: Retention | undefined; readonly legalHold: boolean },
  summed: boolean,
  what: 'Put Object' | 'Put Part',
): void {
  const locked = lock.retention !== undefined || lock.legalHold;
  if (!locked || summed || !call.world.profile.lockNeedsSum) return;
  throw new S3Error('InvalidRequest', {
    message: `Content-MD5 OR x-amz-checksum- HTTP header is required for ${what} requests with Object Lock parameters`,
  });
}

/** Throws when a version may not be removed now. */
export function checkRemovable(call: Call, version: Version): void {
  const { profile } = call.world;
  if (!profile.lock) return;
  const { retention, legalHold } = version;
  const running = retention !== undefined && retention.until > call.world.now();
  const bypassed =
    retention?.mode === 'GOVERNANCE' && call.headers['x-amz-bypass-governance-retention'] === 'true';
  if (legalHold || (running && !bypassed)) throw refused(profile.lock);
}

export function lockHeaders({ retention, legalHold }: Version): Record<string, string> {
  return {
    ...(retention
      ? {
          'x-amz-object-lock-mode': retention.mode,
          'x-amz-object-lock-retain-until-date': isoDate(retention.until),
        }
      : {}),
    ...(legalHold ? { 'x-amz-object-lock-legal-hold': 'ON' } : {}),
  };
}

export function getObjectLockConfiguration(call: Call): Answer {
  const { lock } = bucketOf(call);
  if (!lock) throw new S3Error('ObjectLockConfigurationNotFoundError');
  const { retention } = lock;
  return xml(
    xmlDocument('ObjectLockConfiguration', [
      ['ObjectLockEnabled', 'Enabled'],
      [
        'Rule',
        retention && [
          [
            'DefaultRetention',
            [
              ['Mode', retention.mode],
              ['Days', retention.days],
            ],
          ],
        ],
      ],
    ]),
  );
}

export async function putObjectLockConfiguration(call: Call): Promise<Answer> {
  const bucket = bucketOf(call);
  const document = readXml(await smallBody(call), 'ObjectLockConfiguration');
  if (bucket.versioning !== 'Enabled') throw new S3Error('InvalidBucketState');
  const rule = document.one('Rule')?.one('DefaultRetention');
  const mode = rule?.text('Mode');
  const days = Number(rule?.text('Days') ?? Number(rule?.text('Years') ?? 0) * DAYS_PER_YEAR);
  if (rule && (!MODES.has(mode ?? '') || !(days > 0))) throw new S3Error('MalformedXML');
  bucket.lock = rule ? { retention: { mode: mode as Retention['mode'], days } } : {};
  return { status: 200 };
}

export function getObjectRetention(call: Call): Answer {
  if (!bucketOf(call).lock) {
    throw new S3Error('InvalidRequest', { message: 'Bucket is missing Object Lock Configuration' });
  }
  const { retention } = versionOf(call);
  if (!retention) throw new S3Error('NoSuchObjectLockConfiguration');
  return xml(
    xmlDocument('Retention', [
      ['Mode', retention.mode],
      ['RetainUntilDate', isoDate(retention.until)],
    ]),
  );
}

export async function putObjectRetention(call: Call): Promise<Answer> {
  const document = readXml(await smallBody(call), 'Retention');
  if (!bucketOf(call).lock) {
    throw new S3Error('InvalidRequest', { message: 'Bucket is missing Object Lock Configuration' });
  }
  const version = versionOf(call);
  const wanted = retentionOf(document.text('Mode'), document.text('RetainUntilDate'), call.world.now());
  const { retention } = version;
  // A longer period is always allowed; less of it is like removing the object.
  if (!wanted || wanted.until < (retention?.until ?? 0) || retention?.mode === 'COMPLIANCE') {
    const longer = wanted && retention && wanted.until >= retention.until && wanted.mode === retention.mode;
    if (!longer) checkRemovable(call, version);
  }
  version.retention = wanted;
  return { status: 200 };
}

/** A document of a client: AWS wants a sum with each of these. */
export async function smallBody(call: Call): Promise<Buffer> {
  const { content, summed } = await call.receive();
  if (!summed && call.world.profile.documentsNeedSum) {
    throw new S3Error('InvalidRequest', { message: 'Missing required header for this request: Content-MD5' });
  }
  return bytesOf(content);
}
