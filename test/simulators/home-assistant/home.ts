/** An error as Home Assistant answers with it. */
export class CommandError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** `backup/config/info` of a Home Assistant in which nobody has set anything up. */
function freshBackups() {
  return {
    agents: {},
    automatic_backups_configured: false,
    create_backup: {
      agent_ids: [] as string[],
      include_addons: null as string[] | null,
      include_all_addons: false,
      include_database: true,
      include_folders: null as string[] | null,
      name: null as string | null,
      password: null as string | null,
    },
    last_attempted_automatic_backup: null as string | null,
    last_completed_automatic_backup: null as string | null,
    last_completed_automatic_backup_size: null as number | null,
    next_automatic_backup: null as string | null,
    next_automatic_backup_additional: false,
    retention: { copies: null as number | null, days: null as number | null },
    schedule: { days: [] as string[], recurrence: 'never', time: null as string | null },
  };
}

interface User {
  id: string;
  is_owner: boolean;
  is_active: boolean;
  group_ids: string[];
  [more: string]: unknown;
}

/** A user of `config/auth/list`. */
export function user(id: string, change: Partial<User> = {}): User {
  const known = { username: id, name: id, local_only: false, system_generated: false, credentials: [] };
  return { id, is_owner: false, is_active: true, group_ids: ['system-users'], ...known, ...change };
}

/** What a simulated Home Assistant knows; tests change it as they like. */
export class Home {
  readonly config = {
    location_name: 'Home',
    version: '2026.11.0',
    language: 'de',
    time_zone: 'Europe/Berlin',
    currency: 'EUR',
    country: 'DE' as string | null,
    components: ['backup', 'frontend'],
    state: 'RUNNING',
    latitude: 52,
  };
  agents = [
    { agent_id: 'backup.local', name: 'local' },
    { agent_id: 'homestash.shelf', name: 'Shelf' },
  ];
  backups = freshBackups();
  users: unknown[] = [user('owner', { is_owner: true, group_ids: ['system-admin'] })];
  /** What it is at with backups. */
  state = 'idle';
  /** What was asked for with each backup that was begun. */
  readonly generated: unknown[] = [];
  /** Where events of the backup manager go. */
  tell: (event: object) => void = () => undefined;

  /** Begins a backup, as the manager does; `finish` ends it. */
  generate(agentIds: readonly string[], wanted: unknown): object {
    if (this.state !== 'idle')
      throw new CommandError('home_assistant_error', `Backup manager busy: ${this.state}`);
    this.progress('create_backup', { reason: null, stage: null, state: 'in_progress' });
    if (!agentIds.some((id) => this.agents.some(({ agent_id }) => agent_id === id))) {
      this.finish('failed', 'backup_manager_error');
      throw new CommandError('home_assistant_error', 'At least one available backup agent must be selected');
    }
    this.generated.push(wanted);
    return { backup_job_id: 'abcd1234' };
  }

  progress(state: string, more: object = {}): void {
    this.state = state;
    this.tell({ manager_state: state, ...more });
  }

  finish(state: 'completed' | 'failed', reason: string | null = null): void {
    this.progress('create_backup', { reason, stage: null, state });
    this.progress('idle');
  }
}
