import type { S3Settings } from '../../../contract/index.ts';
import type { Examination } from '../target.ts';
import type { Address } from './address.ts';
import { inDays, type Preset, type Remark } from './preset.ts';

interface Circumstances {
  readonly found: Omit<Examination, 'advice'>;
  readonly settings: S3Settings;
  readonly address: Address;
  readonly preset: Preset | undefined;
  /** A rule of the bucket removes old versions. */
  readonly expiresVersions: boolean;
}

/** What is said of a permission that is missing. */
const MISSING: Readonly<Record<string, string>> = {
  's3:ListBucketVersions': 'missing_list_versions',
  's3:DeleteObjectVersion': 'missing_delete_versions',
  's3:ListBucketMultipartUploads': 'missing_list_uploads',
  's3:AbortMultipartUpload': 'missing_abort',
};

/** What the owner of a store should know or change; the more urgent first. */
export function adviceOn({ found, settings, address, preset, expiresVersions }: Circumstances): Remark[] {
  const { versioning, object_lock, lifecycle, permissions, checksums } = found;
  const advice: Remark[] = [];
  if (!address.tls && !address.loopback) advice.push({ code: 'clear_http' });
  if (object_lock.default_days !== null) advice.push(inDays('lock_default', object_lock.default_days));
  if (versioning === 'on' && !settings.delete_versions && !expiresVersions) {
    advice.push({ code: 'versions_kept' });
  }
  const chosen = preset?.storageClasses?.find(({ name }) => name === settings.storage_class);
  if (chosen?.archived) advice.push({ code: 'archive_class', params: { class: chosen.name } });
  const days = chosen?.minimum_days ?? preset?.minimumDays;
  if (days !== undefined && days !== null) advice.push(inDays('minimum_days', days));
  for (const { name, allowed } of permissions) {
    const code = MISSING[name];
    if (!allowed && code !== undefined) advice.push({ code });
  }
  const mayHaveRules = lifecycle.state === 'on' || lifecycle.state === 'off';
  if (mayHaveRules && lifecycle.aborts_after_days === null) advice.push({ code: 'no_abort_rule' });
  if (checksums === 'ignored') advice.push({ code: 'checksums_ignored' });
  return advice;
}
