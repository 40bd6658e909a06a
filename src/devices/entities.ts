import type { DeviceState } from '../contract/index.ts';
import { device } from '../kernel/entities.ts';

/** Most configurations are some of them. */
const KILOBYTE = 1e3;

/** What Home Assistant sees of a device whose configuration is kept. */
export const keptDevice = device<DeviceState>({
  kind: 'device',
  document: { prefix: 'devices/' },
  subject: 'device_id',
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
      key: 'last_backup',
      platform: 'sensor',
      member: 'last_backup',
      deviceClass: 'timestamp',
      metric: 'last_backup_timestamp_seconds',
    },
    { key: 'changed', platform: 'binary_sensor', member: 'changed', icon: 'mdi:file-compare' },
    {
      key: 'last_change',
      platform: 'sensor',
      member: 'last_change',
      deviceClass: 'timestamp',
      icon: 'mdi:file-compare',
    },
    {
      key: 'next_backup',
      platform: 'sensor',
      member: 'next_backup',
      deviceClass: 'timestamp',
      category: 'diagnostic',
      offAtFirst: true,
    },
    {
      key: 'size',
      platform: 'sensor',
      member: 'bytes',
      deviceClass: 'data_size',
      unit: 'kB',
      scale: KILOBYTE,
      precision: 1,
      category: 'diagnostic',
      metric: 'last_backup_bytes',
    },
    {
      key: 'firmware',
      platform: 'sensor',
      member: 'firmware',
      category: 'diagnostic',
      icon: 'mdi:chip',
      ifKnown: true,
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
      key: 'back_up_device',
      platform: 'button',
      command: 'back_up_device',
      icon: 'mdi:content-save-cog-outline',
    },
  ],
});
