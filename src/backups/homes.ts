import type { AgentBackup } from '../contract/index.ts';

/** The id of the Home Assistant that made a backup, as it puts it there itself (components/backup/manager.py). */
export function homeOf(backup: Pick<AgentBackup, 'extra_metadata'>): string | undefined {
  const { instance_id } = backup.extra_metadata;
  return typeof instance_id === 'string' && instance_id !== '' ? instance_id : undefined;
}

/** The Home Assistants that made these backups, each once. */
export function homesOf(backups: readonly Pick<AgentBackup, 'extra_metadata'>[]): string[] {
  return [...new Set(backups.flatMap((backup) => homeOf(backup) ?? []))];
}
