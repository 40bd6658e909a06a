import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { Problem } from '../../../kernel/errors.ts';
import type { Connection } from './connection.ts';
import { faultOf } from './fault.ts';
import { decodeListed } from './keys.ts';

/** Who can give an upload up. */
interface Aborts {
  abort(upload: { readonly key: string; readonly id: string }, signal?: AbortSignal): Promise<void>;
}

/** Servers that keep no list of uploads; some remove old ones by themselves. */
const UNSUPPORTED = new Set([405, 501]);

/** Where a page of the list begins. */
interface Marker {
  readonly KeyMarker: string;
  readonly UploadIdMarker: string;
}

/** An upload that was begun and not ended. */
interface Unended {
  readonly key: string;
  readonly id: string;
  /** Milliseconds since 1970; what the server does not date is as young as can be. */
  readonly initiated: number;
}

/** Aborts every unfinished upload to exactly this key. */
export async function sweepUploads(
  connection: Connection,
  uploads: Aborts,
  key: string,
  signal?: AbortSignal,
): Promise<void> {
  for (const upload of await listUploads(connection, key, signal)) {
    if (upload.key === key) await uploads.abort(upload, signal);
  }
}

/** The unfinished uploads whose keys begin so; none where a server keeps no list of them, or lists by whole keys only. */
export async function listUploads(
  connection: Connection,
  prefix: string,
  signal?: AbortSignal,
): Promise<Unended[]> {
  const found: Unended[] = [];
  let marker: Marker | undefined;
  for (;;) {
    const page = await uploadsPage(connection, prefix, marker, signal);
    for (const { Key, UploadId, Initiated } of page?.Uploads ?? []) {
      const key = decodeListed(Key ?? '', page?.EncodingType);
      if (!key.startsWith(prefix) || !UploadId) continue;
      found.push({ key, id: UploadId, initiated: Initiated?.getTime() ?? Number.POSITIVE_INFINITY });
    }
    const id = page?.NextUploadIdMarker;
    if (page?.IsTruncated !== true || id === undefined || id === marker?.UploadIdMarker) return found;
    marker = { KeyMarker: decodeListed(page.NextKeyMarker ?? '', page.EncodingType), UploadIdMarker: id };
  }
}

async function uploadsPage(
  connection: Connection,
  key: string,
  marker: Marker | undefined,
  signal: AbortSignal | undefined,
) {
  try {
    return await connection.run(
      'multipart',
      ({ client, http }) =>
        client.send(
          new ListMultipartUploadsCommand({
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
    const status = error instanceof Problem ? faultOf(error.cause).status : undefined;
    if (status !== undefined && UNSUPPORTED.has(status)) return undefined;
    throw error;
  }
}
