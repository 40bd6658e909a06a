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

/** Aborts every unfinished upload to exactly this key. */
export async function sweepUploads(
  connection: Connection,
  uploads: Aborts,
  key: string,
  signal?: AbortSignal,
): Promise<void> {
  let marker: { KeyMarker: string; UploadIdMarker?: string } | undefined;
  for (;;) {
    const page = await uploadsPage(connection, key, marker, signal);
    for (const upload of page?.Uploads ?? []) {
      const listed = decodeListed(upload.Key ?? '', page?.EncodingType);
      if (listed === key && upload.UploadId) await uploads.abort({ key, id: upload.UploadId }, signal);
    }
    // The key itself comes first among all that begin with it, so its uploads end where another key begins.
    const next = decodeListed(page?.NextKeyMarker ?? '', page?.EncodingType);
    if (page?.IsTruncated !== true || next !== key) return;
    const uploadId = page.NextUploadIdMarker;
    if (uploadId === undefined || uploadId === marker?.UploadIdMarker) return;
    marker = { KeyMarker: next, UploadIdMarker: uploadId };
  }
}

/** An upload that was begun and not ended. `initiated`: milliseconds since 1970. */
interface Unended {
  readonly key: string;
  readonly id: string;
  readonly initiated: number;
}

/** The unfinished uploads whose keys begin so; none where a server keeps no list of them, or lists by whole keys only. */
export async function listUploads(
  connection: Connection,
  prefix: string,
  signal?: AbortSignal,
): Promise<Unended[]> {
  const page = await uploadsPage(connection, prefix, undefined, signal);
  return (page?.Uploads ?? []).flatMap(({ Key, UploadId, Initiated }) => {
    const key = decodeListed(Key ?? '', page?.EncodingType);
    if (!key.startsWith(prefix) || !UploadId || !Initiated) return [];
    return [{ key, id: UploadId, initiated: Initiated.getTime() }];
  });
}

async function uploadsPage(
  connection: Connection,
  key: string,
  marker: { KeyMarker: string; UploadIdMarker?: string } | undefined,
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
