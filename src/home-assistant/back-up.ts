import type { BackupNowRequest } from '../contract/index.ts';
import { Problem } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { type BackupConfig, readAgents, readBackupConfig } from './facts.ts';
import { refusalProblem } from './faults.ts';
import type { Session } from './session.ts';

interface BackUpOptions {
  readonly session: () => Promise<Session>;
  /** What Home Assistant is at with backups, as far as that was heard. */
  readonly state: () => string | undefined;
  readonly supervised: () => boolean;
  readonly log: Log;
}

/** The folders that the Supervisor backs up. */
const FOLDERS = ['share', 'addons/local', 'ssl', 'media'];

/** What a backup holds: what a person chose for the automatic ones; where nobody has chosen yet, everything. */
function contents(
  { automatic_backups_configured, create_backup }: BackupConfig,
  supervised: boolean,
): object {
  const core = { include_homeassistant: true };
  if (!automatic_backups_configured) {
    const all = { include_all_addons: true, include_folders: FOLDERS };
    return { ...core, include_database: true, ...(supervised ? all : {}) };
  }
  const { include_database, include_addons, include_all_addons, include_folders } = create_backup;
  if (!supervised) return { ...core, include_database };
  return {
    ...core,
    include_database,
    include_all_addons,
    // "all" and a list of some exclude each other
    ...(include_all_addons || !include_addons ? {} : { include_addons }),
    ...(include_folders ? { include_folders } : {}),
  };
}

/** Has Home Assistant make a backup. */
export class BackUp {
  readonly #options: BackUpOptions;

  constructor(options: BackUpOptions) {
    this.#options = options;
  }

  /** Returns when it has begun. @throws Problem why it has not. */
  async now({ agent_ids }: BackupNowRequest): Promise<void> {
    const session = await this.#options.session();
    this.#refuseBusy();
    try {
      const config = readBackupConfig(await session.call('backup/config/info'));
      if (agent_ids) await this.#to(session, config, agent_ids);
      else await this.#automatic(session, config);
    } catch (error) {
      // whoever came first is a better reason than that Home Assistant did not do it
      if (!(error instanceof Problem)) this.#refuseBusy();
      throw refusalProblem(error);
    }
  }

  async #automatic(session: Session, { create_backup }: BackupConfig): Promise<void> {
    if (create_backup.agent_ids.length === 0) throw new Problem('home_assistant_no_locations');
    await session.call('backup/generate_with_automatic_settings');
  }

  async #to(session: Session, config: BackupConfig, agentIds: readonly string[]): Promise<void> {
    const agents = readAgents(await session.call('backup/agents/info')).map(({ agent_id }) => agent_id);
    // Home Assistant would leave it out with a line in its log
    const unknown = agentIds.find((id) => !agents.includes(id));
    if (unknown !== undefined) {
      throw new Problem('home_assistant_location_unknown', { params: { location: unknown } });
    }
    const { password } = config.create_backup;
    if (password) this.#options.log.redact(password);
    await session.call('backup/generate', {
      agent_ids: [...new Set(agentIds)],
      ...contents(config, this.#options.supervised()),
      // as Home Assistant's own page does it: one key opens them all
      ...(password ? { password } : {}),
    });
  }

  #refuseBusy(): void {
    const state = this.#options.state();
    if (state === undefined || state === 'idle') return;
    throw new Problem(state === 'blocked' ? 'home_assistant_starting' : 'home_assistant_busy');
  }
}
