import { type Answer, bucketOf, type Call, isoDate, quoted, xml } from './call.ts';
import { S3Error } from './errors.ts';
import { uriEncode } from './signature.ts';
import { byBytes, type Upload, type Version } from './store.ts';
import { type Element, xmlDocument } from './xml.ts';

/** What opens a continuation token, so that a key is not taken for one. */
const TOKEN_MARK = 'homestash-simulator/';

/** How many entries a request asks for, at most a page. */
function limitOf(call: Call, name: string): number {
  const asked = call.query.get(name);
  if (asked !== undefined && !/^\d+$/.test(asked)) {
    throw new S3Error('InvalidArgument', {
      message: `Provided ${name} not an integer or within integer range`,
    });
  }
  return Math.min(Number(asked ?? 1000), 1000, call.world.pageSize);
}

/** How names are written: plain, or as `encoding-type=url` asks; a space is a plus then. */
function encoder(call: Call): (text: string) => string {
  const type = call.query.get('encoding-type');
  if (type === undefined) return (text) => text;
  if (type !== 'url') {
    throw new S3Error('InvalidArgument', { message: 'Invalid Encoding Method specified in Request' });
  }
  return (text) => uriEncode(text, { slash: false }).replaceAll('%20', '+');
}

interface Folded<Entry> {
  readonly entries: readonly Entry[];
  readonly prefixes: readonly string[];
  readonly truncated: boolean;
  /** The last key or common prefix that is on the page. */
  readonly last: string | undefined;
}

/** A page of what lies under a prefix; what has the delimiter further on is folded into one entry. */
function folded<Entry extends { readonly key: string }>(
  all: readonly Entry[],
  { prefix, delimiter, limit }: { prefix: string; delimiter: string; limit: number },
  beyond: (entry: Entry, folder: string | undefined) => boolean,
): Folded<Entry> {
  const entries: Entry[] = [];
  const prefixes: string[] = [];
  let last: string | undefined;
  for (const entry of all) {
    if (!entry.key.startsWith(prefix)) continue;
    const at = delimiter === '' ? -1 : entry.key.indexOf(delimiter, prefix.length);
    const folder = at < 0 ? undefined : entry.key.slice(0, at + delimiter.length);
    if (folder !== undefined && prefixes.at(-1) === folder) continue;
    if (!beyond(entry, folder)) continue;
    if (entries.length + prefixes.length >= limit) return { entries, prefixes, truncated: limit > 0, last };
    if (folder === undefined) entries.push(entry);
    else prefixes.push(folder);
    last = folder ?? entry.key;
  }
  return { entries, prefixes, truncated: false, last };
}

/** Whether an entry comes after a marker, which may itself be a folder. */
function after(marker: string): (entry: { readonly key: string }, folder: string | undefined) => boolean {
  return ({ key }, folder) => byBytes(folder ?? key, marker) > 0;
}

function tokenOf(key: string): string {
  return Buffer.from(TOKEN_MARK + key).toString('base64url');
}

function keyOf(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (text.startsWith(TOKEN_MARK)) return text.slice(TOKEN_MARK.length);
  throw new S3Error('InvalidArgument', { message: 'The continuation token provided is incorrect' });
}

function prefixesXml(prefixes: readonly string[], encode: (text: string) => string): Element[] {
  return prefixes.map((prefix) => ['CommonPrefixes', [['Prefix', encode(prefix)]]]);
}

function contents(version: Version, encode: (text: string) => string): Element {
  return [
    'Contents',
    [
      ['Key', encode(version.key)],
      ['LastModified', isoDate(version.lastModified)],
      ['ETag', quoted(version.etag)],
      ['Size', version.content.size],
      ['StorageClass', version.storageClass],
    ],
  ];
}

/** ListObjects and ListObjectsV2. */
export function listObjects(call: Call): Answer {
  const { query } = call;
  const second = call.operation === 'ListObjectsV2';
  if (second && query.get('list-type') !== '2') throw new S3Error('InvalidArgument');
  const bucket = bucketOf(call);
  const encode = encoder(call);
  const [prefix, delimiter] = [query.get('prefix') ?? '', query.get('delimiter') ?? ''];
  const limit = limitOf(call, 'max-keys');
  const token = query.get('continuation-token');
  const start = query.get(second ? 'start-after' : 'marker') ?? '';
  const marker = second && token !== undefined ? keyOf(token) : start;
  const visible = bucket.keys().flatMap((key) => bucket.visible(key) ?? []);
  const page = folded(visible, { prefix, delimiter, limit }, after(marker));
  const next = page.truncated ? page.last : undefined;
  return xml(
    xmlDocument('ListBucketResult', [
      ['Name', bucket.name],
      ['Prefix', encode(prefix)],
      ...(second
        ? ([
            ['KeyCount', page.entries.length + page.prefixes.length],
            ['ContinuationToken', token],
            ['NextContinuationToken', next && tokenOf(next)],
            ['StartAfter', query.has('start-after') ? encode(start) : undefined],
          ] as Element[])
        : ([
            ['Marker', encode(start)],
            // AWS says it only where a delimiter is given.
            ['NextMarker', next !== undefined && delimiter !== '' ? encode(next) : undefined],
          ] as Element[])),
      ['MaxKeys', limit],
      ['Delimiter', delimiter === '' ? undefined : encode(delimiter)],
      ['EncodingType', query.get('encoding-type')],
      ['IsTruncated', page.truncated],
      ...page.entries.map((version) => contents(version, encode)),
      ...prefixesXml(page.prefixes, encode),
    ]),
  );
}

