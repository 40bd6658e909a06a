interface Described {
  readonly ETag?: string | undefined;
  readonly Size?: number | undefined;
  readonly ContentLength?: number | undefined;
  readonly LastModified?: Date | undefined;
}

/** What changes whenever the content does: the ETag, or size and time where a server gives none. */
export function versionOf(object: Described): string {
  const etag = object.ETag?.replace(/^"|"$/g, '');
  if (etag) return etag;
  return `${object.Size ?? object.ContentLength ?? 0}@${object.LastModified?.getTime() ?? 0}`;
}

/** The version as a condition of a request; undefined where it is no ETag. */
export function etagOf(version: string): string | undefined {
  return version.includes('@') ? undefined : `"${version}"`;
}
