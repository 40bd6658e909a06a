import { type Answer, bucketOf, type Call, isoDate, xml } from './call.ts';
import { S3Error } from './errors.ts';
import { smallBody } from './locks.ts';
import { Bucket } from './store.ts';
import { readXml, xmlDocument } from './xml.ts';

/** "Bucket naming rules" of the Amazon S3 User Guide. */
const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

export function listBuckets({ world }: Call): Answer {
  const buckets = [...world.buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return xml(
    xmlDocument('ListAllMyBucketsResult', [
      [
        'Owner',
        [
          ['ID', 'homestash'],
          ['DisplayName', 'homestash'],
        ],
      ],
      [
        'Buckets',
        buckets.map(({ name, created }) => [
          'Bucket',
          [
            ['Name', name],
            ['CreationDate', isoDate(created)],
          ],
        ]),
      ],
    ]),
  );
}

export async function createBucket(call: Call): Promise<Answer> {
  await call.receive();
  const { world, bucketName } = call;
  if (!BUCKET_NAME.test(bucketName)) throw new S3Error('InvalidBucketName');
  if (world.buckets.has(bucketName)) throw new S3Error('BucketAlreadyOwnedByYou');
  const locked = call.headers['x-amz-bucket-object-lock-enabled']?.toLowerCase() === 'true';
  if (locked && !world.profile.lock) throw new S3Error('NotImplemented');
  const bucket = new Bucket(bucketName, world.now());
  if (locked) bucket.lock = {};
  if (locked || world.profile.versioning === 'always') bucket.versioning = 'Enabled';
  world.buckets.set(bucketName, bucket);
  return { status: 200, headers: { location: `/${bucketName}` } };
}

export function deleteBucket(call: Call): Answer {
  if (!bucketOf(call).empty) throw new S3Error('BucketNotEmpty');
  call.world.buckets.delete(call.bucketName);
  return { status: 204 };
}

export function headBucket(call: Call): Answer {
  bucketOf(call);
  return { status: 200, headers: { 'x-amz-bucket-region': call.world.region } };
}

/** Nothing stands for us-east-1 ("GetBucketLocation"). */
export function getBucketLocation(call: Call): Answer {
  bucketOf(call);
  const { region } = call.world;
  const text = region === 'us-east-1' ? '' : region;
  const head =
    '<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">';
  return xml(`${head}${text}</LocationConstraint>`);
}

export function getBucketVersioning(call: Call): Answer {
  const { versioning } = bucketOf(call);
  const status = versioning === 'Off' ? undefined : versioning;
  return xml(xmlDocument('VersioningConfiguration', [['Status', status]]));
}

export async function putBucketVersioning(call: Call): Promise<Answer> {
  const bucket = bucketOf(call);
  const status = readXml(await smallBody(call), 'VersioningConfiguration').text('Status');
  if (status !== 'Enabled' && status !== 'Suspended') throw new S3Error('MalformedXML');
  if (status === 'Suspended' && (bucket.lock || call.world.profile.versioning === 'always')) {
    throw new S3Error('InvalidBucketState', {
      message:
        'An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.',
    });
  }
  bucket.versioning = status;
  return { status: 200 };
}

export function getLifecycle(call: Call): Answer {
  const { lifecycle } = bucketOf(call);
  if (!lifecycle) throw new S3Error('NoSuchLifecycleConfiguration');
  return xml(lifecycle.toString('utf8'));
}

/** Kept as it came; rules are looked at, but nothing expires by itself. */
export async function putLifecycle(call: Call): Promise<Answer> {
  const bucket = bucketOf(call);
  const body = await smallBody(call);
  const rules = readXml(body, 'LifecycleConfiguration').all('Rule');
  const wrong = rules.some((rule) => !['Enabled', 'Disabled'].includes(rule.text('Status') ?? ''));
  if (rules.length === 0 || wrong) throw new S3Error('MalformedXML');
  bucket.lifecycle = body;
  return { status: 200 };
}

export function deleteLifecycle(call: Call): Answer {
  bucketOf(call).lifecycle = undefined;
  return { status: 204 };
}
