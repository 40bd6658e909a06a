import type { CoreState, TargetState } from '../../src/contract/index.ts';

/** A box that is well. */
export const CORE: CoreState = {
  ...{ name: 'Homestash', version: '1.2.3', started_at: '2026-11-26T08:00:00.000Z', verdict: 'safe' },
  ...{ problem: false, notices: [], last_backup: null, next_backup: null, operations: 0 },
  ...{
    cpu_percent: 3,
    cpu_temperature_celsius: null,
    memory_percent: 41,
    memory_used_bytes: 1,
    memory_total_bytes: 2,
  },
  ...{ core_memory_bytes: 1, disk_percent: 12, disk_free_bytes: 1, disk_total_bytes: 2 },
};
/** A location that is well and holds nothing. */
export const targetDocument = (id: string, more: Partial<TargetState> = {}): TargetState => ({
  ...{
    id,
    name: `Place ${id}`,
    kind: 's3',
    problem: false,
    problem_code: null,
    last_error: null,
    reachable: true,
  },
  ...{
    checked_at: null,
    last_backup: null,
    last_backup_name: null,
    last_backup_bytes: null,
    backups: 0,
    bytes: 0,
  },
  ...{ upload_name: null, upload_percent: null, upload_bytes_per_second: null },
  ...more,
});
