import type { TargetState } from '../contract/index.ts';
import { device } from '../kernel/entities.ts';

const GIGABYTE = 1e9;
const MEGABYTE = 1e6;

/** What Home Assistant sees of a place for backups. */
export const targetDevice = device<TargetState>({
  kind: 'target',
  document: { prefix: 'backups/target-' },
  subject: 'target_id',
  entities: [
    {
      key: 'problem',
      platform: 'binary_sensor',
      member: 'problem',
      deviceClass: 'problem',
      attributes: ['problem_code', 'last_error'],
      metric: 'problem',
    },
    {
      key: 'reachable',
      platform: 'binary_sensor',
      member: 'reachable',
      deviceClass: 'connectivity',
      category: 'diagnostic',
      metric: 'reachable',
    },
    {
      key: 'last_backup',
      platform: 'sensor',
      member: 'last_backup',
      deviceClass: 'timestamp',
      attributes: ['last_backup_name'],
      metric: 'last_backup_timestamp_seconds',
    },
    {
      key: 'last_backup_size',
      platform: 'sensor',
      member: 'last_backup_bytes',
      deviceClass: 'data_size',
      unit: 'GB',
      scale: GIGABYTE,
      precision: 2,
      metric: 'last_backup_bytes',
    },
    {
      key: 'backups',
      platform: 'sensor',
      member: 'backups',
      stateClass: 'measurement',
      icon: 'mdi:archive-outline',
      metric: 'backups',
    },
    {
      key: 'used',
      platform: 'sensor',
      member: 'bytes',
      deviceClass: 'data_size',
      stateClass: 'measurement',
      unit: 'GB',
      scale: GIGABYTE,
      precision: 1,
      metric: 'used_bytes',
    },
    {
      key: 'upload_progress',
      platform: 'sensor',
      member: 'upload_percent',
      unit: '%',
      icon: 'mdi:progress-upload',
      attributes: ['upload_name'],
    },
    {
      key: 'upload_speed',
      platform: 'sensor',
      member: 'upload_bytes_per_second',
      deviceClass: 'data_rate',
      stateClass: 'measurement',
      unit: 'MB/s',
      scale: MEGABYTE,
      precision: 1,
      icon: 'mdi:speedometer',
    },
    {
      key: 'last_error',
      platform: 'sensor',
      member: 'last_error',
      category: 'diagnostic',
      icon: 'mdi:message-alert-outline',
      long: true,
    },
    {
      key: 'backup',
      platform: 'event',
      icon: 'mdi:archive-check-outline',
      types: { backup_stored: 'stored', backup_stored_odd: 'stored', backup_failed: 'failed' },
    },
    { key: 'back_up_now', platform: 'button', command: 'back_up_now', icon: 'mdi:archive-arrow-up-outline' },
    {
      key: 'check_now',
      platform: 'button',
      command: 'check_now',
      category: 'diagnostic',
      icon: 'mdi:archive-search-outline',
    },
  ],
});
