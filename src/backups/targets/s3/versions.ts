import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from '@aws-sdk/client-s3';
import { isProblem, Problem } from '../../../kernel/errors.ts';
import type { Connection } from './connection.ts';
import { faultOf } from './fault.ts';
import { decodeListed } from './keys.ts';
import { type Version, whyRefused } from './locks.ts';
import { isBareMissing, isMissing } from './missing.ts';

/** A version as the server lists it; markers hide what is older, and hold nothing that could be locked. */
interface ListedVersion extends Version {
  readonly id: string;
  readonly marker: boolean;
}

/** Where a page of the list begins. */
interface Marker {
  readonly KeyMarker: string;
  readonly VersionIdMarker?: string;
}

/** Answers of servers that keep no versions, and to keys that may not list them. */
const NO_VERSIONS: ReadonlySet<number | undefined> = new Set([400, 401, 403, 404, 405, 501]);

/** All versions of exactly this key, newest first, with their markers; undefined where they cannot be listed. */
export async function versionsOf(
  connection: Connection,
  key: string,
  signal?: AbortSignal,
): Promise<ListedVersion[] | undefined> {
  const found: ListedVersion[] = [];
  let marker: Marker | undefined;
  for (;;) {
    const page = await versionsPage(connection, key, marker, signal);
    if (!page) return undefined;
    let past = false;
    const take = (items: ListObjectVersionsCommandOutput['DeleteMarkers'], isMarker: boolean) => {
      for (const item of items ?? []) {
        const listed = decodeListed(item.Key ?? '', page.EncodingType);
        if (listed !== key) past = true;
        else if (item.VersionId) found.push({ key, id: item.VersionId, marker: isMarker });
      }
    };
    take(page.Versions, false);
    take(page.DeleteMarkers, true);
    // The key itself comes first among all that begin with it, so its versions end where another key begins. Where the
    // list goes on does not tell: MinIO adds words of its own to that key.
    if (page.IsTruncated !== true || past) return found;
    marker = nextMarker(page, key, marker);
  }
}

/** Where the list goes on. One that says it does, but not where, would be taken for a whole one. */
function nextMarker(page: ListObjectVersionsCommandOutput, key: string, last: Marker | undefined): Marker {
  const next = decodeListed(page.NextKeyMarker ?? '', page.EncodingType);
  const id = page.NextVersionIdMarker;
  const onward = id === undefined ? next !== key : id !== last?.VersionIdMarker;
  if (next === '' || !onward || (id === undefined && next === last?.KeyMarker)) {
    throw new Problem('target_unexpected', { params: { reason: 'the list of versions ends in the middle' } });
  }
  return { KeyMarker: next, ...(id === undefined ? {} : { VersionIdMarker: id }) };
}

async function versionsPage(
  connection: Connection,
  key: string,
  marker: Marker | undefined,
  signal: AbortSignal | undefined,
): Promise<ListObjectVersionsCommandOutput | undefined> {
  try {
    return await connection.run(
      'list',
      ({ client, http }) =>
        client.send(
          new ListObjectVersionsCommand({
            Bucket: connection.bucket,
            Prefix: key,
            EncodingType: 'url',
            ...marker,
          }),
          http,
        ),
      { signal },
    );
  } catch (error) {
    // a marker that is refused is no missing right
    if (marker || !isProblem(error) || !NO_VERSIONS.has(faultOf(error.cause).status)) throw error;
    // what is wrong with the way or the keys is not about versions
    if (['target_forbidden', 'target_unexpected', 'target_not_s3'].includes(error.code)) return undefined;
    throw error;
  }
}

/** Deletes all versions of exactly this key, and the markers that hide them. False where they cannot be listed. */
export async function deleteVersions(
  connection: Connection,
  key: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const versions = await versionsOf(connection, key, signal);
  if (!versions) return false;
  // A server that names none of an object that is there does not keep them.
  if (versions.length === 0) return !(await exists(connection, { key }, signal));
  for (const version of inOrder(versions)) await deleteVersion(connection, version, signal);
  return true;
}

/** The newest last, and markers after all they hide: what is broken off in the middle brings nothing old to light. */
function inOrder(versions: readonly ListedVersion[]): ListedVersion[] {
  const objects = versions.filter(({ marker }) => !marker).reverse();
  return [...objects, ...versions.filter(({ marker }) => marker)];
}

async function exists(connection: Connection, { key, id }: Version, signal?: AbortSignal): Promise<boolean> {
  const version = id === undefined ? {} : { VersionId: id };
  try {
    const head = await connection.run(
      'read',
      ({ client, http }) =>
        client.send(new HeadObjectCommand({ Bucket: connection.bucket, Key: key, ...version }), http),
      { signal, key, bodiless: true },
    );
    if (head.LastModified === undefined) throw connection.notS3();
    return true;
  } catch (error) {
    if (isBareMissing(error)) return false;
    throw error;
  }
}

const NO_CONTENT = 204;

/** Refusals behind which a lock may stand. */
const REFUSED: ReadonlySet<number | undefined> = new Set([400, 403, 405, 409]);

/**
 * Deletes an object, or one version of it; it is no fault when there is none.
 * @throws Problem `target_locked` or `target_held` when that is why the server refuses
 */
export async function deleteVersion(
  connection: Connection,
  version: Version,
  signal?: AbortSignal,
): Promise<void> {
  const { key, id } = version;
  try {
    const { $metadata } = await connection.run(
      'delete',
      ({ client, http }) =>
        client.send(
          new DeleteObjectCommand({
            Bucket: connection.bucket,
            Key: key,
            ...(id === undefined ? {} : { VersionId: id }),
          }),
          http,
        ),
      { signal, key },
    );
    // Some servers say 200 of a deletion, and so does every page of something else.
    if ($metadata.httpStatusCode !== NO_CONTENT && (await exists(connection, version, signal))) {
      throw new Problem('target_unexpected', { params: { reason: 'a deleted object is there' } });
    }
  } catch (error) {
    if (isMissing(error) || (isProblem(error) && faultOf(error.cause).s3Code === 'NoSuchVersion')) return;
    if (!isProblem(error) || !REFUSED.has(faultOf(error.cause).status)) throw error;
    throw (await whyRefused(connection, version, error, signal)) ?? error;
  }
}
