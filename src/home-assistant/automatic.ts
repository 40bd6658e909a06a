import type { AutomaticRequest } from '../contract/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { type BackupConfig, neverMade, readAgents, readBackupConfig } from './facts.ts';
import { refusalProblem } from './faults.ts';
import type { Session } from './session.ts';

interface AutomaticOptions {
  readonly clock: Clock;
  readonly session: () => Promise<Session>;
  readonly supervised: () => boolean;
  readonly log: Log;
}

/** Somebody else may write the list of locations between our look and our change: then it is done again. */
const ATTEMPTS = 3;

/** The integration tells Home Assistant of a new target within a second or two; a person has clicked faster (milliseconds). */
const NEW_LOCATION_MS = 5_000;
const LOOK_MS = 500;

/** As Home Assistant's own assistant recommends: the last three stay. */
const RECOMMENDED_COPIES = 3;

/** Whether Home Assistant's automatic backups go to a location; all that is not said stays as it is there. */
export class Automatic {
  readonly #options: AutomaticOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: AutomaticOptions) {
    this.#options = options;
  }

  /** @throws Problem why it was not changed. */
  set(request: AutomaticRequest): Promise<void> {
    // one after the other: each writes the whole list
    const change = this.#last.then(() => this.#change(request));
    this.#last = change.catch(() => undefined);
    return change;
  }

  async #change(request: AutomaticRequest): Promise<void> {
    try {
      const session = await this.#options.session();
      if (request.enabled) await this.#find(session, request.agent_id);
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        const change = this.#wanted(await this.#read(session), request);
        if (!change) return;
        await session.call('backup/config/update', change);
        if (!this.#wanted(await this.#read(session), request)) return;
      }
      throw new Problem('home_assistant_unexpected', { params: { reason: 'backup/config/update' } });
    } catch (error) {
      throw refusalProblem(error);
    }
  }

  async #read(session: Session): Promise<BackupConfig> {
    const config = readBackupConfig(await session.call('backup/config/info'));
    if (config.create_backup.password) this.#options.log.redact(config.create_backup.password);
    return config;
  }

  /** Waits for a location that is only just being added. @throws Problem `home_assistant_location_unknown` */
  async #find(session: Session, agentId: string): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + NEW_LOCATION_MS;
    for (;;) {
      const agents = readAgents(await session.call('backup/agents/info'));
      if (agents.some(({ agent_id }) => agent_id === agentId)) return;
      if (clock.monotonic() >= until) {
        throw new Problem('home_assistant_location_unknown', { params: { location: agentId } });
      }
      await clock.sleep(LOOK_MS);
    }
  }

  /**
   * What must change, or undefined where all is as wanted. Home Assistant replaces what stands in an update: the list of
   * locations and the schedule as a whole, of the rest only what is named.
   */
  #wanted(config: BackupConfig, request: AutomaticRequest): object | undefined {
    const { agent_id, enabled } = request;
    const chosen = config.create_backup.agent_ids;
    if (!enabled) {
      if (!chosen.includes(agent_id)) return undefined;
      return { create_backup: { agent_ids: chosen.filter((id) => id !== agent_id) } };
    }
    const firstTime = config.automatic_backups_configured ? {} : this.#firstTime(config, request.key);
    const { create_backup = {}, ...rest } = firstTime;
    const locations = chosen.includes(agent_id) ? {} : { agent_ids: [...chosen, agent_id] };
    const { days, time } = config.schedule;
    const daily = { schedule: { recurrence: 'daily', days, time } };
    const change = {
      ...rest,
      ...(request.schedule && neverMade(config) ? daily : {}),
      ...nonEmpty('create_backup', { ...create_backup, ...locations }),
    };
    return Object.keys(change).length > 0 ? change : undefined;
  }

  /**
   * Nobody has set up automatic backups yet: they would have no key, keep everything for ever and, under a Supervisor,
   * hold no apps. What Home Assistant's own assistant asks and recommends is done here, with a key that the person has seen.
   */
  #firstTime(
    config: BackupConfig,
    key: string | undefined,
  ): { create_backup?: object; [more: string]: unknown } {
    const { password, include_addons, include_all_addons } = config.create_backup;
    if (password === null && key === undefined) throw new Problem('home_assistant_no_key');
    if (key !== undefined) this.#options.log.redact(key);
    const { copies, days } = config.retention;
    const noApps = this.#options.supervised() && !include_all_addons && !include_addons?.length;
    return {
      automatic_backups_configured: true,
      ...(copies === null && days === null ? { retention: { copies: RECOMMENDED_COPIES, days: null } } : {}),
      create_backup: {
        ...(password === null ? { password: key } : {}),
        ...(noApps ? { include_all_addons: true } : {}),
      },
    };
  }
}

function nonEmpty(name: string, value: object): object {
  return Object.keys(value).length > 0 ? { [name]: value } : {};
}
