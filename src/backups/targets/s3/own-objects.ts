import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
} from '@aws-sdk/client-s3';
import { type Answer, ask } from './ask.ts';
import type { Connection } from './connection.ts';
import { decodeListed } from './keys.ts';

/** How the removal of versions went. `none`: there were none to be removed. */
export interface Purged {
  readonly listed: Answer<unknown>;
  readonly removed: 'all' | 'none' | 'refused';
}

/**
 * Removes every version, and every mark of a deletion, of objects whose keys begin with this prefix: an object of
 * ours that a bucket with versions would keep for ever. What is locked, or may not be deleted, stays.
 * @param prefix as the bucket knows it; so long and random that nobody else's key begins with it
 * @param before younger ones stay (milliseconds since 1970)
 */
export async function purgeVersions(
  connection: Connection,
  prefix: string,
  signal: AbortSignal | undefined,
  before = Number.POSITIVE_INFINITY,
): Promise<Purged> {
  const listed = await listVersions(connection, prefix, signal);
  if (!listed.ok) return { listed, removed: 'none' };
  const { Versions = [], DeleteMarkers = [], EncodingType } = listed.output;
  let removed: Purged['removed'] = 'none';
  const versions = Versions.map((item) => ({ ...item, marker: false }));
  const markers = DeleteMarkers.map((item) => ({ ...item, marker: true }));
  for (const { Key, VersionId, LastModified, marker } of [...versions, ...markers]) {
    // Without its marker, what could not be removed would come to light again.
    if (marker && removed === 'refused') break;
    const key = decodeListed(Key ?? '', EncodingType);
    if (!key.startsWith(prefix) || !VersionId) continue;
    if (LastModified && LastModified.getTime() >= before) continue;
    const { bucket } = connection;
    const deleted = await ask(
      connection,
      'delete',
      ({ client, http }) =>
        client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId }), http),
      signal,
    );
    if (!deleted.ok) removed = 'refused';
    else if (removed === 'none') removed = 'all';
  }
  return { listed, removed };
}

function listVersions(
  connection: Connection,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<Answer<ListObjectVersionsCommandOutput>> {
  const command = () =>
    new ListObjectVersionsCommand({ Bucket: connection.bucket, Prefix: prefix, EncodingType: 'url' });
  return ask(connection, 'list', ({ client, http }) => client.send(command(), http), signal);
}
