import type { StoredObject } from '../target.ts';

/**
 * Classes out of which an object must be restored before it can be read, without regard to how a provider spells
 * them: AWS, Scaleway and OVH (GLACIER, DEEP_ARCHIVE), Tencent (ARCHIVE), Huawei (COLD), Alibaba (ColdArchive …).
 * AWS's GLACIER_IR is read at once.
 */
const ARCHIVED: ReadonlySet<string> = new Set([
  'GLACIER',
  'DEEPARCHIVE',
  'ARCHIVE',
  'COLD',
  'COLDARCHIVE',
  'DEEPCOLDARCHIVE',
]);

/** What an answer says of an object's class. */
interface Classified {
  readonly StorageClass?: string | undefined;
  /** HEAD's word on a copy that was restored for some days. */
  readonly Restore?: string | undefined;
}

/** The class of an object as it is listed. Google's ARCHIVE has the name of others' archives and is read at once. */
export function classOf(
  { StorageClass, Restore }: Classified,
  host: string,
): Pick<StoredObject, 'storageClass' | 'archived'> {
  if (!StorageClass) return {};
  const name = StorageClass.toUpperCase().replace(/[^A-Z]/g, '');
  const readable = host.endsWith('storage.googleapis.com') || Restore?.includes('ongoing-request="false"');
  const archived = ARCHIVED.has(name) && !readable;
  return { storageClass: StorageClass, ...(archived ? { archived } : {}) };
}
