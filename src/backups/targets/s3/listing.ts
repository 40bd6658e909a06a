import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { Problem } from '../../../kernel/errors.ts';
import type { StoredObject } from '../target.ts';
import { classOf } from './classes.ts';
import type { Connection } from './connection.ts';
import { decodeListed } from './keys.ts';
import { withoutOtherPlaces } from './marker.ts';
import { versionOf } from './version.ts';

interface ListOptions {
  readonly prefix: string;
  /** Leave out what lies in folders below. */
  readonly flat: boolean;
  /** Give up looking further after so many keys; without it, all of them. */
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The objects under a prefix, with their whole keys. Placeholders of folders are left out, and so is what lies in
 * folders that are marked as places of their own.
 */
export async function listObjects(connection: Connection, options: ListOptions): Promise<StoredObject[]> {
  const { prefix, flat, limit = Number.POSITIVE_INFINITY, signal } = options;
  const objects: StoredObject[] = [];
  let token: string | undefined;
  let seen = 0;
  do {
    const page = await listPage(connection, { prefix, flat, token, signal });
    for (const item of page.Contents ?? []) {
      const key = decodeListed(item.Key ?? '', page.EncodingType);
      if (key === '' || key.endsWith('/') || !key.startsWith(prefix)) continue;
      objects.push({
        key,
        size: item.Size ?? 0,
        version: versionOf(item),
        modified: item.LastModified?.getTime() ?? 0,
        ...classOf(item, connection.address.host),
      });
    }
    // Names of folders count: they are what fills the pages of a bucket that is used for other things.
    seen += page.Contents?.length ?? 0;
    seen += page.CommonPrefixes?.length ?? 0;
    token = nextToken(page, token);
  } while (token !== undefined && seen < limit);
  return withoutOtherPlaces(objects, prefix);
}

interface PageOptions {
  readonly prefix: string;
  readonly flat: boolean;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly maxKeys?: number;
}

/** One page of the list. Something that is no S3 may answer 200 with a page of its own, so the answer must name itself. */
export async function listPage(
  connection: Connection,
  { prefix, flat, token, signal, maxKeys }: PageOptions,
): Promise<ListObjectsV2CommandOutput> {
  const page = await connection.run(
    'list',
    ({ client, http }) =>
      client.send(
        new ListObjectsV2Command({
          Bucket: connection.bucket,
          Prefix: prefix,
          EncodingType: 'url',
          ...(flat ? { Delimiter: '/' } : {}),
          ...(token === undefined ? {} : { ContinuationToken: token }),
          ...(maxKeys === undefined ? {} : { MaxKeys: maxKeys }),
        }),
        http,
      ),
    { signal },
  );
  if (page.Name === undefined && page.KeyCount === undefined && page.IsTruncated === undefined) {
    throw connection.notS3();
  }
  return page;
}

/** A list that says it goes on, but not how, would be taken for a whole one, and what is missing for deleted. */
function nextToken(page: ListObjectsV2CommandOutput, previous: string | undefined): string | undefined {
  if (page.IsTruncated !== true) return undefined;
  const next = page.NextContinuationToken;
  if (!next || next === previous) {
    throw new Problem('target_unexpected', { params: { reason: 'the list ends in the middle' } });
  }
  return next;
}