/** Unfinished uploads, by key and age. */
export function listMultipartUploads(call: Call): Answer {
  const { query, world } = call;
  const bucket = bucketOf(call);
  const encode = encoder(call);
  const [prefix, delimiter] = [query.get('prefix') ?? '', query.get('delimiter') ?? ''];
  const limit = limitOf(call, 'max-uploads');
  const [keyMarker, idMarker] = [query.get('key-marker') ?? '', query.get('upload-id-marker') ?? ''];
  const order = (upload: Upload) => bucket.orderOf(upload.key, upload.uploadId);
  const all = [...bucket.uploads.values()]
    .filter(({ key }) => !world.profile.uploadsByKeyOnly || key === prefix)
    .sort((a, b) => byBytes(a.key, b.key) || order(a) - order(b));
  const marked = idMarker === '' ? undefined : bucket.orderOf(keyMarker, idMarker);
  const beyond = (upload: Upload, folder: string | undefined) =>
    marked !== undefined && upload.key === keyMarker
      ? order(upload) > marked
      : after(keyMarker)(upload, folder);
  const page = folded(all, { prefix, delimiter, limit }, beyond);
  const last = page.truncated ? page.entries.at(-1) : undefined;
  return xml(
    xmlDocument('ListMultipartUploadsResult', [
      ['Bucket', bucket.name],
      ['KeyMarker', encode(keyMarker)],
      ['UploadIdMarker', idMarker],
      ['NextKeyMarker', page.truncated ? encode(page.last ?? '') : undefined],
      ['NextUploadIdMarker', last?.uploadId],
      ['Prefix', encode(prefix)],
      ['Delimiter', delimiter === '' ? undefined : encode(delimiter)],
      ['EncodingType', query.get('encoding-type')],
      ['MaxUploads', limit],
      ['IsTruncated', page.truncated],
      ...page.entries.map(
        (upload): Element => [
          'Upload',
          [
            ['Key', encode(upload.key)],
            ['UploadId', upload.uploadId],
            ['StorageClass', upload.intent.storageClass],
            ['Initiated', isoDate(upload.initiated)],
          ],
        ],
      ),
      ...prefixesXml(page.prefixes, encode),
    ]),
  );
}

/** All versions and delete markers, of each key the newest first. */
export function listObjectVersions(call: Call): Answer {
  const { query } = call;
  const bucket = bucketOf(call);
  const encode = encoder(call);
  const [prefix, delimiter] = [query.get('prefix') ?? '', query.get('delimiter') ?? ''];
  const limit = limitOf(call, 'max-keys');
  const [keyMarker, idMarker] = [query.get('key-marker') ?? '', query.get('version-id-marker')];
  const all = bucket.allVersions();
  if (idMarker !== undefined && keyMarker === '') {
    throw new S3Error('InvalidArgument', {
      message: 'A version-id marker cannot be specified without a key marker.',
    });
  }
  // The version that the last page ended with may have been deleted in the meantime.
  const beyond = (version: Version, folder: string | undefined) =>
    idMarker !== undefined && version.key === keyMarker
      ? bucket.orderOf(version.key, version.versionId) < bucket.orderOf(keyMarker, idMarker)
      : after(keyMarker)(version, folder);
  const page = folded(all, { prefix, delimiter, limit }, beyond);
  const lastVersion = page.entries.at(-1);
  return xml(
    xmlDocument('ListVersionsResult', [
      ['Name', bucket.name],
      ['Prefix', encode(prefix)],
      ['KeyMarker', encode(keyMarker)],
      ['VersionIdMarker', idMarker ?? ''],
      ['NextKeyMarker', page.truncated ? encode(page.last ?? '') : undefined],
      [
        'NextVersionIdMarker',
        page.truncated && lastVersion?.key === page.last ? lastVersion?.versionId : undefined,
      ],
      ['MaxKeys', limit],
      ['Delimiter', delimiter === '' ? undefined : encode(delimiter)],
      ['EncodingType', query.get('encoding-type')],
      ['IsTruncated', page.truncated],
      ...page.entries.map((version): Element => {
        const about: Element[] = [
          ['Key', encode(version.key)],
          ['VersionId', version.versionId],
          ['IsLatest', bucket.versionsOf(version.key)[0] === version],
          ['LastModified', isoDate(version.lastModified)],
        ];
        if (version.deleteMarker) return ['DeleteMarker', about];
        const { etag, content, storageClass } = version;
        return [
          'Version',
          [...about, ['ETag', quoted(etag)], ['Size', content.size], ['StorageClass', storageClass]],
        ];
      }),
      ...prefixesXml(page.prefixes, encode),
    ]),
  );
}
