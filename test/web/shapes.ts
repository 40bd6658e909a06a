import type { Target } from '../../src/contract/index.ts';

/** Now, minus some hours. */
export const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();

let made = 0;

/** A bucket that works. */
export function target(more: Partial<Target> = {}): Target {
  made += 1;
  return {
    id: `target${made}`,
    unique_id: `unique-${made}`,
    name: `Backblaze ${made}`,
    settings: {
      kind: 's3',
      endpoint: 'https://s3.eu-central-003.backblazeb2.com',
      region: 'eu-central-003',
      bucket: 'home-backups',
      folder: 'homeassistant/backups',
      access_key: '003abc',
      path_style: 'auto',
      ca_certificate: '',
      certificate_pin: '',
      proxy: '',
      proxy_user: '',
      storage_class: '',
      encryption: 'off',
      kms_key: '',
      delete_versions: false,
      upload_limit_mbit: 0,
      download_limit_mbit: 0,
      upload_window: '',
      parallel_parts: 0,
    },
    created_at: hoursAgo(1_000),
    refreshed_at: hoursAgo(0.2),
    problem: null,
    problem_since: null,
    checked_at: hoursAgo(0.2),
    newest_backup: hoursAgo(6),
    backups: 12,
    bytes: 41_234_567_890,
    same_disk: false,
    capabilities: null,
    ...more,
  };
}
